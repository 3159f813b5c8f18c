//! Timers: what is known of them, and what one that fired means where the saga stands. Not a clock.

use domain::Timestamp;
use domain::saga::{OnExpiry, Saga};

use crate::decide::Deciding;
use crate::event::Event;
use crate::instance::{Confirm, Instance, Phase, Status, StepState, Timer};
use crate::words::{Cause, Direction, Purpose};

impl Instance {
    pub(crate) fn set_timer(&mut self, number: u32, purpose: Purpose, step: &str, at: Timestamp) {
        self.next_timer = self.next_timer.max(number + 1);
        self.timers.insert(number, Timer { purpose, step: step.to_owned(), at });
    }

    pub(crate) fn waits(&mut self, purpose: Purpose, step: &str) {
        let Some(step) = self.steps.get_mut(step) else { return };
        match purpose {
            Purpose::Retry => step.forward.status = Status::Waiting,
            Purpose::UndoRetry => step.undo.status = Status::Waiting,
            Purpose::Probe => step.forward.status = Status::ProbeWaiting,
            Purpose::Confirm => step.confirm = Confirm::Waiting,
            Purpose::Attempt
            | Purpose::StepDeadline
            | Purpose::SagaDeadline
            | Purpose::Begin
            | Purpose::Held => {}
        }
    }

    pub(crate) fn fired(&mut self, number: u32) {
        let Some(timer) = self.timers.remove(&number) else { return };
        let Some(step) = self.steps.get_mut(&timer.step) else { return };
        match timer.purpose {
            Purpose::Retry => step.forward.status = Status::Ready,
            Purpose::UndoRetry => step.undo.status = Status::Ready,
            Purpose::Probe => step.forward.status = Status::Probing,
            Purpose::Confirm => step.confirm = Confirm::Probing,
            Purpose::Attempt
            | Purpose::StepDeadline
            | Purpose::SagaDeadline
            | Purpose::Begin
            | Purpose::Held => {}
        }
    }

    /// Forgets timers of a step.
    pub(crate) fn forget(&mut self, step: &str, purposes: &[Purpose]) {
        self.timers.retain(|_, timer| timer.step != step || !purposes.contains(&timer.purpose));
    }
}

impl<S: Saga> Deciding<'_, S> {
    pub(crate) fn timer(&mut self, number: u32) {
        let frozen =
            |timer: &Timer| timer.purpose == Purpose::StepDeadline && self.is.frozen.is_some();
        let wrong = match self.is.timers.get(&number) {
            None => Some("nothing waits for it"),
            Some(timer) if timer.at > self.now && !log::Mutant::EarlyTimerFires.is_on() => {
                Some("it is too early")
            }
            Some(timer) if frozen(timer) => Some("it is frozen while the saga is parked"),
            Some(_) => None,
        };
        if let Some(why) = wrong {
            return self.emit(Event::TimerIgnored { timer: number, why: why.to_owned() });
        }
        let Some(Timer { purpose, step: id, .. }) = self.is.timers.get(&number).cloned() else {
            return;
        };
        self.emit(Event::TimerFired { timer: number });
        match purpose {
            Purpose::Attempt => self.no_answer_in_time(&id),
            Purpose::StepDeadline => self.step_expired(&id),
            Purpose::SagaDeadline => self.saga_expired(),
            Purpose::Held => self.drop_held(),
            Purpose::Retry
            | Purpose::UndoRetry
            | Purpose::Probe
            | Purpose::Confirm
            | Purpose::Begin => {}
        }
    }

    fn no_answer_in_time(&mut self, id: &str) {
        let under_way = |step: &StepState, way: Direction| step.way(way).status == Status::InFlight;
        let Some(step) = self.is.steps.get(id) else { return };
        for direction in [Direction::Forward, Direction::Undo] {
            if under_way(step, direction) && !(direction == Direction::Forward && step.fenced) {
                return self.unknown(id, direction, "no answer in time");
            }
        }
    }

    fn step_expired(&mut self, id: &str) {
        let then = self.plan.line(id).and_then(|line| line.within).map(|(_, then)| then);
        if self.is.phase != Phase::Forward || then.is_none() {
            return;
        }
        if then == Some(OnExpiry::Undo) && self.is.can_be_undone() {
            return self.start_undo(format!("{id}: its time is over"));
        }
        self.park(Cause::DeadlinePassed, id, "its time is over");
    }

    fn saga_expired(&mut self) {
        let then = self.plan.deadline.map(|(_, then)| then);
        // Behind the pivot it goes on: nothing is gained by stopping it.
        if !self.is.can_be_undone() {
            return;
        }
        match then {
            Some(OnExpiry::Undo) => self.start_undo("its time is over"),
            Some(OnExpiry::Park) => self.park(Cause::DeadlinePassed, "", "its time is over"),
            None => {}
        }
    }
}
