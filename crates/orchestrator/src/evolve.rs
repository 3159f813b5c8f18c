//! The fold of events into what the engine knows. Total: what has happened cannot be refused.

use domain::Timestamp;
use domain::saga::Money;
use log::Mutant;

use crate::event::Event;
use crate::instance::{Confirm, Instance, Park, Phase, Status, StepState, Timer, Way};
use crate::words::{Cause, Direction, End, Probed, Purpose};

impl Instance {
    /// The saga after one more event, recorded at this time.
    #[must_use]
    pub fn evolve(mut self, at: Timestamp, event: &Event) -> Self {
        self.revision += 1;
        self.last_at = at;
        match event {
            Event::Started { saga, plan, version, hash, trigger, state, steps } => {
                self.id = Some(*saga);
                self.plan = (plan.clone(), *version, hash.clone());
                self.trigger = Some(*trigger);
                self.state.clone_from(state);
                self.lines.clone_from(steps);
                self.phase = Phase::Forward;
                self.started_at = at;
            }
            Event::TimerSet { timer, purpose, step, at } => {
                self.set_timer(*timer, *purpose, step, *at);
                self.waits(*purpose, step);
            }
            Event::TimerFired { timer } => self.fired(*timer),
            Event::StepScheduled { .. } => self.scheduled(at, event),
            Event::UndoStarted { why, event } => {
                self.phase = Phase::Undoing;
                self.undo_why = Some(why.clone());
                if let Some(event) = event {
                    self.meets(*event);
                }
                let stays = [Purpose::Attempt, Purpose::Confirm, Purpose::Held];
                let kept = |timer: &Timer| stays.contains(&timer.purpose);
                self.timers.retain(|_, timer| kept(timer));
            }
            Event::UndoFenced { step, .. } => self.fenced(step),
            Event::Parked { cause, step, detail } => self.parked(at, *cause, step, detail),
            Event::Resumed { step, .. } => self.resumed(at, step),
            Event::Ended { end } => {
                self.phase = if *end == End::Done { Phase::Done } else { Phase::Undone };
                self.timers.clear();
            }
            Event::LateEvent { .. } => self.late(event),
            Event::TimerIgnored { .. } | Event::Operated { .. } => {}
            _ => self.answered(at, event),
        }
        self
    }

    fn scheduled(&mut self, at: Timestamp, event: &Event) {
        let Event::StepScheduled {
            step: id,
            direction,
            generation,
            attempt,
            key,
            line,
            item,
            kind,
            ..
        } = event
        else {
            return;
        };
        let Event::StepScheduled { target, ours, what, minor, currency, timer, due_at, .. } = event
        else {
            return;
        };
        let money = || {
            let (minor, currency) = (*minor.as_ref()?, currency.clone()?);
            Some(Money { minor, currency })
        };
        let step = self.steps.entry(id.clone()).or_insert_with(|| StepState {
            place: (*line, *item),
            kind: *kind,
            target: target.clone(),
            ours: *ours,
            what: what.clone(),
            money: money(),
            forward: Way::default(),
            undo: Way::default(),
            output: None,
            doubt: false,
            unsettled: false,
            fenced: false,
            skipped: None,
            confirm: Confirm::Settled,
        });
        let way = step.way_mut(*direction);
        if way.key != Some(*key) {
            way.asked_at = at;
            way.round_from = *attempt;
        }
        way.generation = *generation;
        way.attempts = *attempt;
        way.tries += 1;
        way.status = Status::InFlight;
        way.key = Some(*key);
        way.refused = false;
        way.due_at = way.due_at.max(*due_at);
        self.set_timer(*timer, Purpose::Attempt, id, *due_at);
    }

    fn fenced(&mut self, id: &str) {
        if let Some(step) = self.steps.get_mut(id) {
            step.fenced = true;
            if step.forward.status != Status::Done {
                step.unsettled = true;
                step.doubt = true;
            }
        }
        self.forget(id, &[Purpose::Attempt, Purpose::Retry, Purpose::Probe]);
    }

    fn parked(&mut self, at: Timestamp, cause: Cause, step: &str, detail: &str) {
        let park = Park { cause, since: at, detail: detail.to_owned() };
        self.parks.insert(step.to_owned(), park);
        self.frozen = self.frozen.or(Some(at));
    }

    fn resumed(&mut self, at: Timestamp, id: &str) {
        self.parks.remove(id);
        if let Some(step) = self.steps.get_mut(id) {
            for way in [&mut step.forward, &mut step.undo] {
                // An aggregate keeps its refusal under the key, and would repeat it for ever.
                if step.ours && way.status == Status::Refused {
                    way.key = None;
                }
                way.tries = 0;
                way.probes = 0;
                way.refused = false;
                if way.status == Status::Failed || way.status == Status::Refused {
                    way.status = Status::Ready;
                }
            }
            if step.confirm == Confirm::Failed {
                step.confirm = Confirm::Probing;
            }
        }
        if let Some(since) = self.frozen.filter(|_| self.parks.is_empty()) {
            self.frozen = None;
            let deadlines = self.timers.values_mut();
            for timer in deadlines.filter(|timer| timer.purpose == Purpose::StepDeadline) {
                timer.at = timer.at.plus_ms(at.ms_since(since));
            }
        }
    }

    fn answered(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::StepDone { step, direction, output, .. } => {
                self.done(step, *direction, output.as_ref());
            }
            Event::StepSkipped { step, direction, output } => {
                self.done(step, *direction, output.as_ref());
                if let Some(step) = self.steps.get_mut(step) {
                    step.skipped = Some(*direction);
                    step.confirm = Confirm::Settled;
                }
                self.forget(step, &[Purpose::Confirm]);
            }
            Event::StepRefused { step, direction, detail, .. } => {
                let status = Status::Refused;
                self.failed(step, *direction, status, detail);
                if let Some(step) = self.steps.get_mut(step).filter(|step| step.ours) {
                    step.doubt &= *direction == Direction::Undo;
                }
            }
            Event::StepDelayed { step, direction, detail, .. }
            | Event::StepUnknown { step, direction, detail, .. } => {
                self.failed(step, *direction, Status::Failed, detail);
                if let Some(step) = self.steps.get_mut(step)
                    && *direction == Direction::Forward
                {
                    step.doubt = true;
                    step.unsettled = true;
                }
            }
            Event::ProbeAnswered { step, behind_undo: false, answer, output } => {
                self.probed(at, step, *answer, output.as_ref());
            }
            Event::ProbeAnswered { step, answer, output, .. } => {
                self.confirmed(step, *answer, output.as_ref());
            }
            Event::AnswerIgnored { step, direction: Direction::Forward, output, .. } => {
                let step = self.steps.get_mut(step);
                if let (Some(step), Some(output)) = (step, output) {
                    // Told late, but an undo can use it.
                    step.output.get_or_insert_with(|| output.clone());
                }
            }
            _ => {}
        }
    }

    fn done(&mut self, id: &str, way: Direction, output: Option<&String>) {
        let Some(step) = self.steps.get_mut(id) else { return };
        step.way_mut(way).status = Status::Done;
        match way {
            Direction::Forward => {
                step.doubt = false;
                step.output = output.cloned().or(step.output.take());
                if step.output.is_some() && !self.outputs.iter().any(|known| known == id) {
                    self.outputs.push(id.to_owned());
                }
                let all = [Purpose::Attempt, Purpose::Retry, Purpose::Probe, Purpose::StepDeadline];
                self.forget(id, &all);
            }
            Direction::Undo => {
                // What was asked before the undo and can still arrive must be looked for.
                let looked_for = step.unsettled && !step.ours && !Mutant::UndoNotConfirmed.is_on();
                if looked_for && step.dead_at() > step.undo.asked_at {
                    step.confirm = Confirm::Waiting;
                }
                self.forget(id, &[Purpose::Attempt, Purpose::UndoRetry]);
            }
        }
    }

    fn failed(&mut self, id: &str, direction: Direction, status: Status, detail: &str) {
        if let Some(step) = self.steps.get_mut(id) {
            let way = step.way_mut(direction);
            way.status = status;
            way.refused = status == Status::Refused;
            way.fault = Some(detail.to_owned());
        }
        self.forget(id, &[Purpose::Attempt]);
    }

    fn probed(&mut self, at: Timestamp, id: &str, answer: Probed, output: Option<&String>) {
        if answer == Probed::Happened {
            return self.done(id, Direction::Forward, output);
        }
        let Some(step) = self.steps.get_mut(id) else { return };
        step.forward.probes += 1;
        step.forward.status = Status::Failed;
        if answer == Probed::NotHappened {
            step.forward.probes = 0;
            step.doubt = at < step.dead_at();
            step.forward.status = Status::Ready;
        }
    }

    fn confirmed(&mut self, id: &str, answer: Probed, output: Option<&String>) {
        let Some(step) = self.steps.get_mut(id) else { return };
        match answer {
            Probed::Happened => {
                step.confirm = Confirm::Settled;
                step.output = output.cloned().or(step.output.take());
                // A new round: under the old key the target would repeat its old answer.
                step.undo.status = Status::Ready;
                if !Mutant::RoundKeepsKey.is_on() {
                    step.undo.key = None;
                }
                step.undo.round_from = step.undo.attempts + 1;
                step.undo.tries = 0;
            }
            Probed::NotHappened => step.confirm = Confirm::Settled,
            Probed::CannotTell => {
                step.undo.probes += 1;
                step.confirm = Confirm::Failed;
            }
        }
    }
}
