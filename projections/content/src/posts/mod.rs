//! Projection `posts`: one row per post, for lists and the page of a post. Not the history: a row
//! is the post as it stands, withdrawn posts too.
//!
//! Owns table `content.posts`; nothing else writes to it, so it can be dropped and rebuilt from the
//! first position at any time.

#[cfg(test)]
mod tests;

use content::post::{Event, PostId};
use domain::query::{Filter, Test, View};
use domain::{ActorId, Envelope, Platform, Projection, PublicationId, Row, Timestamp, Word};

/// Where a post stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum PostState {
    /// Being written.
    Draft,
    /// Waiting for its time.
    Scheduled,
    /// On its way to its platforms.
    Publishing,
    /// On its platforms.
    Published,
    /// Given up for good.
    Withdrawn,
}

/// One post.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "content.posts", key = "post_id")]
#[row(index = "created_at", index = "publish_at", index = "updated_at", index = "published_at")]
pub struct PostRow {
    /// The post.
    pub post_id: PostId,
    /// Where it stands: draft, scheduled, publishing, published or withdrawn.
    pub state: PostState,
    /// Its title.
    pub title: Option<String>,
    /// What it says.
    pub body: String,
    /// Its tags, in the user's order.
    pub tags: Vec<String>,
    /// Where it goes or went; empty for a draft.
    pub platforms: Vec<String>,
    /// When it is due; only while it is scheduled.
    pub publish_at: Option<Timestamp>,
    /// What is paid so that more people see it, in minor units; only while it is scheduled.
    pub boost_minor: Option<i64>,
    /// The currency of that, ISO 4217.
    pub boost_currency: Option<String>,
    /// Which publication has it, or published it.
    pub publication_id: Option<PublicationId>,
    /// Where it can be read, once it is published.
    pub links: Vec<String>,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// Who drafted it.
    pub author: ActorId,
    /// When it was drafted.
    pub created_at: Timestamp,
    /// When something happened to it last.
    pub updated_at: Timestamp,
}

impl Projection for PostRow {
    const NAME: &'static str = "posts";
    const REVISION: u32 = 2;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<uuid::Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        if let Event::Drafted { title, body, tags } = &event.payload {
            return Some(Self {
                post_id: PostId(event.id()),
                state: PostState::Draft,
                title: title.clone(),
                body: body.clone(),
                tags: tags.clone(),
                platforms: vec![],
                publish_at: None,
                boost_minor: None,
                boost_currency: None,
                publication_id: None,
                links: vec![],
                published_at: None,
                author: event.meta.actor.clone(),
                created_at: event.meta.recorded_at,
                updated_at: event.meta.recorded_at,
            });
        }
        let mut row = Self { updated_at: event.meta.recorded_at, ..row? };
        match &event.payload {
            Event::Drafted { .. } => {}
            Event::Edited { title, body, tags } => {
                row.title.clone_from(title);
                row.body.clone_from(body);
                row.tags.clone_from(tags);
            }
            Event::Scheduled { publish_at, platforms, boost, .. } => {
                row.unplanned(PostState::Scheduled);
                row.publish_at = Some(*publish_at);
                row.platforms = platforms.iter().map(Platform::to_string).collect();
                row.boost_minor = boost.as_ref().map(|boost| boost.minor);
                row.boost_currency = boost.as_ref().map(|boost| boost.currency.clone());
            }
            Event::Unscheduled { .. } | Event::PublishingStopped { .. } => {
                row.unplanned(PostState::Draft);
            }
            Event::Withdrawn { .. } => row.unplanned(PostState::Withdrawn),
            Event::PublishingStarted { publication, .. } => {
                row.unplanned(PostState::Publishing);
                row.publication_id = Some(*publication);
            }
            Event::Published { publication, links } => {
                row.unplanned(PostState::Published);
                row.publication_id = Some(*publication);
                row.platforms = links.iter().map(|link| link.platform.to_string()).collect();
                row.links = links.iter().map(|link| link.url.clone()).collect();
                row.published_at = Some(row.updated_at);
            }
        }
        Some(row)
    }

    fn views() -> &'static [View] {
        const {
            &[
                View::List {
                    path: "/posts",
                    summary: "Posts, newest first",
                    filters: &[
                        Filter::is("state"),
                        Filter::new("platform", "platforms", Test::Is),
                        Filter::new("tag", "tags", Test::Is),
                        Filter::is("author"),
                        Filter::new("created_from", "created_at", Test::From),
                        Filter::new("created_before", "created_at", Test::Before),
                    ],
                    sorts: &["created_at", "publish_at", "updated_at", "published_at"],
                    descending: true,
                },
                View::One { path: "/posts/{id}", summary: "One post as it stands" },
            ]
        }
    }
}

impl PostRow {
    fn unplanned(&mut self, state: PostState) {
        self.state = state;
        self.publish_at = None;
        self.platforms.clear();
        self.boost_minor = None;
        self.boost_currency = None;
        self.publication_id = None;
    }
}
