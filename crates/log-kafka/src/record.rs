//! A record on Kafka: key, value, headers; `docs/formats/kafka.md`. Nothing of it is lost or added on
//! the way there and back, so that its hash is the same on every log.

use std::fmt::Write as _;

use domain::Timestamp;
use log::{BodyParts, EventParts, Head, Header, Kind, Parts};
use uuid::Uuid;

/// Written by this version, and the only one it reads.
const FORMAT: u8 = 1;
/// `format | kind | place (u16) | of (u16) | epoch (u64) | seq (u64) | head before the frame`
const FIXED_BYTES: usize = 1 + 1 + 2 + 2 + 8 + 8 + 32;
/// Microseconds of the years 0 to 9999, which RFC 3339 can say.
const SAYABLE: std::ops::Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

/// The header that holds what no other place does.
pub(crate) const RC: &str = "rc";
const ID: &str = "ce_id";
const TYPE: &str = "ce_type";
const TIME: &str = "ce_time";
const TRACE: &str = "traceparent";

/// A record to be produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) key: Option<String>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
}

impl Outgoing {
    /// What it takes on the wire, about.
    pub(crate) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, it)| name.len() + it.len() + 8).sum();
        let value = self.value.as_ref().map_or(0, Vec::len);
        headers + value + self.key.as_ref().map_or(0, String::len) + 64
    }
}

/// A record as it was consumed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Incoming<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    rc: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    event_type: Option<&'a [u8]>,
    time: Option<&'a [u8]>,
    trace: Option<&'a [u8]>,
}

impl<'a> Incoming<'a> {
    pub(crate) fn new(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        Self { key, value, ..Self::default() }
    }

    /// Takes a header in; unknown ones are nothing to us.
    pub(crate) fn header(&mut self, name: &str, value: Option<&'a [u8]>) {
        match name {
            RC => self.rc = value,
            ID => self.id = value,
            TYPE => self.event_type = value,
            TIME => self.time = value,
            TRACE => self.trace = value,
            _ => {}
        }
    }
}

/// What a record of this log becomes. `schema_id` gives the id of a writer schema in the wire format,
/// from its fingerprint.
pub(crate) fn encode(parts: &Parts<'_>, prev: &Head, schema_id: impl Fn(u64) -> u32) -> Outgoing {
    let Header { kind, place, of, epoch, seq } = parts.header;
    let mut rc = Vec::with_capacity(FIXED_BYTES + 160);
    rc.extend([FORMAT, kind as u8]);
    rc.extend(place.to_le_bytes());
    rc.extend(of.to_le_bytes());
    rc.extend(epoch.to_le_bytes());
    rc.extend(seq.to_le_bytes());
    rc.extend(prev.0);
    let event = match &parts.body {
        BodyParts::Whole(body) => {
            rc.extend_from_slice(body);
            return whole(kind, body, rc);
        }
        BodyParts::Event(event) => event,
    };
    rc.extend_from_slice(event.envelope);
    rc.extend(event.schema.to_le_bytes());
    let context = event.event_type.split('.').next().unwrap_or_default();
    let mut headers = Vec::with_capacity(8);
    headers.push(("ce_specversion", b"1.0".to_vec()));
    headers.push((ID, event.id.hyphenated().to_string().into_bytes()));
    headers.push(("ce_source", format!("/api/{context}").into_bytes()));
    headers.push((TYPE, event.event_type.as_bytes().to_vec()));
    headers.push((TIME, time_text(event.recorded_at).into_bytes()));
    headers.push(("content-type", codec::CONTENT_TYPE.as_bytes().to_vec()));
    if let Some(trace) = event.trace {
        headers.push((TRACE, trace_text(trace).into_bytes()));
    }
    headers.push((RC, rc));
    Outgoing {
        key: Some(format!("{}-{}", event.category, event.stream.hyphenated())),
        value: Some(codec::frame(schema_id(event.schema), event.datum)),
        headers,
        timestamp: event.recorded_at.div_euclid(1_000),
    }
}

/// A claim or an outcome: no event, so no value, and nothing that says `CloudEvents`.
fn whole(kind: Kind, body: &[u8], rc: Vec<u8>) -> Outgoing {
    // A claim: id, time. An outcome: time, stream.
    let at = if kind == Kind::Claim { 16 } else { 0 };
    let micros = body.get(at..at + 8).and_then(|it| it.try_into().ok()).map(i64::from_le_bytes);
    let key = (kind == Kind::Outcome).then(|| stream_of_outcome(body)).flatten();
    let timestamp = micros.unwrap_or_default().div_euclid(1_000);
    Outgoing { key, value: None, headers: vec![(RC, rc)], timestamp }
}

fn stream_of_outcome(body: &[u8]) -> Option<String> {
    let length = usize::from(u16::from_le_bytes(body.get(8..10)?.try_into().ok()?));
    let category = std::str::from_utf8(body.get(10..10 + length)?).ok()?;
    let id = Uuid::from_slice(body.get(10 + length..26 + length)?).ok()?;
    Some(format!("{category}-{}", id.hyphenated()))
}

/// The head before the frame and the canonical bytes of a consumed record. One that Recount has not
/// written becomes bytes that are no record, which every reader skips as void; one of a newer version
/// becomes bytes that no reader goes past.
pub(crate) fn decode(from: &Incoming<'_>) -> (Head, Vec<u8>) {
    let Some((fixed, rest)) = from.rc.and_then(|rc| rc.split_first_chunk::<FIXED_BYTES>()) else {
        return void();
    };
    let (header, prev) = fixed_part(fixed);
    let Some(header) = header else { return (prev, newer(fixed)) };
    let join = |body| Parts { header, body }.join();
    if header.kind != Kind::Event {
        return (prev, join(BodyParts::Whole(rest)));
    }
    match event(from, rest) {
        Some(Event { parts, trace }) => {
            let parts = EventParts { trace: trace.as_ref(), ..parts };
            (prev, join(BodyParts::Event(parts)))
        }
        None => void(),
    }
}

/// Bytes that are no record.
pub(crate) fn void() -> (Head, Vec<u8>) {
    (Head::default(), [&4_u32.to_le_bytes()[..], b"void"].concat())
}

/// The header of the canonical record in a format that this version does not know.
fn newer(fixed: &[u8; FIXED_BYTES]) -> Vec<u8> {
    let mut bytes = 22_u32.to_le_bytes().to_vec();
    bytes.extend_from_slice(&fixed[..22]);
    bytes
}

/// The header, unless its format or kind is unknown, and the head before the frame.
fn fixed_part(fixed: &[u8; FIXED_BYTES]) -> (Option<Header>, Head) {
    let [format, kind, a, b, c, d, rest @ ..] = fixed;
    let number = |at: usize| {
        let bytes: [u8; 8] = rest[at..at + 8].try_into().unwrap_or_default();
        u64::from_le_bytes(bytes)
    };
    let mut prev = Head::default();
    prev.0.copy_from_slice(&rest[16..]);
    let kind = match (format, kind) {
        (&FORMAT, 0) => Some(Kind::Claim),
        (&FORMAT, 1) => Some(Kind::Event),
        (&FORMAT, 2) => Some(Kind::Outcome),
        _ => None,
    };
    let header = kind.map(|kind| Header {
        kind,
        place: u16::from_le_bytes([*a, *b]),
        of: u16::from_le_bytes([*c, *d]),
        epoch: number(0),
        seq: number(8),
    });
    (header, prev)
}

struct Event<'a> {
    parts: EventParts<'a>,
    trace: Option<[u8; 25]>,
}

fn event<'a>(from: &Incoming<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let text = |bytes: Option<&'a [u8]>| std::str::from_utf8(bytes?).ok();
    let (length, traced) = log::envelope_of(rest).ok()?;
    let (envelope, schema) = rest.split_at(length);
    let key = text(from.key)?;
    // The rest of the id has a fixed length; a category holds no hyphen.
    let (category, stream) = key.split_at_checked(key.len().checked_sub(37)?)?;
    let (_, datum) = codec::unframe(from.value?).ok()?;
    let parts = EventParts {
        recorded_at: micros(text(from.time)?)?,
        id: Uuid::try_parse(text(from.id)?).ok()?,
        category,
        stream: Uuid::try_parse(stream.strip_prefix('-')?).ok()?,
        envelope,
        trace: None,
        event_type: text(from.event_type)?,
        schema: u64::from_le_bytes(schema.try_into().ok()?),
        datum,
    };
    let trace = if traced { Some(trace_bytes(text(from.trace)?)?) } else { None };
    Some(Event { parts, trace })
}

/// RFC 3339; a time beyond it, which no clock shows, as its number of microseconds.
fn time_text(micros: i64) -> String {
    if SAYABLE.contains(&micros) {
        Timestamp::from_micros(micros).to_string()
    } else {
        micros.to_string()
    }
}

fn micros(text: &str) -> Option<i64> {
    let said = text.parse::<Timestamp>().map(Timestamp::as_micros);
    said.ok().or_else(|| text.parse().ok())
}

fn trace_text(trace: &[u8; 25]) -> String {
    let mut text = String::with_capacity(55);
    text.push_str("00");
    for (at, byte) in trace.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{byte:02x}", if matches!(at, 0 | 16 | 24) { "-" } else { "" });
    }
    text
}

fn trace_bytes(text: &str) -> Option<[u8; 25]> {
    let mut digits = text.strip_prefix("00-")?.bytes().filter(|byte| *byte != b'-');
    let mut digit = || char::from(digits.next()?).to_digit(16);
    let mut out = [0; 25];
    for byte in &mut out {
        *byte = u8::try_from(digit()? * 16 + digit()?).ok()?;
    }
    (text.len() == 55).then_some(out)
}

#[cfg(test)]
mod tests;
