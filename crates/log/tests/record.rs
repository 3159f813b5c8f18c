//! The record format: what is written is read, nothing makes the decoder panic, and two goldens that
//! hold the bytes still. Also the hash that places streams.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::borrow::Cow;

use domain::{
    ActorId, CommandKey, EventData, EventId, LaneId, Meta, Position, StreamId, TenantId, Timestamp,
    TopicId, Trace,
};
use proptest::prelude::*;
use recount_log::{
    Body, BodyParts, Claim, DecodeError, Fingerprint, FrameBuilder, Header, Kind, Outcome, Parts,
    Record, Topic, Topics, Verdict, envelope_of, headers, is_of, murmur2, stream_of,
};
use uuid::Uuid;

const LANE: LaneId = LaneId { topic: TopicId(1), index: 3 };

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn stream() -> impl Strategy<Value = StreamId> {
    ("[a-z0-9_]{1,64}", uuid())
        .prop_map(|(category, id)| StreamId::parse_parts(&category, id).unwrap())
}

fn tenant() -> impl Strategy<Value = TenantId> {
    "[a-zA-Z0-9._:@-]{1,64}".prop_map(|name| name.parse().unwrap())
}

fn actor() -> impl Strategy<Value = ActorId> {
    "[a-zA-Z0-9._:@-]{1,64}".prop_map(|name| name.parse().unwrap())
}

fn trace() -> impl Strategy<Value = Trace> {
    any::<([u8; 16], [u8; 8], u8)>().prop_map(|(trace_id, span_id, flags)| Trace {
        trace_id,
        span_id,
        flags,
    })
}

type Event = (Meta, EventData, Option<Fingerprint>);

fn event() -> impl Strategy<Value = Event> {
    let ids = (uuid(), stream(), any::<u64>(), any::<i64>(), tenant(), actor(), uuid());
    let options = (
        proptest::option::of(uuid()),
        proptest::option::of(any::<[u8; 16]>()),
        proptest::option::of(trace()),
        proptest::option::of(any::<[u8; 16]>()),
    );
    let data = ("[a-z._0-9]{1,80}", any::<u64>(), proptest::collection::vec(any::<u8>(), 0..300));
    (ids, options, data).prop_map(|(ids, (causation, key, trace, fingerprint), data)| {
        let (id, stream, version, micros, tenant, actor, correlation) = ids;
        let meta = Meta {
            id: EventId(id),
            stream,
            version,
            position: Position { lane: LANE, seq: 0 },
            recorded_at: Timestamp::from_micros(micros),
            tenant,
            actor,
            correlation,
            causation,
            key: key.map(CommandKey),
            trace,
        };
        let data = EventData { event_type: Cow::Owned(data.0), fingerprint: data.1, datum: data.2 };
        (meta, data, fingerprint.map(Fingerprint))
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let verdict = prop_oneof![
        Just(Verdict::Nothing),
        Just(Verdict::Conflict),
        Just(Verdict::Invalid),
        Just(Verdict::Absent),
        Just(Verdict::WrongVersion),
        Just(Verdict::Fenced)
    ];
    let ids = (any::<i64>(), stream(), any::<u64>(), tenant(), actor(), uuid());
    let key = proptest::option::of(any::<[u8; 16]>());
    (ids, key, any::<[u8; 16]>(), verdict, ".{0,40}", ".{0,200}").prop_map(
        |(ids, key, fingerprint, verdict, rule, detail)| {
            let (micros, stream, version, tenant, actor, correlation) = ids;
            Outcome {
                recorded_at: Timestamp::from_micros(micros),
                stream,
                version,
                tenant,
                actor,
                correlation,
                key: key.map(CommandKey),
                fingerprint: Fingerprint(fingerprint),
                verdict,
                rule,
                detail,
            }
        },
    )
}

proptest! {
    #[test]
    fn a_record_in_parts_is_put_together_as_it_was(event in event(), outcome in outcome()) {
        let mut frame = FrameBuilder::new(3, 7, 2);
        frame.event(&event.0, &event.1, event.2);
        frame.outcome(&outcome);
        let bytes = frame.finish();
        for (_, range) in headers(&bytes).unwrap() {
            let record = &bytes[range];
            let parts = Parts::of(record).unwrap();
            prop_assert_eq!(parts.join(), record);
            if let BodyParts::Event(it) = parts.body {
                let with_more = [it.envelope, b"more"].concat();
                prop_assert_eq!(envelope_of(&with_more), Ok((it.envelope.len(), it.trace.is_some())));
                prop_assert_eq!(it.datum, &event.1.datum);
            }
        }
    }

    #[test]
    fn nothing_makes_the_taking_apart_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(parts) = Parts::of(&bytes) {
            prop_assert_eq!(parts.join(), bytes);
        }
    }

    #[test]
    fn a_frame_of_events_is_read_as_it_was_written(
        events in proptest::collection::vec(event(), 1..6), epoch: u64, seq in 1..u64::MAX / 2,
    ) {
        let of = u16::try_from(events.len()).unwrap();
        let mut frame = FrameBuilder::new(epoch, seq, of);
        for (meta, data, fingerprint) in &events {
            frame.event(meta, data, *fingerprint);
        }
        let bytes = frame.finish();
        let all = headers(&bytes).unwrap();
        prop_assert_eq!(all.len(), events.len());
        for ((place, (header, range)), (mut meta, data, fingerprint)) in (0..).zip(all).zip(events) {
            let at = seq + u64::from(place);
            prop_assert_eq!(header, Header { kind: Kind::Event, place, of, epoch, seq: at });
            let record = Record::decode(LANE, &bytes[range.clone()]).unwrap();
            let stream = meta.stream.clone();
            prop_assert!(is_of(&bytes[range.clone()], &stream));
            prop_assert_eq!(stream_of(&bytes[range]).unwrap(), Some((stream.category(), stream.id())));
            meta.position = Position { lane: LANE, seq: at };
            let body = Body::Event { meta: Box::new(meta), data, fingerprint };
            prop_assert_eq!(record, Record { header, body });
        }
    }

    #[test]
    fn an_outcome_is_read_as_it_was_written(outcome in outcome(), epoch: u64, seq in 1..u64::MAX) {
        let mut frame = FrameBuilder::new(epoch, seq, 1);
        frame.outcome(&outcome);
        let bytes = frame.finish();
        prop_assert!(is_of(&bytes, &outcome.stream));
        let record = Record::decode(LANE, &bytes).unwrap();
        prop_assert_eq!(record.body, Body::Outcome(Box::new(outcome)));
    }

    #[test]
    fn a_claim_is_read_as_it_was_written(id in uuid(), micros: i64, node in ".{0,40}", url in ".{0,80}", epoch: u64) {
        let claim = Claim { id, at: Timestamp::from_micros(micros), node, url };
        let bytes = Record::claim(epoch, &claim);
        prop_assert_eq!(stream_of(&bytes).unwrap(), None);
        let record = Record::decode(LANE, &bytes).unwrap();
        prop_assert_eq!(record.header, Header { kind: Kind::Claim, place: 0, of: 1, epoch, seq: 0 });
        prop_assert_eq!(record.body, Body::Claim(claim));
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..4_u8) {
        let _ = (Record::decode(LANE, &bytes), headers(&bytes), stream_of(&bytes));
        // Once more with a header that passes, so that the body is reached.
        if bytes.len() >= 26 {
            let len = u32::try_from(bytes.len() - 4).unwrap();
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            (bytes[4], bytes[5]) = (1, kind);
            let _ = (Record::decode(LANE, &bytes), headers(&bytes), stream_of(&bytes));
        }
    }

    #[test]
    fn a_changed_byte_never_decodes_to_the_same_record((meta, data, fingerprint) in event(), at: prop::sample::Index, bit in 0..8_u32) {
        let mut frame = FrameBuilder::new(3, 9, 1);
        frame.event(&meta, &data, fingerprint);
        let bytes = frame.finish();
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= 1_u8 << bit;
        let record = Record::decode(LANE, &bytes).unwrap();
        let again = Record::decode(LANE, &changed);
        prop_assert_ne!(again, Ok(record));
    }

    #[test]
    fn every_cut_is_refused((meta, data, fingerprint) in event(), at: prop::sample::Index) {
        let mut frame = FrameBuilder::new(3, 9, 1);
        frame.event(&meta, &data, fingerprint);
        let bytes = frame.finish();
        let cut = at.index(bytes.len());
        prop_assert_eq!(Record::decode(LANE, &bytes[..cut]), Err(DecodeError::Short));
    }
}

#[test]
fn a_newer_format_is_named() {
    let claim = Claim {
        id: Uuid::nil(),
        at: Timestamp::default(),
        node: String::new(),
        url: String::new(),
    };
    let mut bytes = Record::claim(1, &claim);
    bytes[4] = 2;
    let error = Record::decode(LANE, &bytes).unwrap_err();
    assert_eq!(error, DecodeError::Unknown("format", 2));
    assert_eq!(
        error.to_string(),
        "record has unknown format 2; a newer version of Recount may know it"
    );
}

#[test]
fn murmur2_is_that_of_kafkas_java_client() {
    for (key, hash) in [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
    }
}

#[test]
fn a_stream_keeps_its_lane() {
    let topics =
        Topics::new(Uuid::nil(), vec![Topic { name: "content.events".to_owned(), lanes: 16 }]);
    let lane = |id: &str| topics.lane_for(TopicId(0), &id.parse().unwrap()).index;
    // Written down once: another answer would lose every stored stream.
    assert_eq!(lane("post-0190e2a4-0000-7000-8000-000000000001"), 8);
    assert_eq!(lane("account-0190e2a4-0000-7000-8000-000000000002"), 2);
}
