//! What the rules need to know of a post, and the bounds of what it holds. Not what readers are
//! shown: that is the read model's.

use std::collections::BTreeSet;

use domain::{Platform, Timestamp};

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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// Its title.
    pub title: Option<String>,
    /// What it says.
    pub body: String,
    /// Its tags, in the user's order.
    pub tags: Vec<String>,
}

/// Where a post stands in its lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum State {
    /// Nothing has happened yet.
    #[default]
    Absent,
    /// Being written.
    Draft {
        /// What it says.
        text: Text,
    },
    /// Waiting for its time.
    Scheduled {
        /// What it says.
        text: Text,
        /// When it is due.
        publish_at: Timestamp,
        /// Where it goes.
        platforms: BTreeSet<Platform>,
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
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state as lines, for a reader of the history.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("state", self.name().to_owned())];
        match self {
            Self::Absent | Self::Withdrawn => {}
            Self::Draft { text } => text.lines(&mut lines),
            Self::Scheduled { text, publish_at, platforms } => {
                lines.push(("publish_at", publish_at.to_string()));
                let words: Vec<_> = platforms.iter().map(|platform| platform.as_str()).collect();
                lines.push(("platforms", words.join(", ")));
                text.lines(&mut lines);
            }
        }
        lines
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
