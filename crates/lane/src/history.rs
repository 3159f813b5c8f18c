//! An aggregate from its history: read, decode, evolve. Not kept in memory here, which is the owner's
//! affair.

use std::borrow::Cow;

use domain::{EventData, LaneId, StreamId, TenantId, Timestamp};
use log::{BodyParts, DecodeError, Log, Parts, ReadError};

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
        let mut read = Ok(Ok(()));
        log.visit_stream(lane, stream, 0, &mut |offset, _, record| {
            // Behind the first that cannot be read nothing counts.
            if matches!(read, Ok(Ok(()))) {
                read = it
                    .take(record, &mut data, handler)
                    .map_err(|error| ReadError::Damaged(format!("offset {offset}: {error}")));
            }
        })?;
        Ok(read?
            .map(|()| it)
            .map_err(|(version, why)| format!("event {version} of {stream} cannot be read: {why}")))
    }

    /// The next record of the stream. The inner error: its event, with this version, cannot be replayed.
    fn take(
        &mut self,
        record: &[u8],
        data: &mut EventData,
        handler: &dyn Handler,
    ) -> Result<Result<(), (u64, String)>, DecodeError> {
        let BodyParts::Event(event) = Parts::of(record)?.body else { return Ok(Ok(())) };
        let version = event.version()?;
        // The first event says whose data the stream is.
        if self.tenant.is_none() {
            self.tenant = Some(event.tenant()?);
        }
        if data.event_type != event.event_type {
            data.event_type = Cow::Owned(event.event_type.to_owned());
        }
        data.fingerprint = event.schema;
        data.datum.clear();
        data.datum.extend_from_slice(event.datum);
        let at = Timestamp::from_micros(event.recorded_at);
        if let Err(why) = handler.replay(&mut self.state, data, at) {
            return Ok(Err((version, why)));
        }
        self.version = version;
        Ok(Ok(()))
    }
}
