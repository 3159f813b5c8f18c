//! Plays a saga of the demo up to a moment: its targets say what the script says, after as long as the
//! script says; timers fire when they are due.

use std::collections::{BTreeMap, VecDeque};

use domain::saga::{Fault, Outcome, Probe, Refusal, SagaId, Steps};
use domain::{EventId, Timestamp};
use orchestrator::{Attempt, Direction, Effect, Event, Input, Instance, decide, next};
use uuid::Uuid;

use super::publish::Played;

/// What a target says, and after how many milliseconds.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    Done(i64),
    Refused(i64, &'static str),
    NotNow(i64, &'static str),
    Nothing(i64, &'static str),
    /// It has not answered yet.
    Silence,
}

/// A saga being played.
pub struct Play<S: Played> {
    pub plan: Steps<S>,
    pub is: Instance,
    pub events: Vec<(Timestamp, Event)>,
    pub now: Timestamp,
    answers: BTreeMap<(String, Direction), VecDeque<Says>>,
    always: BTreeMap<(String, Direction), Says>,
    probes: BTreeMap<String, bool>,
    begun: Vec<Attempt>,
}

impl<S: Played> Play<S> {
    /// Not started yet.
    pub fn of(plan: Steps<S>, now: Timestamp) -> Self {
        Self {
            plan,
            is: Instance::default(),
            events: Vec::new(),
            now,
            answers: BTreeMap::new(),
            always: BTreeMap::new(),
            probes: BTreeMap::new(),
            begun: Vec::new(),
        }
    }

    /// What a step's target says next.
    pub fn says(mut self, step: &str, says: Says) -> Self {
        self.answers.entry((step.to_owned(), Direction::Forward)).or_default().push_back(says);
        self
    }

    /// What a step's target says to its undo next.
    pub fn undo_says(mut self, step: &str, says: Says) -> Self {
        self.answers.entry((step.to_owned(), Direction::Undo)).or_default().push_back(says);
        self
    }

    /// What a step's target says every time.
    pub fn always(mut self, step: &str, direction: Direction, says: Says) -> Self {
        self.always.insert((step.to_owned(), direction), says);
        self
    }

    /// What a step's target says when it is asked whether it was done.
    pub fn probed(mut self, step: &str, happened: bool) -> Self {
        self.probes.insert(step.to_owned(), happened);
        self
    }

    /// Starts it.
    pub fn start(&mut self, id: Uuid, state: S::State, at: Option<Timestamp>) {
        let event = EventId(Uuid::from_u128(id.as_u128() ^ 0xffff));
        self.take(Input::Trigger { event, saga: SagaId(id), state, at });
    }

    /// Something comes in.
    pub fn take(&mut self, input: Input<S>) {
        let events = decide(&self.plan, &self.is, input, self.now).expect("the script fits");
        self.put(events);
    }

    /// These happen.
    pub fn put(&mut self, events: Vec<Event>) {
        for event in events {
            self.is = std::mem::take(&mut self.is).evolve(self.now, &event);
            self.events.push((self.now, event));
        }
    }

    /// Goes on until this moment.
    pub fn until(&mut self, end: Timestamp) {
        for _ in 0..2_000 {
            let Some((at, input)) = self.coming() else { break };
            if at > end {
                break;
            }
            self.now = at.max(self.now);
            self.take(input);
        }
        self.now = end;
    }

    /// What comes next, and when.
    fn coming(&mut self) -> Option<(Timestamp, Input<S>)> {
        let mut timers = Vec::new();
        for effect in next(&self.plan, &self.is).ok()? {
            match effect {
                Effect::Perform { attempt, ask, .. } if !self.begun.contains(&attempt) => {
                    let of = (attempt.step.clone(), attempt.direction);
                    let queued = self.answers.get_mut(&of).and_then(VecDeque::pop_front);
                    let says = queued.or(self.always.get(&of).copied()).unwrap_or(Says::Done(0));
                    if matches!(says, Says::Silence) {
                        continue;
                    }
                    self.begun.push(attempt.clone());
                    let (took_ms, outcome) = Self::outcome(&attempt, says, &ask);
                    return Some((self.now.plus_ms(took_ms), Input::Answer { attempt, outcome }));
                }
                Effect::Probe { step, behind_undo, ask, .. } => {
                    let probe = match self.probes.get(&step) {
                        Some(true) => Probe::Happened(S::gives(&ask)),
                        Some(false) => Probe::NotHappened,
                        None => Probe::CannotTell,
                    };
                    let input = Input::Probed { step, behind_undo, probe };
                    return Some((self.now.plus_ms(420), input));
                }
                Effect::Perform { .. } => {}
                Effect::Wake { timer, at } => timers.push((at, timer)),
            }
        }
        let (at, timer) = timers.into_iter().min()?;
        Some((at, Input::Timer(timer)))
    }

    fn outcome(attempt: &Attempt, says: Says, ask: &S::Ask) -> (i64, Outcome<Option<S::Answer>>) {
        let usual = 140 + i64::try_from(attempt.step.len() * 97 % 900).unwrap_or(0);
        let gives = (attempt.direction == Direction::Forward).then(|| S::gives(ask)).flatten();
        match says {
            Says::Done(0) => (usual, Outcome::Done(gives)),
            Says::Done(ms) => (ms, Outcome::Done(gives)),
            Says::Refused(ms, why) => (ms, Outcome::Refused(Refusal::new("refused", why))),
            Says::NotNow(ms, why) => (ms, Outcome::Transient(Fault::new(why))),
            Says::Nothing(ms, why) => (ms, Outcome::Unknown(Fault::new(why))),
            Says::Silence => (0, Outcome::Unknown(Fault::new("silence"))),
        }
    }
}
