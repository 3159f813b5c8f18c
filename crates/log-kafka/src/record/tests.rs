//! That records come back from Kafka as they went there, and that nothing else becomes one.

use std::borrow::Cow;

use domain::{
    ActorId, CommandKey, EventData, EventId, LaneId, Meta, Position, StreamId, TenantId, TopicId,
    Trace,
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
    let header = |name| record.headers.iter().find(|(it, _)| *it == name).map(|(_, it)| &it[..]);
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
    let scribed =
        |record: Vec<u8>| message(&encode(&Parts::of(&record).unwrap(), &Head([7; 32]), |_| 77));
    let stream: StreamId = "post-0190e2a4-0000-7000-8000-000000000001".parse().unwrap();
    let (mut meta, data) = log::conformance::sample_event(&stream, Position { lane: LANE, seq: 1 });
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
    let (mut meta, data) = log::conformance::sample_event(&stream, Position { lane: LANE, seq: 1 });
    meta.recorded_at = "2026-11-21T08:30:00Z".parse().unwrap();
    meta.trace = Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let mut frame = FrameBuilder::new(1, 1, 1);
    frame.event(&meta, &data, None);
    let record = encode(&Parts::of(&frame.finish()).unwrap(), &Head::default(), |_| 0x0102);
    assert_eq!(record.key.as_deref(), Some("post-0190e2a4-0000-7000-8000-000000000001"));
    assert_eq!(record.value.unwrap()[..5], [0, 0, 0, 1, 2]);
    assert_eq!(record.timestamp, meta.recorded_at.as_millis());
    let texts = record.headers.iter().filter(|(name, _)| *name != RC);
    let texts: Vec<String> =
        texts.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
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
