//! What is known of a recipient, and the bound of it. Not what readers are shown: they see no address.

use domain::Sealed;
use serde::{Deserialize, Serialize};

/// Most characters of a mail address (RFC 5321: a path of 256 with its angle brackets).
pub const ADDRESS_CHARS_MAX: usize = 254;

/// Where mail reaches a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    /// Nobody has said yet.
    #[default]
    Absent,
    /// Here.
    Known {
        /// The address.
        mail_address: Sealed,
    },
    /// Nowhere any more.
    Unknown,
}

impl State {
    /// Its name, for the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Known { .. } => "known",
            Self::Unknown => "unknown",
        }
    }

    /// The state as lines, for a reader of the history; the address is not among them.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        vec![("state", self.name().to_owned())]
    }
}
