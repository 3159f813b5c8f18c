//! The contract of the domain: what a context is made of, as pure types and functions.
//!
//! Not a runtime: nothing here reads a clock, draws a random number, blocks or does I/O. Time, ids
//! and keys come in as values, so that every rule is a function of its arguments and runs the same
//! in production, in a unit test and in the simulator.
//!
//! Reading order: [`Decider`] (rules), [`EventSet`] and [`Envelope`] (what is stored),
//! [`Projection`] (read models), [`saga`] (work across contexts), [`context`] (how it is registered).

extern crate self as domain;

pub mod context;
mod decider;
mod describe;
mod envelope;
mod event;
mod ids;
mod money;
mod platform;
mod principal;
mod projection;
pub mod query;
pub mod saga;
mod sealed;
mod shared;
mod time;

pub use context::{Aggregate, Ask, Context, Invalid, Method, Request, Route, Routes};
pub use decider::{Decider, Rejection, RejectionKind};
pub use describe::{Describe, Property, Shape};
pub use domain_derive::{Describe, EventSet, Row, Word};
pub use envelope::{Envelope, Meta, Trace};
pub use event::{EventData, EventSet, UnknownEvent};
pub use ids::{
    ActorId, CommandKey, EventId, LaneId, NotAnId, Position, StreamId, TenantId, TopicId,
};
pub use money::Money;
pub use platform::Platform;
pub use principal::{Principal, Role};
pub use projection::{Column, ColumnType, Field, FieldError, Projection, Projections, Row, Value};
pub use sealed::{SealError, Sealed, Sealer, SubjectId};
pub use shared::{Link, PostId, PublicationId, UserId, derived_id};
pub use time::{NotATime, Timestamp};
pub use uuid::Uuid;

/// What the derive macros name; not for hand-written code.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}
