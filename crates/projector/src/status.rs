//! How projections stand, for console, metrics and `doctor`.

use domain::LaneId;

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

/// How far one lane is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLag {
    /// The lane.
    pub lane: LaneId,
    /// Records folded.
    pub seq: u64,
    /// Valid records not folded yet.
    pub events: u64,
    /// Age of the oldest of them, in milliseconds.
    pub ms: u64,
}

/// How one projection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// Its revision.
    pub revision: u32,
    /// Its table.
    pub table: &'static str,
    /// What it is doing.
    pub state: ProjectionState,
    /// Every lane it reads.
    pub lanes: Vec<LaneLag>,
    /// Streams parked behind a poison event, and why.
    pub parked: Vec<(domain::StreamId, String)>,
    /// Events folded since the start.
    pub folded: u64,
}
