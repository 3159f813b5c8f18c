//! The words of a saga's events. Stored: a word is never renamed, and a reader that does not know a
//! new one yet reads `unknown` from the schema. Not the events themselves.

use domain::Word;
use domain::saga::Kind;

pub use domain::saga::StepKey;

/// Which way a step is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Word)]
pub enum Direction {
    /// To do it.
    Forward,
    /// To take it back.
    Undo,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Word)]
pub enum Purpose {
    /// An attempt has had its time; set with the attempt itself.
    Attempt,
    /// The step is asked again.
    Retry,
    /// The undo is asked again.
    UndoRetry,
    /// The target is asked once more whether it was done.
    Probe,
    /// The target is asked whether anything stands that arrived behind the undo.
    Confirm,
    /// All attempts of a step have had their time.
    StepDeadline,
    /// The saga has had its time.
    SagaDeadline,
    /// It begins.
    Begin,
    /// An event was held long enough.
    Held,
}

/// Why a saga cannot go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Word)]
pub enum Cause {
    /// A step has used up its attempts.
    RetriesExhausted,
    /// An undo was refused or has used up its attempts: something stands that should not.
    UndoFailed,
    /// Nobody can tell whether a step was done.
    InDoubt,
    /// A deadline has passed.
    DeadlinePassed,
    /// This program has not got the plan it was started with.
    NoExecutor,
    /// The saga's own code panicked or cannot read its state.
    Poison,
    /// An operator holds it.
    OperatorHold,
    /// A step behind the pivot was refused.
    Refused,
    /// A lock was not granted in time.
    LockTimeout,
}

/// What a target says to a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum Probed {
    /// It was done, and it stands.
    Happened,
    /// It was not done, or taken back.
    NotHappened,
    /// It cannot tell.
    CannotTell,
}

/// How a saga ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum End {
    /// Everything was done.
    Done,
    /// Everything that was begun was taken back.
    Undone,
}

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum Verb {
    /// Ask again what is parked.
    Retry,
    /// Say what became of a step in doubt.
    Resolve,
    /// Go on as if the step were done.
    Skip,
    /// Take everything back.
    Undo,
    /// Stop it.
    Hold,
    /// Let it go on.
    Release,
}

/// A step that the plan had when the saga was started.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlanLine {
    /// Its id.
    pub step: String,
    /// What can be done about it.
    pub kind: Kind,
}

/// What became of an event that nothing waited for, or that could not be heard at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum LateWord {
    /// Held until the saga goes on.
    Buffered,
    /// The saga has gone on, and has heard of it.
    Taken,
    /// Held long enough; the saga has not heard of it.
    Dropped,
    /// Shown to a human.
    DeadLetter,
    /// Recorded and nothing more.
    Ignored,
}
