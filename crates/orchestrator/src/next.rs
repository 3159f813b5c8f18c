//! What is to be done in this state: the effects that the shell carries out. Not a history: the shell
//! begins what it has not begun yet, and drops what is listed no more.

use domain::Timestamp;
use domain::saga::{Late, Saga, Steps};

use crate::advance::ask_of;
use crate::code::{Poison, ms};
use crate::decide::{Attempt, Deciding, Input, NotTaken, Operation};
use crate::event::Event;
use crate::instance::{Confirm, Instance, Phase, Status};
use crate::words::{Cause, Direction, Purpose, StepKey};

/// Something to do.
#[derive(Debug, Clone)]
pub enum Effect<S: Saga> {
    /// Ask a target; answer with `Input::Answer`. Its intent stands in the log.
    Perform {
        /// Which attempt.
        attempt: Attempt,
        /// The idempotency key.
        key: StepKey,
        /// For an undo, the key of what it takes back.
        takes_back: Option<StepKey>,
        /// What to ask.
        ask: S::Ask,
        /// Until when an answer is waited for.
        due_at: Timestamp,
    },
    /// Ask a target whether the step was done under the key and stands; answer with `Input::Probed`.
    Probe {
        /// Which step.
        step: String,
        /// Whether it is asked behind the undo.
        behind_undo: bool,
        /// The forward key.
        key: StepKey,
        /// What the step asked.
        ask: S::Ask,
    },
    /// Wake it with `Input::Timer` at this time.
    Wake {
        /// The timer.
        timer: u32,
        /// When.
        at: Timestamp,
    },
}

/// What is to be done now. A panic of the saga's own code comes back as poison, for [`poison`].
pub fn next<S: Saga>(plan: &Steps<S>, is: &Instance) -> Result<Vec<Effect<S>>, Poison> {
    let mut effects = Vec::new();
    if !is.is_running() {
        return Ok(effects);
    }
    for (id, step) in &is.steps {
        let Some(line) = plan.line(id) else { continue };
        let Some(forward_key) = step.forward.key else { continue };
        for direction in [Direction::Forward, Direction::Undo] {
            let way = step.way(direction);
            let (Status::InFlight, Some(key)) = (way.status, way.key) else { continue };
            let undo = direction == Direction::Undo;
            // The fence: no forward call begins behind it.
            if step.fenced && !undo {
                continue;
            }
            let ask = ask_of::<S>(is, line, id, direction)?;
            let attempt = Attempt { step: id.clone(), direction, number: way.attempts };
            let (takes_back, due_at) = (undo.then_some(forward_key), way.due_at);
            effects.push(Effect::Perform { attempt, key, takes_back, ask, due_at });
        }
        let before = step.forward.status == Status::Probing && !step.fenced;
        if before || step.confirm == Confirm::Probing {
            let ask = ask_of::<S>(is, line, id, Direction::Forward)?;
            let (step, behind_undo) = (id.clone(), !before);
            effects.push(Effect::Probe { step, behind_undo, key: forward_key, ask });
        }
    }
    let frozen = |purpose| purpose == Purpose::StepDeadline && is.frozen.is_some();
    let timers = is.timers.iter().filter(|(_, timer)| !frozen(timer.purpose));
    effects.extend(timers.map(|(timer, is)| Effect::Wake { timer: *timer, at: is.at }));
    Ok(effects)
}

/// What happens when `next`, or reading the saga's events, meets poison: that saga parks, no other.
pub fn poison<S: Saga>(
    plan: &Steps<S>,
    is: &Instance,
    poison: Poison,
    now: Timestamp,
) -> Vec<Event> {
    let mut deciding = Deciding { plan, is: is.clone(), now, events: Vec::new() };
    deciding.poisoned(poison);
    deciding.events
}

/// What happens when something comes in for a saga of whose events one cannot be read: it is parked,
/// and nothing is concluded. Answers are recorded, so that they are there when it can be read again.
pub(crate) fn unreadable<S: Saga>(
    plan: &Steps<S>,
    is: &Instance,
    Poison(why): &Poison,
    input: Input<S>,
    now: Timestamp,
) -> Result<Vec<Event>, NotTaken> {
    let mut deciding = Deciding { plan, is: is.clone(), now, events: Vec::new() };
    if !is.parks.contains_key("") && !matches!(is.phase, Phase::Done | Phase::Undone) {
        deciding.park(Cause::Poison, "", why);
    }
    match input {
        Input::Operate(Operation { verb, .. }) => {
            let why = "one of its events cannot be read; run a version that can";
            return Err(NotTaken::NotNow { verb, why });
        }
        Input::Answer { attempt: Attempt { step, direction, number }, outcome } => {
            deciding.ignore(step, direction, number, outcome, "one of its events cannot be read");
        }
        Input::Cancel { event, .. } | Input::Late { event, .. } if is.has_met(event) => {}
        // Without a timer: the number of the next one may be in what cannot be read.
        Input::Cancel { event, why } => deciding.keep(event, None, Some(why)),
        Input::Late { event, late: Late::Buffer { ttl_ms } } => {
            deciding.keep(event, Some(now.plus_ms(ms(ttl_ms))), None);
        }
        Input::Late { event, late } => deciding.late(event, late),
        _ => {}
    }
    Ok(deciding.events)
}

impl<S: Saga> Deciding<'_, S> {
    /// Nobody waits for attempts under way any more: each may have been done.
    pub(crate) fn recover(&mut self) {
        if log::Mutant::RecoveryForgets.is_on() {
            return;
        }
        let mut lost = Vec::new();
        for (id, step) in &self.is.steps {
            for direction in [Direction::Forward, Direction::Undo] {
                let fenced = step.fenced && direction == Direction::Forward;
                if step.way(direction).status == Status::InFlight && !fenced {
                    lost.push((id.clone(), direction));
                }
            }
        }
        for (id, direction) in lost {
            self.unknown(&id, direction, "the owner changed while it was asked");
        }
    }
}

impl<S: Saga> Input<S> {
    /// The answer of nobody: for a shell that could not even ask.
    pub fn unknown(attempt: Attempt, detail: impl Into<String>) -> Self {
        let fault = domain::saga::Fault::new(detail);
        Self::Answer { attempt, outcome: domain::saga::Outcome::Unknown(fault) }
    }
}
