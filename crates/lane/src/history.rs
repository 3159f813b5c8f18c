//! An aggregate from its history: read, decode, evolve. Not kept in memory here, which is the owner's
//! affair.

use std::borrow::Cow;

use domain::{EventData, LaneId, StreamId, TenantId, Timestamp};
use log::{BodyParts, Log, Parts, ReadError};

use crate::handler::{AnyState, Handler};

/// What the events of a stream make.
pub struct History {
    /// The state after the last of them.
    pub state: AnyState,
    /// How many they are.
    pub version: u64,
    /// Whose data it is; `None` before the first event.
    pub tenant: Option<TenantId>,
}

impl std::fmt::Debug for History {
    /// Without the state, which may hold personal values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("version", &self.version).finish_non_exhaustive()
    }
}

impl History {
    /// Reads the whole stream. The inner error: one of its events cannot be replayed, which concerns
    /// this stream alone.
    pub fn read(
        log: &dyn Log,
        lane: LaneId,
        stream: &StreamId,
        handler: &dyn Handler,
    ) -> Result<Result<Self, String>, ReadError> {
        let mut it = Self { state: handler.fresh(), version: 0, tenant: None };
        // One for all: only what the rules look at is taken out of a record.
        let mut data =
            EventData { event_type: Cow::Borrowed(""), fingerprint: 0, datum: Vec::new() };
        for stored in log.read_stream(lane, stream, 0)? {
            let damaged = |error| ReadError::Damaged(format!("offset {}: {error}", stored.offset));
            let parts = Parts::of(&stored.bytes).map_err(damaged)?;
            let BodyParts::Event(event) = parts.body else { continue };
            let version = event.version().map_err(damaged)?;
            // The first event says whose data the stream is.
            if it.tenant.is_none() {
                it.tenant = Some(event.tenant().map_err(damaged)?);
            }
            if data.event_type != event.event_type {
                data.event_type = Cow::Owned(event.event_type.to_owned());
            }
            data.fingerprint = event.schema;
            data.datum.clear();
            data.datum.extend_from_slice(event.datum);
            let at = Timestamp::from_micros(event.recorded_at);
            if let Err(why) = handler.replay(&mut it.state, &data, at) {
                return Ok(Err(format!("event {version} of {stream} cannot be read: {why}")));
            }
            it.version = version;
        }
        Ok(Ok(it))
    }
}
