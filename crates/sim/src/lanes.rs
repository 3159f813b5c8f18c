//! One lane of the world's log: its records, what the judge says of them, and the index of its streams.
//! Not the ways in and out.

use std::collections::HashMap;

use domain::{LaneId, StreamId};
use log::{Body, Head, Header, LaneState, Sha256Chain, Step, Stored};

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
    /// What was sent before and is not written is gone.
    pub(crate) gone_before_ms: u64,
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
                ruling == Ruling::Claimed
            }
            Step::Partial => {
                self.half.push(stored.offset);
                ruling == Ruling::Partial
            }
            Step::Whole { .. } => {
                self.half.push(stored.offset);
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
