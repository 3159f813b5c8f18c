//! Projection `recipients`: whom mail reaches. Never where: the address is personal.
//!
//! Owns table `notifications.recipients`; nothing else writes to it, so it can be dropped and rebuilt
//! from the first position at any time.

use ::notifications::recipient::{Event, RecipientId};
use domain::query::View;
use domain::{Envelope, Projection, Row, Timestamp, UserId, Uuid};

/// A user whom mail reaches.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "notifications.recipients", key = "user_id", index = "set_at")]
pub struct RecipientRow {
    /// The user.
    pub user_id: RecipientId,
    /// When the address was set last.
    pub set_at: Timestamp,
}

impl Projection for RecipientRow {
    const NAME: &'static str = "recipients";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        Some(event.id())
    }

    fn fold(_: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        match &event.payload {
            Event::Set { .. } => {
                Some(Self { user_id: UserId(event.id()), set_at: event.meta.recorded_at })
            }
            Event::Removed => None,
        }
    }

    fn views() -> &'static [View] {
        const {
            &[
                View::List {
                    path: "/recipients",
                    summary: "Users whom mail reaches, the newest first",
                    filters: &[],
                    sorts: &["set_at"],
                    descending: true,
                },
                View::One {
                    path: "/recipients/{id}",
                    summary: "Whether mail reaches a user; never where",
                },
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::{at, id, rows, sealed};

    use super::*;

    #[test]
    fn whom_mail_reaches_has_a_row_as_long_as_it_does() {
        let set = Event::Set { mail_address: sealed(id(1), "mail_address", "ada@example.org") };
        let row = RecipientRow { user_id: UserId(id(1)), set_at: at(1_001_000) };
        assert_eq!(rows::<RecipientRow>([(1, vec![set.clone()])]), std::slice::from_ref(&row));
        assert_eq!(rows::<RecipientRow>([(1, vec![set.clone(), Event::Removed])]), []);
        let again = RecipientRow { set_at: at(1_002_000), ..row };
        assert_eq!(rows::<RecipientRow>([(1, vec![set.clone(), set])]), [again]);
    }
}
