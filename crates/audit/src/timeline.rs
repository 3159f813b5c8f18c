//! The events of many lanes in one order: by time, then lane, then seq; a lane's own order is never
//! broken. In bounded memory: about one page a lane. Not a subscription: who asks, reads.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use domain::{LaneId, Timestamp};
use log::{Body, Follower, Frame, Log, ReadError};

use crate::{Filter, Recorded};

/// One read of a lane: small, because every lane holds one in memory.
const PAGE_BYTES: usize = 64 << 10;

/// Events that pass a filter, in one order. At the end of the log it gives `None`, and goes on when
/// it is called again after more was written: that is how one follows a log.
pub struct Timeline {
    log: Arc<dyn Log>,
    filter: Filter,
    lanes: Vec<Cursor>,
    /// The first waiting event of each lane that has one.
    first: BinaryHeap<Reverse<(Timestamp, LaneId, u64, usize)>>,
}

/// How far one lane was read.
struct Cursor {
    follower: Follower,
    /// Offsets of the frame under assembly.
    partial: Vec<u64>,
    waiting: VecDeque<Recorded>,
    /// The end was reached; looked at again once all lanes have given what they had.
    dry: bool,
}

impl Timeline {
    /// From the first record of every lane that the filter names: what is valid shows from there
    /// only.
    pub fn new(log: Arc<dyn Log>, filter: Filter) -> Self {
        let lanes: Vec<LaneId> = if filter.lanes.is_empty() {
            log.topics().lanes().collect()
        } else {
            filter.lanes.clone()
        };
        let cursor = |lane| Cursor {
            follower: Follower::from_start(&*log, lane),
            partial: Vec::new(),
            waiting: VecDeque::new(),
            dry: false,
        };
        let lanes = lanes.into_iter().map(cursor).collect();
        Self { log, filter, lanes, first: BinaryHeap::new() }
    }

    /// Records that were skipped because they are void, and how many of them raised an alarm.
    pub fn voids(&self) -> (u64, u64) {
        let voids = self.lanes.iter().map(|lane| lane.follower.voids());
        voids.fold((0, 0), |(count, alarms), more| (count + more.count, alarms + more.alarms))
    }

    fn advance(&mut self) -> Result<Option<Recorded>, ReadError> {
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            if lane.waiting.is_empty() && !lane.dry {
                lane.fill(&*self.log, &self.filter)?;
                self.first.extend(lane.first(at));
            }
        }
        let Some(Reverse((.., at))) = self.first.pop() else {
            self.lanes.iter_mut().for_each(|lane| lane.dry = false);
            return Ok(None);
        };
        let lane = &mut self.lanes[at];
        let event = lane.waiting.pop_front();
        self.first.extend(lane.first(at));
        Ok(event)
    }
}

impl Iterator for Timeline {
    type Item = Result<Recorded, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

impl Cursor {
    fn first(&self, at: usize) -> Option<Reverse<(Timestamp, LaneId, u64, usize)>> {
        let meta = &self.waiting.front()?.meta;
        Some(Reverse((meta.recorded_at, meta.position.lane, meta.position.seq, at)))
    }

    /// Reads until an event passes or the end is reached.
    fn fill(&mut self, log: &dyn Log, filter: &Filter) -> Result<(), ReadError> {
        while self.waiting.is_empty() {
            let page = log.read(self.follower.lane(), self.follower.offset(), PAGE_BYTES)?;
            self.dry = page.is_empty();
            if self.dry {
                break;
            }
            for stored in page {
                let voids = self.follower.voids().count;
                match self.follower.take(log, &stored)? {
                    Some(frame) => self.take(frame, stored.offset, filter),
                    None if self.follower.voids().count == voids => {
                        self.partial.push(stored.offset);
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: Frame, last: u64, filter: &Filter) {
        let mut offsets = std::mem::take(&mut self.partial);
        if frame.is_claim() {
            return;
        }
        offsets.push(last);
        for (record, offset) in frame.records.into_iter().zip(offsets) {
            if let Body::Event { meta, data, fingerprint } = record.body {
                let (epoch, head) = (frame.epoch, Some(frame.head));
                let event = Recorded { meta: *meta, data, fingerprint, epoch, offset, head };
                if filter.passes(&event) {
                    self.waiting.push_back(event);
                }
            }
        }
    }
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline").field("filter", &self.filter).finish_non_exhaustive()
    }
}
