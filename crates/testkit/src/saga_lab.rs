//! The laws of every saga, tried in a lab: one seed, one run, against targets that fail, lie, answer
//! twice, late or never, with an orchestrator that crashes around each append. Not the targets, which
//! stand in `saga_world`, and not what must hold, which stands in `saga_laws`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use domain::saga::{Fault, Outcome, Probe, Refusal, Saga, SagaId, Steps};
use domain::{EventId, Timestamp};
use orchestrator::{Attempt, Effect, Event, Input, Instance, StepKey, decide, next};

use crate::at;
use crate::saga_fate::{Request, Said, Swarm};
use crate::saga_world::{Draw, World};

/// What comes about at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A request reaches its target, which says so or stays silent.
    Arrives { request: Request, answers: Vec<(i64, Said)> },
    /// An answer reaches the orchestrator, if that is still the one who asked.
    Answer { life: u32, request: Request, said: Said },
    /// A probe is answered.
    Probed { life: u32, step: String, behind_undo: bool, key: StepKey, tells: bool },
    /// The trigger is delivered.
    Trigger,
    /// An event is delivered that asks to take everything back.
    Cancel,
    /// An event is delivered that nothing waits for.
    Late(EventId),
    /// An operator looks.
    Operator,
}

/// One run.
pub(crate) struct Lab<S: Saga> {
    pub(crate) plan: Steps<S>,
    pub(crate) saga: SagaId,
    pub(crate) state: S::State,
    pub(crate) begins: Option<Timestamp>,
    pub(crate) answer: fn(&S::Ask) -> S::Answer,
    pub(crate) draw: Draw,
    pub(crate) swarm: Swarm,
    pub(crate) now: Timestamp,
    /// The log: what is appended stays.
    pub(crate) log: Vec<(Timestamp, Event)>,
    pub(crate) is: Instance,
    pub(crate) world: World,
    queue: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    order: u64,
    /// The orchestrator's life: an answer to an earlier one has nobody to go to.
    life: u32,
    begun: BTreeSet<Attempt>,
    probing: BTreeSet<(String, bool)>,
    pub(crate) given: BTreeMap<StepKey, S::Answer>,
    pub(crate) operated: u32,
}

/// Steps of one run: a saga that goes on for ever is wrong.
const STEPS_MAX: usize = 20_000;

impl<S: Saga> Lab<S> {
    pub(crate) fn new(
        seed: u64,
        (saga, state): (SagaId, S::State),
        answer: fn(&S::Ask) -> S::Answer,
    ) -> Self {
        let mut draw = Draw(seed);
        let plan = S::plan();
        let steps = plan.steps_of(&state).len() as u64;
        let swarm = Swarm::draw(&mut draw, steps);
        let mut lab = Self {
            plan,
            saga,
            state,
            begins: None,
            answer,
            draw,
            swarm,
            now: at(0),
            log: Vec::new(),
            is: Instance::default(),
            world: World::default(),
            queue: BinaryHeap::new(),
            order: 0,
            life: 0,
            begun: BTreeSet::new(),
            probing: BTreeSet::new(),
            given: BTreeMap::new(),
            operated: 0,
        };
        lab.comes_from_outside();
        lab
    }

    pub(crate) fn later(&mut self, ms: i64, due: Due) {
        self.order += 1;
        self.queue.push(Reverse((self.now.plus_ms(ms), self.order, due)));
    }

    /// Runs until nothing more comes about.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS_MAX {
            let wake = self.begin()?;
            let due = self.queue.peek().map(|Reverse((at, ..))| *at);
            match (wake, due) {
                (Some((at, timer)), due) if due.is_none_or(|due| at < due) => {
                    self.now = self.now.max(at);
                    self.take(Input::Timer(timer))?;
                    if self.draw.percent(3) {
                        self.fires_again(timer)?;
                    }
                }
                (_, Some(_)) => {
                    if let Some(Reverse((at, _, due))) = self.queue.pop() {
                        self.now = self.now.max(at);
                        self.comes(due)?;
                    }
                }
                (None, None) if self.is.is_parked() && self.operated < 12 => self.operate()?,
                _ => return Ok(()),
            }
        }
        Err("it does not come to rest".to_owned())
    }

    fn comes(&mut self, due: Due) -> Result<(), String> {
        match due {
            Due::Trigger => self.trigger(),
            Due::Cancel | Due::Late(_) => self.offered(&due),
            Due::Operator if self.is.is_running() => self.operate(),
            Due::Arrives { request, answers } => {
                let life = self.life;
                let accepted = self.arrives(&request);
                for (ms, said) in answers {
                    let said = if accepted { said } else { Said::Refused };
                    self.later(ms, Due::Answer { life, request: request.clone(), said });
                }
                self.world.balances()
            }
            Due::Answer { life, .. } if life != self.life && self.draw.percent(70) => Ok(()),
            Due::Answer { request, said, .. } => {
                let outcome = self.outcome(&request, said);
                self.take(Input::Answer { attempt: request.attempt, outcome })
            }
            Due::Probed { life, step, behind_undo, key, tells } if life == self.life => {
                self.probing.remove(&(step.clone(), behind_undo));
                let probe = match (tells, self.world.stands(key)) {
                    (false, _) => Probe::CannotTell,
                    (true, true) => Probe::Happened(self.given.get(&key).cloned()),
                    (true, false) => Probe::NotHappened,
                };
                self.take(Input::Probed { step, behind_undo, probe })
            }
            Due::Operator | Due::Probed { .. } => Ok(()),
        }
    }

    fn outcome(&self, request: &Request, said: Said) -> Outcome<Option<S::Answer>> {
        match said {
            Said::Done => Outcome::Done(self.given.get(&request.key).cloned()),
            Said::Refused => Outcome::Refused(Refusal::new("no", "the target says no")),
            Said::Transient => {
                let mut fault = Fault::new("503");
                fault.retry_after_ms = request.attempt.number.is_multiple_of(3).then_some(7_000);
                Outcome::Transient(fault)
            }
            Said::Unknown => Outcome::Unknown(Fault::new("connection lost")),
        }
    }

    /// Decides, with a crash before or after the append now and then.
    pub(crate) fn take(&mut self, input: Input<S>) -> Result<(), String> {
        let events = decide(&self.plan, &self.is, input, self.now);
        self.append(events.map_err(|error| error.to_string())?)
    }

    pub(crate) fn append(&mut self, events: Vec<Event>) -> Result<(), String> {
        let crash = self.swarm.crashes > 0 && self.draw.percent(self.swarm.crash_percent);
        let before = crash && self.draw.percent(50);
        if !before {
            for event in events {
                self.is = std::mem::take(&mut self.is).evolve(self.now, &event);
                self.log.push((self.now, event));
            }
        }
        if crash {
            self.swarm.crashes -= 1;
            return self.crash();
        }
        Ok(())
    }

    fn crash(&mut self) -> Result<(), String> {
        let mut again = Instance::default();
        for (at, event) in &self.log {
            again = again.evolve(*at, event);
        }
        if again != self.is {
            return Err("the state rebuilt from the log is another one".to_owned());
        }
        self.life += 1;
        self.begun.clear();
        self.probing.clear();
        self.now = self.now.plus_ms(self.draw.ms(20_000));
        self.take(Input::Recovered)
    }

    fn fires_again(&mut self, timer: u32) -> Result<(), String> {
        let events = decide(&self.plan, &self.is, Input::Timer(timer), self.now);
        let events = events.map_err(|error| error.to_string())?;
        let fired = events.iter().any(|event| matches!(event, Event::TimerFired { .. }));
        if fired && !self.is.timers.contains_key(&timer) {
            return Err(format!("timer {timer} fires twice"));
        }
        self.append(events)
    }

    /// Begins what is to be done and not begun yet; gives the next timer.
    fn begin(&mut self) -> Result<Option<(Timestamp, u32)>, String> {
        let mut wake = None;
        for effect in next(&self.plan, &self.is).map_err(|poison| format!("{poison:?}"))? {
            match effect {
                Effect::Perform { attempt, key, takes_back, ask, due_at } => {
                    if self.begun.insert(attempt.clone()) {
                        self.may_begin(&attempt, key)?;
                        self.call(attempt, key, takes_back, &ask, due_at);
                    }
                }
                Effect::Probe { step, behind_undo, key, .. } => {
                    if self.probing.insert((step.clone(), behind_undo)) {
                        let tells = self.tells(&step);
                        let ms = self.draw.ms(2_000);
                        let life = self.life;
                        self.later(ms, Due::Probed { life, step, behind_undo, key, tells });
                    }
                }
                Effect::Wake { timer, at } => {
                    wake = Some(wake.map_or((at, timer), |first| (at, timer).min(first)));
                }
            }
        }
        Ok(wake)
    }

    fn tells(&mut self, step: &str) -> bool {
        let ours = self.is.steps.get(step).is_some_and(|step| step.ours);
        let down = self.swarm.faults > 0 && self.draw.percent(20);
        (ours || self.swarm.tells) && !down
    }
}
