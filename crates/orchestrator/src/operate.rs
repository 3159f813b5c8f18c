//! What an operator can do. Each action is an event with actor and reason, followed by what came of
//! it. Not who may: that is the edge's.

use domain::saga::Saga;

use crate::decide::{Deciding, NotTaken, Operation};
use crate::event::Event;
use crate::instance::{Confirm, Instance, Phase, Status};
use crate::words::{Cause, Direction, Probed, Purpose, Verb};

impl<S: Saga> Deciding<'_, S> {
    pub(crate) fn operate(&mut self, operation: Operation<S>) -> Result<(), NotTaken> {
        let Operation { verb, step, actor, reason, revision, happened, output, ticket, approver } =
            operation;
        if reason.trim().is_empty() {
            return Err(NotTaken::NoReason);
        }
        if revision != self.is.revision && !log::Mutant::OperatorBlind.is_on() {
            return Err(NotTaken::Stale { seen: revision, is: self.is.revision });
        }
        may(&self.is, verb, &step).map_err(|why| NotTaken::NotNow { verb, why })?;
        let output = self.json(output);
        let operated = step.clone();
        self.emit(Event::Operated {
            verb,
            step: operated,
            actor,
            reason,
            revision,
            ticket,
            approver,
        });
        match verb {
            Verb::Hold => self.park(Cause::OperatorHold, "", "an operator holds it"),
            Verb::Release => self.resume(&step, verb),
            Verb::Undo => self.start_undo("an operator took it back"),
            Verb::Retry => self.retry_now(&step),
            Verb::Skip => {
                let undoing = self.is.phase == Phase::Undoing;
                let direction = if undoing { Direction::Undo } else { Direction::Forward };
                self.resume(&step, verb);
                self.emit(Event::StepSkipped { step, direction, output });
            }
            Verb::Resolve => {
                let behind_undo =
                    self.is.steps.get(&step).is_some_and(|step| step.confirm == Confirm::Failed);
                self.resume(&step, verb);
                let answer = if happened { Probed::Happened } else { Probed::NotHappened };
                self.emit(Event::ProbeAnswered { step, behind_undo, answer, output });
            }
        }
        Ok(())
    }

    fn resume(&mut self, step: &str, verb: Verb) {
        if self.is.parks.contains_key(step) {
            let why = format!("an operator's {verb}");
            self.emit(Event::Resumed { step: step.to_owned(), why });
        }
    }

    fn retry_now(&mut self, id: &str) {
        if self.is.parks.contains_key(id) {
            return self.resume(id, Verb::Retry);
        }
        let pauses = [Purpose::Retry, Purpose::UndoRetry];
        let timers = self.is.timers.iter();
        let mut pauses = timers.filter(|(_, t)| t.step == id && pauses.contains(&t.purpose));
        if let Some(timer) = pauses.next().map(|(number, _)| *number) {
            self.emit(Event::TimerFired { timer });
        }
    }
}

/// Whether an action fits the state of a saga; the reason is what a greyed button says. `step` is empty
/// for the whole saga.
pub fn may(is: &Instance, verb: Verb, step: &str) -> Result<(), &'static str> {
    if !is.is_running() {
        return Err("it is over, or never began");
    }
    let parked = is.parks.get(step).map(|park| park.cause);
    let known = is.steps.get(step);
    let waits = known
        .is_some_and(|step| [step.forward.status, step.undo.status].contains(&Status::Waiting));
    match verb {
        Verb::Hold if is.parks.contains_key("") => Err("it is parked already"),
        Verb::Release if !step.is_empty() => Err("a saga is released, a step is retried"),
        Verb::Release if parked == Some(Cause::NoExecutor) => {
            Err("it goes on by itself when its plan is registered")
        }
        Verb::Release if parked.is_none() => Err("nobody holds it"),
        Verb::Undo if is.phase == Phase::Undoing => Err("it is being undone"),
        Verb::Undo if !is.can_be_undone() => {
            Err("the pivot has begun: it may have happened, and cannot be taken back")
        }
        Verb::Retry if step.is_empty() && parked != Some(Cause::Poison) => {
            Err("a step is retried; a saga is released")
        }
        Verb::Retry if parked.is_none() && !waits => Err("it neither is parked nor waits"),
        Verb::Skip if known.is_none() || parked.is_none() => {
            Err("only a parked step can be skipped")
        }
        Verb::Resolve if known.is_none() || parked != Some(Cause::InDoubt) => {
            Err("only a step in doubt can be resolved")
        }
        _ => Ok(()),
    }
}
