//! What the console asks of the product, as one trait over plain data. Not an implementation: the
//! assembly writes it over audit and projector, the demo in memory.

use std::pin::Pin;

use domain::{Principal, StreamId, Timestamp};
use futures_util::Stream;

use crate::desk::Desk;
use crate::system::{Installation, Lane, Projection, Steer, Verification};
use crate::view::{
    At, Event, EventPage, EventQuery, Found, Lookup, StreamPage, StreamQuery, StreamView,
};

/// A stream that yields whenever something was committed. Lost or merged ticks do no harm: a page
/// asks again what it shows. It ends when the product stops.
pub type Ticks = Pin<Box<dyn Stream<Item = ()> + Send>>;

/// Why the product does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// It could, but will not: a rule, a role, a state. Shown to the one who asked.
    #[error("{0}")]
    Refused(String),
    /// It cannot now: no database, no disk, still starting. Shown to the one who asked.
    #[error("{0}")]
    Unavailable(String),
}

/// The product behind the console. Every call says who asks; the answer holds only what they may
/// see (an owner sees every tenant), masked where they may not read a field.
#[async_trait::async_trait]
pub trait Backend: Send + Sync + 'static {
    /// The clock of this node.
    fn now(&self) -> Timestamp;

    /// Ticks when a position moved.
    fn live(&self) -> Ticks;

    /// The sagas; `None`: this installation runs none, and their pages say so.
    fn desk(&self) -> Option<&dyn Desk> {
        None
    }

    /// What this installation is.
    async fn installation(&self, who: &Principal) -> Result<Installation, BackendError>;

    /// Streams by last change, newest first.
    async fn streams(
        &self,
        who: &Principal,
        query: &StreamQuery,
    ) -> Result<StreamPage, BackendError>;

    /// One stream as it was, read from the log; `None` when no event is of it, or when `at` lies
    /// before its first event only if it does not exist now either. A version beyond the last
    /// one, or a time in the future, is the last one.
    async fn stream(
        &self,
        who: &Principal,
        id: &StreamId,
        at: At,
    ) -> Result<Option<StreamView>, BackendError>;

    /// Events that pass a filter, newest first.
    async fn events(&self, who: &Principal, query: &EventQuery) -> Result<EventPage, BackendError>;

    /// The event at a place in a lane; `None` when there is no record, or it is not an event.
    async fn event(
        &self,
        who: &Principal,
        lane: &str,
        seq: u64,
    ) -> Result<Option<Event>, BackendError>;

    /// Everything an id may mean; most likely first, at most 20.
    async fn find(&self, who: &Principal, id: &Lookup) -> Result<Vec<Found>, BackendError>;

    /// Every projection.
    async fn projections(&self, who: &Principal) -> Result<Vec<Projection>, BackendError>;

    /// Rebuilds, pauses or resumes one projection; the reason is kept with who asked.
    async fn steer(
        &self,
        who: &Principal,
        projection: &str,
        what: Steer,
        reason: &str,
    ) -> Result<(), BackendError>;

    /// Every lane with its head.
    async fn lanes(&self, who: &Principal) -> Result<Vec<Lane>, BackendError>;

    /// Begins to recompute the chain of every lane; while a run is under way, that one goes on.
    async fn verify(&self, who: &Principal) -> Result<(), BackendError>;

    /// The last run of [`Backend::verify`], finished or not.
    async fn verification(&self, who: &Principal) -> Result<Option<Verification>, BackendError>;
}
