//! Saga plans: what is asked of whom, and what takes it back, as data. Not the orchestrator, which
//! asks, writes the intent to the log before it does, and folds the answers.
//!
//! Source of the vocabulary: Garcia-Molina and Salem, "Sagas" (1987), for compensation; Richardson,
//! "Microservices Patterns" (2018), for pivot and retriable steps.

mod contract;
mod plan;
mod policy;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Envelope, EventSet, Timestamp};

pub use crate::Money;
pub use contract::{
    AnyCommand, Fault, Heard, Late, Meets, NoTrigger, Outcome, Probe, Refusal, SagaId, StepKey,
    StepName, Target, To,
};
pub use plan::{AfterPivot, BeforePivot, Kind, Plan, Planned, Step, Steps};
pub use policy::{Exhausted, OnExpiry, Retry, Unknown};

/// Work across aggregates and providers, which undoes itself when it cannot be finished.
///
/// ```
/// use domain::Envelope;
/// use domain::saga::{Meets, NoTrigger, Plan, Retry, Saga, StepName, Steps, Target, Unknown};
///
/// #[derive(Debug, Clone)]
/// struct Launch;
/// #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
/// struct State {
///     boosted: bool,
///     platforms: Vec<String>,
/// }
///
/// impl Saga for Launch {
///     const CONTEXT: &'static str = "campaigns";
///     const NAME: &'static str = "launch";
///     const CATEGORY: &'static str = "launch";
///     type Trigger = NoTrigger;
///     type State = State;
///     type Ask = String;
///     type Answer = String;
///
///     fn plan() -> Steps<Self> {
///         Plan::<Self>::new(1)
///             .undoable("hold-quota", |_, _| "hold".into(), |_, _, _| "release".into())
///             .undoable("charge", |_, _| "charge".into(), |_, _, _| "refund".into())
///             .when(|state| state.boosted)
///             .unknown(Unknown::ProbeThenPark)
///             .each("publish", |state| state.platforms.clone(), |_, on| format!("publish on {on}"), |_, on, _| format!("withdraw from {on}"))
///             .retry(Retry::exponential().attempts(8))
///             .pivot("confirm", |_, _| "mark published".into())
///             .forward("notify", |_, _| "tell the author".into())
///             .build()
///     }
///     fn meet(event: &Envelope<NoTrigger>) -> Vec<Meets<State>> {
///         match event.payload {}
///     }
///     fn target(ask: &String) -> Target {
///         Target::port("somebody", ask.clone())
///     }
///     fn fold(state: State, _: StepName<'_>, _: &String) -> State {
///         state
///     }
/// }
///
/// let state = State { boosted: false, platforms: vec!["a".into(), "b".into()] };
/// let plan = Launch::plan();
/// let steps: Vec<_> = plan.steps_of(&state).iter().map(|step| step.id.clone()).collect();
/// assert_eq!(steps, ["hold-quota", "publish/a", "publish/b", "confirm", "notify"]);
/// ```
///
/// The types refuse an undoable step behind the pivot:
///
/// ```compile_fail,E0599
/// # use domain::saga::{Plan, Saga};
/// fn wrong<S: Saga<Ask = ()>>() {
///     Plan::<S>::new(1).pivot("confirm", |_, _| ()).undoable("late", |_, _| (), |_, _, _| ());
/// }
/// ```
///
/// and a second pivot:
///
/// ```compile_fail,E0599
/// # use domain::saga::{Plan, Saga};
/// fn wrong<S: Saga<Ask = ()>>() {
///     Plan::<S>::new(1).pivot("confirm", |_, _| ()).pivot("again", |_, _| ());
/// }
/// ```
pub trait Saga: Clone + Debug + Send + Sync + Sized + 'static {
    /// The context whose running work it is: its streams stand in `<context>.sagas`.
    const CONTEXT: &'static str;
    /// Its name, verb-object, kebab-case, as `publish-post`.
    const NAME: &'static str;
    /// The category of its streams: its name in `lower_snake`, as `publish_post`.
    const CATEGORY: &'static str;
    /// The events of other streams that reach it.
    type Trigger: EventSet;
    /// What it knows: a fold of the answers over what it was started with. Stored as JSON, in which
    /// a `Sealed` does not survive: it holds ids and references, never what is sealed.
    type State: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What a step can ask: a command to an aggregate or a call of a provider, as data.
    type Ask: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What a step can get back; stored as JSON as the state is.
    type Answer: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Its plan.
    fn plan() -> Steps<Self>;

    /// What an event means to it, in this order; nothing: it is not for it. A match over all of them:
    /// the compiler demands an answer for each.
    fn meet(event: &Envelope<Self::Trigger>) -> Vec<Meets<Self::State>>;

    /// Whom an ask is for, and what it comes to.
    fn target(ask: &Self::Ask) -> Target;

    /// The command of an ask whose target is an aggregate; `None` for a port. `at` is when the step
    /// was asked first: the same for every attempt.
    fn command(ask: &Self::Ask, at: Timestamp) -> Option<AnyCommand> {
        let _ = (ask, at);
        None
    }

    /// What an aggregate's events tell in answer to an ask; `None`: that it is done is all.
    fn answer(ask: &Self::Ask, heard: &impl Heard) -> Option<Self::Answer> {
        let _ = (ask, heard);
        None
    }

    /// What it knows after the answer of a step.
    fn fold(state: Self::State, step: StepName<'_>, answer: &Self::Answer) -> Self::State;

    /// What it knows once everything is taken back, and why: for undos that tell somebody.
    fn undoing(state: Self::State, why: &str) -> Self::State {
        let _ = why;
        state
    }
}

/// Visits sagas; each runtime part registers what it needs of them.
pub trait Sagas {
    /// Takes one saga in.
    fn saga<S: Saga>(&mut self);
}
