//! A notification: what a user is told about a publication, in his inbox first and then by mail. Not
//! the mail, which the saga `deliver-notification` asks for.
//!
//! Lifecycle: absent -> promised -> sent -> read. Sent is: in the inbox. Beside it runs the delivery
//! by mail: none -> begun -> delivered, or undelivered; how it ends changes nothing in the inbox.
//! Only reading has a route; the rest is asked by sagas.
//!
//! What always holds:
//! - what was promised is sent once, and says one thing;
//! - only what was sent is read or delivered;
//! - delivered and undelivered are the end of the delivery.
//!
//! Reading order: this language, [`State`], `decide.rs` (the rules), `requests.rs` (the route).

mod decide;
#[cfg(test)]
mod request_tests;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use domain::{EventSet, Link, PostId, RejectionKind, UserId};

/// One notification: it has the number of the publication that it is about.
pub use domain::PublicationId as NotificationId;
pub use state::{Delivery, State};

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Notification;

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, domain::Word)]
pub enum Kind {
    /// A post was published.
    Published,
    /// A post could not be published, and everything was taken back.
    NotPublished,
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// The title of the post.
    pub title: Option<String>,
    /// Where the post can be read.
    pub links: Vec<Link>,
    /// Why it could not be published, if that is known.
    pub why: Option<String>,
}

/// What can be asked of a notification.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Promise to tell a user what becomes of a post.
    Promise {
        /// Whom.
        user: UserId,
        /// The post.
        post: PostId,
    },
    /// Tell him.
    Send {
        /// What.
        notice: Notice,
    },
    /// He has read it.
    Read,
    /// Begin to deliver it by mail.
    BeginDelivery,
    /// The mail server took it.
    MarkDelivered {
        /// The `Message-ID`.
        message_id: Option<String>,
    },
    /// It could not be delivered by mail.
    MarkUndelivered {
        /// Why, if that is known; no personal value.
        why: Option<String>,
    },
}

/// What can happen to a notification. Names and fields are the stored format: they never change, a
/// new meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "notifications.notification")]
pub enum Event {
    /// A user will be told what becomes of a post.
    #[event("promised.v1")]
    Promised {
        /// Whom.
        user: UserId,
        /// The post.
        post: PostId,
    },
    /// It is in his inbox.
    #[event("sent.v1")]
    Sent {
        /// Whose.
        user: UserId,
        /// The post.
        post: PostId,
        /// What it is about.
        kind: Kind,
        /// The title of the post.
        title: Option<String>,
        /// Where the post can be read.
        links: Vec<Link>,
        /// Why it could not be published, if that is known.
        why: Option<String>,
    },
    /// He has read it.
    #[event("read.v1")]
    Read,
    /// Its delivery by mail was begun.
    #[event("delivery_begun.v1")]
    DeliveryBegun,
    /// The mail server took it.
    #[event("delivered.v1")]
    Delivered {
        /// The `Message-ID`.
        message_id: Option<String>,
    },
    /// It could not be delivered by mail.
    #[event("undelivered.v1")]
    Undelivered {
        /// Why, if that is known.
        why: Option<String>,
    },
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing was promised under this id.
    #[error("there is no such notification")]
    NoSuchNotification,
    /// Another state would allow it.
    #[error("a notification that is {state} does not take `{command}`")]
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
            Self::NoSuchNotification => "no_such_notification",
            Self::NotAllowed { .. } => "not_allowed",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::NoSuchNotification => RejectionKind::Absent,
            Self::NotAllowed { .. } => RejectionKind::Conflict,
        }
    }
}

impl Command {
    /// Its name; the route's, where there is one.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Promise { .. } => "promise_notification",
            Self::Send { .. } => "send_notification",
            Self::Read => "read_notification",
            Self::BeginDelivery => "begin_delivery",
            Self::MarkDelivered { .. } => "mark_delivered",
            Self::MarkUndelivered { .. } => "mark_undelivered",
        }
    }
}
