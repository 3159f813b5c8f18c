//! What the rules need to know of a publication, and the bound of what it holds. Not what readers are
//! shown: that is the read model's.

use serde::{Deserialize, Serialize};

use super::Wish;

/// Most platforms of one publication: each is a step of one saga.
pub const PLATFORMS_MAX: usize = 10;

/// Where a publication stands in its lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    /// Nothing has happened yet.
    #[default]
    Absent,
    /// Somebody wants it.
    Requested {
        /// What goes where.
        wish: Wish,
    },
    /// It is under way.
    Opened {
        /// What goes where.
        wish: Wish,
    },
    /// It stands on all its platforms.
    Confirmed,
    /// It did not come about.
    Failed,
}

impl State {
    /// Its name, for sentences and for the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Requested { .. } => "requested",
            Self::Opened { .. } => "opened",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
        }
    }

    /// The state as lines, for a reader of the history.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("state", self.name().to_owned())];
        if let Self::Requested { wish } | Self::Opened { wish } = self {
            lines.push(("post", wish.post.to_string()));
            let words: Vec<_> = wish.platforms.iter().map(|platform| platform.as_str()).collect();
            lines.push(("platforms", words.join(", ")));
            if let Some(boost) = &wish.boost {
                lines.push(("boost", boost.to_string()));
            }
        }
        lines
    }
}
