//! What the engine knows of one saga: a fold of its events. Not what the saga knows of its business,
//! which is a fold of the outputs in here by the saga's own code.

use std::collections::BTreeMap;

use domain::saga::{Kind, Money, SagaId};
use domain::{EventId, Timestamp, Word};
use serde::{Deserialize, Serialize};

use crate::mailbox::{Held, Met};
use crate::words::{Cause, Direction, PlanLine, Purpose, StepKey};

/// Where a saga stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Word)]
pub enum Phase {
    /// Nothing has happened.
    #[default]
    Absent,
    /// It does what its plan says.
    Forward,
    /// It takes back what it did.
    Undoing,
    /// Everything was done.
    Done,
    /// Everything that was begun was taken back.
    Undone,
}

/// Where one way of a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Word)]
pub enum Status {
    /// It may be asked.
    #[default]
    Ready,
    /// It was asked; no answer yet.
    InFlight,
    /// It waits for its next attempt.
    Waiting,
    /// The target is asked whether it was done.
    Probing,
    /// It waits until the target is asked that again.
    ProbeWaiting,
    /// An attempt failed, and something must be decided or a human come.
    Failed,
    /// The target refused.
    Refused,
    /// It is done.
    Done,
}

/// One way of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Way {
    /// Which round of keys, from 1; 0: never asked.
    pub generation: u32,
    /// Attempts so far, in all rounds.
    pub attempts: u32,
    /// The first attempt of this round: answers to earlier ones are about an earlier round.
    pub round_from: u32,
    /// Attempts since it was begun or resumed.
    pub tries: u32,
    /// Probes since the last doubt.
    pub probes: u32,
    /// Where it stands.
    pub status: Status,
    /// The key of this round.
    pub key: Option<StepKey>,
    /// When it was asked first in this round.
    pub asked_at: Timestamp,
    /// Until when an answer to the last attempt is waited for.
    pub due_at: Timestamp,
    /// Whether the last answer was a no.
    pub refused: bool,
    /// The last thing that went wrong.
    pub fault: Option<String>,
}

/// What is known of a step that was begun.
#[expect(clippy::struct_excessive_bools, reason = "four facts that are independent of each other")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// Its place in the plan, by line and item.
    pub place: (u32, u32),
    /// What can be done about it.
    pub kind: Kind,
    /// Whom it asks.
    pub target: String,
    /// Whether that is an aggregate of ours.
    pub ours: bool,
    /// What it asks.
    pub what: String,
    /// The money it moves.
    pub money: Option<Money>,
    /// To do it.
    pub forward: Way,
    /// To take it back.
    pub undo: Way,
    /// What it gave, as JSON.
    pub output: Option<String>,
    /// It may have been done, and nobody has proven that it was not.
    pub doubt: bool,
    /// Some attempt ended without an answer that settles it, so its request may still be under way.
    pub unsettled: bool,
    /// No call under its forward key may begin any more.
    pub fenced: bool,
    /// An operator took it for done, or for taken back.
    pub skipped: Option<Direction>,
    /// Whether anything can stand that arrived behind the undo.
    pub confirm: Confirm,
}

/// Whether anything can stand that arrived behind an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Word)]
pub enum Confirm {
    /// No.
    #[default]
    Settled,
    /// The undo is done; it waits until no request can be alive.
    Waiting,
    /// The target is asked.
    Probing,
    /// The target cannot tell, and something must be decided or a human come.
    Failed,
}

/// A timer that is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// What for.
    pub purpose: Purpose,
    /// Its step; empty for the saga.
    pub step: String,
    /// When it fires.
    pub at: Timestamp,
}

/// Why it, or a step of it, cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Park {
    /// The cause.
    pub cause: Cause,
    /// Since when.
    pub since: Timestamp,
    /// The sentence.
    pub detail: String,
}

/// What the engine knows of one saga.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: Option<SagaId>,
    /// Events so far.
    pub revision: u64,
    /// Name, version and hash of its plan.
    pub plan: (String, u32, String),
    /// The event that started it.
    pub trigger: Option<EventId>,
    /// What it began with, as JSON.
    pub state: String,
    /// The steps that the plan had then.
    pub lines: Vec<PlanLine>,
    /// Where it stands.
    pub phase: Phase,
    /// When it was started.
    pub started_at: Timestamp,
    /// When something happened last.
    pub last_at: Timestamp,
    /// The steps that were begun.
    pub steps: BTreeMap<String, StepState>,
    /// Which of them gave an output, in the order in which they did.
    pub outputs: Vec<String>,
    /// Timers that are set.
    pub timers: BTreeMap<u32, Timer>,
    /// The number of the next timer.
    pub next_timer: u32,
    /// Why it, or steps of it, cannot go on, by step; empty for the whole.
    pub parks: BTreeMap<String, Park>,
    /// Since when its step deadlines are frozen.
    pub frozen: Option<Timestamp>,
    /// Why it is undone.
    pub undo_why: Option<String>,
    /// Events that it holds while it is parked, in the order in which they came.
    pub mailbox: Vec<Held>,
    /// Events from outside that it has met.
    pub(crate) met: Met,
}

impl StepState {
    /// Whether it is proven that it did not happen.
    pub fn proven_not(&self) -> bool {
        !self.doubt && matches!(self.forward.status, Status::Ready | Status::Refused)
    }

    /// Whether it must be taken back when everything is: begun, and not proven not to have happened.
    pub fn must_be_undone(&self) -> bool {
        let doubtful = self.forward.status != Status::Done && log::Mutant::DoubtNotUndone.is_on();
        self.kind == Kind::Undoable && !self.proven_not() && !doubtful
    }

    /// One way of it.
    pub fn way(&self, direction: Direction) -> &Way {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Undo => &self.undo,
        }
    }

    pub(crate) fn way_mut(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Undo => &mut self.undo,
        }
    }

    /// From when on no request of a forward attempt can be alive.
    pub fn dead_at(&self) -> Timestamp {
        self.forward.due_at.plus_ms(REQUEST_MARGIN_MS)
    }
}

/// How long a request may live beyond the time its answer is waited for: clocks of other machines
/// and queues on the way.
pub const REQUEST_MARGIN_MS: i64 = 60_000;

impl Instance {
    /// Whether it runs: started and not over.
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Forward | Phase::Undoing)
    }

    /// Whether its time to begin has not come.
    pub fn waits_to_begin(&self) -> bool {
        self.timers.values().any(|timer| timer.purpose == Purpose::Begin)
    }

    /// Whether it, or a step of it, waits for a human.
    pub fn is_parked(&self) -> bool {
        !self.parks.is_empty()
    }

    /// Whether nothing of it may be begun. A failed undo holds up only what was done before it.
    pub fn is_blocked(&self) -> bool {
        self.parks.iter().any(|(step, park)| step.is_empty() || !self.is_apart(step, park))
    }

    fn is_apart(&self, step: &str, park: &Park) -> bool {
        park.cause == Cause::UndoFailed
            || (self.phase == Phase::Undoing
                && park.cause == Cause::InDoubt
                && self.steps.get(step).is_some_and(|step| step.confirm == Confirm::Failed))
    }

    /// Whether it can still be undone: the pivot has not begun, or is proven not to have happened.
    pub fn can_be_undone(&self) -> bool {
        let before = |step: &StepState| {
            matches!(step.kind, Kind::Undoable | Kind::ReadOnly) || step.proven_not()
        };
        self.phase == Phase::Forward && self.steps.values().all(before)
    }
}
