//! What surrounds an event: where, when, by whom, because of what. Not the event itself.

use uuid::Uuid;

use crate::{ActorId, CommandKey, EventId, Position, StreamId, TenantId, Timestamp};

/// The W3C trace context of the request that led to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trace {
    /// Trace id.
    pub trace_id: [u8; 16],
    /// Id of the span that asked.
    pub span_id: [u8; 8],
    /// Trace flags; bit 0 is "sampled".
    pub flags: u8,
}

impl std::fmt::Display for Trace {
    /// As the header `traceparent`, version 00.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (trace, span) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.span_id));
        write!(f, "00-{trace:032x}-{span:016x}-{:02x}", self.flags)
    }
}

impl Trace {
    /// From the header `traceparent`; `None` when it is not one (the standard says: ignore it).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = parts.next()?;
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let plain =
            text.bytes().all(|c| c == b'-' || c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
        if !plain
            || (version.len(), trace.len(), span.len(), flags.len()) != (2, 32, 16, 2)
            || version == "ff"
        {
            return None;
        }
        if version == "00" && parts.next().is_some() {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?.to_be_bytes();
        let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?.to_be_bytes();
        Some(Self { trace_id, span_id, flags: u8::from_str_radix(flags, 16).ok()? })
    }
}

/// Everything known about an event but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The event's own id.
    pub id: EventId,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// Its place in the log.
    pub position: Position,
    /// Log time: the owner's clock, never falling in a lane.
    pub recorded_at: Timestamp,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Who asked.
    pub actor: ActorId,
    /// Names the whole conversation; the id of the first command when nobody gave one.
    pub correlation: Uuid,
    /// The event or command that led to this one.
    pub causation: Option<Uuid>,
    /// The key of the command; absent when it came without one.
    pub key: Option<CommandKey>,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
}

/// An event with its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<E> {
    /// All but the content.
    pub meta: Meta,
    /// The event.
    pub payload: E,
}

impl<E> Envelope<E> {
    /// The aggregate's own id.
    pub fn id(&self) -> Uuid {
        self.meta.stream.id()
    }
}
