//! An owner that recalls its lane beside one that reads it, behind every handover of random histories.

use std::path::Path;

use domain::{CommandKey, LaneId, Timestamp, TopicId};
use log::conformance::{Scribe, deliver, sample_event, sample_outcome, sample_stream, topics};
use log::{Chain as _, FrameBuilder, Handover, MemoryLog, Sha256Chain, Verdict, headers};
use log_embedded::{EmbeddedLog, Options};
use uuid::Uuid;

use super::*;
use crate::cluster::Node;
use crate::keys::WINDOW_MS;

const LANE: LaneId = LaneId { topic: TopicId(0), index: 0 };

/// Numbers that look random, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % limit
    }
}

/// A writer of the lane in log time.
#[derive(Clone)]
struct Writer {
    scribe: Scribe,
    now_ms: i64,
    keys: u64,
}

impl Writer {
    /// A frame of some events or of one outcome, under a key of its own, an old key, or none.
    fn frame(&mut self, random: &mut Random) -> Handover {
        self.now_ms += i64::try_from(random.below(1 << 27)).unwrap();
        let of = 1 + u16::try_from(random.below(3)).unwrap();
        self.keys += 1;
        let number = if random.below(8) == 0 { random.below(self.keys) } else { self.keys };
        let key = (random.below(4) > 0).then(|| CommandKey(u128::from(number).to_le_bytes()));
        let (at, stream) = (Timestamp::from_millis(self.now_ms), sample_stream(random.below(5)));
        let of = if random.below(3) == 0 { 0 } else { of };
        let mut frame = FrameBuilder::new(self.scribe.epoch, self.scribe.seq + 1, of.max(1));
        for place in 0..of {
            let seq = self.scribe.seq + 1 + u64::from(place);
            let (mut meta, data) = sample_event(&stream, domain::Position { lane: LANE, seq });
            (meta.recorded_at, meta.key) = (at, key);
            frame.event(&meta, &data, None);
        }
        if of == 0 {
            let mut outcome = sample_outcome(&stream);
            (outcome.recorded_at, outcome.key) = (at, key);
            if random.below(3) == 0 {
                outcome.verdict = Verdict::WrongVersion;
            }
            frame.outcome(&outcome);
        }
        let handover = self.scribe.handover(of.max(1), frame.finish());
        self.scribe.seq += u64::from(handover.records);
        self.scribe.head = Sha256Chain::extend(&self.scribe.head, &handover.bytes);
        handover
    }

    fn next(&mut self, log: &EmbeddedLog, zombie: &mut Self, random: &mut Random) -> Handover {
        match random.below(18) {
            0 | 16 | 17 => {
                *zombie = self.clone();
                // Has read the lane before.
                let state = log.state(LANE).unwrap();
                let (epoch, seq, head) = (state.epoch, state.seq, state.head);
                self.scribe = Scribe { lane: LANE, epoch, seq, head };
                self.scribe.claim()
            }
            // Of an owner that has lost the lane.
            1 | 2 => zombie.frame(random),
            3 => zombie.clone().scribe.claim(),
            // What a crash leaves in the middle of a frame.
            4 => {
                let frame = self.clone().frame(random);
                let end = headers(&frame.bytes).unwrap()[0].1.end;
                Handover { records: 1, bytes: frame.bytes[..end].to_vec(), ..frame }
            }
            // Of another past; no record at all.
            5 => {
                let head = log::Head([9; 32]);
                Self { scribe: Scribe { head, ..self.scribe.clone() }, ..self.clone() }
                    .frame(random)
            }
            6 => self.scribe.handover(1, vec![3, 0, 0, 0, 1, 2, 3]),
            _ => self.frame(random),
        }
    }
}

fn open(dir: &Path) -> EmbeddedLog {
    let mut options = Options::new(dir);
    for topic in topics(Uuid::nil()).all() {
        options = options.topic(topic.name.as_str(), topic.lanes);
    }
    options.log = Some(Uuid::nil());
    options.checkpoint_bytes = 8 << 10;
    (options.first_segment_bytes, options.segment_bytes) = (32 << 10, 64 << 10);
    EmbeddedLog::open(&options).unwrap().0
}

/// An owner that recalls the lane comes to what one comes to that reads it; how much it was spared.
fn compare(log: &EmbeddedLog, why: &str) -> u64 {
    let node = Node { name: "a".to_owned(), url: String::new() };
    // This one's log remembers nothing.
    let mut reads = Owner::new(&MemoryLog::new(log.topics().clone()), LANE, &node);
    reads.follow(log).unwrap();
    let mut recalls = Owner::new(log, LANE, &node);
    let spared = recalls.tenure.next_offset();
    recalls.follow(log).unwrap();
    assert_eq!(recalls.tenure, reads.tenure, "{why}");
    assert_eq!(recalls.log_time, reads.log_time, "{why}");
    assert_eq!(recalls.claim, reads.claim, "{why}");
    assert_eq!(recalls.keys, reads.keys, "{why}");
    assert_eq!(format!("{:?}", recalls.pending), format!("{:?}", reads.pending), "{why}");
    spared
}

#[test]
fn an_owner_that_recalls_its_lane_knows_what_one_knows_that_reads_it() {
    let (mut spared, mut reads_on, mut valid) = (0, 0, 0);
    for seed in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path());
        let mut random = Random(seed);
        let scribe = Scribe::new(&log, LANE);
        let mut owner = Writer { scribe, now_ms: WINDOW_MS, keys: 0 };
        let mut zombie = owner.clone();
        for step in 0..150 {
            if random.below(8) == 0 {
                drop(log);
                log = open(dir.path());
            }
            deliver(&log, vec![owner.next(&log, &mut zombie, &mut random)]);
            let recalled = compare(&log, &format!("seed {seed}, step {step}"));
            spared += recalled;
            reads_on += u64::from(recalled < log.end(LANE));
        }
        assert!(owner.now_ms > 5 * WINDOW_MS, "keys went out of the window");
        valid += log.state(LANE).unwrap().seq;
    }
    let all = (spared, reads_on, valid);
    assert!(spared > 10_000 && reads_on > 10 && valid > 200, "of everything: {all:?}");
}
