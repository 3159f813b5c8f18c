//! What the rules need to know of a post, and the bounds of what it holds. Not what readers are
//! shown: that is the read model's.

use std::collections::BTreeSet;

use domain::{Money, Platform, PublicationId, Timestamp};
use serde::{Deserialize, Serialize};

/// Most characters of a body: room for an essay, and an event stays far below a log record's limit.
pub const BODY_CHARS_MAX: usize = 10_000;
/// Most characters of a title: one line of a list.
pub const TITLE_CHARS_MAX: usize = 200;
/// Most tags of a post: as many as Instagram, which takes the most.
pub const TAGS_MAX: usize = 30;
/// Most characters of a tag.
pub const TAG_CHARS_MAX: usize = 50;
/// Most platforms one plan is for: each is a step of one saga.
pub const PLATFORMS_MAX: usize = 10;
/// Most characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;

/// What a post says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Text {
    /// Its title.
    pub title: Option<String>,
    /// What it says.
    pub body: String,
    /// Its tags, in the user's order.
    pub tags: Vec<String>,
}

/// A plan in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// When it is due.
    pub publish_at: Timestamp,
    /// Where it goes.
    pub platforms: BTreeSet<Platform>,
    /// What is paid so that more people see it.
    pub boost: Option<Money>,
}

/// Where a post stands in its lifecycle. `plan` is the number of its last plan, 0 without one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    /// Nothing has happened yet.
    #[default]
    Absent,
    /// Being written.
    Draft {
        /// What it says.
        text: Text,
        /// Its last plan, which is not in force.
        plan: i64,
    },
    /// Waiting for its time.
    Scheduled {
        /// What it says.
        text: Text,
        /// The number of its plan.
        plan: i64,
        /// Its plan.
        planned: Planned,
    },
    /// On its way to its platforms.
    Publishing {
        /// What it says.
        text: Text,
        /// Its last plan.
        plan: i64,
        /// Which publication has it.
        publication: PublicationId,
    },
    /// On its platforms.
    Published {
        /// By which publication.
        publication: PublicationId,
    },
    /// Given up for good.
    Withdrawn,
}

impl State {
    /// Its name, for sentences and for the history.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Draft { .. } => "draft",
            Self::Scheduled { .. } => "scheduled",
            Self::Publishing { .. } => "publishing",
            Self::Published { .. } => "published",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The number of its last plan, 0 without one.
    pub(super) const fn plan(&self) -> i64 {
        match self {
            Self::Draft { plan, .. }
            | Self::Scheduled { plan, .. }
            | Self::Publishing { plan, .. } => *plan,
            Self::Absent | Self::Published { .. } | Self::Withdrawn => 0,
        }
    }

    /// The state as lines, for a reader of the history.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("state", self.name().to_owned())];
        match self {
            Self::Absent | Self::Withdrawn => {}
            Self::Draft { text, .. } => text.lines(&mut lines),
            Self::Scheduled { text, plan, planned } => {
                lines.push(("plan", plan.to_string()));
                planned.lines(&mut lines);
                text.lines(&mut lines);
            }
            Self::Publishing { text, publication, .. } => {
                lines.push(("publication", publication.to_string()));
                text.lines(&mut lines);
            }
            Self::Published { publication } => {
                lines.push(("publication", publication.to_string()));
            }
        }
        lines
    }
}

impl Planned {
    fn lines(&self, to: &mut Vec<(&'static str, String)>) {
        to.push(("publish_at", self.publish_at.to_string()));
        let words: Vec<_> = self.platforms.iter().map(|platform| platform.as_str()).collect();
        to.push(("platforms", words.join(", ")));
        if let Some(boost) = &self.boost {
            to.push(("boost", boost.to_string()));
        }
    }
}

impl Text {
    fn lines(&self, to: &mut Vec<(&'static str, String)>) {
        if let Some(title) = &self.title {
            to.push(("title", title.clone()));
        }
        to.push(("body", self.body.clone()));
        if !self.tags.is_empty() {
            to.push(("tags", self.tags.join(", ")));
        }
    }
}
