//! What a step meets: answers, probes, targets, and events from outside. Not who carries them.

use std::any::Any;

use serde::{Deserialize, Serialize};

use crate::{EventSet, Money, StreamId, Timestamp};

crate::uuid_id! {
    /// One running saga: the id of its stream.
    pub struct SagaId;
}

crate::uuid_id! {
    /// The idempotency key of a step: the same for every attempt.
    pub struct StepKey;
}

/// A command to an aggregate: a value of the `Command` of the decider whose category the stream has.
pub struct AnyCommand(pub Box<dyn Any + Send>);

impl AnyCommand {
    /// Of this command.
    pub fn new(command: impl Any + Send) -> Self {
        Self(Box::new(command))
    }
}

impl std::fmt::Debug for AnyCommand {
    /// Without the command, which may hold personal values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyCommand")
    }
}

/// The events that a command to an aggregate left; none when the fact stood already.
pub trait Heard {
    /// Those of this set, in order.
    fn events<E: EventSet>(&self) -> Vec<E>;
}

/// The answer to an attempt. Who cannot tell whether the work was done says `Unknown`, never
/// `Transient`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is done.
    Done(T),
    /// The business says no: nothing was done, and asking again will not help.
    Refused(Refusal),
    /// Not now; asking again may help.
    Transient(Fault),
    /// It may have been done.
    Unknown(Fault),
}

/// The answer to "was it done under this key, and does it stand?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe<T> {
    /// It was, and it stands.
    Happened(T),
    /// It was not, or it was taken back.
    NotHappened,
    /// The target does not know keys, or does not answer.
    CannotTell,
}

/// The business's no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Name of the rule, `lower_snake`.
    pub rule: String,
    /// The sentence; no secret and no personal value.
    pub detail: String,
}

impl Refusal {
    /// A no with its rule and its sentence.
    pub fn new(rule: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { rule: rule.into(), detail: detail.into() }
    }
}

/// What went wrong on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The sentence; no secret and no personal value.
    pub detail: String,
    /// What the target asked for by `Retry-After`, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl Fault {
    /// A fault that says nothing about when to come back.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), retry_after_ms: None }
    }
}

/// Whom a step asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// An aggregate of ours: exactly once by key, and it refuses a key that was fenced.
    Aggregate(StreamId),
    /// A provider, by the name of its port: at least once, with one key for all attempts.
    Port(&'static str),
}

/// What an ask comes to, for the ledger of effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whom it asks.
    pub to: To,
    /// What of them, in a few words; no secret and no personal value.
    pub what: String,
    /// The money it moves.
    pub money: Option<Money>,
    /// Of an undo of ours: whether it is asked also when what it takes back is proven never to have
    /// arrived.
    pub regardless: bool,
}

impl Target {
    /// A command to an aggregate.
    pub fn aggregate(stream: StreamId, what: impl Into<String>) -> Self {
        Self { to: To::Aggregate(stream), what: what.into(), money: None, regardless: false }
    }

    /// A call of a port.
    pub fn port(name: &'static str, what: impl Into<String>) -> Self {
        Self { to: To::Port(name), what: what.into(), money: None, regardless: false }
    }

    /// That moves money.
    #[must_use]
    pub fn money(self, minor: i64, currency: impl Into<String>) -> Self {
        Self { money: Some(Money { minor, currency: currency.into() }), ..self }
    }

    /// An undo that is asked also when its step never arrived, because something stood before: what
    /// began the saga. Only where the aggregate takes it in any state.
    #[must_use]
    pub fn regardless(self) -> Self {
        Self { regardless: true, ..self }
    }
}

/// A step of a running saga, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepName<'a> {
    /// The line of the plan.
    pub name: &'a str,
    /// The item of an `each`, empty otherwise.
    pub item: &'a str,
}

impl<'a> StepName<'a> {
    /// From its id: `name` or `name/item`.
    pub fn of(id: &'a str) -> Self {
        let (name, item) = id.split_once('/').unwrap_or((id, ""));
        Self { name, item }
    }
}

/// What an event from outside means to a saga. There is no default: each event type says.
#[derive(Debug, Clone, PartialEq)]
pub enum Meets<State> {
    /// It starts one.
    Start {
        /// Its id, derived from the event: the same event starts it once.
        saga: SagaId,
        /// What it begins with.
        state: State,
        /// When it begins, if not at once. Until then it can be cancelled and nothing was done.
        at: Option<Timestamp>,
    },
    /// It asks one to take everything back, if the pivot is not behind it.
    Cancel {
        /// Which.
        saga: SagaId,
        /// Why.
        why: &'static str,
    },
    /// It comes when none, or no longer one, waits for it.
    Late {
        /// Which.
        saga: SagaId,
        /// What then.
        late: Late,
    },
}

/// What becomes of an event that nothing waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Kept with the saga for so many milliseconds.
    Buffer {
        /// How long, in milliseconds.
        ttl_ms: u64,
    },
    /// Shown to a human.
    ToDeadLetter,
    /// Recorded and nothing more, for this reason.
    Ignore(&'static str),
}

/// For sagas that are only started by hand: no event reaches them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTrigger {}

impl EventSet for NoTrigger {
    const TYPES: &'static [&'static str] = &[];

    fn event_type(&self) -> &'static str {
        match *self {}
    }

    fn serialize_data<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }

    fn deserialize_data<'de, D: serde::Deserializer<'de>>(
        _: &str,
        _: D,
    ) -> Option<Result<Self, D::Error>> {
        None
    }
}
