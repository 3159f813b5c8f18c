//! A post: what a user wants said, when, and where. Not its delivery to a platform.
//!
//! Lifecycle: absent -> draft <-> scheduled -> publishing -> published; publishing that is stopped
//! leaves a draft; a draft is published at once or withdrawn, a scheduled post too. What has to do
//! with publishing is asked by the saga that publishes and by no route.
//!
//! What always holds:
//! - the text of a scheduled or publishing post is within the limit of each of its platforms;
//! - a post is never scheduled for the past; each plan has a number of its own, from 1;
//! - what is being published does not change, and belongs to one publication;
//! - published and withdrawn are the end.
//!
//! Limits: [`BODY_CHARS_MAX`], [`TITLE_CHARS_MAX`], [`TAGS_MAX`], [`TAG_CHARS_MAX`],
//! [`PLATFORMS_MAX`], [`REASON_CHARS_MAX`].
//!
//! Reading order: this language, [`State`], `decide.rs` (the rules), `requests.rs` (the routes).

mod decide;
#[cfg(test)]
mod publishing_tests;
#[cfg(test)]
mod request_tests;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use domain::{EventSet, Link, Money, Platform, PublicationId, RejectionKind, Timestamp};

pub use domain::PostId;
pub use state::{
    BODY_CHARS_MAX, PLATFORMS_MAX, Planned, REASON_CHARS_MAX, State, TAG_CHARS_MAX, TAGS_MAX,
    TITLE_CHARS_MAX, Text,
};

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Post;

/// What can be asked of a post.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begin it.
    Draft {
        /// What it says.
        text: Text,
    },
    /// Say something else.
    Edit {
        /// What it says from now on.
        text: Text,
    },
    /// Plan its publication, or plan it anew.
    Schedule {
        /// When it is due.
        publish_at: Timestamp,
        /// Where it goes.
        platforms: BTreeSet<Platform>,
        /// What is paid so that more people see it.
        boost: Option<Money>,
        /// When this was asked.
        issued_at: Timestamp,
    },
    /// Take the plan back: a draft again.
    Unschedule,
    /// Give it up for good.
    Withdraw {
        /// Why, as the user wrote it.
        reason: Option<String>,
    },
    /// Take it for a publication: nobody changes it until that has stopped or ended.
    Begin {
        /// Which publication.
        publication: PublicationId,
        /// The plan it is for; `None`: at once, whatever is planned.
        plan: Option<i64>,
        /// Where it goes.
        platforms: BTreeSet<Platform>,
    },
    /// The publication did not come about: a draft again.
    Stop {
        /// Which publication.
        publication: PublicationId,
    },
    /// It is published.
    MarkPublished {
        /// By which publication.
        publication: PublicationId,
        /// Where it can be read.
        links: Vec<Link>,
    },
}

/// What can happen to a post. Names and fields are the stored format: they never change, a new
/// meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "content.post")]
pub enum Event {
    /// A post was begun.
    #[event("drafted.v1")]
    Drafted {
        /// Its title.
        title: Option<String>,
        /// What it says.
        body: String,
        /// Its tags, in the user's order.
        tags: Vec<String>,
    },
    /// It says something else.
    #[event("edited.v1")]
    Edited {
        /// Its title from now on.
        title: Option<String>,
        /// What it says from now on.
        body: String,
        /// Its tags from now on.
        tags: Vec<String>,
    },
    /// Its publication was planned, or planned anew.
    #[event("scheduled.v1")]
    Scheduled {
        /// When it is due.
        publish_at: Timestamp,
        /// Where it goes.
        platforms: BTreeSet<Platform>,
        /// Its title at that time, so that a calendar needs no other event.
        title: Option<String>,
        /// What is paid so that more people see it.
        boost: Option<Money>,
        /// The number of this plan; 0 in events from before plans had numbers.
        plan: i64,
    },
    /// The plan was taken back.
    #[event("unscheduled.v1")]
    Unscheduled {
        /// Which plan.
        plan: i64,
    },
    /// It was given up for good.
    #[event("withdrawn.v1")]
    Withdrawn {
        /// Why, as the user wrote it.
        reason: Option<String>,
        /// The plan that goes with it; 0 when there was none.
        plan: i64,
    },
    /// A publication took it: what it says now is what goes out.
    #[event("publishing_started.v1")]
    PublishingStarted {
        /// Which publication.
        publication: PublicationId,
        /// The plan that is used up; 0 when there was none.
        plan: i64,
        /// Its title.
        title: Option<String>,
        /// What it says.
        body: String,
        /// Its tags, in the user's order.
        tags: Vec<String>,
    },
    /// The publication did not come about.
    #[event("publishing_stopped.v1")]
    PublishingStopped {
        /// Which publication.
        publication: PublicationId,
    },
    /// It is published.
    #[event("published.v1")]
    Published {
        /// By which publication.
        publication: PublicationId,
        /// Where it can be read.
        links: Vec<Link>,
    },
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing has been drafted under this id.
    #[error("there is no such post")]
    NoSuchPost,
    /// Another state would allow it.
    #[error("a post that is {state} does not take `{command}`")]
    NotAllowed {
        /// What was asked.
        command: &'static str,
        /// The state it is in.
        state: &'static str,
    },
    /// It is no longer planned as the publication was told.
    #[error("plan {plan} of the post was changed or taken back")]
    Superseded {
        /// The plan that was to be used.
        plan: i64,
    },
    /// Another publication has it.
    #[error("publication {by} has the post")]
    Taken {
        /// Which.
        by: PublicationId,
    },
    /// A publication cannot be planned for the past.
    #[error("publish_at is {late_by_ms} ms in the past; choose a later time")]
    InThePast {
        /// By how much.
        late_by_ms: i64,
    },
    /// The text does not fit a platform.
    #[error(
        "the text has {chars} characters, {} takes {limit}; shorten it or leave {} out",
        platform.title(), platform.title()
    )]
    TooLong {
        /// The platform with the tightest limit of those it does not fit.
        platform: Platform,
        /// Characters of the text.
        chars: usize,
        /// Most characters there.
        limit: usize,
    },
}

impl domain::Rejection for Rejection {
    fn rule(&self) -> &'static str {
        match self {
            Self::NoSuchPost => "no_such_post",
            Self::NotAllowed { .. } => "not_allowed",
            Self::Superseded { .. } => "superseded",
            Self::Taken { .. } => "taken",
            Self::InThePast { .. } => "in_the_past",
            Self::TooLong { .. } => "too_long",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::NoSuchPost => RejectionKind::Absent,
            Self::NotAllowed { .. }
            | Self::Superseded { .. }
            | Self::Taken { .. }
            | Self::TooLong { .. } => RejectionKind::Conflict,
            Self::InThePast { .. } => RejectionKind::Invalid,
        }
    }
}

impl Command {
    /// Its name, as the routes have it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft { .. } => "draft_post",
            Self::Edit { .. } => "edit_post",
            Self::Schedule { .. } => "schedule_post",
            Self::Unschedule => "unschedule_post",
            Self::Withdraw { .. } => "withdraw_post",
            Self::Begin { .. } => "begin_publishing",
            Self::Stop { .. } => "stop_publishing",
            Self::MarkPublished { .. } => "mark_published",
        }
    }
}
