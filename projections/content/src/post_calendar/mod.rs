//! Projection `post-calendar`: one row per scheduled post, for the calendar page. Not a list of all
//! posts: a row goes when its post is no longer scheduled.
//!
//! Owns table `content.post_calendar`; nothing else writes to it, so it can be dropped and rebuilt
//! from the first position at any time.

#[cfg(test)]
mod tests;

use content::post::{Event, PostId};
use domain::query::{Filter, Test, View};
use domain::{Envelope, Platform, Projection, Row, Timestamp};

/// One scheduled post.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "content.post_calendar", key = "post_id", index = "publish_at")]
pub struct CalendarRow {
    /// The post.
    pub post_id: PostId,
    /// When it is due.
    pub publish_at: Timestamp,
    /// Where it goes.
    pub platforms: Vec<String>,
    /// Its title.
    pub title: Option<String>,
    /// Whether something is paid so that more people see it.
    pub boosted: bool,
}

impl Projection for CalendarRow {
    const NAME: &'static str = "post-calendar";
    const REVISION: u32 = 2;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<uuid::Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        match &event.payload {
            Event::Scheduled { publish_at, platforms, title, boost, .. } => Some(Self {
                post_id: PostId(event.id()),
                publish_at: *publish_at,
                platforms: platforms.iter().map(Platform::to_string).collect(),
                title: title.clone(),
                boosted: boost.is_some(),
            }),
            Event::Edited { title, .. } => row.map(|row| Self { title: title.clone(), ..row }),
            Event::Drafted { .. }
            | Event::Unscheduled { .. }
            | Event::Withdrawn { .. }
            | Event::PublishingStarted { .. }
            | Event::PublishingStopped { .. }
            | Event::Published { .. } => None,
        }
    }

    fn views() -> &'static [View] {
        const {
            &[View::List {
                path: "/calendar",
                summary: "Scheduled posts, the next one first",
                filters: &[
                    Filter::new("from", "publish_at", Test::From),
                    Filter::new("before", "publish_at", Test::Before),
                    Filter::new("platform", "platforms", Test::Is),
                ],
                sorts: &["publish_at"],
                descending: false,
            }]
        }
    }
}
