//! What the console asks about sagas, as one trait over the engine's own pure types. Not an
//! implementation: the assembly writes it over read model, log and runtime, the demo in memory.

use domain::{Principal, StreamId, TenantId, Timestamp};
use orchestrator::filter::{Filter, Group};
use orchestrator::{Event, NotTaken, Order, SagaRow, Types};

use crate::backend::BackendError;
use crate::view::{AsOf, EventHead};

/// The sagas behind the console. Every call says who asks; the answer holds only what they may see.
#[async_trait::async_trait]
pub trait Desk: Send + Sync + 'static {
    /// The saga types of this program, with their plans.
    fn types(&self) -> &Types;

    /// Sagas that pass a filter, in its order; `after` is `next` of the page before.
    async fn list(
        &self,
        who: &Principal,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<SagaList, BackendError>;

    /// How many pass a filter, by the value of a column, exactly: the most frequent first, at most
    /// 100 values. Rows without a value are counted under the empty text.
    async fn counts(
        &self,
        who: &Principal,
        filter: &Filter,
        by: Group,
    ) -> Result<Vec<(String, u64)>, BackendError>;

    /// How many sagas wake between each two of these times: one number less than there are times.
    async fn due(&self, who: &Principal, edges: &[Timestamp]) -> Result<Vec<u64>, BackendError>;

    /// One saga with its whole history, read from its stream; `None` when there is none.
    async fn saga(&self, who: &Principal, id: &StreamId) -> Result<Option<SagaView>, BackendError>;

    /// Carries an order out; the answer is the revision after it, and its events stand in the log.
    /// What it would do is asked of the saga's type, which is pure.
    async fn act(&self, who: &Principal, id: &StreamId, order: &Order) -> Result<u64, OrderError>;

    /// The targets outside, with their breakers; those that are not closed first.
    async fn targets(&self, who: &Principal) -> Result<Vec<Target>, BackendError>;
}

/// A page of sagas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SagaList {
    /// The rows, in the order of the filter.
    pub rows: Vec<SagaRow>,
    /// How many pass the filter.
    pub total: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// How fresh it is.
    pub as_of: AsOf,
}

/// An event of a saga, as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Where, when, by whom.
    pub head: EventHead,
    /// What happened.
    pub event: Event,
}

/// One saga with its history.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaView {
    /// The stream.
    pub id: StreamId,
    /// What people call it; `None` when it has no such thing.
    pub headline: Option<String>,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its lane, as `social.sagas/5`.
    pub lane: String,
    /// The node that owns the lane.
    pub owner: Option<String>,
    /// All its events, oldest first.
    pub events: Vec<Recorded>,
}

/// Why an order is not carried out; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The engine does not take it: stale, without a reason, not in this state.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// It could, but will not: no such saga, a role. Shown to the one who asked.
    #[error("{0}")]
    Refused(String),
    /// It cannot now. Shown to the one who asked.
    #[error("{0}")]
    Unavailable(String),
}

/// Whether calls of a target go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// They do.
    Closed,
    /// One does, to try.
    HalfOpen,
    /// None does until this time.
    Open {
        /// When the next one tries.
        until: Timestamp,
    },
}

/// A target outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name, as sagas name it.
    pub name: String,
    /// Whether calls of it go out.
    pub breaker: Breaker,
    /// Since when.
    pub since: Timestamp,
    /// The last thing that went wrong; empty when nothing did.
    pub says: String,
}
