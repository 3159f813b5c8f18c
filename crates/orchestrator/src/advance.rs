//! What comes next: forward by the plan, back against it. Not what an answer means, which is said in
//! `answers`.

use domain::saga::{Kind, Planned, Saga, Step, StepName, Target, To};
use log::Mutant;

use crate::code::{Poison, guard, lived, ms};
use crate::decide::Deciding;
use crate::event::Event;
use crate::instance::{Confirm, Phase, Status};
use crate::key::Leg;
use crate::words::{Cause, Direction, End, Purpose};

impl<S: Saga> Deciding<'_, S> {
    pub(crate) fn advance(&mut self) -> Result<(), Poison> {
        if self.is.is_blocked() {
            return Ok(());
        }
        match self.is.phase {
            Phase::Forward => self.forward(),
            Phase::Undoing => self.back(),
            Phase::Absent | Phase::Done | Phase::Undone => Ok(()),
        }
    }

    fn forward(&mut self) -> Result<(), Poison> {
        if self.is.waits_to_begin() {
            return Ok(());
        }
        let state = lived::<S>(&self.is)?;
        let plan = self.plan;
        for planned in guard(|| plan.steps_of(&state))? {
            let status = self.is.steps.get(&planned.id).map(|step| step.forward.status);
            match status {
                Some(Status::Done) => {}
                None | Some(Status::Ready) => {
                    let ask = guard(|| (planned.step.ask)(&state, &planned.item))?;
                    let target = guard(|| S::target(&ask))?;
                    if status.is_none()
                        && let Some((within_ms, _)) = planned.step.within
                    {
                        let at = self.now.plus_ms(ms(within_ms));
                        self.set_timer(Purpose::StepDeadline, &planned.id, at);
                    }
                    self.schedule(&planned, Direction::Forward, target);
                    return Ok(());
                }
                Some(_) => return Ok(()),
            }
        }
        self.emit(Event::Ended { end: End::Done });
        Ok(())
    }

    /// Line by line against the plan; a line begins when the one behind it in the plan is taken back
    /// whole. What failed holds up the lines before it, not its siblings.
    fn back(&mut self) -> Result<(), Poison> {
        let mut open: Vec<_> =
            self.is.steps.iter().filter(|(_, step)| step.must_be_undone()).collect();
        open.sort_by_key(|(_, step)| std::cmp::Reverse(step.place));
        if Mutant::UndoneInPlanOrder.is_on() {
            open.reverse();
        }
        let open: Vec<String> = open.into_iter().map(|(id, _)| id.clone()).collect();
        let mut stuck = None;
        let mut unsettled = false;
        for id in open {
            let Some(step) = self.is.steps.get(&id) else { continue };
            if stuck.is_some_and(|line| line != step.place.0) {
                return Ok(());
            }
            match step.undo.status {
                Status::Done => unsettled |= step.confirm != Confirm::Settled,
                Status::Ready => return self.undo(&id),
                Status::Failed | Status::Refused if self.gave_up(&id) => {
                    stuck = Some(step.place.0);
                }
                _ => return Ok(()),
            }
        }
        if stuck.is_none() && !unsettled {
            self.emit(Event::Ended { end: End::Undone });
        }
        Ok(())
    }

    fn gave_up(&self, id: &str) -> bool {
        self.is.parks.get(id).is_some_and(|park| park.cause == Cause::UndoFailed)
    }

    fn undo(&mut self, id: &str) -> Result<(), Poison> {
        let missing = || Poison(format!("the plan has no undo for {id}"));
        let plan = self.plan;
        let line = plan.line(id).ok_or_else(missing)?;
        let Some(step) = self.is.steps.get(id) else { return Ok(()) };
        let (place, fenced, key) = (step.place, step.fenced, step.forward.key);
        let generation = step.undo.generation + u32::from(step.undo.key.is_none());
        let ask = ask_of::<S>(&self.is, line, id, Direction::Undo)?;
        let target = guard(|| S::target(&ask))?;
        if let (false, Some(key)) = (fenced, key) {
            self.emit(Event::UndoFenced { step: id.to_owned(), key, generation });
        }
        let item = StepName::of(id).item.to_owned();
        let planned = Planned { id: id.to_owned(), place, item, step: line };
        self.schedule(&planned, Direction::Undo, target);
        Ok(())
    }

    fn schedule(&mut self, planned: &Planned<'_, S>, direction: Direction, target: Target) {
        let Some(saga) = self.is.id else { return };
        let way = self.is.steps.get(&planned.id).map(|step| step.way(direction));
        let generation = way.map_or(1, |way| way.generation + u32::from(way.key.is_none()));
        let attempt = way.map_or(1, |way| way.attempts + 1);
        let step = planned.id.clone();
        let round = if Mutant::KeyOfAttempt.is_on() { attempt } else { generation };
        let key = Leg { saga, step: &step, direction, generation: round }.key();
        let (ours, whom) = match target.to {
            To::Aggregate(stream) => (true, stream.to_string()),
            To::Port(name) => (false, name.to_owned()),
        };
        let (minor, currency) = target.money.map(|money| (money.minor, money.currency)).unzip();
        let (line, item) = planned.place;
        self.emit(Event::StepScheduled {
            step,
            direction,
            generation,
            attempt,
            key,
            line,
            item,
            kind: planned.step.kind,
            target: whom,
            ours,
            what: target.what,
            minor,
            currency,
            timer: self.is.next_timer,
            due_at: self.now.plus_ms(ms(planned.step.timeout_ms)),
        });
    }
}

/// What a step asks, from what the saga knows now.
pub(crate) fn ask_of<S: Saga>(
    is: &crate::instance::Instance,
    line: &Step<S>,
    id: &str,
    direction: Direction,
) -> Result<S::Ask, Poison> {
    let state = lived::<S>(is)?;
    let item = StepName::of(id).item;
    if direction == Direction::Forward {
        return guard(|| (line.ask)(&state, item));
    }
    let undo = line.undo.filter(|_| line.kind == Kind::Undoable);
    let undo = undo.ok_or_else(|| Poison(format!("{id} has no undo")))?;
    let output = is.steps.get(id).and_then(|step| step.output.as_deref());
    let output = output.map(serde_json::from_str::<S::Answer>).transpose();
    let output = output.map_err(|error| Poison(format!("{id}: {error}")))?;
    guard(|| undo(&state, item, output.as_ref()))
}
