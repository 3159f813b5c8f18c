//! What readers make of a lane: the rule, its void records, streams, agreement (I6, I7, I8). Not
//! the rule alone, which has its own tests.

use domain::LaneId;

use super::order::{all, lanes, work};
use super::scribe::deliver_all;
use super::{Rig, Scribe, sample_stream};
use crate::memory::valid;
use crate::{Follower, Frame, Handover, Head, LaneState, Log, Sha256Chain, Stored, headers, is_of};

/// A follower that has read the whole lane, and what took effect.
fn follow(log: &dyn Log, mut follower: Follower) -> (Follower, Vec<Frame>) {
    let mut frames = Vec::new();
    loop {
        let more = follower.poll(log).expect("a healthy lane can be followed");
        if more.is_empty() {
            return (follower, frames);
        }
        frames.extend(more);
    }
}

/// The first `records` records of a frame: what a crash in the middle of it leaves.
fn torn(frame: &Handover, records: usize) -> Handover {
    let ranges = headers(&frame.bytes).expect("the suite writes whole records");
    let end = ranges[records - 1].1.end;
    let records = u16::try_from(records).unwrap_or(u16::MAX);
    Handover { records, bytes: frame.bytes[..end].to_vec(), ..frame.clone() }
}

/// A lane with everything in it that the rule knows, and how many of its records are void.
/// Valid are: claim, one, two, claim, three, outcome.
fn troubled(log: &dyn Log, lane: LaneId) -> (Vec<Handover>, Vec<Handover>, u64) {
    let stream = sample_stream(1);
    let mut owner = Scribe::new(log, lane);
    let early = Scribe { epoch: 1, ..owner.clone() }.frame(&stream, 1);
    let claim = owner.claim();
    let one = owner.frame(&stream, 2);
    let mut zombie = owner.clone();
    let two = owner.frame(&stream, 1);
    let ahead = Scribe { seq: owner.seq + 1, ..owner.clone() }.frame(&stream, 1);
    let half = torn(&owner.clone().frame(&stream, 3), 2);
    // The new owner has seen everything before its claim; the zombie has not seen the claim.
    let mut next = owner.clone();
    let takeover = next.claim();
    let stale = zombie.frame(&stream, 2);
    let rival = owner.clone().claim();
    let skipping = Scribe { epoch: 7, ..next.clone() }.claim();
    let three = next.frame(&stream, 3);
    let outcome = next.outcome(&stream);
    let valid = [&claim, &one, &two, &takeover, &three, &outcome].map(Handover::clone).to_vec();
    let all = vec![
        early,           // before any claim: 1 void
        claim,           //
        one.clone(),     //
        one,             // delivered twice: 2 void
        two,             //
        ahead,           // leaves out a place: 1 void
        half,            // torn: 2 that never take effect, without being void
        takeover,        //
        stale,           // of an older epoch: 2 void
        rival,           // of the same epoch as the takeover: 1 void
        skipping,        // leaves out an epoch: 1 void
        three.clone(),   //
        torn(&three, 1), // delivered twice, in part: 1 void
        outcome,         //
    ];
    (all, valid, 9)
}

/// Stale epochs, late and skipping claims, gaps, duplicates and torn frames take no effect.
pub fn what_the_rule_calls_void_takes_no_effect(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[0];
    let (handovers, valid, void) = troubled(&*log, lane);
    for handover in handovers {
        deliver_all(&*log, vec![handover]);
    }
    let (follower, frames) = follow(&*log, Follower::from_start(&*log, lane));
    assert_eq!(frames.len(), valid.len());
    let mut seq = 0;
    for (frame, handover) in frames.iter().zip(&valid) {
        assert_eq!(frame.first, seq + 1, "positions are contiguous");
        assert_eq!(frame.records.len(), usize::from(handover.records), "frames are whole");
        seq = frame.last();
    }
    assert_eq!(follower.state().epoch, 2);
    assert_eq!(follower.voids().count, void);
    assert_eq!(follower.voids().alarms, 0, "all this is foreseen");
    let kept: usize =
        valid.iter().flat_map(|handover| headers(&handover.bytes)).map(|all| all.len()).sum();
    let stream = log.read_stream(lane, &sample_stream(1), 0).expect("a healthy log can be read");
    assert_eq!(stream.len(), kept - 2, "all but the two claims are of the stream");
}

/// A record in its place whose previous hash is not the head: void, and an alarm; the lane goes on.
pub fn a_mismatch_is_void_with_an_alarm(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[5];
    let mut owner = Scribe::new(&*log, lane);
    let claim = owner.claim();
    let forged = Scribe { head: Head([9; 32]), ..owner.clone() }.frame(&sample_stream(2), 1);
    let good = owner.frame(&sample_stream(3), 1);
    deliver_all(&*log, vec![claim, forged, good]);
    let (follower, frames) = follow(&*log, Follower::from_start(&*log, lane));
    assert_eq!(frames.len(), 2);
    assert_eq!((follower.voids().count, follower.voids().alarms), (1, 1));
    assert_eq!(follower.voids().last_offset, Some(1));
    assert_eq!(follower.state().head, owner.head);
    let forged = log.read_stream(lane, &sample_stream(2), 0).expect("a healthy log can be read");
    assert_eq!(forged, []);
}

/// `read_stream` is the filter of the lane's valid records by stream, from any offset on.
pub fn a_stream_is_the_valid_records_with_its_id(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[4];
    let (troubled, _, _) = troubled(&*log, lane);
    deliver_all(&*log, troubled);
    let mut owner = Scribe::new(&*log, lane);
    let (follower, _) = follow(&*log, Follower::from_start(&*log, lane));
    (owner.epoch, owner.seq, owner.head) =
        (follower.state().epoch, follower.state().seq, follower.state().head);
    deliver_all(&*log, work(&mut owner, 60));
    let records = valid(log.topics().genesis(lane), &all(&*log, lane));
    for number in 0..6 {
        let stream = sample_stream(number);
        for from in 0..=log.end(lane) {
            let of = |stored: &&Stored| stored.offset >= from && is_of(&stored.bytes, &stream);
            let wanted: Vec<Stored> = records.iter().filter(of).cloned().collect();
            let found = log.read_stream(lane, &stream, from).expect("a healthy log can be read");
            assert_eq!(found, wanted, "{stream} from {from}");
        }
    }
    let other = domain::StreamId::new("other", sample_stream(1).id());
    let found = log.read_stream(lane, &other, 0).expect("a healthy log can be read");
    assert_eq!(found, [], "the same id in another category is another stream");
}

/// Two readers at one position hold the same head, however they came there: from the start, record by
/// record, or from a checkpoint after any frame.
pub fn readers_agree_at_every_position(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[3];
    let (troubled, _, _) = troubled(&*log, lane);
    deliver_all(&*log, troubled);
    let genesis = log.topics().genesis(lane);
    let (whole, frames) = follow(&*log, Follower::from_start(&*log, lane));

    let mut slow = Follower::from_start(&*log, lane);
    let mut heads = Vec::new();
    for stored in all(&*log, lane) {
        if let Some(frame) = slow.take(&*log, &stored).expect("a healthy lane can be followed") {
            heads.push((frame.last(), frame.head));
        }
    }
    let wanted: Vec<(u64, Head)> = frames.iter().map(|frame| (frame.last(), frame.head)).collect();
    assert_eq!(heads, wanted);
    assert_eq!(slow.state(), whole.state());

    let mut checkpoint = (LaneState::<Sha256Chain>::new(genesis), 0);
    for at in 0..=frames.len() {
        let (state, offset) = checkpoint.clone();
        let (resumed, rest) = follow(&*log, Follower::resume(lane, state, offset));
        assert_eq!(resumed.state(), whole.state(), "after frame {at}");
        assert_eq!(rest.len(), frames.len() - at);
        if let Some(frame) = frames.get(at) {
            checkpoint =
                (LaneState::resume(frame.epoch, frame.last(), frame.head), frame.next_offset);
        }
    }
}
