//! A record taken apart without a copy, and put together again, byte for byte: for logs that keep its
//! parts in places of their own. Not a decoder: what the parts mean, [`crate::Record`] says.

use domain::TenantId;
use uuid::Uuid;

use crate::record::{EVENT_FLAGS, HAS_TRACE, HEADER_BYTES, TRACE_BYTES, envelope_optional_bytes};
use crate::wire::{Put, Take};
use crate::{DecodeError, Header, Kind};

/// A record in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What the reader rule looks at.
    pub header: Header,
    /// The rest.
    pub body: BodyParts<'a>,
}

/// The body of a record in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyParts<'a> {
    /// The body of a claim or of an outcome, whole.
    Whole(&'a [u8]),
    /// That of an event.
    Event(EventParts<'a>),
}

/// An event in parts, in the order of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventParts<'a> {
    /// Log time, in microseconds since 1970.
    pub recorded_at: i64,
    /// Id of the event.
    pub id: Uuid,
    /// Category of its stream.
    pub category: &'a str,
    /// The rest of the stream's id.
    pub stream: Uuid,
    /// From the version of the stream to the causation, as they are in the record.
    pub envelope: &'a [u8],
    /// Trace id, span id and flags; there or not as the flags in `envelope` say.
    pub trace: Option<&'a [u8; 25]>,
    /// Its type.
    pub event_type: &'a str,
    /// Fingerprint of the writer schema.
    pub schema: u64,
    /// Avro.
    pub datum: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes one record apart, all of `bytes`.
    pub fn of(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (header, len) = Header::read(bytes)?;
        if len != bytes.len() {
            return Err(DecodeError::Long(bytes.len() - len));
        }
        let body = &bytes[HEADER_BYTES..];
        let body = match header.kind {
            Kind::Event => BodyParts::Event(event(Take(body))?),
            Kind::Claim | Kind::Outcome => BodyParts::Whole(body),
        };
        Ok(Self { header, body })
    }

    /// Puts the record together. The opposite of [`Self::of`] for every record that it takes.
    pub fn join(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.body.len());
        self.header.write(&mut out, |out| match &self.body {
            BodyParts::Whole(body) => out.put(body),
            BodyParts::Event(event) => {
                out.put(&event.recorded_at.to_le_bytes());
                out.put(event.id.as_bytes());
                out.put_text(event.category);
                out.put(event.stream.as_bytes());
                out.put(event.envelope);
                if let Some(trace) = event.trace {
                    out.put(trace);
                }
                out.put_text(event.event_type);
                out.put(&event.schema.to_le_bytes());
                out.put(event.datum);
            }
        });
        out
    }
}

impl EventParts<'_> {
    /// The version of its stream that it makes: the first field of the envelope.
    pub fn version(&self) -> Result<u64, DecodeError> {
        Take(self.envelope).u64()
    }

    /// Its tenant: the second.
    pub fn tenant(&self) -> Result<TenantId, DecodeError> {
        let mut from = Take(self.envelope);
        from.u64()?;
        Ok(from.text()?.parse()?)
    }
}

impl BodyParts<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Whole(body) => body.len(),
            Self::Event(it) => {
                let texts = it.category.len() + it.event_type.len() + it.envelope.len();
                texts + it.datum.len() + TRACE_BYTES + 64
            }
        }
    }
}

fn event(mut from: Take<'_>) -> Result<EventParts<'_>, DecodeError> {
    let (recorded_at, id) = (from.i64()?, from.uuid()?);
    let (category, stream) = (from.text()?, from.uuid()?);
    let rest = from.0;
    let flags = envelope(&mut from)?;
    let envelope = &rest[..rest.len() - from.0.len()];
    let trace = if flags & HAS_TRACE == 0 { None } else { Some(from.array_ref()?) };
    let (event_type, schema) = (from.text()?, from.u64()?);
    let datum = from.0;
    Ok(EventParts { recorded_at, id, category, stream, envelope, trace, event_type, schema, datum })
}

/// Goes over version, tenant, actor, correlation, flags and what the flags announce but the trace.
fn envelope(from: &mut Take<'_>) -> Result<u8, DecodeError> {
    from.u64()?;
    from.text()?;
    from.text()?;
    from.uuid()?;
    let flags = from.u8()?;
    if flags > EVENT_FLAGS {
        return Err(DecodeError::Unknown("flags", flags));
    }
    from.bytes(envelope_optional_bytes(flags))?;
    Ok(flags)
}

/// How many bytes of `bytes` are the envelope that they begin with, and whether its flags announce a
/// trace.
pub fn envelope_of(bytes: &[u8]) -> Result<(usize, bool), DecodeError> {
    let mut from = Take(bytes);
    let flags = envelope(&mut from)?;
    Ok((bytes.len() - from.0.len(), flags & HAS_TRACE != 0))
}
