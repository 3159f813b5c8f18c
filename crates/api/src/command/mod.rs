//! Command routes: a request becomes a command, its answer a response. Not the deciding.

mod answer;
pub(crate) mod batch;
mod body;
mod conditions;
mod handle;
mod mount;

pub(crate) use answer::{etag, not_done};
pub(crate) use body::{canonical, invalid, read, strict};
pub(crate) use conditions::{IDEMPOTENCY_KEY, expected, idempotency_key};
pub(crate) use handle::{half, segment_id};
pub(crate) use mount::Commands;

use std::any::Any;

use domain::{Ask, Route, TenantId};
use uuid::Uuid;

use crate::measure::Durations;
use crate::problem::Problem;

/// Makes a command of a body.
pub(crate) type Decode = fn(&[u8], &Ask<'_>) -> Result<Box<dyn Any + Send>, Problem>;

/// One command route.
#[derive(Debug)]
pub(crate) struct CommandRoute {
    pub(crate) context: &'static str,
    pub(crate) category: &'static str,
    pub(crate) route: Route,
    pub(crate) decode: Decode,
    /// The aggregate that a `PUT` without an id addresses.
    pub(crate) only_one: fn(&TenantId) -> Option<Uuid>,
    /// How many segments of a path stand behind the one with the id.
    pub(crate) id_from_end: Option<usize>,
    /// Where a new aggregate is found, with `{id}`.
    pub(crate) location: Option<String>,
    pub(crate) durations: Durations,
}
