//! Records and the reader rule under changed bytes: no panic, little memory, one form of every record.
//! Not what a record means.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use domain::{LaneId, TopicId};
use fuzz::{Bound, from_hex, fuzz};
use recount_log::conformance::{Scribe, sample_stream, topics};
use recount_log::{
    Asked, Body, FrameBuilder, Header, LaneState, MemoryLog, Parts, Record, Sha256Chain, Step,
    envelope_of, headers, stream_of,
};
use uuid::Uuid;

const LANE: LaneId = LaneId { topic: TopicId(0), index: 0 };

/// Bytes of a header before its body.
const HEADER_BYTES: usize = 26;

/// A record is copied into texts, a datum and a few boxes of fixed size.
const BOUND: Bound = Bound { bytes: 8 << 10, per_byte: 16 };

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = from_hex(include_str!("corpus/record.hex"));
    let mut scribe = Scribe::new(&MemoryLog::new(topics(Uuid::from_u128(7))), LANE);
    let stream = sample_stream(1);
    let made = [scribe.claim(), scribe.frame(&stream, 3), scribe.outcome(&stream)];
    for handover in &made {
        let ranges = headers(&handover.bytes).unwrap();
        seeds.extend(ranges.into_iter().map(|(_, range)| handover.bytes[range].to_vec()));
    }
    seeds
}

/// The body of a record, written anew; under a seq of no account, since a writer counts on from its own.
fn written(record: &Record) -> Vec<u8> {
    let mut frame = FrameBuilder::new(record.header.epoch, 1, 1);
    match &record.body {
        Body::Claim(claim) => return Record::claim(record.header.epoch, claim),
        Body::Event { meta, data, fingerprint } => frame.event(meta, data, *fingerprint),
        Body::Outcome(outcome) => frame.outcome(outcome),
    }
    frame.finish()
}

#[test]
fn a_record_of_any_bytes_has_one_form() {
    fuzz("record", seeds(), BOUND, |bytes| {
        let _ = (envelope_of(bytes), stream_of(bytes), headers(bytes), Asked::peek(bytes));
        let parts = Parts::of(bytes);
        if let Ok(parts) = &parts {
            assert_eq!(parts.join(), bytes, "parts put together are not what was taken apart");
        }
        match Record::decode(LANE, bytes) {
            Ok(record) => {
                assert!(parts.is_ok(), "a record that cannot be taken apart");
                assert_eq!(Asked::peek(bytes), Ok(Asked::of(&record)), "another key or time");
                let again = written(&record);
                assert_eq!(again[HEADER_BYTES..], bytes[HEADER_BYTES..], "a second form");
                format!("{:?} {}", record.header.kind, record.header.of)
            }
            Err(error) => error.to_string(),
        }
    });
}

/// Headers in a row, 22 bytes each; the first byte also says whether the head before it fits.
#[test]
fn the_rule_takes_any_row_of_headers() {
    let row = |numbers: &[(u8, u16, u16, u64, u64)]| -> Vec<u8> {
        let one = |(kind, place, of, epoch, seq): &(u8, u16, u16, u64, u64)| {
            let mut bytes = vec![*kind, 0];
            bytes.extend(place.to_le_bytes());
            bytes.extend(of.to_le_bytes());
            bytes.extend(epoch.to_le_bytes());
            bytes.extend(seq.to_le_bytes());
            bytes
        };
        numbers.iter().flat_map(one).collect()
    };
    let seeds = vec![
        row(&[(0, 0, 1, 1, 0), (1, 0, 2, 1, 2), (1, 1, 2, 1, 3), (2, 0, 1, 1, 4), (0, 0, 1, 2, 0)]),
        row(&[(0, 0, 1, 1, 0), (1, 0, 3, 1, 2), (0, 0, 1, 2, 0), (1, 1, 3, 1, 3)]),
        row(&[(4, 0, 1, 1, 0), (5, 0, 1, 1, 2), (1, 0, 0, 1, 2), (1, 7, 7, 1, 2)]),
    ];
    fuzz("rule", seeds, Bound { bytes: 16 << 10, per_byte: 64 }, |bytes| {
        let genesis = topics(Uuid::from_u128(7)).genesis(LANE);
        let mut state = LaneState::<Sha256Chain>::new(genesis);
        let mut said = String::new();
        for row in bytes.chunks_exact(22).take(64) {
            let number = |at: usize| u64::from_le_bytes(row[at..at + 8].try_into().unwrap());
            let header = Header {
                kind: match row[0] % 3 {
                    0 => recount_log::Kind::Claim,
                    1 => recount_log::Kind::Event,
                    _ => recount_log::Kind::Outcome,
                },
                place: u16::from_le_bytes([row[2], row[3]]),
                of: u16::from_le_bytes([row[4], row[5]]),
                epoch: number(6),
                seq: number(14),
            };
            let before = state.clone();
            let prev = if row[0] > 2 { genesis } else { state.head };
            let step = state.step(&header, &prev, row);
            match step {
                Step::Void(_) | Step::Mismatch => assert_eq!(state, before, "nothing changes"),
                Step::Claimed => {
                    assert_eq!((state.epoch, state.seq), (before.epoch + 1, before.seq + 1));
                }
                Step::Partial => assert_eq!((state.head, state.seq), (before.head, before.seq)),
                Step::Whole { first } => {
                    assert_eq!(first, before.seq + 1);
                    assert_ne!(state.head, before.head);
                }
            }
            said.push_str(&format!("{step:?}")[..4]);
        }
        said
    });
}
