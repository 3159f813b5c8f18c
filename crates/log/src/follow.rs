//! A follower: reads a lane by the rule and hands out whole frames. Not a subscription: who calls
//! `poll` and when is the caller's affair.

use domain::LaneId;

use crate::{
    Body, DecodeError, Head, Header, Kind, LaneState, Log, Mutant, ReadError, Record, Sha256Chain,
    Step, Stored,
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

    /// From a checkpoint behind the frame that ends with `state.seq`, wherever that frame lies here: at
    /// `hint`, the offset behind it where it was folded, or, in a copy of that log, which has no void
    /// records, at its seq. Never before it: what was void there might fit the state that came later.
    /// `None`: this log has another history.
    pub fn find(
        log: &dyn Log,
        lane: LaneId,
        state: LaneState<Sha256Chain>,
        hint: u64,
    ) -> Result<Option<Self>, ReadError> {
        if state.seq == 0 {
            return Ok(Some(Self::resume(lane, state, 0)));
        }
        for offset in [hint, state.seq] {
            if ends_at(log, lane, &state, offset)? {
                return Ok(Some(Self::resume(lane, state, offset)));
            }
        }
        Ok(None)
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
                match self.take(log, record) {
                    Ok(frame) => frames.extend(frame),
                    // What took effect before the bad record is handed out; the next poll errs again.
                    Err(_) if !frames.is_empty() => return Ok(frames),
                    Err(error) => return Err(error),
                }
            }
            if !frames.is_empty() {
                return Ok(frames);
            }
        }
    }

    /// Takes the next record of the lane; gives what took effect with it.
    pub fn take(&mut self, log: &dyn Log, stored: &Stored) -> Result<Option<Frame>, ReadError> {
        let Some(header) = readable(self.lane, stored)? else {
            return Ok(self.void(stored.offset, true));
        };
        let mut state = self.state.clone();
        let step = state.step(&header, &stored.prev, &stored.bytes);
        let first = match step {
            Step::Void(_) => return Ok(self.void(stored.offset, false)),
            Step::Mismatch => {
                check_again(log, self.lane, &self.state, stored.offset)?;
                return Ok(self.void(stored.offset, true));
            }
            Step::Claimed => state.seq,
            Step::Whole { first } => first,
            Step::Partial => 0,
        };
        let record = self.decode(stored)?;
        // Nothing can fail behind this: state, place and records move together.
        self.state = state;
        self.offset = stored.offset + u64::from(!Mutant::FollowerReadsTwice.is_on());
        if step == Step::Claimed && !Mutant::FollowerKeepsTornFrame.is_on() {
            self.pending.clear();
        }
        self.pending.push(record);
        if step == Step::Partial {
            return Ok(None);
        }
        Ok(Some(Frame {
            lane: self.lane,
            epoch: self.state.epoch,
            first,
            records: std::mem::take(&mut self.pending),
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
}

/// Whether the record before this offset is the last one that a state has seen.
fn ends_at(
    log: &dyn Log,
    lane: LaneId,
    state: &LaneState<Sha256Chain>,
    offset: u64,
) -> Result<bool, ReadError> {
    let Some(last) = offset.checked_sub(1).filter(|last| *last < log.end(lane)) else {
        return Ok(false);
    };
    let stored = log.read(lane, last, 1)?;
    let Some(stored) = stored.first().filter(|it| it.offset == last) else { return Ok(false) };
    let Some(header) = readable(lane, stored)? else { return Ok(false) };
    // A claim does not know its seq; an epoch has one valid claim.
    let is_it = header.kind == Kind::Claim
        || (header.seq == state.seq && header.place.checked_add(1) == Some(header.of));
    Ok(header.epoch == state.epoch && is_it)
}

/// The header of a stored record; `None` when the bytes are no record, which is void like every other
/// stray record. A record of a newer version is neither: no reader may go past it.
pub fn readable(lane: LaneId, stored: &Stored) -> Result<Option<Header>, ReadError> {
    match Header::read(&stored.bytes) {
        Ok((header, _)) => Ok(Some(header)),
        Err(error @ DecodeError::Unknown(..)) if !Mutant::FollowerGoesPastNewer.is_on() => {
            let (offset, lane) = (stored.offset, log_name(lane));
            Err(ReadError::Damaged(format!("record at offset {offset} of {lane}: {error}")))
        }
        Err(error) if Mutant::StrayBytesStopReader.is_on() => {
            Err(ReadError::Damaged(error.to_string()))
        }
        Err(_) => Ok(None),
    }
}

/// Folds a lane again from its first record up to `offset`, where a record fits in every way but its
/// hash. The same state as `known` means that the record there is void; another one means that what
/// this reader knew was damaged.
pub fn check_again(
    log: &dyn Log,
    lane: LaneId,
    known: &LaneState<Sha256Chain>,
    offset: u64,
) -> Result<(), ReadError> {
    let mut state = LaneState::<Sha256Chain>::new(log.topics().genesis(lane));
    let mut at = 0;
    while at < offset {
        let stored = log.read(lane, at, POLL_BYTES)?;
        for record in stored.iter().take_while(|record| record.offset < offset) {
            if let Some(header) = readable(lane, record)? {
                state.step(&header, &record.prev, &record.bytes);
            }
        }
        match stored.last() {
            Some(last) => at = last.offset + 1,
            None => break,
        }
    }
    if state == *known || Mutant::MismatchNotCheckedAgain.is_on() {
        return Ok(());
    }
    let lane = log_name(lane);
    Err(ReadError::Damaged(format!(
        "what this reader knew of {lane} before offset {offset} was wrong"
    )))
}

fn log_name(lane: LaneId) -> String {
    format!("lane {} of topic {}", lane.index, lane.topic.0)
}
