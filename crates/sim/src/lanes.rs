//! One lane of the world's log: its records, what the judge says of them, the index of its streams, and what it
//! remembers for owners. Not the ways in and out.

use std::collections::HashMap;

use domain::{LaneId, StreamId, Timestamp};
use log::{Asked, Body, Claim, Head, Header, KeyAt, LaneState, Recall, Sha256Chain, Step, Stored};

use crate::judge::{Judge, Ruling};
use crate::world::World;

/// One lane.
pub(crate) struct Lane {
    pub(crate) records: Vec<Stored>,
    pub(crate) judge: Judge,
    /// The product's own rule, for the index of streams, and to be compared with the judge.
    state: LaneState<Sha256Chain>,
    half: Vec<u64>,
    /// Of each stream its valid records, each with the offset of the last record of its frame.
    pub(crate) streams: HashMap<StreamId, Vec<(u64, u64)>>,
    /// One for each claim and frame, in the order of the lane.
    marks: Vec<Mark>,
    keys: Vec<KeyAt>,
    /// What was sent before and is not written is gone.
    pub(crate) gone_before_ms: u64,
}

/// What a log remembers that ends behind a claim or a frame.
struct Mark {
    state: LaneState<Sha256Chain>,
    next_offset: u64,
    log_time: Timestamp,
    claim: Option<Claim>,
    /// How many keys there are.
    keys: usize,
}

impl Lane {
    /// Nothing is in it.
    pub(crate) fn new(lane: LaneId, genesis: Head) -> Self {
        Self {
            records: Vec::new(),
            judge: Judge::new(lane, genesis),
            state: LaneState::new(genesis),
            half: Vec::new(),
            streams: HashMap::new(),
            marks: Vec::new(),
            keys: Vec::new(),
            gone_before_ms: 0,
        }
    }

    /// The product's rule must say what the judge says.
    pub(crate) fn follow(&mut self, stored: &Stored, ruling: Ruling, world: &World) {
        let Ok((header, _)) = Header::read(&stored.bytes) else { return };
        let step = self.state.step(&header, &stored.prev, &stored.bytes);
        let same = match step {
            Step::Claimed => {
                self.half.clear();
                self.mark(stored.offset, stored.offset);
                ruling == Ruling::Claimed
            }
            Step::Partial => {
                self.half.push(stored.offset);
                ruling == Ruling::Partial
            }
            Step::Whole { .. } => {
                self.half.push(stored.offset);
                self.mark(self.half[0], stored.offset);
                self.index();
                matches!(ruling, Ruling::Whole(_))
            }
            Step::Void(_) => {
                matches!(ruling, Ruling::VoidClaim | Ruling::VoidEpoch | Ruling::VoidPlace)
            }
            Step::Mismatch => ruling == Ruling::Mismatch,
        };
        if !same || self.state.head.0 != self.judge.head || self.state.seq != self.judge.seq {
            world.wrong(format!(
                "I8 offset {} reads as {step:?} to the product and as {ruling:?} to the judge",
                stored.offset
            ));
        }
    }

    /// What an owner knows that has read all that a node sees.
    pub(crate) fn recall(&self, end: u64) -> Option<Recall> {
        let at = self.marks.partition_point(|mark| mark.next_offset <= end).checked_sub(1)?;
        let Mark { state, next_offset, log_time, claim, keys } = &self.marks[at];
        Some(Recall {
            state: state.clone(),
            next_offset: *next_offset,
            log_time: *log_time,
            claim: claim.clone(),
            keys: self.keys[..*keys].to_vec(),
        })
    }

    /// A claim or a frame took effect, from the offset `first` to `last`.
    fn mark(&mut self, first: u64, last: u64) {
        let of = self.half.len().max(1);
        let Some(begins) = self.judge.valid.len().checked_sub(of) else { return };
        let begins = &self.judge.valid[begins];
        let Asked { at, key } = Asked::of(&begins.record);
        if let Some(key) = key {
            self.keys.push(KeyAt { key, at, offset: first, seq: begins.seq });
        }
        let before = self.marks.last();
        let claim = match &begins.record.body {
            Body::Claim(claim) => Some(claim.clone()),
            _ => before.and_then(|mark| mark.claim.clone()),
        };
        self.marks.push(Mark {
            state: self.state.clone(),
            next_offset: last + 1,
            log_time: before.map_or(at, |mark| mark.log_time.max(at)),
            claim,
            keys: self.keys.len(),
        });
    }

    fn index(&mut self) {
        let valid = &self.judge.valid;
        let new = &valid[valid.len() - self.half.len().min(valid.len())..];
        let last = self.half.last().copied().unwrap_or_default();
        for (offset, one) in self.half.drain(..).zip(new) {
            let stream = match &one.record.body {
                Body::Event { meta, .. } => &meta.stream,
                Body::Outcome(outcome) => &outcome.stream,
                Body::Claim(_) => continue,
            };
            self.streams.entry(stream.clone()).or_default().push((offset, last));
        }
    }
}
