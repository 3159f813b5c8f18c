//! The plan and its builder. The type of the builder changes at the pivot, so that an illegal order
//! does not compile.

use std::fmt;
use std::marker::PhantomData;

use super::{OnExpiry, Retry, Saga, StepName, Unknown};

/// What can be done about a step once it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, crate::Word)]
pub enum Kind {
    /// It can be taken back.
    Undoable,
    /// It changes nothing.
    ReadOnly,
    /// The point of no return; at most one.
    Pivot,
    /// Behind the pivot: tried until it is done, never taken back.
    Forward,
}

/// Before the pivot: undoable and read-only steps may follow.
#[derive(Debug, Clone, Copy)]
pub struct BeforePivot;
/// Behind the pivot: only forward steps may follow.
#[derive(Debug, Clone, Copy)]
pub struct AfterPivot;

type Asks<S> = fn(&<S as Saga>::State, &str) -> <S as Saga>::Ask;
type Undoes<S> = fn(&<S as Saga>::State, &str, Option<&<S as Saga>::Answer>) -> <S as Saga>::Ask;

type Items<S> = fn(&<S as Saga>::State) -> Vec<String>;

/// One line of a plan.
pub struct Step<S: Saga> {
    /// Its name, kebab-case.
    pub name: &'static str,
    /// What can be done about it.
    pub kind: Kind,
    /// What it asks; the text is the item of an `each`, empty otherwise.
    pub ask: Asks<S>,
    /// What takes it back, told the answer if it is known.
    pub undo: Option<Undoes<S>>,
    /// Whether it is in the plan at all, in this state.
    pub when: Option<fn(&S::State) -> bool>,
    /// Its items, when it is done for each of some.
    pub each: Option<Items<S>>,
    /// When it is tried again.
    pub retry: Retry,
    /// What is done when the answer never came.
    pub unknown: Unknown,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// How long all attempts together may take, in milliseconds, and what then.
    pub within: Option<(u64, OnExpiry)>,
}

/// How long an attempt may take unless the plan says otherwise: above what a slow provider needs.
const TIMEOUT_MS: u64 = 30_000;

impl<S: Saga> fmt::Debug for Step<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A plan under construction.
pub struct Plan<S: Saga, Where = BeforePivot> {
    version: u32,
    steps: Vec<Step<S>>,
    deadline: Option<(u64, OnExpiry)>,
    undo_retry: Retry,
    place: PhantomData<Where>,
}

impl<S: Saga, Where> fmt::Debug for Plan<S, Where> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("version", &self.version)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl<S: Saga> Plan<S> {
    /// An empty plan of this version. Running sagas are pinned to theirs.
    pub const fn new(version: u32) -> Self {
        let undo_retry = Retry::exponential().attempts(50).cap_ms(600_000);
        Self { version, steps: Vec::new(), deadline: None, undo_retry, place: PhantomData }
    }

    /// A step that can be taken back.
    #[must_use]
    pub fn undoable(self, name: &'static str, ask: Asks<S>, undo: Undoes<S>) -> Self {
        self.step(name, Kind::Undoable, ask, Some(undo))
    }

    /// The same for each of some items, in their order.
    #[must_use]
    pub fn each(self, name: &'static str, items: Items<S>, ask: Asks<S>, undo: Undoes<S>) -> Self {
        let mut plan = self.step(name, Kind::Undoable, ask, Some(undo));
        plan.last().each = Some(items);
        plan
    }

    /// A step that changes nothing.
    #[must_use]
    pub fn read_only(self, name: &'static str, ask: Asks<S>) -> Self {
        self.step(name, Kind::ReadOnly, ask, None)
    }

    /// The point of no return.
    #[must_use]
    pub fn pivot(self, name: &'static str, ask: Asks<S>) -> Plan<S, AfterPivot> {
        let plan = self.step(name, Kind::Pivot, ask, None);
        Plan {
            version: plan.version,
            steps: plan.steps,
            deadline: plan.deadline,
            undo_retry: plan.undo_retry,
            place: PhantomData,
        }
    }
}

impl<S: Saga> Plan<S, AfterPivot> {
    /// A step that is tried until it is done. It has no number of attempts: giving up would be a lie.
    #[must_use]
    pub fn forward(self, name: &'static str, ask: Asks<S>) -> Self {
        let mut plan = self.step(name, Kind::Forward, ask, None);
        plan.last().retry = Retry::until_done();
        plan
    }
}

impl<S: Saga, Where> Plan<S, Where> {
    fn step(
        mut self,
        name: &'static str,
        kind: Kind,
        ask: Asks<S>,
        undo: Option<Undoes<S>>,
    ) -> Self {
        assert!(self.steps.iter().all(|step| step.name != name), "two steps are called {name}");
        let (retry, unknown) = (Retry::exponential(), Unknown::ProbeThenPark);
        let (timeout_ms, within) = (TIMEOUT_MS, None);
        let (when, each) = (None, None);
        self.steps.push(Step {
            name,
            kind,
            ask,
            undo,
            when,
            each,
            retry,
            unknown,
            timeout_ms,
            within,
        });
        self
    }

    fn last(&mut self) -> &mut Step<S> {
        self.steps.last_mut().expect("a policy follows the step it is for")
    }

    /// The last step is in the plan only when this holds.
    ///
    /// # Panics
    /// Without a step before it.
    #[must_use]
    pub fn when(mut self, holds: fn(&S::State) -> bool) -> Self {
        self.last().when = Some(holds);
        self
    }

    /// When the last step is tried again. Behind the pivot a number of attempts is dropped.
    ///
    /// # Panics
    /// Without a step before it.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        let step = self.last();
        let attempts_max = if step.kind == Kind::Forward { None } else { retry.attempts_max };
        step.retry = Retry { attempts_max, ..retry };
        self
    }

    /// What is done when the last step's answer never came.
    ///
    /// # Panics
    /// Without a step before it.
    #[must_use]
    pub fn unknown(mut self, policy: Unknown) -> Self {
        let step = self.last();
        // What cannot be taken back cannot be taken for done and taken back.
        let undoable = step.kind == Kind::Undoable || policy != Unknown::ProbeThenUndo;
        step.unknown = if undoable { policy } else { Unknown::ProbeThenPark };
        self
    }

    /// How long one attempt of the last step may take, in milliseconds.
    ///
    /// # Panics
    /// Without a step before it.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.last().timeout_ms = timeout_ms;
        self
    }

    /// How long all attempts of the last step may take, in milliseconds. Behind the pivot, and for
    /// the pivot itself, expiry waits for a human whatever is said here.
    ///
    /// # Panics
    /// Without a step before it.
    #[must_use]
    pub fn within(mut self, within_ms: u64, then: OnExpiry) -> Self {
        self.last().within = Some((within_ms, then));
        self
    }

    /// When an undo is tried again; used up, it waits for a human.
    #[must_use]
    pub fn undo_retry(mut self, retry: Retry) -> Self {
        self.undo_retry = retry;
        self
    }

    /// How long the whole may take, in milliseconds of log time.
    #[must_use]
    pub fn deadline(mut self, within_ms: u64, then: OnExpiry) -> Self {
        self.deadline = Some((within_ms, then));
        self
    }

    /// The finished plan.
    pub fn build(self) -> Steps<S> {
        let Self { version, steps, deadline, undo_retry, .. } = self;
        Steps { version, steps, deadline, undo_retry }
    }
}

/// A finished plan: data that the orchestrator runs and the console draws.
#[derive(Debug)]
pub struct Steps<S: Saga> {
    /// Its version.
    pub version: u32,
    /// Its lines.
    pub steps: Vec<Step<S>>,
    /// How long the whole may take, in milliseconds, and what then.
    pub deadline: Option<(u64, OnExpiry)>,
    /// When an undo is tried again.
    pub undo_retry: Retry,
}

/// A step of a running saga.
#[derive(Debug)]
pub struct Planned<'a, S: Saga> {
    /// `name`, or `name/item` of an `each`.
    pub id: String,
    /// Its place in the plan, by line and then by item, both from 0.
    pub place: (u32, u32),
    /// The item, empty without an `each`.
    pub item: String,
    /// Its line.
    pub step: &'a Step<S>,
}

impl<S: Saga> Steps<S> {
    /// The steps that the plan has in this state, in order.
    pub fn steps_of(&self, state: &S::State) -> Vec<Planned<'_, S>> {
        let mut all = Vec::new();
        for (line, step) in (0..).zip(&self.steps) {
            if step.when.is_some_and(|holds| !holds(state)) {
                continue;
            }
            let Some(items) = step.each else {
                let id = step.name.to_owned();
                all.push(Planned { id, place: (line, 0), item: String::new(), step });
                continue;
            };
            all.extend((0..).zip(items(state)).map(|(at, item)| Planned {
                id: format!("{}/{item}", step.name),
                place: (line, at),
                item,
                step,
            }));
        }
        all
    }

    /// The line of a step, by its id.
    pub fn line(&self, id: &str) -> Option<&Step<S>> {
        let name = StepName::of(id).name;
        self.steps.iter().find(|step| step.name == name)
    }

    /// The plan as text, one line a step: what its hash is taken over, and what a reader compares.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("{} {}", S::NAME, self.version)];
        if let Some((within_ms, then)) = self.deadline {
            lines.push(format!("deadline {within_ms} ms, then {then:?}"));
        }
        lines.push(format!("undo {:?}", self.undo_retry));
        for step in &self.steps {
            let each = if step.each.is_some() { " each" } else { "" };
            let when = if step.when.is_some() { " when" } else { "" };
            let (kind, name, retry, unknown) = (step.kind, step.name, step.retry, step.unknown);
            let (timeout_ms, within) = (step.timeout_ms, step.within);
            lines.push(format!(
                "{kind:?} {name}{each}{when} {retry:?} {unknown:?} {timeout_ms} ms {within:?}"
            ));
        }
        lines.join("\n")
    }
}
