//! A publication: one attempt to bring a post to its platforms, from the wish to its end. Not the
//! calls of the platforms, which the saga `publish-post` asks for.
//!
//! Lifecycle: absent -> requested -> opened -> confirmed, or failed; the publication of a scheduled
//! post begins opened, because its wish is the plan. Only the wish has a route; the rest is asked by
//! the saga, which has the same number.
//!
//! What always holds:
//! - confirmed and failed are the end, and no publication is both;
//! - what is confirmed has been opened.
//!
//! Limit: [`PLATFORMS_MAX`].
//!
//! Reading order: this language, [`State`], `decide.rs` (the rules), `requests.rs` (the route).

mod decide;
#[cfg(test)]
mod request_tests;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use domain::{EventSet, Link, Money, Platform, PostId, RejectionKind};
use serde::{Deserialize, Serialize};

pub use domain::PublicationId;
pub use state::{PLATFORMS_MAX, State};

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Publication;

/// What goes where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The post.
    pub post: PostId,
    /// Where it goes.
    pub platforms: BTreeSet<Platform>,
    /// What is paid so that more people see it.
    pub boost: Option<Money>,
}

/// What can be asked of a publication.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Publish a post now.
    Request {
        /// What goes where.
        wish: Wish,
    },
    /// Take it up.
    Open {
        /// What goes where.
        wish: Wish,
        /// The plan it is for; 0: at once.
        plan: i64,
    },
    /// It did not come about; all of it was taken back.
    Fail {
        /// Why, if it is known.
        why: Option<String>,
    },
    /// It stands on all its platforms. From here on it is not taken back.
    Confirm {
        /// Where it can be read.
        links: Vec<Link>,
    },
}

/// What can happen to a publication. Names and fields are the stored format: they never change, a
/// new meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "social.publication")]
pub enum Event {
    /// Somebody wants a post published now.
    #[event("requested.v1")]
    Requested {
        /// The post.
        post: PostId,
        /// Where it goes.
        platforms: BTreeSet<Platform>,
        /// What is paid so that more people see it.
        boost: Option<Money>,
    },
    /// It was taken up.
    #[event("opened.v1")]
    Opened {
        /// The post.
        post: PostId,
        /// Where it goes.
        platforms: BTreeSet<Platform>,
        /// What is paid so that more people see it.
        boost: Option<Money>,
        /// The plan it is for; 0: at once.
        plan: i64,
    },
    /// It did not come about; all of it was taken back.
    #[event("failed.v1")]
    Failed {
        /// Why, if it is known.
        why: Option<String>,
    },
    /// It stands on all its platforms.
    #[event("confirmed.v1")]
    Confirmed {
        /// Where it can be read.
        links: Vec<Link>,
    },
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing has been asked under this id.
    #[error("there is no such publication")]
    NoSuchPublication,
    /// Another state would allow it.
    #[error("a publication that is {state} does not take `{command}`")]
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
            Self::NoSuchPublication => "no_such_publication",
            Self::NotAllowed { .. } => "not_allowed",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::NoSuchPublication => RejectionKind::Absent,
            Self::NotAllowed { .. } => RejectionKind::Conflict,
        }
    }
}

impl Command {
    /// Its name; the route's, where there is one.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Request { .. } => "publish_post",
            Self::Open { .. } => "open_publication",
            Self::Fail { .. } => "fail_publication",
            Self::Confirm { .. } => "confirm_publication",
        }
    }
}
