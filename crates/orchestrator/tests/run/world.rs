//! The targets behind the ports: they honour keys, keep a ledger of their own, and misbehave by script.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::saga::{Fault, Outcome, Probe, Refusal, StepKey};
use orchestrator::Direction;
use ports::{Carrier, Effect};

use crate::kit::{Ask, Heard1, Publish};

/// What a target does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Does the work and says so.
    Work,
    /// Says no.
    Refuse,
    /// Not now.
    Busy,
    /// Does the work and never answers.
    WorkInSilence,
    /// Neither.
    Silence,
    /// Does the work, and the answer is lost on the way.
    WorkAndLose,
    /// Does the work, and says so after so many milliseconds.
    Slow(u64),
}

/// What stands under a key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stands {
    pub(crate) step: String,
    /// How often it was really done.
    pub(crate) done: u32,
    /// How often it was really taken back.
    pub(crate) undone: u32,
}

#[derive(Debug, Default)]
struct Inner {
    script: HashMap<(String, Direction), VecDeque<Act>>,
    always: HashMap<String, Act>,
    stands: BTreeMap<StepKey, Stands>,
    order: Vec<(String, Direction)>,
    asked: u32,
    tells: bool,
}

/// All targets.
#[derive(Debug)]
pub(crate) struct World(Mutex<Inner>);

impl World {
    pub(crate) fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self(Mutex::new(Inner { tells: true, ..Inner::default() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// What happens at the next attempts of a step; behind that it works.
    pub(crate) fn script(&self, step: &str, direction: Direction, acts: &[Act]) {
        let acts = acts.iter().copied().collect();
        self.inner().script.insert((step.to_owned(), direction), acts);
    }

    /// What a step always meets on its way forward, until it is told otherwise.
    pub(crate) fn always(&self, step: &str, act: Act) {
        self.inner().always.insert(step.to_owned(), act);
    }

    /// Whether probes are answered.
    pub(crate) fn tells(&self, tells: bool) {
        self.inner().tells = tells;
    }

    /// What was really done and taken back, in order.
    pub(crate) fn order(&self) -> Vec<(String, Direction)> {
        self.inner().order.clone()
    }

    /// Steps that stand now.
    pub(crate) fn standing(&self) -> Vec<String> {
        let inner = self.inner();
        let stands = inner.stands.values().filter(|it| it.done > it.undone);
        stands.map(|it| it.step.clone()).collect()
    }

    /// How often the targets were asked.
    pub(crate) fn asked(&self) -> u32 {
        self.inner().asked
    }

    /// No effect twice, none taken back twice, and no step under two keys.
    pub(crate) fn nothing_twice(&self) {
        let inner = self.inner();
        let mut steps = Vec::new();
        for it in inner.stands.values() {
            assert!(it.done <= 1 && it.undone <= 1, "{it:?}");
            if it.done == 1 {
                steps.push(it.step.clone());
            }
        }
        let all = steps.len();
        steps.sort();
        steps.dedup();
        assert_eq!(steps.len(), all, "a step was done under two keys: {:?}", inner.order);
    }

    fn act(&self, step: &str, direction: Direction) -> Act {
        let mut inner = self.inner();
        inner.asked += 1;
        let scripted = inner.script.get_mut(&(step.to_owned(), direction));
        let scripted = scripted.and_then(VecDeque::pop_front);
        let always = || inner.always.get(step).copied().filter(|_| direction == Direction::Forward);
        scripted.or_else(always).unwrap_or(Act::Work)
    }

    fn work(&self, effect: &Effect) {
        let mut inner = self.inner();
        let key = effect.forward_key();
        let direction =
            if effect.takes_back.is_some() { Direction::Undo } else { Direction::Forward };
        // Two sagas may have steps of the same name: their keys differ.
        let name = format!("{} {}", effect.saga, effect.step);
        let it = inner.stands.entry(key).or_default();
        it.step = name;
        let new = match direction {
            Direction::Forward => it.done == 0,
            Direction::Undo => it.done > it.undone,
        };
        match direction {
            Direction::Forward if new => it.done += 1,
            Direction::Undo if new => it.undone += 1,
            _ => {}
        }
        if new {
            inner.order.push((effect.step.clone(), direction));
        }
    }
}

#[async_trait]
impl Carrier<Publish> for World {
    async fn perform(&self, effect: &Effect, ask: &Ask) -> Outcome<Option<Heard1>> {
        let direction =
            if effect.takes_back.is_some() { Direction::Undo } else { Direction::Forward };
        let act = self.act(&effect.step, direction);
        if matches!(act, Act::Work | Act::WorkInSilence | Act::WorkAndLose | Act::Slow(_)) {
            self.work(effect);
        }
        match act {
            Act::Work => {}
            Act::Slow(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Act::Refuse => return Outcome::Refused(Refusal::new("no", "the target says no")),
            Act::Busy => return Outcome::Transient(Fault::new("503")),
            Act::WorkAndLose => return Outcome::Unknown(Fault::new("the connection was lost")),
            Act::WorkInSilence | Act::Silence => std::future::pending().await,
        }
        Outcome::Done(match ask {
            Ask::Charge { minor } => Some(Heard1::Reference(format!("ch_{minor}"))),
            _ => None,
        })
    }

    async fn probe(&self, effect: &Effect, _: &Ask) -> Probe<Option<Heard1>> {
        let inner = self.inner();
        if !inner.tells {
            return Probe::CannotTell;
        }
        let stands = inner.stands.get(&effect.key).is_some_and(|it| it.done > it.undone);
        if stands { Probe::Happened(None) } else { Probe::NotHappened }
    }
}
