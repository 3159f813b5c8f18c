//! What the rules need to know of a notification. Not what readers are shown: that is the read
//! model's.

use domain::{PostId, UserId, Word};
use serde::{Deserialize, Serialize};

/// How far the delivery by mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Word)]
pub enum Delivery {
    /// It has not begun.
    #[default]
    None,
    /// It is under way.
    Begun,
    /// The mail server took it.
    Delivered,
    /// It could not be delivered.
    Undelivered,
}

/// Where a notification stands in its lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    /// Nothing has happened yet.
    #[default]
    Absent,
    /// Somebody will be told.
    Promised {
        /// Whom.
        user: UserId,
        /// The post it is about.
        post: PostId,
    },
    /// It is in the inbox.
    Sent {
        /// Whose.
        user: UserId,
        /// Whether it was read.
        read: bool,
        /// How far the delivery by mail is.
        delivery: Delivery,
    },
}

impl State {
    /// Its name, for sentences and for the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Promised { .. } => "promised",
            Self::Sent { read: false, .. } => "sent",
            Self::Sent { .. } => "read",
        }
    }

    /// The state as lines, for a reader of the history.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("state", self.name().to_owned())];
        match self {
            Self::Absent => {}
            Self::Promised { user, post } => {
                lines.push(("user", user.to_string()));
                lines.push(("post", post.to_string()));
            }
            Self::Sent { user, delivery, .. } => {
                lines.push(("user", user.to_string()));
                lines.push(("delivery", delivery.to_string()));
            }
        }
        lines
    }
}
