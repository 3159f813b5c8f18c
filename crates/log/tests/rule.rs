//! The reader rule, case by case, and what a follower makes of a mismatch. The exhaustive check of
//! the rule is the model's.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;

use domain::{LaneId, TopicId};
use recount_log::conformance::{Scribe, deliver, sample_stream, topics};
use recount_log::{
    Chain, Follower, Handover, Head, Header, Kind, LaneState, Log, MemoryLog, ReadError,
    Sha256Chain, Step, Stored, Void, headers, readable,
};
use uuid::Uuid;

const LANE: LaneId = LaneId { topic: TopicId(0), index: 0 };

type State = LaneState<Sha256Chain>;

fn log() -> MemoryLog {
    MemoryLog::new(topics(Uuid::from_u128(7)))
}

/// A state and a scribe in epoch 1.
fn claimed() -> (State, Scribe) {
    let log = log();
    let (mut state, mut scribe) = (State::new(log.topics().genesis(LANE)), Scribe::new(&log, LANE));
    assert_eq!(steps(&mut state, &scribe.claim()), [Step::Claimed]);
    (state, scribe)
}

fn steps(state: &mut State, handover: &Handover) -> Vec<Step> {
    let step = |(header, range): (Header, std::ops::Range<usize>)| {
        state.step(&header, &handover.prev, &handover.bytes[range])
    };
    headers(&handover.bytes).unwrap().into_iter().map(step).collect()
}

#[test]
fn a_claim_begins_the_next_epoch_takes_a_seq_and_enters_the_chain() {
    let (state, scribe) = claimed();
    assert_eq!((state.epoch, state.seq), (1, 1));
    assert_eq!(state.head, scribe.head);
    assert_ne!(state.head, log().topics().genesis(LANE));
}

#[test]
fn the_head_a_claim_was_written_with_does_not_matter() {
    let (mut state, mut scribe) = claimed();
    scribe.head = Head([1; 32]);
    assert_eq!(steps(&mut state, &scribe.claim()), [Step::Claimed]);
}

#[test]
fn a_frame_takes_effect_with_its_last_record() {
    let (mut state, mut scribe) = claimed();
    let before = state.head;
    let frame = scribe.frame(&sample_stream(1), 3);
    assert_eq!(steps(&mut state, &frame), [Step::Partial, Step::Partial, Step::Whole { first: 2 }]);
    assert_eq!((state.seq, state.is_partial()), (4, false));
    assert_eq!(state.head, Sha256Chain::extend(&before, &frame.bytes));
    assert_eq!(state.head, scribe.head);
}

#[test]
fn nothing_but_a_claim_counts_before_the_first_claim() {
    let log = log();
    let (mut state, scribe) = (State::new(log.topics().genesis(LANE)), Scribe::new(&log, LANE));
    for epoch in [1, 2, u64::MAX] {
        let frame = Scribe { epoch, ..scribe.clone() }.frame(&sample_stream(1), 1);
        assert_eq!(steps(&mut state, &frame), [Step::Void(Void::OtherEpoch)]);
    }
}

#[test]
fn records_of_older_and_newer_epochs_are_void() {
    let (mut state, mut scribe) = claimed();
    let mut zombie = scribe.clone();
    assert_eq!(steps(&mut state, &scribe.claim()), [Step::Claimed]);
    let before = state.clone();
    assert_eq!(
        steps(&mut state, &zombie.frame(&sample_stream(1), 1)),
        [Step::Void(Void::OtherEpoch)]
    );
    scribe.epoch += 1;
    assert_eq!(
        steps(&mut state, &scribe.frame(&sample_stream(1), 1)),
        [Step::Void(Void::OtherEpoch)]
    );
    assert_eq!(state, before, "a void record changes nothing");
}

#[test]
fn a_claim_of_any_epoch_but_the_next_is_late() {
    let (mut state, scribe) = claimed();
    for epoch in [0, 1, 3, 9] {
        // `claim` writes the epoch after the one it knows.
        let mut rival = Scribe { epoch: u64::wrapping_sub(epoch, 1), ..scribe.clone() };
        if epoch == 0 {
            continue;
        }
        let expected = if epoch == 2 { Step::Claimed } else { Step::Void(Void::LateClaim) };
        assert_eq!(steps(&mut state, &rival.claim()), [expected], "epoch {epoch}");
    }
}

#[test]
fn of_two_claims_of_one_epoch_the_first_wins() {
    let (mut state, scribe) = claimed();
    let (mut one, mut two) = (scribe.clone(), scribe);
    assert_eq!(steps(&mut state, &one.claim()), [Step::Claimed]);
    assert_eq!(steps(&mut state, &two.claim()), [Step::Void(Void::LateClaim)]);
}

#[test]
fn a_record_twice_or_ahead_is_out_of_place() {
    let (mut state, mut scribe) = claimed();
    let frame = scribe.frame(&sample_stream(1), 1);
    steps(&mut state, &frame);
    assert_eq!(steps(&mut state, &frame), [Step::Void(Void::OutOfPlace)]);
    scribe.seq += 1;
    assert_eq!(
        steps(&mut state, &scribe.frame(&sample_stream(1), 1)),
        [Step::Void(Void::OutOfPlace)]
    );
}

#[test]
fn a_frame_that_begins_in_its_middle_is_out_of_place() {
    let (mut state, mut scribe) = claimed();
    let mut frame = scribe.frame(&sample_stream(1), 3);
    let begin = headers(&frame.bytes).unwrap()[1].1.start;
    frame.bytes.drain(..begin);
    assert_eq!(steps(&mut state, &frame), [Step::Void(Void::OutOfPlace); 2]);
}

#[test]
fn a_record_of_the_next_seq_and_another_place_is_out_of_place() {
    let (mut state, mut scribe) = claimed();
    let frame = scribe.frame(&sample_stream(1), 3);
    let (first, range) = headers(&frame.bytes).unwrap()[0].clone();
    let bytes = &frame.bytes[range];
    let ahead = Header { place: 1, ..first };
    assert_eq!(state.step(&ahead, &frame.prev, bytes), Step::Void(Void::OutOfPlace));
    assert_eq!(state.step(&first, &frame.prev, bytes), Step::Partial);
    let behind = Header { seq: first.seq + 1, ..first };
    assert_eq!(state.step(&behind, &frame.prev, bytes), Step::Void(Void::OutOfPlace));
}

#[test]
fn a_frame_that_changes_its_length_is_out_of_place() {
    let (mut state, scribe) = claimed();
    let three = scribe.clone().frame(&sample_stream(1), 3);
    let two = scribe.clone().frame(&sample_stream(1), 2);
    let ranges = headers(&three.bytes).unwrap();
    let first = Handover { bytes: three.bytes[ranges[0].1.clone()].to_vec(), records: 1, ..three };
    assert_eq!(steps(&mut state, &first), [Step::Partial]);
    let second = headers(&two.bytes).unwrap()[1].clone();
    let step = state.step(&second.0, &two.prev, &two.bytes[second.1]);
    assert_eq!(step, Step::Void(Void::OutOfPlace));
}

#[test]
fn a_header_whose_place_is_not_below_its_length_is_out_of_place() {
    let (mut state, scribe) = claimed();
    let header = Header { kind: Kind::Event, place: 0, of: 0, epoch: 1, seq: 2 };
    assert_eq!(state.step(&header, &scribe.head, &[]), Step::Void(Void::OutOfPlace));
}

#[test]
fn a_claim_drops_the_frame_under_assembly() {
    let (mut state, mut scribe) = claimed();
    let torn = scribe.clone().frame(&sample_stream(1), 3);
    let ranges = headers(&torn.bytes).unwrap();
    for (header, range) in &ranges[..2] {
        assert_eq!(state.step(header, &torn.prev, &torn.bytes[range.clone()]), Step::Partial);
    }
    assert!(state.is_partial());
    assert_eq!(steps(&mut state, &scribe.claim()), [Step::Claimed]);
    assert!(!state.is_partial());
    assert_eq!(state.seq, 2, "the torn records take no seq");
    let (header, range) = ranges[2].clone();
    assert_eq!(state.step(&header, &torn.prev, &torn.bytes[range]), Step::Void(Void::OtherEpoch));
    let frame = scribe.frame(&sample_stream(2), 1);
    assert_eq!(steps(&mut state, &frame), [Step::Whole { first: 3 }]);
    assert_eq!(state.head, scribe.head);
}

#[test]
fn in_place_with_another_head_is_a_mismatch_and_changes_nothing() {
    let (mut state, scribe) = claimed();
    let before = state.clone();
    let forged = Scribe { head: Head([3; 32]), ..scribe.clone() }.frame(&sample_stream(1), 1);
    assert_eq!(steps(&mut state, &forged), [Step::Mismatch]);
    assert_eq!(state, before);
}

#[test]
fn no_two_lanes_and_no_two_logs_begin_with_the_same_head() {
    let (one, two) = (topics(Uuid::from_u128(1)), topics(Uuid::from_u128(2)));
    let mut heads: Vec<Head> = one.lanes().map(|lane| one.genesis(lane)).collect();
    heads.extend(two.lanes().map(|lane| two.genesis(lane)));
    heads.sort_unstable();
    heads.dedup();
    assert_eq!(heads.len(), 12);
}

/// A lane with a claim, and a frame whose writer knew another head.
fn forged() -> (Arc<MemoryLog>, Scribe) {
    let log = Arc::new(log());
    let mut scribe = Scribe::new(&*log, LANE);
    let claim = scribe.claim();
    let forged = Scribe { head: Head([3; 32]), ..scribe.clone() }.frame(&sample_stream(1), 1);
    deliver(&*log, vec![claim, forged]);
    (log, scribe)
}

#[test]
fn bytes_of_nobody_are_gone_past_and_those_of_a_newer_version_are_not() {
    let stored = |bytes: &[u8]| Stored { offset: 3, prev: Head([0; 32]), bytes: bytes.to_vec() };
    for nobody in [&b""[..], b"void", &[4, 0, 0, 0, 1, 1, 0, 0]] {
        assert_eq!(readable(LANE, &stored(nobody)).unwrap(), None, "{nobody:?}");
    }
    let mut newer = claimed().1.claim().bytes;
    newer[4] += 1;
    let error = readable(LANE, &stored(&newer)).unwrap_err();
    assert!(
        matches!(&error, ReadError::Damaged(what) if what.contains("record at offset 3 of")),
        "{error}"
    );
}

#[test]
fn a_follower_folds_again_and_raises_an_alarm() {
    let (log, scribe) = forged();
    let mut follower = Follower::from_start(&*log, LANE);
    assert_eq!(follower.poll(&*log).unwrap().len(), 1);
    assert!(follower.poll(&*log).unwrap().is_empty());
    assert_eq!((follower.voids().count, follower.voids().alarms), (1, 1));
    assert_eq!((follower.offset(), follower.state().head), (2, scribe.head));
}

#[test]
fn a_follower_whose_own_state_was_damaged_says_so_and_does_not_skip() {
    let log = log();
    let mut scribe = Scribe::new(&log, LANE);
    deliver(&log, vec![scribe.claim(), scribe.frame(&sample_stream(1), 1)]);
    let mut follower = Follower::resume(LANE, State::resume(1, 1, Head([5; 32])), 1);
    let error = follower.poll(&log).unwrap_err();
    assert!(
        matches!(&error, ReadError::Damaged(what) if what.contains("before offset 1 was wrong")),
        "{error}"
    );
    assert_eq!(follower.offset(), 1);
}
