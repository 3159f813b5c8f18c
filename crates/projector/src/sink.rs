//! Where rows go: the trait that PostgreSQL and the simulator implement.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{Column, LaneId, TenantId, Value};
use log::Head;
use uuid::Uuid;

/// A table of a projection, at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name of the projection.
    pub projection: &'static str,
    /// Its revision: each has a table of its own beside the others.
    pub revision: u32,
    /// Schema and name, as `content.posts`.
    pub name: &'static str,
    /// Key column.
    pub key: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Its indexes, comma separated columns.
    pub indexes: &'static [&'static str],
}

/// How far one lane is folded into one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Records folded.
    pub seq: u64,
    /// The lane's epoch there.
    pub epoch: u64,
    /// The lane's head there.
    pub head: Head,
    /// Where the log adapter reads on; a hint.
    pub offset_hint: u64,
}

/// A row with the engine's own columns.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// Its key.
    pub key: Uuid,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Version of the stream that wrote it last.
    pub stream_version: u64,
    /// Whether its stream is parked.
    pub stale: bool,
    /// Its columns, in the order of the table.
    pub values: Vec<Value>,
}

/// Rows could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Another worker has moved the checkpoint: step down.
    #[error("checkpoint of {projection} was moved by another worker")]
    Lost {
        /// Which projection.
        projection: &'static str,
    },
    /// Not now; nothing was written, or the checkpoint says what was.
    #[error("read database: {0}")]
    Unavailable(String),
    /// It cannot work like this.
    #[error("read database refuses: {0}")]
    Broken(String),
}

/// Takes rows and checkpoints in one transaction.
#[async_trait]
pub trait RowSink: Send + Sync + 'static {
    /// Makes table, indexes and checkpoint row where they are missing, and takes the lane over: from
    /// now on only this owner's transactions pass.
    async fn take(&self, table: &Table, lane: LaneId, owner: Uuid) -> Result<Option<Checkpoint>, SinkError>;

    /// Begins a transaction whose first statement moves the checkpoint from `expected` (`None`: from
    /// nothing) to `next`, if this owner still holds it.
    async fn begin(
        &self,
        table: &Table,
        lane: LaneId,
        owner: Uuid,
        expected: Option<&Checkpoint>,
        next: &Checkpoint,
    ) -> Result<Box<dyn RowTx>, SinkError>;
}

/// An open transaction. Dropped, it is rolled back.
#[async_trait]
pub trait RowTx: Send {
    /// The rows of these keys that exist.
    async fn load(&mut self, keys: &[Uuid]) -> Result<HashMap<Uuid, StoredRow>, SinkError>;

    /// Writes and removes rows, and commits.
    async fn commit(self: Box<Self>, put: Vec<StoredRow>, remove: Vec<Uuid>) -> Result<(), SinkError>;
}
