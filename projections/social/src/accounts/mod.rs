//! Projection `accounts`: one row per account, for lists and for choosing where to publish. Never
//! its token, and not the display name, which is personal.
//!
//! Owns table `social.accounts`; nothing else writes to it, so it can be dropped and rebuilt from
//! the first position at any time.

mod platforms;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use domain::query::{Filter, Test, View};
use domain::{ActorId, Envelope, Platform, Projection, Row, Timestamp, Word};
use social::account::{AccountId, Event};

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum AccountState {
    /// We may publish for it.
    Connected,
    /// We may not.
    Disconnected,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "social.accounts", key = "account_id")]
#[row(index = "connected_at", index = "handle")]
pub struct AccountRow {
    /// The account.
    pub account_id: AccountId,
    /// Where it is.
    pub platform: Platform,
    /// Its public name there.
    pub handle: String,
    /// Where it stands: connected or disconnected.
    pub state: AccountState,
    /// Who connected it.
    pub connected_by: ActorId,
    /// When it was connected first.
    pub connected_at: Timestamp,
    /// When its token came.
    pub token_at: Timestamp,
    /// When it was disconnected; only while it is.
    pub disconnected_at: Option<Timestamp>,
}

impl Projection for AccountRow {
    const NAME: &'static str = "accounts";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<uuid::Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        let at = event.meta.recorded_at;
        match &event.payload {
            Event::Connected { platform, handle, .. } => Some(Self {
                account_id: AccountId(event.id()),
                platform: *platform,
                handle: handle.clone(),
                state: AccountState::Connected,
                connected_by: event.meta.actor.clone(),
                connected_at: at,
                token_at: at,
                disconnected_at: None,
            }),
            Event::Reconnected { .. } => Some(Self {
                state: AccountState::Connected,
                token_at: at,
                disconnected_at: None,
                ..row?
            }),
            Event::Disconnected { .. } => {
                Some(Self { state: AccountState::Disconnected, disconnected_at: Some(at), ..row? })
            }
        }
    }

    fn views() -> &'static [View] {
        static VIEWS: LazyLock<[View; 3]> = LazyLock::new(|| {
            const FILTERS: &[Filter] = &[
                Filter::is("platform"),
                Filter::is("state"),
                Filter::new("handle", "handle", Test::Contains),
            ];
            [
                View::List {
                    path: "/accounts",
                    summary: "Accounts, the newest first",
                    filters: FILTERS,
                    sorts: &["connected_at", "handle"],
                    descending: true,
                },
                View::One { path: "/accounts/{id}", summary: "One account as it stands" },
                View::Fixed {
                    path: "/platforms",
                    summary: "The platforms, with their limits",
                    json: platforms::json(),
                },
            ]
        });
        &*VIEWS
    }
}
