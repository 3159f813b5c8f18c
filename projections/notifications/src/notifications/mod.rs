//! Projection `notifications`: the inboxes of users, one row per notification that was sent. Not what
//! was promised only: nobody is told of that.
//!
//! Owns table `notifications.notifications`; nothing else writes to it, so it can be dropped and
//! rebuilt from the first position at any time.

#[cfg(test)]
mod tests;

use ::notifications::notification::{Delivery, Event, Kind, NotificationId};
use domain::query::{Filter, Test, View};
use domain::{Envelope, PostId, Projection, Row, Timestamp, UserId, Uuid};

/// One notification.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "notifications.notifications", key = "notification_id")]
#[row(index = "sent_at", index = "user_id,sent_at")]
pub struct NotificationRow {
    /// The notification; the publication that it is about has the same number.
    pub notification_id: NotificationId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is about: published, or not published.
    pub kind: Kind,
    /// The post.
    pub post_id: PostId,
    /// The title of the post.
    pub title: Option<String>,
    /// Where the post can be read.
    pub links: Vec<String>,
    /// Why it could not be published, if that is known.
    pub why: Option<String>,
    /// Whether nobody has read it yet.
    pub unread: bool,
    /// How far its delivery by mail is: none, begun, delivered or undelivered.
    pub delivery: Delivery,
    /// Why it is undelivered, if that is known.
    pub undelivered_why: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was read.
    pub read_at: Option<Timestamp>,
}

impl Projection for NotificationRow {
    const NAME: &'static str = "notifications";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        let at = event.meta.recorded_at;
        if let Event::Sent { user, post, kind, title, links, why } = &event.payload {
            return Some(Self {
                notification_id: domain::PublicationId(event.id()),
                user_id: *user,
                kind: *kind,
                post_id: *post,
                title: title.clone(),
                links: links.iter().map(|link| link.url.clone()).collect(),
                why: why.clone(),
                unread: true,
                delivery: Delivery::None,
                undelivered_why: None,
                sent_at: at,
                read_at: None,
            });
        }
        let mut row = row?;
        match &event.payload {
            Event::Promised { .. } | Event::Sent { .. } => {}
            Event::Read => {
                row.unread = false;
                row.read_at = Some(at);
            }
            Event::DeliveryBegun => row.delivery = Delivery::Begun,
            Event::Delivered { .. } => row.delivery = Delivery::Delivered,
            Event::Undelivered { why } => {
                row.delivery = Delivery::Undelivered;
                row.undelivered_why.clone_from(why);
            }
        }
        Some(row)
    }

    fn views() -> &'static [View] {
        const {
            &[View::List {
                path: "/user/{id}",
                summary: "The inbox of a user, newest first",
                filters: &[
                    Filter::new("id", "user_id", Test::Is),
                    Filter::is("unread"),
                    Filter::is("kind"),
                    Filter::is("delivery"),
                    Filter::new("sent_from", "sent_at", Test::From),
                    Filter::new("sent_before", "sent_at", Test::Before),
                ],
                sorts: &["sent_at"],
                descending: true,
            }]
        }
    }
}
