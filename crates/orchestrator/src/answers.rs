//! Answers and probes: what they mean where the saga stands. Not what comes next, which
//! `advance` says.

use domain::saga::{Exhausted, Kind, Outcome, Probe, Retry, Saga, Unknown};
use log::Mutant;

use crate::code::{Poison, ms};
use crate::decide::{Attempt, Deciding};
use crate::event::Event;
use crate::instance::{Confirm, Phase, Status};
use crate::key::Leg;
use crate::words::{Cause, Direction, Probed, Purpose};

/// A target that cannot tell is asked so often before the policy decides: it may just be down.
const PROBES_MAX: u32 = 3;

impl<S: Saga> Deciding<'_, S> {
    pub(crate) fn answer(&mut self, attempt: Attempt, outcome: Outcome<Option<S::Answer>>) {
        let Attempt { step: id, direction, number } = attempt;
        let Some(step) = self.is.steps.get(&id) else { return };
        let way = step.way(direction);
        let this = way.attempts == number || Mutant::AnyAttemptCounts.is_on();
        let awaited = way.status == Status::InFlight && this;
        let fenced =
            direction == Direction::Forward && step.fenced && !Mutant::FencedAnswerCounts.is_on();
        // An older attempt that did it after all, while it is not settled otherwise.
        let settles = matches!(outcome, Outcome::Done(_))
            && way.status != Status::Done
            && (number >= way.round_from || Mutant::AnyAttemptCounts.is_on());
        if !self.is.is_running() || fenced || !(awaited || settles) {
            let why = if fenced { "its key is fenced" } else { "nothing waits for it any more" };
            return self.ignore(id, direction, number, outcome, why);
        }
        match outcome {
            Outcome::Done(output) => {
                let output = output.filter(|_| direction == Direction::Forward);
                let output = self.json(output);
                self.resume_by_itself(&id, direction);
                self.emit(Event::StepDone { step: id.clone(), direction, attempt: number, output });
                self.after_undo(&id, direction);
            }
            Outcome::Refused(no) => {
                let (rule, detail) = (no.rule, no.detail);
                let (step, attempt) = (id.clone(), number);
                self.emit(Event::StepRefused { step, direction, attempt, rule, detail });
                self.refused(&id, direction);
            }
            Outcome::Transient(fault) => {
                let retry_after_ms = fault.retry_after_ms;
                let (step, attempt, detail) = (id.clone(), number, fault.detail);
                let delayed =
                    Event::StepDelayed { step, direction, attempt, detail, retry_after_ms };
                self.emit(delayed);
                self.again(&id, direction, retry_after_ms);
            }
            Outcome::Unknown(fault) if Mutant::UnknownIsNo.is_on() => {
                let (step, rule, detail) = (id.clone(), "no".to_owned(), fault.detail);
                self.emit(Event::StepRefused { step, direction, attempt: number, rule, detail });
                self.refused(&id, direction);
            }
            Outcome::Unknown(fault) => self.unknown(&id, direction, &fault.detail),
        }
    }

    pub(crate) fn ignore(
        &mut self,
        step: String,
        direction: Direction,
        attempt: u32,
        outcome: Outcome<Option<S::Answer>>,
        why: &str,
    ) {
        let (output, said) = match outcome {
            Outcome::Done(output) => (self.json(output), "done"),
            Outcome::Refused(_) => (None, "refused"),
            Outcome::Transient(_) => (None, "not now"),
            Outcome::Unknown(_) => (None, "unknown"),
        };
        let why = format!("`{said}`: {why}");
        self.emit(Event::AnswerIgnored { step, direction, attempt, output, why });
    }

    /// An answer that was given up settles what an operator was to settle.
    fn resume_by_itself(&mut self, id: &str, direction: Direction) {
        let doubtful =
            |cause| matches!(cause, Cause::InDoubt | Cause::RetriesExhausted | Cause::UndoFailed);
        let parked = self.is.parks.get(id).is_some_and(|park| doubtful(park.cause));
        let same_way = (self.is.phase == Phase::Undoing) == (direction == Direction::Undo);
        if parked && same_way {
            let why = "an answer came after all".to_owned();
            self.emit(Event::Resumed { step: id.to_owned(), why });
        }
    }

    /// Behind an undo that something may still arrive behind: when it is looked for.
    fn after_undo(&mut self, id: &str, direction: Direction) {
        let Some(step) = self.is.steps.get(id) else { return };
        if direction == Direction::Undo && step.confirm == Confirm::Waiting {
            let at = step.dead_at().max(self.now);
            self.set_timer(Purpose::Confirm, id, at);
        }
    }

    /// No answer.
    pub(crate) fn unknown(&mut self, id: &str, direction: Direction, detail: &str) {
        let Some(step) = self.is.steps.get(id) else { return };
        let (attempt, detail) = (step.way(direction).attempts, detail.to_owned());
        let by_key = step.ours || step.kind == Kind::ReadOnly || direction == Direction::Undo;
        self.emit(Event::StepUnknown { step: id.to_owned(), direction, attempt, detail });
        if by_key {
            self.again(id, direction, None);
        } else {
            self.set_timer(Purpose::Probe, id, self.now);
        }
    }

    /// A failed attempt: once more, or no more.
    fn again(&mut self, id: &str, direction: Direction, retry_after_ms: Option<u64>) {
        let (Some(step), Some(line)) = (self.is.steps.get(id), self.plan.line(id)) else { return };
        let undo = direction == Direction::Undo;
        if !undo && self.is.phase == Phase::Undoing {
            return;
        }
        let retry = if undo { self.plan.undo_retry } else { line.retry };
        let way = step.way(direction);
        if retry.attempts_max.is_some_and(|max| way.tries >= max) {
            return self.exhausted(id, direction);
        }
        let pause_ms = self.pause(id, direction, &retry).max(retry_after_ms.unwrap_or(0));
        let purpose = if undo { Purpose::UndoRetry } else { Purpose::Retry };
        self.set_timer(purpose, id, self.now.plus_ms(ms(pause_ms)));
    }

    fn pause(&self, id: &str, direction: Direction, retry: &Retry) -> u64 {
        let (Some(step), Some(saga)) = (self.is.steps.get(id), self.is.id) else { return 0 };
        let way = step.way(direction);
        let leg = Leg { saga, step: id, direction, generation: way.generation };
        retry.pause_ms(way.tries.max(way.probes).max(1), leg.draw(way.attempts + way.probes))
    }

    fn exhausted(&mut self, id: &str, direction: Direction) {
        let (Some(step), Some(line)) = (self.is.steps.get(id), self.plan.line(id)) else { return };
        let fault = step.way(direction).fault.clone().unwrap_or_default();
        let detail = format!("{} attempts; the last: {fault}", step.way(direction).tries);
        if direction == Direction::Undo {
            return self.park(Cause::UndoFailed, id, detail);
        }
        // Never undo behind a pivot that may have happened.
        if step.kind == Kind::Pivot && step.doubt && !Mutant::PivotUndone.is_on() {
            return self.set_timer(Purpose::Probe, id, self.now);
        }
        if line.retry.exhausted == Exhausted::Park {
            return self.park(Cause::RetriesExhausted, id, detail);
        }
        self.start_undo(format!("{id}: {detail}"));
    }

    fn refused(&mut self, id: &str, direction: Direction) {
        let Some(step) = self.is.steps.get(id) else { return };
        let detail = step.way(direction).fault.clone().unwrap_or_default();
        let (kind, doubt) = (step.kind, step.doubt);
        match (direction, kind) {
            (Direction::Undo, _) => self.park(Cause::UndoFailed, id, detail),
            // "It is there already" is a refusal too.
            (_, Kind::Pivot | Kind::Forward) if doubt => {
                self.set_timer(Purpose::Probe, id, self.now);
            }
            (_, Kind::Forward) => self.park(Cause::Refused, id, detail),
            _ => self.start_undo(format!("{id} was refused: {detail}")),
        }
    }

    pub(crate) fn probed(&mut self, id: &str, behind_undo: bool, probe: Probe<Option<S::Answer>>) {
        let Some(step) = self.is.steps.get(id) else { return };
        let asked = if behind_undo {
            step.confirm == Confirm::Probing
        } else {
            step.forward.status == Status::Probing && !step.fenced
        };
        if !self.is.is_running() || !asked {
            return;
        }
        let refused = self.was_refused(id);
        let (answer, output) = match probe {
            Probe::Happened(output) => (Probed::Happened, self.json(output)),
            Probe::NotHappened => (Probed::NotHappened, None),
            Probe::CannotTell => (Probed::CannotTell, None),
        };
        self.emit(Event::ProbeAnswered { step: id.to_owned(), behind_undo, answer, output });
        match (answer, behind_undo) {
            (Probed::CannotTell, true) => self.cannot_confirm(id),
            (Probed::CannotTell, false) => self.cannot_tell(id),
            (Probed::NotHappened, false) => self.not_happened(id, refused),
            _ => {}
        }
    }

    /// Whether the last answer of the target was a no.
    fn was_refused(&self, id: &str) -> bool {
        self.is.steps.get(id).is_some_and(|step| step.forward.refused)
    }

    pub(crate) fn not_happened(&mut self, id: &str, refused: bool) {
        let (Some(step), Some(line)) = (self.is.steps.get(id), self.plan.line(id)) else { return };
        let used_up = line.retry.attempts_max.is_some_and(|max| step.forward.tries >= max);
        if !refused && !used_up {
            return;
        }
        if step.kind == Kind::Forward && refused {
            let detail = step.forward.fault.clone().unwrap_or_default();
            return self.park(Cause::Refused, id, detail);
        }
        if step.kind == Kind::Pivot && step.doubt {
            // A request may be alive: asked again when it cannot be.
            let at = step.dead_at().max(self.now.plus_ms(1));
            return self.set_timer(Purpose::Probe, id, at);
        }
        if line.retry.exhausted == Exhausted::Park && !refused {
            return self.park(Cause::RetriesExhausted, id, "attempts used up; it did not happen");
        }
        let fault = step.forward.fault.clone().unwrap_or_default();
        self.start_undo(format!("{id}: {fault}"));
    }

    fn cannot_tell(&mut self, id: &str) {
        let (Some(step), Some(line)) = (self.is.steps.get(id), self.plan.line(id)) else { return };
        if step.forward.probes < PROBES_MAX {
            let at = self.now.plus_ms(ms(self.pause(id, Direction::Forward, &line.retry)));
            return self.set_timer(Purpose::Probe, id, at);
        }
        let used_up = line.retry.attempts_max.is_some_and(|max| step.forward.tries >= max);
        let fault = step.forward.fault.clone().unwrap_or_default();
        let detail = format!("{fault}; asked whether it happened, the target cannot tell");
        match line.unknown {
            Unknown::ProbeThenRepeat if !used_up && !step.forward.refused => {
                self.again(id, Direction::Forward, None);
            }
            Unknown::ProbeThenUndo => self.start_undo(format!("{id}: {detail}")),
            _ => self.park(Cause::InDoubt, id, detail),
        }
    }

    fn cannot_confirm(&mut self, id: &str) {
        let probes = self.is.steps.get(id).map_or(0, |step| step.undo.probes);
        if probes < PROBES_MAX {
            let pause_ms = self.pause(id, Direction::Undo, &self.plan.undo_retry);
            return self.set_timer(Purpose::Confirm, id, self.now.plus_ms(ms(pause_ms)));
        }
        self.park(Cause::InDoubt, id, "undone; whether anything arrived after it, nobody can tell");
    }

    pub(crate) fn json(&mut self, output: Option<S::Answer>) -> Option<String> {
        output.and_then(|output| match serde_json::to_string(&output) {
            Ok(json) => Some(json),
            Err(error) => {
                self.poisoned(Poison(error.to_string()));
                None
            }
        })
    }
}
