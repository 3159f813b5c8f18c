//! What is still out there: every effect that was begun, and whether it stands. Not an account: money
//! is counted by whoever holds it.

use domain::saga::{Kind, Money};

use crate::instance::{Confirm, Instance, Status, StepState};
use crate::words::{Direction, StepKey};

/// Whether an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It was asked, or will be asked again; no answer settles it yet.
    Asked,
    /// Nobody can tell whether it stands.
    Unknown,
    /// It stands.
    Stands,
    /// It was refused, or proven not to have happened.
    NotDone,
    /// It is being taken back.
    Undoing,
    /// It was taken back; something that was under way may still arrive.
    UndoneUnconfirmed,
    /// It was taken back.
    Undone,
    /// It could not be taken back.
    UndoFailed,
    /// An operator took it for done, or for taken back.
    Skipped(Direction),
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The step.
    pub step: String,
    /// Whom it asked.
    pub target: String,
    /// What it asked.
    pub what: String,
    /// The money it moves.
    pub money: Option<Money>,
    /// Its key.
    pub key: Option<StepKey>,
    /// Whether it stands.
    pub standing: Standing,
    /// What the target gave, as JSON.
    pub output: Option<String>,
}

/// The effects of a saga, in the order of its plan.
pub fn ledger(is: &Instance) -> Vec<Entry> {
    let changing = is.steps.iter().filter(|(_, step)| step.kind != Kind::ReadOnly);
    let mut steps: Vec<_> = changing.collect();
    steps.sort_by_key(|(_, step)| step.place);
    let entry = |(id, step): (&String, &StepState)| Entry {
        step: id.clone(),
        target: step.target.clone(),
        what: step.what.clone(),
        money: step.money.clone(),
        key: step.forward.key,
        standing: standing(step),
        output: step.output.clone(),
    };
    steps.into_iter().map(entry).collect()
}

fn standing(step: &StepState) -> Standing {
    if let Some(direction) = step.skipped {
        return Standing::Skipped(direction);
    }
    match (step.undo.status, step.confirm) {
        (Status::Done, Confirm::Settled) => return Standing::Undone,
        (Status::Done, _) => return Standing::UndoneUnconfirmed,
        (Status::Failed | Status::Refused, _) => return Standing::UndoFailed,
        (Status::InFlight | Status::Waiting, _) => return Standing::Undoing,
        (Status::Ready | Status::Probing | Status::ProbeWaiting, _) => {}
    }
    match step.forward.status {
        Status::Done => Standing::Stands,
        Status::Probing | Status::ProbeWaiting | Status::Failed => Standing::Unknown,
        Status::InFlight | Status::Waiting => Standing::Asked,
        Status::Ready | Status::Refused if step.doubt => Standing::Unknown,
        Status::Ready | Status::Refused => Standing::NotDone,
    }
}
