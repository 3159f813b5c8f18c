//! Projection `publications`: one row per publication, from its wish or its plan's due time to its
//! end. Not the steps between, which are the saga's.
//!
//! Owns table `social.publications`; nothing else writes to it, so it can be dropped and rebuilt from
//! the first position at any time.

#[cfg(test)]
mod tests;

use domain::query::{Filter, Test, View};
use domain::{
    ActorId, Envelope, Money, Platform, PostId, Projection, PublicationId, Row, Timestamp, Word,
};
use social::publication::Event;

/// Where a publication stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum PublicationState {
    /// Somebody wants it.
    Requested,
    /// It is under way.
    Opened,
    /// It stands on all its platforms.
    Confirmed,
    /// It did not come about; all of it was taken back.
    Failed,
}

/// One publication.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "social.publications", key = "publication_id")]
#[row(index = "begun_at", index = "ended_at", index = "post_id")]
pub struct PublicationRow {
    /// The publication; the saga that runs it has the same number.
    pub publication_id: PublicationId,
    /// The post.
    pub post_id: PostId,
    /// Where it stands: requested, opened, confirmed or failed.
    pub state: PublicationState,
    /// Where it goes.
    pub platforms: Vec<String>,
    /// What is paid so that more people see it, in minor units.
    pub boost_minor: Option<i64>,
    /// The currency of that, ISO 4217.
    pub boost_currency: Option<String>,
    /// The plan it is for; nothing when it was wanted at once.
    pub plan: Option<i64>,
    /// Where it can be read, once it is confirmed.
    pub links: Vec<String>,
    /// Why it failed, if that is known.
    pub why: Option<String>,
    /// Who began it: the user who wants it, or the saga when its plan was due.
    pub begun_by: ActorId,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it was confirmed or failed.
    pub ended_at: Option<Timestamp>,
}

impl Projection for PublicationRow {
    const NAME: &'static str = "publications";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<uuid::Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        let at = event.meta.recorded_at;
        match &event.payload {
            Event::Requested { post, platforms, boost } => Some(Self {
                publication_id: PublicationId(event.id()),
                post_id: *post,
                state: PublicationState::Requested,
                platforms: platforms.iter().map(Platform::to_string).collect(),
                boost_minor: boost.as_ref().map(|boost| boost.minor),
                boost_currency: currency(boost.as_ref()),
                plan: None,
                links: vec![],
                why: None,
                begun_by: event.meta.actor.clone(),
                begun_at: at,
                ended_at: None,
            }),
            Event::Opened { post, platforms, boost, plan } => {
                let (begun_by, begun_at) =
                    row.map_or((event.meta.actor.clone(), at), |row| (row.begun_by, row.begun_at));
                Some(Self {
                    publication_id: PublicationId(event.id()),
                    post_id: *post,
                    state: PublicationState::Opened,
                    platforms: platforms.iter().map(Platform::to_string).collect(),
                    boost_minor: boost.as_ref().map(|boost| boost.minor),
                    boost_currency: currency(boost.as_ref()),
                    plan: Some(*plan).filter(|plan| *plan > 0),
                    links: vec![],
                    why: None,
                    begun_by,
                    begun_at,
                    ended_at: None,
                })
            }
            Event::Failed { why } => row.map(|row| Self {
                state: PublicationState::Failed,
                why: why.clone(),
                ended_at: Some(at),
                ..row
            }),
            Event::Confirmed { links } => row.map(|row| Self {
                state: PublicationState::Confirmed,
                links: links.iter().map(|link| link.url.clone()).collect(),
                ended_at: Some(at),
                ..row
            }),
        }
    }

    fn views() -> &'static [View] {
        const {
            &[
                View::List {
                    path: "/publications",
                    summary: "Publications, newest first",
                    filters: &[
                        Filter::is("state"),
                        Filter::is("post_id"),
                        Filter::new("platform", "platforms", Test::Is),
                        Filter::new("begun_from", "begun_at", Test::From),
                        Filter::new("begun_before", "begun_at", Test::Before),
                    ],
                    sorts: &["begun_at", "ended_at"],
                    descending: true,
                },
                View::One { path: "/publications/{id}", summary: "One publication as it stands" },
            ]
        }
    }
}

fn currency(boost: Option<&Money>) -> Option<String> {
    boost.map(|boost| boost.currency.clone())
}
