//! An account of a user on a platform, and our leave to publish for it. Not the platform's own
//! account: nothing here asks the platform whether the token is good.
//!
//! Lifecycle: absent -> connected <-> disconnected.
//!
//! What always holds:
//! - an access token is sealed before it is asked of a rule, and stands nowhere else;
//! - a disconnected account holds no token;
//! - platform and handle never change: another handle is another account.
//!
//! Limits: [`HANDLE_CHARS_MAX`], [`DISPLAY_NAME_CHARS_MAX`], [`TOKEN_CHARS_MAX`],
//! [`REASON_CHARS_MAX`].
//!
//! Reading order: this language, [`State`], `decide.rs` (the rules), `requests.rs` (the routes).

mod decide;
#[cfg(test)]
mod request_tests;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use domain::{EventSet, Platform, RejectionKind, Sealed};

pub use state::{
    DISPLAY_NAME_CHARS_MAX, HANDLE_CHARS_MAX, REASON_CHARS_MAX, State, TOKEN_CHARS_MAX,
};

domain::uuid_id! {
    /// One connected account.
    pub struct AccountId;
}

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Account;

/// What can be asked of an account.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Connect it.
    Connect {
        /// Where it is.
        platform: Platform,
        /// Its public name there.
        handle: String,
        /// How its owner is called; personal.
        display_name: Option<Sealed>,
        /// Lets us publish for it; secret.
        access_token: Sealed,
    },
    /// Give it a new token.
    Reconnect {
        /// Lets us publish for it from now on; secret.
        access_token: Sealed,
    },
    /// Use its token no more.
    Disconnect {
        /// Why, as the user wrote it.
        reason: Option<String>,
    },
}

/// What can happen to an account. Names and fields are the stored format: they never change, a new
/// meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "social.account")]
pub enum Event {
    /// It was connected.
    #[event("connected.v1")]
    Connected {
        /// Where it is.
        platform: Platform,
        /// Its public name there.
        handle: String,
        /// How its owner is called; personal.
        display_name: Option<Sealed>,
        /// Lets us publish for it; secret.
        access_token: Sealed,
    },
    /// It got a new token.
    #[event("reconnected.v1")]
    Reconnected {
        /// Lets us publish for it from now on; secret.
        access_token: Sealed,
    },
    /// Its token is used no more.
    #[event("disconnected.v1")]
    Disconnected {
        /// Why, as the user wrote it.
        reason: Option<String>,
    },
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing has been connected under this id.
    #[error("there is no such account")]
    NoSuchAccount,
    /// Another state would allow it.
    #[error("an account that is {state} does not take `{command}`")]
    NotAllowed {
        /// What was asked.
        command: &'static str,
        /// The state it is in.
        state: &'static str,
    },
}

impl domain::Rejection for Rejection {
    fn rule(&self) -> &'static str {
        match self {
            Self::NoSuchAccount => "no_such_account",
            Self::NotAllowed { .. } => "not_allowed",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::NoSuchAccount => RejectionKind::Absent,
            Self::NotAllowed { .. } => RejectionKind::Conflict,
        }
    }
}

impl Command {
    /// Its name, as the routes have it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect_account",
            Self::Reconnect { .. } => "reconnect_account",
            Self::Disconnect { .. } => "disconnect_account",
        }
    }
}
