//! Saga plans: what is asked of whom, and what takes it back, as data. Not the orchestrator, which
//! asks, writes the intent to the log before it does, and folds the answers.
//!
//! Source of the vocabulary: Garcia-Molina and Salem, "Sagas" (1987), for compensation; Richardson,
//! "Microservices Patterns" (2018), for pivot and retriable steps.

mod plan;
mod policy;

pub use plan::{AfterPivot, BeforePivot, Kind, Plan, Planned, Step, Steps};
pub use policy::{OnExpiry, Retry, Unknown};

/// Work across aggregates and providers, which undoes itself when it cannot be finished.
///
/// ```
/// use domain::saga::{Plan, Retry, Saga, Unknown};
///
/// #[derive(Debug)]
/// struct Launch;
/// #[derive(Debug)]
/// struct State {
///     boosted: bool,
///     platforms: Vec<String>,
/// }
///
/// impl Saga for Launch {
///     const NAME: &'static str = "launch";
///     type State = State;
///     type Ask = String;
///     type Answer = String;
/// }
///
/// let plan = Plan::<Launch>::new(1)
///     .undoable("hold-quota", |_, _| "hold".into(), |_, _, _| "release".into())
///     .undoable("charge", |_, _| "charge".into(), |_, _, _| "refund".into())
///     .when(|state| state.boosted)
///     .unknown(Unknown::ProbeThenPark)
///     .each("publish", |state| state.platforms.clone(), |_, on| format!("publish on {on}"), |_, on, _| format!("withdraw from {on}"))
///     .retry(Retry::exponential().attempts(8))
///     .pivot("confirm", |_, _| "mark published".into())
///     .forward("notify", |_, _| "tell the author".into())
///     .build();
/// let state = State { boosted: false, platforms: vec!["a".into(), "b".into()] };
/// let steps: Vec<_> = plan.steps_of(&state).iter().map(|step| step.id.clone()).collect();
/// assert_eq!(steps, ["hold-quota", "publish/a", "publish/b", "confirm", "notify"]);
/// ```
///
/// The types refuse an undoable step behind the pivot:
///
/// ```compile_fail,E0599
/// # use domain::saga::{Plan, Saga};
/// # struct Launch;
/// # impl Saga for Launch { const NAME: &'static str = "launch"; type State = (); type Ask = (); type Answer = (); }
/// Plan::<Launch>::new(1).pivot("confirm", |_, _| ()).undoable("late", |_, _| (), |_, _, _| ());
/// ```
///
/// and a second pivot:
///
/// ```compile_fail,E0599
/// # use domain::saga::{Plan, Saga};
/// # struct Launch;
/// # impl Saga for Launch { const NAME: &'static str = "launch"; type State = (); type Ask = (); type Answer = (); }
/// Plan::<Launch>::new(1).pivot("confirm", |_, _| ()).pivot("again", |_, _| ());
/// ```
pub trait Saga: Send + Sync + Sized + 'static {
    /// Its name, verb-object, kebab-case, as `publish-post`.
    const NAME: &'static str;
    /// What it knows: a fold of its own events.
    type State;
    /// What a step can ask: a command to an aggregate or a call of a provider, as data.
    type Ask;
    /// What a step can get back.
    type Answer;
}
