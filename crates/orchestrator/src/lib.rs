//! The saga engine, pure: a saga is a stream of events, its state a fold of them, its decisions a
//! function of plan, state, input and time. Not the shell that appends, asks and waits.
//!
//! - [`Event`]: what can happen to a saga; one set for all of them, with its [`SCHEMAS`];
//! - [`Instance::evolve`]: what the engine knows, as a fold;
//! - [`decide`]: what happens when a trigger, an answer, a timer or an operator comes in; also the
//!   preview of what an operator is about to do;
//! - [`next()`]: what is to be done in a state: ask a target, probe it, set a timer;
//! - [`ledger()`] and [`why()`]: what still stands, and why a saga is where it is.
//!
//! What always holds (the laws of the test kit try it): an intent stands in the log before anything
//! is asked; a key is the same for every attempt; what was begun and is not proven not to have
//! happened is undone, in reverse order, behind a fence; what cannot go on is parked in sight.

mod advance;
mod answers;
mod code;
mod decide;
mod event;
mod evolve;
mod instance;
mod key;
mod ledger;
mod next;
mod operate;
mod timers;
mod why;
mod words;

pub use code::Poison;
pub use decide::{Attempt, Input, NotTaken, Operation, decide};
pub use event::{Event, SCHEMAS};
pub use instance::{
    Confirm, Instance, Park, Phase, REQUEST_MARGIN_MS, Status, StepState, Timer, Way,
};
pub use key::{Leg, plan_hash};
pub use ledger::{Entry, Standing, ledger};
pub use next::{Effect, next, poison};
pub use operate::may;
pub use why::why;
pub use words::{Cause, Direction, End, LateWord, PlanLine, Probed, Purpose, StepKey, Verb};
