//! A recipient: where mail reaches a user. Not the user, and not what he is told.
//!
//! Lifecycle: absent -> known <-> unknown. Its number is the user's.
//!
//! What always holds:
//! - the address is sealed under the user's own key: no rule and no reader sees it, and it can be
//!   forgotten.
//!
//! Limit: [`ADDRESS_CHARS_MAX`].
//!
//! Reading order: this language, [`State`], `decide.rs` (the rules), `requests.rs` (the routes).

mod decide;
#[cfg(test)]
mod request_tests;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use domain::{EventSet, RejectionKind, Sealed};

/// One recipient: the user.
pub use domain::UserId as RecipientId;
pub use state::{ADDRESS_CHARS_MAX, State};

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Recipient;

/// What can be asked of a recipient.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Mail reaches him here from now on.
    Set {
        /// The address.
        mail_address: Sealed,
    },
    /// Mail reaches him nowhere.
    Remove,
}

/// What can happen to a recipient. Names and fields are the stored format: they never change, a new
/// meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "notifications.recipient")]
pub enum Event {
    /// Mail reaches him here from now on.
    #[event("set.v1")]
    Set {
        /// The address, personal.
        mail_address: Sealed,
    },
    /// Mail reaches him nowhere.
    #[event("removed.v1")]
    Removed,
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody has given an address for this user.
    #[error("there is no such recipient")]
    NoSuchRecipient,
}

impl domain::Rejection for Rejection {
    fn rule(&self) -> &'static str {
        match self {
            Self::NoSuchRecipient => "no_such_recipient",
        }
    }

    fn kind(&self) -> RejectionKind {
        RejectionKind::Absent
    }
}

impl Command {
    /// Its name, as the routes have it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "set_recipient",
            Self::Remove => "remove_recipient",
        }
    }
}
