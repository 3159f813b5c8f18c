//! One record, byte by byte: `docs/formats/record.md`. Not its validity, which is the reader rule's.

use std::borrow::Cow;
use std::ops::Range;

use domain::{
    CommandKey, EventData, EventId, LaneId, Meta, NotAnId, Position, StreamId, Timestamp, Trace,
};

use crate::wire::{Put, Take};
use crate::{Claim, Outcome};

/// The format written by this version.
const FORMAT: u8 = 1;
/// `length (u32) | format | kind | place (u16) | of (u16) | epoch (u64) | seq (u64)`
pub(crate) const HEADER_BYTES: usize = 4 + 1 + 1 + 2 + 2 + 8 + 8;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A node takes the lane.
    Claim,
    /// Something happened.
    Event,
    /// Something was asked and did not happen.
    Outcome,
}

/// The part of a record that the reader rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Its place in its frame, from 0; 0 for a claim.
    pub place: u16,
    /// How many records its frame has; 1 for a claim.
    pub of: u16,
    /// The epoch of its writer; for a claim the epoch it begins.
    pub epoch: u64,
    /// Its number in the lane; 0 for a claim, whose writer cannot know it.
    pub seq: u64,
}

/// 128 bits of a keyed hash over the body of a command and the version it expects.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A record, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the reader rule looks at.
    pub header: Header,
    /// The rest.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A node takes the lane.
    Claim(Claim),
    /// Something happened.
    Event {
        /// Where, when, by whom.
        meta: Box<Meta>,
        /// What.
        data: EventData,
        /// On the first record of a frame: the fingerprint of the command.
        fingerprint: Option<Fingerprint>,
    },
    /// Something was asked and did not happen.
    Outcome(Box<Outcome>),
}

/// The bytes are not a record of this format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They end too early.
    #[error("record ends in the middle of a field")]
    Short,
    /// They go on after the last field.
    #[error("record has {0} bytes behind its last field")]
    Long(usize),
    /// A text is not UTF-8.
    #[error("record holds text that is not UTF-8")]
    NotText,
    /// A code this version does not know.
    #[error("record has unknown {0} {1}; a newer version of Recount may know it")]
    Unknown(&'static str, u8),
    /// An id is malformed.
    #[error("record holds a malformed id: {0}")]
    Id(#[from] NotAnId),
}

impl Header {
    /// The header of the record that starts here, and the record's length.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut from = Take(bytes);
        let len = from.u32()? as usize + 4;
        if len < HEADER_BYTES || bytes.len() < len {
            return Err(DecodeError::Short);
        }
        let format = from.u8()?;
        if format != FORMAT {
            return Err(DecodeError::Unknown("format", format));
        }
        let kind = match from.u8()? {
            0 => Kind::Claim,
            1 => Kind::Event,
            2 => Kind::Outcome,
            odd => return Err(DecodeError::Unknown("kind", odd)),
        };
        let header = Self {
            kind,
            place: from.u16()?,
            of: from.u16()?,
            epoch: from.u64()?,
            seq: from.u64()?,
        };
        Ok((header, len))
    }

    /// Writes a record with this header and the body that `body` appends.
    pub(crate) fn write(self, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        out.put(&[0; 4]);
        out.put(&[FORMAT, self.kind as u8]);
        out.put(&self.place.to_le_bytes());
        out.put(&self.of.to_le_bytes());
        out.put(&self.epoch.to_le_bytes());
        out.put(&self.seq.to_le_bytes());
        body(out);
        let len = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
        out[start..start + 4].copy_from_slice(&len.to_le_bytes());
    }
}

/// The headers of the records in `bytes`, with the range of each; the bytes of a claim or a frame.
pub fn headers(bytes: &[u8]) -> Result<Vec<(Header, Range<usize>)>, DecodeError> {
    let mut all = Vec::with_capacity(1);
    let mut at = 0;
    while at < bytes.len() {
        let (header, len) = Header::read(&bytes[at..])?;
        all.push((header, at..at + len));
        at += len;
    }
    Ok(all)
}

impl Record {
    /// The canonical bytes of a claim that begins `epoch`.
    pub fn claim(epoch: u64, claim: &Claim) -> Vec<u8> {
        let header = Header { kind: Kind::Claim, place: 0, of: 1, epoch, seq: 0 };
        let mut out = Vec::with_capacity(HEADER_BYTES + 64);
        header.write(&mut out, |out| claim.write(out));
        out
    }

    /// Decodes one record of `lane`, all of `bytes`.
    pub fn decode(lane: LaneId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let (header, len) = Header::read(bytes)?;
        if len != bytes.len() {
            return Err(DecodeError::Long(bytes.len() - len));
        }
        let from = Take(&bytes[HEADER_BYTES..]);
        let body = match header.kind {
            Kind::Claim => Body::Claim(Claim::read(from)?),
            Kind::Event => read_event(Position { lane, seq: header.seq }, from)?,
            Kind::Outcome => Body::Outcome(Box::new(Outcome::read(from)?)),
        };
        Ok(Self { header, body })
    }
}

pub(crate) const HAS_KEY: u8 = 1;
const HAS_FINGERPRINT: u8 = 2;
const HAS_CAUSATION: u8 = 4;
pub(crate) const HAS_TRACE: u8 = 8;
/// All flags of an event.
pub(crate) const EVENT_FLAGS: u8 = HAS_KEY | HAS_FINGERPRINT | HAS_CAUSATION | HAS_TRACE;
/// Trace id, span id, flags.
pub(crate) const TRACE_BYTES: usize = 16 + 8 + 1;

/// Bytes of what the flags announce, without the trace: 16 each.
pub(crate) const fn envelope_optional_bytes(flags: u8) -> usize {
    16 * (flags & !HAS_TRACE).count_ones() as usize
}

fn write_event(out: &mut Vec<u8>, meta: &Meta, data: &EventData, fingerprint: Option<Fingerprint>) {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.put(&meta.recorded_at.as_micros().to_le_bytes());
    out.put(meta.id.0.as_bytes());
    out.put_text(meta.stream.category());
    out.put(meta.stream.id().as_bytes());
    out.put(&meta.version.to_le_bytes());
    out.put_text(meta.tenant.as_str());
    out.put_text(meta.actor.as_str());
    out.put(meta.correlation.as_bytes());
    out.put(&[flag(meta.key.is_some(), HAS_KEY)
        | flag(fingerprint.is_some(), HAS_FINGERPRINT)
        | flag(meta.causation.is_some(), HAS_CAUSATION)
        | flag(meta.trace.is_some(), HAS_TRACE)]);
    if let Some(key) = meta.key {
        out.put(&key.0);
    }
    if let Some(fingerprint) = fingerprint {
        out.put(&fingerprint.0);
    }
    if let Some(causation) = meta.causation {
        out.put(causation.as_bytes());
    }
    if let Some(trace) = meta.trace {
        out.put(&trace.trace_id);
        out.put(&trace.span_id);
        out.put(&[trace.flags]);
    }
    out.put_text(&data.event_type);
    out.put(&data.fingerprint.to_le_bytes());
    out.put(&data.datum);
}

fn read_event(position: Position, mut from: Take<'_>) -> Result<Body, DecodeError> {
    let recorded_at = Timestamp::from_micros(from.i64()?);
    let id = EventId(from.uuid()?);
    let stream = StreamId::parse_parts(from.text()?, from.uuid()?)?;
    let version = from.u64()?;
    let (tenant, actor) = (from.text()?.parse()?, from.text()?.parse()?);
    let correlation = from.uuid()?;
    let flags = from.u8()?;
    if flags > EVENT_FLAGS {
        return Err(DecodeError::Unknown("flags", flags));
    }
    let has = |bit: u8| flags & bit != 0;
    let key = if has(HAS_KEY) { Some(CommandKey(from.array()?)) } else { None };
    let fingerprint = if has(HAS_FINGERPRINT) { Some(Fingerprint(from.array()?)) } else { None };
    let causation = if has(HAS_CAUSATION) { Some(from.uuid()?) } else { None };
    let trace = if has(HAS_TRACE) {
        Some(Trace { trace_id: from.array()?, span_id: from.array()?, flags: from.u8()? })
    } else {
        None
    };
    let event_type = Cow::Owned(from.text()?.to_owned());
    let data = EventData { event_type, fingerprint: from.u64()?, datum: from.0.to_vec() };
    let meta = Meta {
        id,
        stream,
        version,
        position,
        recorded_at,
        tenant,
        actor,
        correlation,
        causation,
        key,
        trace,
    };
    Ok(Body::Event { meta: Box::new(meta), data, fingerprint })
}

/// Writes the canonical bytes of one frame: the records of one command.
#[derive(Debug)]
pub struct FrameBuilder {
    epoch: u64,
    next: u64,
    of: u16,
    place: u16,
    bytes: Vec<u8>,
}

impl FrameBuilder {
    /// A frame of `of` records whose first takes `seq` in `epoch`.
    pub fn new(epoch: u64, seq: u64, of: u16) -> Self {
        Self { epoch, next: seq, of, place: 0, bytes: Vec::with_capacity(usize::from(of) * 384) }
    }

    fn header(&mut self, kind: Kind) -> Header {
        let header =
            Header { kind, place: self.place, of: self.of, epoch: self.epoch, seq: self.next };
        self.place += 1;
        self.next += 1;
        header
    }

    /// Adds an event. The position in `meta` is not written: it is the frame's.
    pub fn event(&mut self, meta: &Meta, data: &EventData, fingerprint: Option<Fingerprint>) {
        let header = self.header(Kind::Event);
        header.write(&mut self.bytes, |out| write_event(out, meta, data, fingerprint));
    }

    /// Adds an outcome.
    pub fn outcome(&mut self, outcome: &Outcome) {
        let header = self.header(Kind::Outcome);
        header.write(&mut self.bytes, |out| outcome.write(out));
    }

    /// The canonical bytes.
    ///
    /// # Panics
    /// When the frame does not have the number of records it was begun with.
    pub fn finish(self) -> Vec<u8> {
        assert_eq!(self.place, self.of, "a frame is whole or it is not");
        self.bytes
    }
}
