//! The saga engine: a saga is a stream of events, its state a fold of them, its decisions a pure
//! function of plan, state, input and time. Not the command runtime that appends what is decided.
//!
//! - [`Event`]: what can happen to a saga; one set for all of them, with its [`SCHEMAS`];
//! - [`Instance::evolve`]: what the engine knows, as a fold;
//! - [`decide`]: what happens when a trigger, an answer, a timer or an operator comes in; also the
//!   preview of what an operator is about to do;
//! - [`next()`]: what is to be done in a state: ask a target, probe it, set a timer;
//! - [`ledger()`] and [`why()`]: what still stands, and why a saga is where it is;
//! - [`SagaHandler`]: the decision as the command runtime calls it; [`Types`]: all saga types without
//!   their types; [`Plans`] and [`PumpMark`]: what was registered, and how far triggers were read;
//! - [`run`]: what carries out what was decided, over the command runtime and the ports;
//! - [`SagaRow`]: the read model of all sagas; [`filter`]: the language that is asked of it.
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
pub mod filter;
mod folded;
mod handler;
mod instance;
mod key;
mod ledger;
mod mailbox;
mod marks;
mod next;
mod operate;
mod order;
mod plans;
mod row;
pub mod run;
mod timers;
mod types;
mod why;
mod words;

pub use code::Poison;
pub use decide::{Attempt, Input, NotTaken, Operation, decide};
pub use event::{Event, SCHEMAS};
pub use folded::Folded;
pub use handler::{SagaHandler, topic};
pub use instance::{
    Confirm, Instance, Park, Phase, REQUEST_MARGIN_MS, Status, StepState, Timer, Way,
};
pub use key::{Leg, plan_hash};
pub use ledger::{Entry, Standing, ledger};
pub use mailbox::{Held, MAILBOX_MAX};
pub use marks::{MarkEvent, Move, PumpMark};
pub use next::{Effect, next, poison};
pub use operate::may;
pub use order::Order;
pub use plans::{PlanChanged, PlanEvent, Plans, ReadFrom, Register};
pub use row::{Kept, SagaRow, State, Waits};
pub use types::{Line, SYSTEM, SagaType, Types};
pub use why::why;
pub use words::{Cause, Direction, End, LateWord, PlanLine, Probed, Purpose, StepKey, Verb};
