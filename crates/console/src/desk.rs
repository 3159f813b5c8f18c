//! What the console asks about sagas, as one trait over the engine's own pure types. Not an
//! implementation: the assembly writes it over read model, log and runtime, the demo in memory.

use domain::{Principal, StreamId, TenantId, Timestamp};
use orchestrator::{Event, Instance, NotTaken, Verb};

use crate::backend::BackendError;
use crate::view::{AsOf, EventHead};

/// The sagas behind the console. Every call says who asks; the answer holds only what they may see.
#[async_trait::async_trait]
pub trait Desk: Send + Sync + 'static {
    /// Every type and version that this installation has a plan of, by name and then version.
    async fn types(&self, who: &Principal) -> Result<Vec<SagaType>, BackendError>;

    /// How many there are, exactly, and when their timers fire.
    async fn census(&self, who: &Principal) -> Result<Census, BackendError>;

    /// Sagas that pass a filter. A filter that is not understood whole is no error: the answer holds
    /// what was understood, and what was not.
    async fn list(&self, who: &Principal, query: &SagaQuery) -> Result<SagaPage, BackendError>;

    /// One saga with its whole history, read from its stream; `None` when there is none.
    async fn saga(&self, who: &Principal, id: &StreamId) -> Result<Option<SagaView>, BackendError>;

    /// What a saga knows of its business in this state, by its own code; `None` when this program
    /// has not got its plan. Pure.
    fn knows(&self, is: &Instance) -> Option<serde_json::Value> {
        let _ = is;
        None
    }

    /// The events that an action would append now. Nothing is done.
    async fn preview(
        &self,
        who: &Principal,
        id: &StreamId,
        order: &Order,
    ) -> Result<Vec<Event>, OrderError>;

    /// Acts; the answer is the revision after it, and its events stand in the log.
    async fn act(&self, who: &Principal, id: &StreamId, order: &Order) -> Result<u64, OrderError>;

    /// The targets outside, with their breakers; those that are not closed first.
    async fn targets(&self, who: &Principal) -> Result<Vec<Target>, BackendError>;
}

/// A plan, as this installation has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SagaType {
    /// Its name, as `publish-post`.
    pub name: String,
    /// The category of its streams, as `publish_post`.
    pub category: String,
    /// Its version.
    pub version: u32,
    /// Hash of its plan.
    pub hash: String,
    /// Its lines.
    pub steps: Vec<PlanStep>,
    /// How long the whole may take, in milliseconds, and what then.
    pub deadline: Option<(u64, String)>,
    /// Most attempts of an undo; `None`: until it is done.
    pub undo_attempts: Option<u32>,
}

/// A line of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanStep {
    /// Its name.
    pub name: String,
    /// Most attempts; `None`: until it is done.
    pub attempts: Option<u32>,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// What is done when no answer comes, in words, as `probe by key, then park`.
    pub unknown: String,
    /// The name of its breaker.
    pub breaker: Option<String>,
}

/// Where a saga stands, in one word: what needs a human comes before what does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SagaState {
    /// Nobody can tell whether a step was done.
    InDoubt,
    /// Something stands that should not, and could not be taken back.
    UndoFailed,
    /// It cannot go on by itself for another reason.
    Parked,
    /// An operator holds it.
    Held,
    /// It takes back what it did.
    Undoing,
    /// It waits for a time.
    Waiting,
    /// It does what its plan says.
    Running,
    /// Everything was taken back.
    Undone,
    /// Everything was done.
    Done,
}

/// How many sagas of one version stand in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The type's name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The state.
    pub state: SagaState,
    /// How many.
    pub count: u64,
}

/// The whole in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Exact counts; a pair that stands nowhere is zero.
    pub tallies: Vec<Tally>,
    /// Timers that fire in the next hour, by five minutes from now on: 12 numbers.
    pub due: Vec<u64>,
    /// Timers whose time has passed by more than a few seconds.
    pub overdue: u64,
    /// How fresh it is.
    pub as_of: AsOf,
}

/// Which sagas to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SagaQuery {
    /// The filter's text, as in URL, CLI and API; empty for all.
    pub filter: String,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Most rows.
    pub limit: usize,
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaRow {
    /// The stream.
    pub id: StreamId,
    /// What people call it; `None` when it has no such thing.
    pub headline: Option<String>,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its lane, as `social.sagas/5`.
    pub lane: String,
    /// What the engine knows of it.
    pub is: Instance,
}

/// A word of the filter, as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SagaTerm {
    /// How it was read, as `state is`.
    pub says: String,
    /// Its value.
    pub value: String,
    /// The filter's text without it.
    pub without: String,
}

/// What the list could be narrowed by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facet {
    /// As its heading, `State`.
    pub title: String,
    /// Its values, most important first.
    pub values: Vec<FacetValue>,
}

/// One value of a facet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// How many sagas have it, of those that pass the rest of the filter.
    pub count: u64,
    /// Whether the filter asks for it.
    pub chosen: bool,
    /// The filter's text with it, or without it when it is chosen.
    pub filter: String,
}

/// A page of sagas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SagaPage {
    /// The rows: those that need a human first, then the newest.
    pub rows: Vec<SagaRow>,
    /// How the filter was read.
    pub terms: Vec<SagaTerm>,
    /// What of it was not understood, a sentence each.
    pub problems: Vec<String>,
    /// What it could be narrowed by.
    pub facets: Vec<Facet>,
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
    /// What people call it.
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

/// What an operator wants done; who he is stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// What.
    pub verb: Verb,
    /// To which step; empty for the whole saga.
    pub step: String,
    /// Why.
    pub reason: String,
    /// The revision he has seen.
    pub revision: u64,
    /// For `Resolve`, whether it happened.
    pub happened: bool,
    /// For `Resolve` and `Skip`, what the step gave.
    pub output: Option<serde_json::Value>,
}

/// Why an order is not carried out; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The engine does not take it: stale, without a reason, not in this state.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// It could, but will not: no such saga, no such output, a role. Shown to the one who asked.
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
    /// Its name, as `publishing/bluesky`.
    pub name: String,
    /// Whether calls of it go out.
    pub breaker: Breaker,
    /// Since when.
    pub since: Timestamp,
    /// The last thing that went wrong; empty when nothing did.
    pub says: String,
    /// How many sagas wait for it.
    pub waiting: u64,
}
