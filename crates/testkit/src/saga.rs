//! Timelines of a saga: what each target answers, and what the saga makes of it. Not its failures in
//! all their orders: the laws try those.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use domain::Timestamp;
use domain::saga::{Fault, Meets, Outcome, Probe, Refusal, Saga, SagaId};
use orchestrator::{Attempt, Direction, Effect, End, Event, Input, Instance, decide, next};

use crate::{at, envelope};

/// What a target says.
#[derive(Debug, Clone)]
pub enum Says<A> {
    /// It is done, and gives nothing.
    Done,
    /// It is done, and gives this.
    Gives(A),
    /// No.
    Refused(&'static str),
    /// Not now.
    Transient(&'static str),
    /// Nobody knows.
    Unknown(&'static str),
}

/// A saga with what its targets will say.
pub struct Script<S: Saga> {
    saga: SagaId,
    state: S::State,
    answers: BTreeMap<(String, Direction), VecDeque<Says<S::Answer>>>,
    probes: BTreeMap<String, VecDeque<Probe<Option<S::Answer>>>>,
}

impl<S: Saga> std::fmt::Debug for Script<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("state", &self.state).finish_non_exhaustive()
    }
}

/// What an event begins.
pub(crate) fn begun<S: Saga>(trigger: S::Trigger) -> (SagaId, S::State) {
    let meets = S::meet(&envelope(1, 1, 1, trigger));
    let start = meets.iter().find_map(|meets| match meets {
        Meets::Start { saga, state, .. } => Some((*saga, state.clone())),
        _ => None,
    });
    start.unwrap_or_else(|| panic!("{} is not started by it: {meets:?}", S::NAME))
}

/// Begins a saga by an event. A target that nothing is said of does what it is asked, and a probe
/// that nothing is said of cannot tell.
///
/// # Panics
/// When the event does not start one.
pub fn saga<S: Saga>(trigger: S::Trigger) -> Script<S> {
    let (saga, state) = begun::<S>(trigger);
    Script { saga, state, answers: BTreeMap::new(), probes: BTreeMap::new() }
}

/// Most decisions of one timeline: a saga that goes on for ever is wrong.
const DECISIONS_MAX: usize = 10_000;

impl<S: Saga> Script<S> {
    /// What the target of a step answers next.
    #[must_use]
    pub fn answers(mut self, step: &str, says: Says<S::Answer>) -> Self {
        self.answers.entry((step.to_owned(), Direction::Forward)).or_default().push_back(says);
        self
    }

    /// What the target of a step answers next to its undo.
    #[must_use]
    pub fn undo_answers(mut self, step: &str, says: Says<S::Answer>) -> Self {
        self.answers.entry((step.to_owned(), Direction::Undo)).or_default().push_back(says);
        self
    }

    /// What the target of a step says when it is asked whether it was done.
    #[must_use]
    pub fn probe(mut self, step: &str, probe: Probe<Option<S::Answer>>) -> Self {
        self.probes.entry(step.to_owned()).or_default().push_back(probe);
        self
    }

    /// What happens, a line each.
    ///
    /// # Panics
    /// When it does not come to rest.
    pub fn timeline(self) -> String {
        self.events().1
    }

    /// The events with their times, and the timeline.
    ///
    /// # Panics
    /// When it does not come to rest.
    pub fn events(mut self) -> (Vec<(Timestamp, Event)>, String) {
        let plan = S::plan();
        let (mut is, mut now) = (Instance::default(), at(0));
        let (mut all, mut begun) = (Vec::new(), Vec::new());
        let (event, state) = (domain::EventId(crate::id(1)), self.state.clone());
        let mut input = Some(Input::Trigger { event, saga: self.saga, state, at: None });
        for _ in 0..DECISIONS_MAX {
            let Some(coming) = input.take() else {
                return (all.clone(), lines(&all));
            };
            let events = decide(&plan, &is, coming, now).expect("nobody operates");
            for event in events {
                is = is.evolve(now, &event);
                all.push((now, event));
            }
            let effects = next(&plan, &is).unwrap_or_else(|poison| panic!("{poison:?}"));
            input = self.perform(effects, &mut begun, &mut now);
        }
        panic!("it does not come to rest:\n{}", lines(&all))
    }

    fn perform(
        &mut self,
        effects: Vec<Effect<S>>,
        begun: &mut Vec<Attempt>,
        now: &mut Timestamp,
    ) -> Option<Input<S>> {
        let mut timers = Vec::new();
        for effect in effects {
            match effect {
                Effect::Perform { attempt, .. } if !begun.contains(&attempt) => {
                    begun.push(attempt.clone());
                    return Some(self.said(attempt));
                }
                Effect::Probe { step, behind_undo, .. } => {
                    let probe = self.probes.get_mut(&step).and_then(VecDeque::pop_front);
                    let probe = probe.unwrap_or(Probe::CannotTell);
                    return Some(Input::Probed { step, behind_undo, probe });
                }
                Effect::Perform { .. } => {}
                Effect::Wake { timer, at } => timers.push((at, timer)),
            }
        }
        let (at, timer) = timers.into_iter().min()?;
        *now = at.max(*now);
        Some(Input::Timer(timer))
    }

    fn said(&mut self, attempt: Attempt) -> Input<S> {
        let says = self.answers.get_mut(&(attempt.step.clone(), attempt.direction));
        let outcome = match says.and_then(VecDeque::pop_front).unwrap_or(Says::Done) {
            Says::Done => Outcome::Done(None),
            Says::Gives(answer) => Outcome::Done(Some(answer)),
            Says::Refused(why) => Outcome::Refused(Refusal::new("refused", why)),
            Says::Transient(why) => Outcome::Transient(Fault::new(why)),
            Says::Unknown(why) => Outcome::Unknown(Fault::new(why)),
        };
        Input::Answer { attempt, outcome }
    }
}

/// A timeline: answers, parks and the end; intents, timers and fences are left out.
fn lines(events: &[(Timestamp, Event)]) -> String {
    let said: Vec<_> = events.iter().filter_map(|(_, event)| line(event)).collect();
    let width = said.iter().map(|(step, _)| step.len()).max().unwrap_or(0) + 3;
    said.iter().fold(String::new(), |mut text, (step, what)| {
        let _ = if step.is_empty() {
            writeln!(text, "{what}")
        } else {
            writeln!(text, "{step:width$}{what}")
        };
        text
    })
}

fn line(event: &Event) -> Option<(&str, String)> {
    let of = |direction: &Direction| match direction {
        Direction::Forward => "",
        Direction::Undo => "undo ",
    };
    Some(match event {
        Event::StepDone { step, direction: Direction::Forward, .. } => (step, "done".to_owned()),
        Event::StepDone { step, .. } => (step, "undone".to_owned()),
        Event::StepRefused { step, direction, detail, .. } => {
            (step, format!("{}refused: {detail}", of(direction)))
        }
        Event::StepDelayed { step, direction, detail, .. } => {
            (step, format!("{}not now: {detail}", of(direction)))
        }
        Event::StepUnknown { step, direction, detail, .. } => {
            (step, format!("{}unknown: {detail}", of(direction)))
        }
        Event::ProbeAnswered { step, answer, .. } => (step, format!("probed: {answer}")),
        Event::StepSkipped { step, direction, .. } => (step, format!("{}skipped", of(direction))),
        Event::Parked { step, cause, .. } => (step, format!("parked: {cause}")),
        Event::Ended { end: End::Done } => ("", "done".to_owned()),
        Event::Ended { end: End::Undone } => ("", "undone".to_owned()),
        _ => return None,
    })
}
