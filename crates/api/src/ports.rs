//! What the edge needs from the rest of the program, as traits. Not their implementations: the
//! assembly plugs them in, tests plug in fakes.

use std::time::Duration;

use async_trait::async_trait;
use domain::{LaneId, Meta, Sealer, StreamId, TenantId};
use lane::{Answer, Submit};
use serde_json::Value;
use tokio::sync::watch;

/// Takes commands.
#[async_trait]
pub trait CommandPort: Send + Sync + 'static {
    /// Submits one and waits for its answer.
    async fn submit(&self, command: Submit) -> Answer;

    /// Submits commands that do not wait for each other, those of one stream in this order; the answers
    /// that came within the time, in the order of the commands.
    async fn submit_all(&self, commands: Vec<Submit>, within: Duration) -> Vec<Option<Answer>>;
}

#[async_trait]
impl CommandPort for lane::Commands {
    async fn submit(&self, command: Submit) -> Answer {
        Self::submit(self, command).await
    }

    async fn submit_all(&self, commands: Vec<Submit>, within: Duration) -> Vec<Option<Answer>> {
        let mut gathered = Self::submit_all(self, commands);
        // What is not there in time is missing in the list.
        let _ = tokio::time::timeout(within, gathered.all()).await;
        gathered.take()
    }
}

/// The keys of the installation, as far as the edge uses them.
pub trait Keys: Send + Sync + 'static {
    /// A keyed hash (HMAC-SHA-256) over `parts`, each with its length, under a key for `purpose`.
    fn mac(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 32];

    /// Seals secrets and personal fields.
    fn sealer(&self) -> &dyn Sealer;
}

/// An event of the history, opened for reading.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEvent {
    /// All but the content.
    pub meta: Meta,
    /// The full name of its type.
    pub event_type: String,
    /// Its fields; sealed ones say `sealed`.
    pub data: Value,
}

/// The history could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HistoryError(pub String);

/// Reads streams from the log.
#[async_trait]
pub trait HistoryPort: Send + Sync + 'static {
    /// The lane of a stream; `None` when no context has its category.
    fn lane_of(&self, stream: &StreamId) -> Option<LaneId>;

    /// Events of a stream of this tenant behind `after_seq` of its lane, oldest first, at most
    /// `limit`. A stream that is not there, or another tenant's, has none.
    async fn events(
        &self,
        stream: &StreamId,
        tenant: &TenantId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<PastEvent>, HistoryError>;

    /// Changes whenever the lane may have grown.
    fn growth(&self, lane: LaneId) -> watch::Receiver<u64>;
}

/// How a part of the program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// As it should.
    Ok,
    /// It works, somebody should look.
    Warn,
    /// It does not work.
    Fail,
}

impl Condition {
    /// As text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// A part of the program: log, lanes, read database, one projection.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// How it does.
    pub condition: Condition,
    /// A sentence.
    pub says: String,
    /// Figures.
    pub figures: Value,
}

/// Tells how the program does.
pub trait HealthPort: Send + Sync + 'static {
    /// Whether commands can be taken; if not, why.
    fn ready(&self) -> Result<(), String>;

    /// All parts.
    fn parts(&self) -> Vec<Part>;
}
