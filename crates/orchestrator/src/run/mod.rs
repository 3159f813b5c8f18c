//! Sagas that run: what carries out what the engine decided. Not the engine, which is pure, and not
//! the providers behind the ports.
//!
//! Reading order: [`Carriers`] (who carries the asks of which saga), [`start`] (registers the plans,
//! then runs), the roster (what to begin, what to drop; pure), the runner (one a lane of sagas), the
//! pump (one a saga type and lane of its triggers), [`Desk`] (what edges ask).
//!
//! What always holds: nothing is asked before its intent stands in the log, and nothing is begun
//! twice by one process; every answer is told to its saga until it is taken; what a crash leaves
//! behind is told as unknown before anything else is begun; a deadline is a timer of the saga, so a
//! call that nobody answers ends by the saga's own event.

mod any;
mod breaker;
mod carriers;
mod carry;
mod clock;
mod desk;
mod held;
mod means;
mod meter;
mod pump;
mod reader;
mod register;
mod roster;
#[cfg(test)]
mod roster_tests;
mod runner;
mod running;
mod targets;
mod wakes;
mod wanted;
mod wire;

pub use breaker::{BreakerState, Shut};
pub use carriers::Carriers;
pub use desk::{Desk, DeskError, DueTimer, Operate, Past, Seen};
pub use means::Submitter;
pub use pump::Skipped;
pub use register::StartError;
pub use roster::Holding;
pub use running::{Lag, Options, Running, start};
pub use targets::TargetReport;
pub use wire::{Wire, answer as read_answer, send as write_command};
