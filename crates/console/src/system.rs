//! What the pages show of the machinery, as plain data: installation, projections, lanes, runs of
//! the verifier. Not the runtime's types: any node can fill it in for any other.

use domain::{Principal, StreamId, Timestamp};
use uuid::Uuid;

/// What this installation is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation {
    /// `local`, `staging`, `production`, ...
    pub environment: String,
    /// Whether a mistake here costs: draws the band over the page.
    pub production: bool,
    /// Node and engine in words, as `embedded log`.
    pub engine: String,
    /// Version of the product.
    pub version: String,
}

/// What a projection is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectionState {
    /// Waiting for the database.
    Starting,
    /// Following the log.
    Live,
    /// Building a table from the first position.
    Rebuilding {
        /// Records folded.
        done: u64,
        /// Records to fold.
        of: u64,
    },
    /// Waiting after an error.
    Waiting {
        /// What it said.
        why: String,
    },
    /// Stopped by an operator.
    Paused,
}

/// How far a projection is behind in one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Name of the lane.
    pub lane: String,
    /// Records folded.
    pub seq: u64,
    /// Valid records not folded yet.
    pub events: u64,
    /// Age of the oldest of them, in milliseconds.
    pub ms: u64,
}

/// A stream that a projection cannot fold further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The stream.
    pub stream: StreamId,
    /// Why.
    pub why: String,
}

/// How one projection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// Its name.
    pub name: String,
    /// Its context, as `content`.
    pub context: String,
    /// Its revision.
    pub revision: u32,
    /// Its table.
    pub table: String,
    /// What it is doing.
    pub state: ProjectionState,
    /// Every lane it reads.
    pub lanes: Vec<Lag>,
    /// Streams parked behind a poison event.
    pub parked: Vec<Parked>,
    /// Events folded since the process started.
    pub folded: u64,
}

/// What an operator may ask of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steer {
    /// Build the table again from the first position, beside the live one.
    Rebuild,
    /// Stop folding; queries go on, growing older.
    Pause,
    /// Fold on.
    Resume,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// `content.events/5`
    pub name: String,
    /// Epoch of the current claim; 0 when nobody ever claimed it.
    pub epoch: u64,
    /// Valid records.
    pub records: u64,
    /// Void records: refused by the reader rule, without effect.
    pub void: u64,
    /// Hash over all of it, hexadecimal.
    pub head: String,
    /// When the last record was written.
    pub last_at: Option<Timestamp>,
    /// Node that owns it.
    pub owner: Option<String>,
}

/// What recomputing a chain found in one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneVerdict {
    /// Not reached, or not through.
    Pending,
    /// Every hash is what it must be.
    Whole,
    /// The chain breaks.
    Broken {
        /// Number of the first bad record.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// One lane of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Name of the lane.
    pub lane: String,
    /// Records walked.
    pub done: u64,
    /// Records to walk, as counted when the run began.
    pub of: u64,
    /// What was found.
    pub verdict: LaneVerdict,
    /// Head that was recomputed, hexadecimal.
    pub head: Option<String>,
}

/// A run over the chains of all lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its own id.
    pub id: Uuid,
    /// Who asked.
    pub by: Principal,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<Timestamp>,
    /// Every lane.
    pub lanes: Vec<Verified>,
}
