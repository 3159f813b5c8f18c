//! The words of the filter language: what can be asked for, sorted and grouped by. Not the reading.

use domain::Word;

use crate::instance::Phase;
use crate::row::{State, Waits};
use crate::words::Cause;

/// The states of the row, and those that tell why a saga is parked, for the three that matter most.
const STATES: &[&str] = &[
    State::Waiting.as_str(),
    State::Running.as_str(),
    State::Undoing.as_str(),
    State::Parked.as_str(),
    State::Done.as_str(),
    State::Undone.as_str(),
    Cause::InDoubt.as_str(),
    Cause::UndoFailed.as_str(),
    HELD,
];
/// An operator holds it, and that is all.
pub(super) const HELD: &str = "held";

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum Key {
    /// Where it stands, in one word.
    State,
    /// Which way it goes.
    Phase,
    /// Its type.
    Type,
    /// The version of its plan.
    Version,
    /// The step it is at.
    Step,
    /// Whom that step asks.
    Target,
    /// Why it is parked.
    Cause,
    /// What it waits for.
    Waits,
    /// What went wrong last.
    Error,
    /// How often its step was tried.
    Attempts,
    /// Money that stands or may stand, in minor units.
    Risk,
    /// How long ago it was started.
    Age,
    /// How long ago something happened.
    Idle,
    /// How long until it must be over.
    Left,
    /// Its id, its stream, or the beginning of one.
    Id,
    /// Whose it is.
    Tenant,
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of some words, after `:`.
    Word(&'static [&'static str]),
    /// A name, after `:` (a trailing `*`: begins with) or a part of it after `~`.
    Text,
    /// A part of a text, after `~`.
    Part,
    /// A whole number, after `:`, `<`, `<=`, `>` or `>=`.
    Number,
    /// How long, as `90s`, `15m`, `2h`, `3d`, after `<`, `<=`, `>` or `>=`.
    Time,
}

impl Key {
    /// What it takes.
    pub const fn kind(self) -> Kind {
        match self {
            Self::State => Kind::Word(STATES),
            Self::Phase => Kind::Word(Phase::WORDS),
            Self::Cause => Kind::Word(Cause::WORDS),
            Self::Waits => Kind::Word(Waits::WORDS),
            Self::Type | Self::Step | Self::Target | Self::Id | Self::Tenant => Kind::Text,
            Self::Error => Kind::Part,
            Self::Version | Self::Attempts | Self::Risk => Kind::Number,
            Self::Age | Self::Idle | Self::Left => Kind::Time,
        }
    }

    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Phase => "phase",
            Self::Type => "plan",
            Self::Version => "plan_version",
            Self::Step => "step",
            Self::Target => "target",
            Self::Cause => "causes",
            Self::Waits => "waits",
            Self::Error => "error",
            Self::Attempts => "attempts",
            Self::Risk => "at_risk",
            Self::Age => "started_at",
            Self::Idle => "last_at",
            Self::Left => "due_at",
            Self::Id => "saga_id",
            Self::Tenant => "tenant",
        }
    }

    /// A line for a help page.
    pub const fn help(self) -> &'static str {
        match self {
            Self::State => {
                "where it stands: state:parked,undoing; of the parked, state:in-doubt,undo-failed,held"
            }
            Self::Phase => "which way it goes; a parked saga goes one too: phase:undoing",
            Self::Type => "its type: type:publish-post, type:publish-*",
            Self::Version => "the version of its plan: version<7",
            Self::Step => "the step it is at: step:charge-boost, step:publish (all its items)",
            Self::Target => "whom that step asks: target:payments, target~bluesky",
            Self::Cause => "why it is parked: cause:in-doubt",
            Self::Waits => "what it waits for: waits:retry",
            Self::Error => "what went wrong last: error~\"timed out\"",
            Self::Attempts => "how often its step was tried: attempts>=5",
            Self::Risk => "money that stands or may stand, in minor units: risk>0",
            Self::Age => "how long ago it was started: age>2h",
            Self::Idle => "how long ago something happened: idle>10m",
            Self::Left => "how long until it must be over: left<1h",
            Self::Id => "its id, its stream, or the beginning of one: id:9df18120",
            Self::Tenant => "whose it is: tenant:acme",
        }
    }
}

/// What rows can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum Sort {
    /// When it was started.
    Started,
    /// When something happened last.
    Last,
    /// When it was over.
    Ended,
    /// When it must be over.
    Due,
    /// Attempts of its step.
    Attempts,
    /// Money that stands or may stand.
    Risk,
    /// Its type.
    Type,
    /// Where it stands.
    State,
}

impl Sort {
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Started => "started_at",
            Self::Last => "last_at",
            Self::Ended => "ended_at",
            Self::Due => "due_at",
            Self::Attempts => "attempts",
            Self::Risk => "at_risk",
            Self::Type => "plan",
            Self::State => "state",
        }
    }
}

/// What rows can be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum Group {
    /// Failures of one kind: type, step, direction, and the error without its numbers.
    Error,
    /// Where they stand.
    State,
    /// Their type.
    Type,
    /// Why they are parked; of several causes, the one that leaves most at stake.
    Cause,
    /// The step they are at.
    Step,
    /// What they wait for.
    Waits,
    /// Whose they are.
    Tenant,
    /// The version of their plan.
    Version,
}

impl Group {
    /// The column of the [`crate::SagaRow`].
    pub const fn column(self) -> &'static str {
        match self {
            Self::Error => "failure",
            Self::State => "state",
            Self::Type => "plan",
            Self::Cause => "cause",
            Self::Step => "step",
            Self::Waits => "waits",
            Self::Tenant => "tenant",
            Self::Version => "plan_version",
        }
    }
}
