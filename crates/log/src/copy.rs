//! Copies the valid records of one log into another, as they are: positions, epochs and hash chain stay.
//! Not the topics of the other log, which must be there, and not what stands beside a log.

use std::sync::mpsc;

use domain::LaneId;

use crate::{
    Delivery, Handover, Head, Header, LaneState, Log, ReadError, Sha256Chain, Step, Stored,
    readable,
};

/// How much is read at once, in bytes.
const PAGE_BYTES: usize = 1 << 20;
/// How much is handed over in one call, in bytes: far below what a call may carry.
const CALL_BYTES: usize = 2 << 20;

/// What a copy did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Records that were written now.
    pub written: u64,
    /// Records that an earlier copy had written; each was compared.
    pub there: u64,
    /// Void records, which stay behind: by the reader rule they never happened.
    pub left_out: u64,
    /// Records behind the copied ones, which the other log got since.
    pub since: u64,
}

/// Why a log was not copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// One of both cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The other log was not made for this copy.
    #[error("the logs have other ids or topics: a copy goes into empty topics made for it")]
    Topics,
    /// The other log has another history.
    #[error(
        "record {offset} of lane {lane} is another one there than here: a copy goes into empty topics, \
         and nothing may be written here behind what was begun there"
    )]
    History {
        /// The lane, as people write it.
        lane: String,
        /// Its offset in the other log.
        offset: u64,
    },
    /// The other log did not take records.
    #[error("lane {lane} was not copied: {why}; run it again, it goes on where it was")]
    Refused {
        /// The lane, as people write it.
        lane: String,
        /// What the log says.
        why: String,
    },
    /// What was written is not what was read.
    #[error("lane {lane} has head {is} behind the copy, not {should}: the copy is not to be used")]
    Verify {
        /// The lane, as people write it.
        lane: String,
        /// The head there.
        is: Head,
        /// The head here.
        should: Head,
    },
}

/// Copies every lane, then folds the copy and compares the heads. Goes on where an earlier one ended, and
/// takes what the first log got since. `told` hears of each lane that is done.
pub fn copy(
    from: &dyn Log,
    to: &dyn Log,
    mut told: impl FnMut(LaneId, Copied),
) -> Result<Copied, CopyError> {
    if from.topics() != to.topics() {
        return Err(CopyError::Topics);
    }
    let mut sum = Copied::default();
    for lane in from.topics().lanes() {
        let copied = LaneCopy::new(from, to, lane).run()?;
        told(lane, copied);
        sum.written += copied.written;
        sum.there += copied.there;
        sum.left_out += copied.left_out;
        sum.since += copied.since;
    }
    Ok(sum)
}

struct LaneCopy<'a> {
    from: &'a dyn Log,
    to: &'a dyn Log,
    lane: LaneId,
    state: LaneState<Sha256Chain>,
    /// The records of a frame under assembly, with the head before them.
    frame: Vec<Stored>,
    /// Records of the other log when this began, and those of them that are not compared yet.
    end: u64,
    known: std::vec::IntoIter<Stored>,
    /// The offset of the next record there.
    next: u64,
    waiting: Vec<Handover>,
    waiting_bytes: usize,
    done: Copied,
}

impl<'a> LaneCopy<'a> {
    fn new(from: &'a dyn Log, to: &'a dyn Log, lane: LaneId) -> Self {
        Self {
            from,
            to,
            lane,
            state: LaneState::new(from.topics().genesis(lane)),
            frame: Vec::new(),
            end: to.end(lane),
            known: Vec::new().into_iter(),
            next: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            done: Copied::default(),
        }
    }

    fn run(mut self) -> Result<Copied, CopyError> {
        let (mut offset, mut seen) = (0, 0);
        loop {
            let page = self.from.read(self.lane, offset, PAGE_BYTES)?;
            let Some(last) = page.last() else { break };
            offset = last.offset + 1;
            for stored in page {
                seen += 1;
                self.take(stored)?;
            }
        }
        self.send()?;
        self.done.left_out = seen - self.done.written - self.done.there;
        self.done.since = self.end.saturating_sub(self.next);
        self.verify()?;
        Ok(self.done)
    }

    /// The next record of the first log, valid or not.
    fn take(&mut self, stored: Stored) -> Result<(), CopyError> {
        let Some(header) = readable(self.lane, &stored)? else { return Ok(()) };
        match self.state.step(&header, &stored.prev, &stored.bytes) {
            Step::Claimed => {
                self.frame.clear();
                self.put(&[stored])
            }
            Step::Partial => {
                self.frame.push(stored);
                Ok(())
            }
            Step::Whole { .. } => {
                self.frame.push(stored);
                let frame = std::mem::take(&mut self.frame);
                self.put(&frame)
            }
            Step::Void(_) => Ok(()),
            Step::Mismatch => {
                let (offset, lane) = (stored.offset, self.name());
                let why = format!("record {offset} of lane {lane} does not continue the chain");
                Err(ReadError::Damaged(why).into())
            }
        }
    }

    /// A claim or a whole frame: what is there is compared, the rest is written.
    fn put(&mut self, records: &[Stored]) -> Result<(), CopyError> {
        let mut missing = Vec::new();
        for stored in records {
            if self.next < self.end {
                let there = self.there()?;
                if there.bytes != stored.bytes || there.prev != stored.prev {
                    return Err(CopyError::History { lane: self.name(), offset: self.next });
                }
                self.done.there += 1;
            } else {
                missing.push(stored);
                self.done.written += 1;
            }
            self.next += 1;
        }
        let Some(first) = missing.first() else { return Ok(()) };
        let prev = first.prev;
        // A frame has far fewer records than this holds.
        let count = u16::try_from(missing.len()).unwrap_or(u16::MAX);
        let bytes: Vec<u8> = missing.iter().flat_map(|it| it.bytes.iter().copied()).collect();
        self.waiting_bytes += bytes.len();
        self.waiting.push(Handover { lane: self.lane, prev, records: count, bytes, after: None });
        if self.waiting_bytes > CALL_BYTES { self.send() } else { Ok(()) }
    }

    /// The next record of the other log.
    fn there(&mut self) -> Result<Stored, CopyError> {
        if let Some(stored) = self.known.next() {
            return Ok(stored);
        }
        self.known = self.to.read(self.lane, self.next, PAGE_BYTES)?.into_iter();
        match self.known.next() {
            Some(stored) => Ok(stored),
            None => {
                Err(ReadError::Damaged(format!("lane {} ends early there", self.name())).into())
            }
        }
    }

    /// Hands over what waits, and waits until all of it lies where it should.
    fn send(&mut self) -> Result<(), CopyError> {
        let handovers = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let counts: Vec<u64> = handovers.iter().map(|it| u64::from(it.records)).collect();
        if counts.is_empty() {
            return Ok(());
        }
        let mut expected = self.next - counts.iter().sum::<u64>();
        let (tell, report) = mpsc::channel();
        self.to.append(handovers, Box::new(move |deliveries| drop(tell.send(deliveries))));
        let refused = |why: String| CopyError::Refused { lane: self.name(), why };
        let deliveries = report.recv().map_err(|_| refused("the log ended".to_owned()))?;
        for (delivery, count) in deliveries.into_iter().zip(counts) {
            match delivery {
                Delivery::At { first, contiguous: true } if first == expected => expected += count,
                Delivery::Unknown(why) => return Err(refused(why)),
                Delivery::At { first, .. } => {
                    return Err(refused(format!("another one writes there, at offset {first}")));
                }
            }
        }
        Ok(())
    }

    /// Folds the copy and compares.
    fn verify(&self) -> Result<(), CopyError> {
        let mut state = LaneState::<Sha256Chain>::new(self.to.topics().genesis(self.lane));
        let mut offset = 0;
        while offset < self.next {
            let page = self.to.read(self.lane, offset, PAGE_BYTES)?;
            let Some(last) = page.last() else { break };
            for stored in page.iter().filter(|it| it.offset < self.next) {
                let header = Header::read(&stored.bytes).map(|(header, _)| header);
                header.map(|header| state.step(&header, &stored.prev, &stored.bytes)).ok();
            }
            offset = last.offset + 1;
        }
        let same = (state.epoch, state.seq) == (self.state.epoch, self.state.seq);
        if same && state.head == self.state.head {
            return Ok(());
        }
        let (is, should) = (state.head, self.state.head);
        Err(CopyError::Verify { lane: self.name(), is, should })
    }

    fn name(&self) -> String {
        self.from.topics().lane_name(self.lane)
    }
}

#[cfg(test)]
mod tests;
