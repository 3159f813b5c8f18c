//! Where rows go: the trait that PostgreSQL and the simulator implement. Not the fold, and not how
//! rows are read by the API ([`crate::ReadStore`]).

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{Column, LaneId, Projection, StreamId, TenantId, Timestamp, Value};
use log::Head;
use uuid::Uuid;

/// A table of a projection, at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name of the projection.
    pub projection: &'static str,
    /// Its revision: each has a table of its own beside the others.
    pub revision: u32,
    /// Which building of this revision; raised when an operator asks for a rebuild.
    pub build: u32,
    /// Schema and name, as `content.posts`.
    pub name: &'static str,
    /// Key column.
    pub key: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Its indexes, comma separated columns.
    pub indexes: &'static [&'static str],
}

impl Table {
    /// The table of a projection as this program knows it, first build.
    pub fn of<P: Projection>() -> Self {
        Self {
            projection: P::NAME,
            revision: P::REVISION,
            build: 0,
            name: P::TABLE,
            key: P::KEY,
            columns: P::COLUMNS,
            indexes: P::INDEXES,
        }
    }

    /// Which of the projection's tables it is.
    pub const fn generation(&self) -> Generation {
        Generation { revision: self.revision, build: self.build }
    }

    /// The same projection at another build of this revision.
    #[must_use]
    pub fn at_build(&self, build: u32) -> Self {
        Self { build, ..self.clone() }
    }
}

/// Tells the tables of one projection apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation {
    /// Revision of the code.
    pub revision: u32,
    /// Which building of it.
    pub build: u32,
}

/// Which tables of a projection there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The one that answers.
    pub live: Generation,
    /// The one that is being built beside it.
    pub building: Option<Generation>,
    /// How far the live one is, lane by lane.
    pub positions: Vec<(LaneId, u64)>,
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
    /// Version of the stream whose own row it is, at its last event here; 0: there is none.
    pub stream_version: u64,
    /// Whether its stream is parked.
    pub stale: bool,
    /// Its columns, in the order of the table.
    pub values: Vec<Value>,
}

/// A stream whose next event could not be folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The stream.
    pub stream: StreamId,
    /// The row that was marked stale.
    pub key: Uuid,
    /// Version of the first event that is held.
    pub version: u64,
    /// Where to read the held events from; a hint.
    pub offset: u64,
    /// Events held so far.
    pub held: u64,
    /// What the fold said.
    pub why: String,
    /// Log time of the first event that is held.
    pub since: Timestamp,
}

/// What one batch does to a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Rows to write, each key once.
    pub put: Vec<StoredRow>,
    /// Keys of rows to remove.
    pub remove: Vec<Uuid>,
    /// Streams newly parked, or with more events held.
    pub park: Vec<Parked>,
    /// Streams no longer parked.
    pub unpark: Vec<StreamId>,
}

/// A lane as its new owner finds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// How far it is folded; `None`: not at all.
    pub checkpoint: Option<Checkpoint>,
    /// Its parked streams.
    pub parked: Vec<Parked>,
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
    /// These values cannot be stored, however often they are sent; nothing was written.
    #[error("read database cannot store a value: {0}")]
    Refused(String),
    /// It cannot work like this: a table is missing, a right is missing.
    #[error("read database refuses: {0}")]
    Broken(String),
}

/// Takes rows and checkpoints in one transaction.
#[async_trait]
pub trait RowSink: Send + Sync + 'static {
    /// Which tables of the projection there are; `None`: it was never built.
    async fn standing(&self, projection: &'static str) -> Result<Option<Standing>, SinkError>;

    /// Makes table and indexes where they are missing. The first table of a projection becomes the
    /// live one; any other is noted as being built, and what was being built before is dropped.
    async fn prepare(&self, table: &Table) -> Result<(), SinkError>;

    /// Takes a lane over: from now on only this owner's transactions pass.
    async fn take(&self, table: &Table, lane: LaneId, owner: Uuid) -> Result<Taken, SinkError>;

    /// The checkpoint as it is, and its owner; waits for a transaction that is about to move it. Says
    /// what became of a commit with an unknown result. `None`: nobody has taken the lane.
    async fn look(
        &self,
        table: &Table,
        lane: LaneId,
    ) -> Result<Option<(Option<Checkpoint>, Uuid)>, SinkError>;

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

    /// Makes `table` the live one and drops the other, in one transaction, if it has reached the
    /// live one on every lane; else nothing, and `false`.
    async fn publish(&self, table: &Table) -> Result<bool, SinkError>;
}

/// An open transaction. Dropped, it is rolled back.
#[async_trait]
pub trait RowTx: Send {
    /// The rows of these keys that exist. With `shared`, rows that other lanes write may be among
    /// them: then no other transaction of the table is between its load and its end. Without it,
    /// only those that said `shared` are waited for.
    async fn load(
        &mut self,
        keys: &[Uuid],
        shared: bool,
    ) -> Result<HashMap<Uuid, StoredRow>, SinkError>;

    /// Makes the changes and commits. After [`SinkError::Unavailable`] the result is unknown.
    async fn commit(self: Box<Self>, changes: Changes) -> Result<(), SinkError>;
}
