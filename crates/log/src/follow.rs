//! A follower: reads a lane by the rule and hands out whole frames. Not a subscription: who calls
//! `poll` and when is the caller's affair.

use domain::LaneId;

use crate::{
    Body, DecodeError, Head, Header, LaneState, Log, ReadError, Record, Sha256Chain, Step, Stored,
};

/// About how much one poll reads, in bytes: large enough for sequential speed, small enough to stop.
const POLL_BYTES: usize = 1 << 20;

/// A claim or a frame that took effect.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Its lane.
    pub lane: LaneId,
    /// The epoch it belongs to.
    pub epoch: u64,
    /// The seq of its first record.
    pub first: u64,
    /// Its records.
    pub records: Vec<Record>,
    /// The head after it.
    pub head: Head,
    /// The offset behind its last record: where to read on.
    pub next_offset: u64,
}

impl Frame {
    /// The seq of its last record.
    pub fn last(&self) -> u64 {
        self.first + self.records.len() as u64 - 1
    }

    /// Whether it is a claim.
    pub fn is_claim(&self) -> bool {
        matches!(self.records.first(), Some(Record { body: Body::Claim(_), .. }))
    }
}

/// How many records were skipped, and where the last one lay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Voids {
    /// Skipped by the rule.
    pub count: u64,
    /// Among them: with a previous hash that is not the head, or bytes that are no record.
    pub alarms: u64,
    /// Offset of the last one.
    pub last_offset: Option<u64>,
}

/// Reads one lane.
#[derive(Debug, Clone)]
pub struct Follower {
    lane: LaneId,
    state: LaneState<Sha256Chain>,
    offset: u64,
    pending: Vec<Record>,
    voids: Voids,
}

impl Follower {
    /// From the lane's first record.
    pub fn from_start(log: &dyn Log, lane: LaneId) -> Self {
        Self::resume(lane, LaneState::new(log.topics().genesis(lane)), 0)
    }

    /// From a checkpoint of committed frames; `offset` is where to read on.
    pub fn resume(lane: LaneId, state: LaneState<Sha256Chain>, offset: u64) -> Self {
        Self { lane, state, offset, pending: Vec::new(), voids: Voids::default() }
    }

    /// The lane.
    pub const fn lane(&self) -> LaneId {
        self.lane
    }

    /// What the rule knows so far.
    pub const fn state(&self) -> &LaneState<Sha256Chain> {
        &self.state
    }

    /// Where it reads on.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// What it skipped.
    pub const fn voids(&self) -> Voids {
        self.voids
    }

    /// Reads on and gives what took effect; empty at the end of the lane. May block on the medium.
    pub fn poll(&mut self, log: &dyn Log) -> Result<Vec<Frame>, ReadError> {
        loop {
            let stored = log.read(self.lane, self.offset, POLL_BYTES)?;
            if stored.is_empty() {
                return Ok(Vec::new());
            }
            let mut frames = Vec::with_capacity(stored.len());
            for record in &stored {
                if let Some(frame) = self.take(log, record)? {
                    frames.push(frame);
                }
            }
            if !frames.is_empty() {
                return Ok(frames);
            }
        }
    }

    /// Takes the next record of the lane; gives what took effect with it.
    pub fn take(&mut self, log: &dyn Log, stored: &Stored) -> Result<Option<Frame>, ReadError> {
        let step = match Header::read(&stored.bytes) {
            Ok((header, _)) => self.state.step(&header, &stored.prev, &stored.bytes),
            Err(_) => return Ok(self.void(stored.offset, true)),
        };
        let first = match step {
            Step::Claimed => {
                self.pending.clear();
                self.state.seq
            }
            Step::Partial => {
                self.pending.push(self.decode(stored)?);
                self.offset = stored.offset + 1;
                return Ok(None);
            }
            Step::Whole { first } => first,
            Step::Void(_) => return Ok(self.void(stored.offset, false)),
            Step::Mismatch => {
                self.check_again(log, stored.offset)?;
                return Ok(self.void(stored.offset, true));
            }
        };
        self.offset = stored.offset + 1;
        let mut records = std::mem::take(&mut self.pending);
        records.push(self.decode(stored)?);
        Ok(Some(Frame {
            lane: self.lane,
            epoch: self.state.epoch,
            first,
            records,
            head: self.state.head,
            next_offset: self.offset,
        }))
    }

    fn decode(&self, stored: &Stored) -> Result<Record, ReadError> {
        Record::decode(self.lane, &stored.bytes).map_err(|error: DecodeError| {
            let lane = log_name(self.lane);
            ReadError::Damaged(format!(
                "valid record at offset {} of {lane} cannot be read: {error}",
                stored.offset
            ))
        })
    }

    fn void(&mut self, offset: u64, alarm: bool) -> Option<Frame> {
        self.offset = offset + 1;
        self.voids.count += 1;
        self.voids.alarms += u64::from(alarm);
        self.voids.last_offset = Some(offset);
        None
    }

    /// Folds the lane again from its first record up to `offset`. The same state means that the record
    /// there is void; another one means that this reader's own state was damaged.
    fn check_again(&self, log: &dyn Log, offset: u64) -> Result<(), ReadError> {
        let mut state = LaneState::<Sha256Chain>::new(log.topics().genesis(self.lane));
        let mut at = 0;
        while at < offset {
            let stored = log.read(self.lane, at, POLL_BYTES)?;
            for record in stored.iter().take_while(|record| record.offset < offset) {
                if let Ok((header, _)) = Header::read(&record.bytes) {
                    state.step(&header, &record.prev, &record.bytes);
                }
            }
            match stored.last() {
                Some(last) => at = last.offset + 1,
                None => break,
            }
        }
        if state == self.state {
            return Ok(());
        }
        let lane = log_name(self.lane);
        Err(ReadError::Damaged(format!(
            "what this reader knew of {lane} before offset {offset} was wrong"
        )))
    }
}

fn log_name(lane: LaneId) -> String {
    format!("lane {} of topic {}", lane.index, lane.topic.0)
}
