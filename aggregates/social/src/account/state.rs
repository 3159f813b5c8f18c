//! What the rules need to know of an account, and the bounds of what it holds. Not what readers are
//! shown: that is the read model's.

use domain::{Platform, Sealed};
use serde::{Deserialize, Serialize};

/// Most characters of a handle: a domain name, as Bluesky has them, is the longest.
pub const HANDLE_CHARS_MAX: usize = 253;
/// Most characters of a display name.
pub const DISPLAY_NAME_CHARS_MAX: usize = 100;
/// Most characters of a token: a JWT with many claims fits.
pub const TOKEN_CHARS_MAX: usize = 4_096;
/// Most characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;

/// Where an account stands in its lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    /// Nothing has happened yet.
    #[default]
    Absent,
    /// We may publish for it.
    Connected {
        /// Where it is.
        platform: Platform,
        /// Its public name there.
        handle: String,
        /// The token in force.
        access_token: Sealed,
    },
    /// We may not.
    Disconnected {
        /// Where it is.
        platform: Platform,
        /// Its public name there.
        handle: String,
    },
}

impl State {
    /// Its name, for sentences and for the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Connected { .. } => "connected",
            Self::Disconnected { .. } => "disconnected",
        }
    }

    /// The state as lines, for a reader of the history; the token is not among them.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("state", self.name().to_owned())];
        match self {
            Self::Absent => {}
            Self::Connected { platform, handle, .. } | Self::Disconnected { platform, handle } => {
                lines.push(("platform", platform.to_string()));
                lines.push(("handle", handle.clone()));
            }
        }
        lines
    }
}
