//! What a log remembers of a lane for whoever takes it over. Not what an owner makes of it.

use domain::{CommandKey, Timestamp};

use crate::{Claim, LaneState, Sha256Chain};

/// How long a key leads to its outcome, in log time: 7 days, published in the API.
pub const KEY_WINDOW_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// A lane up to an offset: what reading it from its first record would have told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// What the rule knows, without a frame under assembly.
    pub state: LaneState<Sha256Chain>,
    /// Where reading goes on.
    pub next_offset: u64,
    /// The highest time of its claims and frames.
    pub log_time: Timestamp,
    /// The newest valid claim.
    pub claim: Option<Claim>,
    /// The keys of its frames, in the order of the lane. Of those that are older than the window by the
    /// time of the last one, the first may be missing.
    pub keys: Vec<KeyAt>,
}

/// A key, and the frame that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAt {
    /// The key.
    pub key: CommandKey,
    /// Log time of the frame.
    pub at: Timestamp,
    /// Offset of its first record.
    pub offset: u64,
    /// Seq of its first record.
    pub seq: u64,
}
