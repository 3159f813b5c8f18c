//! How states, steps and effects look: a class for the colour, an icon, a word, always the three.

use domain::Timestamp;
use domain::saga::Kind;
use maud::{Markup, html};
use orchestrator::{
    Cause, Confirm, Direction, Instance, Phase, Purpose, SagaType, Standing, Status,
};

use super::{SagaState, StepAt, line, timer};
use crate::desk::Breaker;
use crate::parts::{self, icon};

/// Colour, icon, word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// `is-run` and so on.
    pub(crate) class: &'static str,
    /// Its icon.
    pub(crate) icon: &'static str,
    /// In words.
    pub(crate) word: String,
}

impl Look {
    /// As text: all three.
    pub(crate) fn st(&self) -> Markup {
        html! { span class={ "st " (self.class) } { (icon(self.icon)) (self.word) } }
    }

    /// As a chip: all three.
    pub(crate) fn chip(&self) -> Markup {
        parts::chip(self.class, self.icon, &self.word)
    }
}

fn look(class: &'static str, icon: &'static str, word: impl Into<String>) -> Look {
    Look { class, icon, word: word.into() }
}

impl SagaState {
    /// Colour, icon, word.
    pub(crate) fn look(self) -> Look {
        match self {
            Self::InDoubt => look("is-doubt", "doubt", "in doubt"),
            Self::UndoFailed => look("is-bad", "warn", "undo failed"),
            Self::Parked => look("is-park", "park", "parked"),
            Self::Held => look("is-idle", "hold", "held"),
            Self::Undoing => look("is-undo", "undo", "undoing"),
            Self::Waiting => look("is-idle", "wait", "waiting"),
            Self::Running => look("is-run", "run", "running"),
            Self::Undone => look("is-undo", "undone", "undone"),
            Self::Done => look("is-ok", "done", "done"),
        }
    }
}

/// A park in a word.
pub(crate) fn cause(cause: Cause) -> Look {
    match cause {
        Cause::InDoubt => look("is-doubt", "doubt", "in doubt"),
        Cause::UndoFailed => look("is-bad", "warn", "undo failed"),
        Cause::OperatorHold => look("is-idle", "hold", "held"),
        Cause::RetriesExhausted => look("is-park", "park", "retries exhausted"),
        Cause::DeadlinePassed => look("is-park", "park", "deadline passed"),
        Cause::NoExecutor => look("is-park", "park", "no executor"),
        Cause::Poison => look("is-bad", "warn", "poison"),
        Cause::Refused => look("is-bad", "refused", "refused"),
        Cause::LockTimeout => look("is-park", "park", "lock timeout"),
    }
}

/// An effect in a word.
pub(crate) fn standing(standing: Standing) -> Look {
    match standing {
        Standing::Asked => look("is-idle", "wait", "asked"),
        Standing::Unknown => look("is-doubt", "doubt", "unknown"),
        Standing::Stands => look("is-run", "stands", "stands"),
        Standing::NotDone => look("is-idle", "fence", "not done"),
        Standing::Undoing => look("is-undo", "undo", "being undone"),
        Standing::UndoneUnconfirmed => look("is-doubt", "undone", "undone, unconfirmed"),
        Standing::Undone => look("is-undo", "undone", "undone"),
        Standing::UndoFailed => look("is-bad", "warn", "undo failed"),
        Standing::Skipped(Direction::Forward) => look("is-park", "human", "taken for done"),
        Standing::Skipped(Direction::Undo) => look("is-park", "human", "taken for undone"),
    }
}

/// A breaker in a word.
pub(crate) fn breaker(breaker: Breaker) -> Look {
    match breaker {
        Breaker::Closed => look("is-ok", "done", "closed"),
        Breaker::HalfOpen => look("is-park", "half", "half-open"),
        Breaker::Open { .. } => look("is-bad", "breaker", "open"),
    }
}

/// `6/50`, `6`.
fn of(attempt: u32, max: Option<u32>) -> String {
    max.map_or_else(|| attempt.to_string(), |max| format!("{attempt}/{max}"))
}

/// `, try 2`, when it was not the first.
fn tries(attempts: u32) -> String {
    if attempts > 1 { format!(", try {attempts}") } else { String::new() }
}

/// The forward way of a step.
pub(crate) fn forward(is: &Instance, plan: Option<&dyn SagaType>, step: &StepAt<'_>) -> Look {
    let Some(known) = step.is else { return look("is-idle", "ghost", "not reached") };
    let way = &known.forward;
    let park = is.parks.get(step.id).filter(|park| park.cause != Cause::UndoFailed);
    if let Some(park) = park.filter(|_| way.status != Status::Done) {
        return cause(park.cause);
    }
    let max = line(plan, step.id).and_then(|line| line.retry.attempts_max);
    match way.status {
        Status::Done if known.skipped == Some(Direction::Forward) => {
            look("is-park", "human", "taken for done")
        }
        Status::Done => look("is-ok", "done", format!("done{}", tries(way.attempts))),
        Status::Refused => look("is-bad", "refused", "refused"),
        Status::InFlight => look("is-run", "run", format!("asked{}", tries(way.attempts))),
        Status::Waiting => look("is-park", "retry", format!("try {}", of(way.attempts + 1, max))),
        Status::Probing => look("is-doubt", "probe", "being probed"),
        Status::ProbeWaiting => look("is-doubt", "probe", "probed again"),
        Status::Failed if known.doubt => look("is-doubt", "doubt", "unknown"),
        Status::Failed => look("is-park", "retry", "failed"),
        Status::Ready if known.fenced && known.proven_not() => look("is-idle", "fence", "fenced"),
        Status::Ready if way.attempts > 0 => look("is-idle", "ghost", "did not happen"),
        Status::Ready => look("is-idle", "ghost", "not asked"),
    }
}

/// The undo of a step; `None` when there is none to speak of.
pub(crate) fn undo(is: &Instance, plan: Option<&dyn SagaType>, step: &StepAt<'_>) -> Option<Look> {
    if step.kind != Kind::Undoable {
        return None;
    }
    let undoing = matches!(is.phase, Phase::Undoing | Phase::Undone);
    let Some(known) = step.is else {
        let word = if undoing { "not needed" } else { "if needed" };
        return Some(look("is-idle", "ghost", word));
    };
    if known.skipped == Some(Direction::Undo) {
        return Some(look("is-park", "human", "taken for undone"));
    }
    let way = &known.undo;
    let max = plan.and_then(|plan| plan.undo_retry().attempts_max);
    Some(match way.status {
        Status::Done => match known.confirm {
            Confirm::Settled => look("is-undo", "undone", format!("undone{}", tries(way.attempts))),
            Confirm::Waiting | Confirm::Probing => look("is-doubt", "probe", "unconfirmed"),
            Confirm::Failed => look("is-doubt", "doubt", "in doubt"),
        },
        Status::InFlight => look("is-undo", "undo", format!("asked{}", tries(way.attempts))),
        Status::Waiting => look("is-undo", "retry", format!("try {}", of(way.attempts + 1, max))),
        Status::Failed | Status::Refused => look("is-bad", "warn", "undo failed"),
        Status::Ready | Status::Probing | Status::ProbeWaiting => {
            if undoing && !known.must_be_undone() {
                look("is-idle", "fence", "nothing to undo")
            } else if undoing {
                look("is-idle", "ghost", "to be undone")
            } else {
                look("is-idle", "ghost", "if needed")
            }
        }
    })
}

/// When the next attempt of a way begins.
pub(crate) fn next_try(is: &Instance, step: &str, direction: Direction) -> Option<Timestamp> {
    match direction {
        Direction::Forward => timer(is, step, &[Purpose::Retry, Purpose::Probe]),
        Direction::Undo => timer(is, step, &[Purpose::UndoRetry, Purpose::Confirm]),
    }
}
