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
mod tests {
    use std::borrow::Cow;

    use domain::{
        ActorId, CommandKey, EventData, EventId, LaneId, Meta, Position, StreamId, TenantId,
        TopicId, Trace,
    };
    use log::{Claim, Fingerprint, FrameBuilder, Outcome, Record, Verdict, headers};
    use proptest::prelude::*;

    use super::*;

    const LANE: LaneId = LaneId { topic: TopicId(0), index: 0 };

    fn uuid() -> impl Strategy<Value = Uuid> {
        any::<u128>().prop_map(Uuid::from_u128)
    }

    fn stream() -> impl Strategy<Value = StreamId> {
        ("[a-z0-9_]{1,64}", uuid())
            .prop_map(|(category, id)| StreamId::parse_parts(&category, id).unwrap())
    }

    fn time() -> impl Strategy<Value = i64> {
        prop_oneof![any::<i64>(), SAYABLE, 0..2_000_000_000_000_000_i64]
    }

    fn trace() -> impl Strategy<Value = Trace> {
        any::<([u8; 16], [u8; 8], u8)>().prop_map(|(trace_id, span_id, flags)| Trace {
            trace_id,
            span_id,
            flags,
        })
    }

    prop_compose! {
        fn event()(
            ids in (uuid(), stream(), any::<u64>(), time(), uuid()),
            names in ("[a-zA-Z0-9._:@-]{1,64}", "[a-zA-Z0-9._:@-]{1,64}", "[a-z._0-9]{1,80}"),
            more in (
                proptest::option::of(uuid()),
                proptest::option::of(any::<[u8; 16]>()),
                proptest::option::of(trace()),
                proptest::option::of(any::<[u8; 16]>()),
            ),
            data in (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..300)),
            places in (any::<u64>(), 1..u64::MAX / 2),
        ) -> Vec<u8> {
            let meta = Meta {
                id: EventId(ids.0),
                stream: ids.1,
                version: ids.2,
                position: Position { lane: LANE, seq: 0 },
                recorded_at: Timestamp::from_micros(ids.3),
                tenant: names.0.parse::<TenantId>().unwrap(),
                actor: names.1.parse::<ActorId>().unwrap(),
                correlation: ids.4,
                causation: more.0,
                key: more.1.map(CommandKey),
                trace: more.2,
            };
            let (event_type, datum) = (Cow::Owned(names.2), data.1);
            let data = EventData { event_type, fingerprint: data.0, datum };
            let mut frame = FrameBuilder::new(places.0, places.1, 1);
            frame.event(&meta, &data, more.3.map(Fingerprint));
            frame.finish()
        }
    }

    prop_compose! {
        fn outcome()(
            at in time(), stream in stream(), version: u64, correlation in uuid(),
            key in proptest::option::of(any::<[u8; 16]>()), fingerprint: [u8; 16],
            rule in ".{0,40}", detail in ".{0,200}", epoch: u64, seq in 1..u64::MAX / 2,
        ) -> Vec<u8> {
            let outcome = Outcome {
                recorded_at: Timestamp::from_micros(at),
                stream,
                version,
                tenant: TenantId::from_static("local"),
                actor: ActorId::from_static("owner"),
                correlation,
                key: key.map(CommandKey),
                fingerprint: Fingerprint(fingerprint),
                verdict: Verdict::Conflict,
                rule,
                detail,
            };
            let mut frame = FrameBuilder::new(epoch, seq, 1);
            frame.outcome(&outcome);
            frame.finish()
        }
    }

    prop_compose! {
        fn claim()(id in uuid(), at in time(), node in ".{0,40}", url in ".{0,40}", epoch: u64) -> Vec<u8> {
            Record::claim(epoch, &Claim { id, at: Timestamp::from_micros(at), node, url })
        }
    }

    fn there_and_back(bytes: &[u8], prev: &Head) -> (Head, Vec<u8>) {
        let record = encode(&Parts::of(bytes).unwrap(), prev, |_| 77);
        let mut from =
            Incoming::new(record.key.as_ref().map(String::as_bytes), record.value.as_deref());
        for (name, value) in &record.headers {
            from.header(name, Some(value));
        }
        decode(&from)
    }

    proptest! {
        #[test]
        fn every_record_comes_back_as_it_went(
            bytes in prop_oneof![event(), outcome(), claim()], head: [u8; 32],
        ) {
            prop_assert_eq!(headers(&bytes).unwrap().len(), 1);
            let (prev, back) = there_and_back(&bytes, &Head(head));
            prop_assert_eq!(back, bytes);
            prop_assert_eq!(prev, Head(head));
        }

        #[test]
        fn no_message_makes_the_reader_panic_and_none_becomes_half_a_record(
            key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60)),
            value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60)),
            rc in proptest::collection::vec(any::<u8>(), 0..200),
            kind in 0..4_u8, format in 0..3_u8, with in any::<[bool; 4]>(),
        ) {
            let rc = [vec![format, kind], rc].concat();
            let mut from = Incoming::new(key.as_deref(), value.as_deref());
            from.header(RC, Some(&rc));
            for (name, with) in [ID, TYPE, TIME, TRACE].into_iter().zip(with) {
                from.header(name, with.then_some(b"0"));
            }
            let (_, bytes) = decode(&from);
            let stored = log::Stored { offset: 0, prev: Head::default(), bytes };
            let known = format == FORMAT && kind < 3;
            match log::readable(LANE, &stored) {
                Ok(Some(_)) => prop_assert!(known && Parts::of(&stored.bytes).is_ok()),
                Ok(None) => prop_assert_eq!(stored.bytes, void().1),
                Err(_) => prop_assert!(!known && rc.len() >= FIXED_BYTES),
            }
        }
    }

    /// A message as bytes: for each part its length, or 255 when it is not there, and the part.
    fn message(record: &Outgoing) -> Vec<u8> {
        let header =
            |name| record.headers.iter().find(|(it, _)| *it == name).map(|(_, it)| &it[..]);
        let key = record.key.as_ref().map(String::as_bytes);
        let parts = [header(RC), key, header(ID), header(TYPE), header(TIME), header(TRACE)];
        let mut bytes = Vec::new();
        for part in parts {
            bytes.push(part.map_or(255, |it| u8::try_from(it.len()).unwrap()));
            bytes.extend_from_slice(part.unwrap_or_default());
        }
        bytes.extend_from_slice(record.value.as_deref().unwrap_or_default());
        bytes
    }

    #[test]
    fn a_message_of_any_bytes_becomes_a_record_or_nothing() {
        let scribed = |record: Vec<u8>| {
            message(&encode(&Parts::of(&record).unwrap(), &Head([7; 32]), |_| 77))
        };
        let stream: StreamId = "post-0190e2a4-0000-7000-8000-000000000001".parse().unwrap();
        let (mut meta, data) =
            log::conformance::sample_event(&stream, Position { lane: LANE, seq: 1 });
        meta.trace = Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let mut frame = FrameBuilder::new(1, 2, 1);
        frame.event(&meta, &data, Some(Fingerprint([3; 16])));
        let claim = Claim {
            id: Uuid::nil(),
            at: Timestamp::from_micros(1),
            node: "one".into(),
            url: String::new(),
        };
        let seeds = vec![scribed(frame.finish()), scribed(Record::claim(1, &claim))];
        fuzz::fuzz("message", seeds, fuzz::Bound::NONE, |bytes| {
            let mut rest = bytes;
            let mut part = || {
                let (len, tail) = rest.split_first()?;
                let (part, tail) = if *len == 255 {
                    (None, tail)
                } else {
                    let (part, tail) = tail.split_at(usize::from(*len).min(tail.len()));
                    (Some(part), tail)
                };
                rest = tail;
                part
            };
            let all: [Option<&[u8]>; 6] = std::array::from_fn(|_| part());
            let [rc, key, id, kind, time, trace] = all;
            let mut from = Incoming::new(key, Some(rest).filter(|it| !it.is_empty()));
            for (name, value) in [(RC, rc), (ID, id), (TYPE, kind), (TIME, time), (TRACE, trace)] {
                from.header(name, value);
            }
            let (prev, bytes) = decode(&from);
            let stored = log::Stored { offset: 0, prev, bytes };
            match log::readable(LANE, &stored) {
                Ok(Some(header)) => {
                    // What is a record stays the one it is, on its way to a log and back.
                    let (_, back) = there_and_back(&stored.bytes, &prev);
                    assert_eq!(back, stored.bytes);
                    format!("{:?}", header.kind)
                }
                Ok(None) => "void".to_owned(),
                Err(error) => error.to_string(),
            }
        });
    }

    #[test]
    fn an_event_is_a_cloud_event_that_any_tool_reads() {
        let stream: StreamId = "post-0190e2a4-0000-7000-8000-000000000001".parse().unwrap();
        let (mut meta, data) =
            log::conformance::sample_event(&stream, Position { lane: LANE, seq: 1 });
        meta.recorded_at = "2026-11-21T08:30:00Z".parse().unwrap();
        meta.trace = Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let mut frame = FrameBuilder::new(1, 1, 1);
        frame.event(&meta, &data, None);
        let record = encode(&Parts::of(&frame.finish()).unwrap(), &Head::default(), |_| 0x0102);
        assert_eq!(record.key.as_deref(), Some("post-0190e2a4-0000-7000-8000-000000000001"));
        assert_eq!(record.value.unwrap()[..5], [0, 0, 0, 1, 2]);
        assert_eq!(record.timestamp, meta.recorded_at.as_millis());
        let texts = record.headers.iter().filter(|(name, _)| *name != RC);
        let texts: Vec<String> = texts
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        assert_eq!(
            texts,
            [
                "ce_specversion: 1.0",
                &format!("ce_id: {}", meta.id),
                "ce_source: /api/suite",
                "ce_type: suite.sample.happened.v1",
                "ce_time: 2026-11-21T08:30:00Z",
                "content-type: application/avro",
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ]
        );
    }

    #[test]
    fn a_record_of_somebody_else_is_void_and_one_of_a_newer_version_stops_the_reader() {
        let foreign = Incoming::new(Some(b"k"), Some(b"v"));
        assert_eq!(decode(&foreign), void());
        let mut newer = Incoming::default();
        let rc = [&[2, 9][..], &[7; FIXED_BYTES]].concat();
        newer.header(RC, Some(&rc));
        let stored = log::Stored { offset: 3, prev: Head::default(), bytes: decode(&newer).1 };
        let error = log::readable(LANE, &stored).unwrap_err().to_string();
        assert!(error.contains("unknown format 2; a newer version"), "{error}");
    }
}
