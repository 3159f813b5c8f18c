//! What a copy leaves as it is, and what it refuses.

use domain::TopicId;
use uuid::Uuid;

use super::*;
use crate::conformance::{Scribe, deliver, sample_stream};
use crate::{MemoryLog, Topic, Topics};

fn empty() -> MemoryLog {
    let topics = vec![Topic { name: "kit.events".to_owned(), lanes: 2 }];
    MemoryLog::new(Topics::new(Uuid::from_u128(7), topics))
}

fn lane(index: u16) -> LaneId {
    LaneId { topic: TopicId(0), index }
}

/// A log in which a claim, frames, a torn frame, what a zombie wrote and what is not ours lie.
fn lived() -> (MemoryLog, Scribe) {
    let log = empty();
    let mut scribe = Scribe::new(&log, lane(0));
    deliver(&log, vec![scribe.claim()]);
    deliver(&log, vec![scribe.frame(&sample_stream(1), 3), scribe.outcome(&sample_stream(2))]);
    let mut zombie = scribe.clone();
    let torn = zombie.frame(&sample_stream(1), 2);
    let (_, first) = crate::headers(&torn.bytes).unwrap().remove(0);
    deliver(&log, vec![Handover { records: 1, bytes: torn.bytes[first].to_vec(), ..torn.clone() }]);
    deliver(&log, vec![scribe.claim(), torn]);
    deliver(&log, vec![scribe.frame(&sample_stream(1), 1)]);
    let mut other = Scribe::new(&log, lane(1));
    deliver(&log, vec![other.claim(), other.frame(&sample_stream(9), 1)]);
    (log, scribe)
}

fn state(log: &MemoryLog, lane: LaneId) -> LaneState<Sha256Chain> {
    let mut follower = crate::Follower::from_start(log, lane);
    while !follower.poll(log).unwrap().is_empty() {}
    follower.state().clone()
}

#[test]
fn what_is_valid_lies_there_as_it_lay_here_and_nothing_else() {
    let (from, to) = (lived().0, empty());
    let mut lanes = Vec::new();
    let copied = copy(&from, &to, |lane, _| lanes.push(lane)).unwrap();
    assert_eq!((copied.written, copied.left_out, copied.there), (9, 3, 0));
    assert_eq!(lanes, [lane(0), lane(1)]);
    for lane in lanes {
        assert_eq!(state(&from, lane), state(&to, lane));
        assert_eq!(to.end(lane), state(&to, lane).seq, "no void record came along");
    }
}

#[test]
fn a_copy_goes_on_where_it_was_cut_off_and_takes_what_came_since() {
    let (from, mut scribe) = lived();
    let to = empty();
    // The claim and one of three records of a frame.
    let begun = from.read(lane(0), 0, 1 << 20).unwrap();
    for stored in &begun[..2] {
        let (prev, bytes) = (stored.prev, stored.bytes.clone());
        deliver(&to, vec![Handover { lane: lane(0), prev, records: 1, bytes, after: None }]);
    }
    let copied = copy(&from, &to, |_, _| {}).unwrap();
    assert_eq!((copied.written, copied.there), (7, 2));
    deliver(&from, vec![scribe.frame(&sample_stream(5), 2)]);
    let copied = copy(&from, &to, |_, _| {}).unwrap();
    assert_eq!((copied.written, copied.there), (2, 9));
    assert_eq!(state(&from, lane(0)), state(&to, lane(0)));
    // The product runs there now: an old copy is still seen to be one.
    deliver(&to, vec![scribe.claim()]);
    let copied = copy(&from, &to, |_, _| {}).unwrap();
    assert_eq!((copied.written, copied.there, copied.since), (0, 11, 1));
}

#[test]
fn another_history_and_another_log_are_refused() {
    let (from, to) = (lived().0, empty());
    let mut scribe = Scribe::new(&to, lane(0));
    deliver(&to, vec![scribe.claim(), scribe.frame(&sample_stream(77), 1)]);
    let before = to.end(lane(0));
    let error = copy(&from, &to, |_, _| {}).unwrap_err();
    assert!(matches!(error, CopyError::History { offset: 1, .. }), "{error}");
    assert_eq!(to.end(lane(0)), before, "nothing was written behind it");
    let other = MemoryLog::new(Topics::new(Uuid::nil(), from.topics().all().to_vec()));
    assert!(matches!(copy(&from, &other, |_, _| {}), Err(CopyError::Topics)));
}

#[test]
fn a_follower_goes_on_behind_its_checkpoint_and_never_before_it() {
    let (log, copy) = (empty(), empty());
    let mut scribe = Scribe::new(&log, lane(0));
    let claim = scribe.claim();
    let first = scribe.frame(&sample_stream(1), 1);
    let second = scribe.frame(&sample_stream(1), 1);
    // The second one came first: void for ever, though it would fit behind the first.
    deliver(&log, vec![claim.clone()]);
    deliver(&log, vec![second]);
    deliver(&log, vec![first.clone()]);
    deliver(&copy, vec![claim, first]);
    let at = state(&log, lane(0));
    assert_eq!((at.epoch, at.seq), (1, 2));
    for (log, end) in [(&log, 3), (&copy, 2)] {
        let mut follower = crate::Follower::find(log, lane(0), at.clone(), 3).unwrap().unwrap();
        assert_eq!(follower.offset(), end);
        assert!(follower.poll(log).unwrap().is_empty());
        assert_eq!(follower.state(), &at);
    }
    let other = LaneState::resume(2, 2, at.head);
    assert!(crate::Follower::find(&log, lane(0), other, 3).unwrap().is_none());
}
