//! What a caller of a command hears.

use domain::{EventId, Position, StreamId};
use log::Verdict;

/// The answer to a command. All but the last five left after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It happened, or had happened under this key before.
    Accepted(Accepted),
    /// It did not happen: nothing to do, refused by a rule, or the version was another one.
    Refused(Refused),
    /// The key was used for another command.
    KeyReused,
    /// The first call under this key is still running.
    StillRunning,
    /// Too much is waiting; nothing happened.
    Overloaded {
        /// When to ask again.
        retry_after_ms: u64,
    },
    /// No owner serves the lane now; nothing happened.
    Unavailable {
        /// Why.
        why: String,
    },
    /// Another node serves the lane; nothing happened here, and nothing will.
    Elsewhere {
        /// Where that node serves commands.
        url: String,
    },
    /// It may have happened: ask again with the same key.
    Unknown {
        /// Why.
        why: String,
    },
}

/// A command that left events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The stream.
    pub stream: StreamId,
    /// Its version after the last event.
    pub version: u64,
    /// The position of the last event.
    pub position: Position,
    /// Its events: id and type.
    pub events: Vec<(EventId, String)>,
    /// Whether this is the answer of an earlier call with the same key.
    pub replayed: bool,
}

/// A command that left an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stream.
    pub stream: StreamId,
    /// Its version.
    pub version: u64,
    /// The position of the outcome.
    pub position: Position,
    /// What it was.
    pub verdict: Verdict,
    /// Name of the rule; empty for `Nothing`.
    pub rule: String,
    /// The sentence.
    pub detail: String,
    /// Whether this is the answer of an earlier call with the same key.
    pub replayed: bool,
}
