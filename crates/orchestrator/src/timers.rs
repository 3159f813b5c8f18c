//! Timers that fired: what they mean where the saga stands. Not a clock.

use domain::saga::{OnExpiry, Saga};

use crate::decide::Deciding;
use crate::event::Event;
use crate::instance::{Phase, Status, StepState, Timer};
use crate::words::{Cause, Direction, Purpose};

impl<S: Saga> Deciding<'_, S> {
    pub(crate) fn timer(&mut self, number: u32) {
        let frozen =
            |timer: &Timer| timer.purpose == Purpose::StepDeadline && self.is.frozen.is_some();
        let wrong = match self.is.timers.get(&number) {
            None => Some("nothing waits for it"),
            Some(timer) if timer.at > self.now => Some("it is too early"),
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
