//! The law as an outsider reads it: the reader rule and the invariants of a lane, written down a second
//! time and applied to every record when it becomes durable. Shares the decoder of a record with the
//! product, and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{CommandKey, EventId, LaneId, StreamId, Timestamp};
use log::{Body, Head, Kind, Record, Stored};
use sha2::{Digest, Sha256};

/// A record that happened.
#[derive(Debug, Clone)]
pub(crate) struct Valid {
    pub(crate) seq: u64,
    pub(crate) at_ms: u64,
    pub(crate) record: Arc<Record>,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    Claimed,
    Partial,
    /// A frame of so many records takes effect.
    Whole(usize),
    VoidClaim,
    VoidEpoch,
    VoidPlace,
    /// It is no record.
    Noise,
    /// Everything fits but the hash: it must never be.
    Mismatch,
}

/// One lane as it must be read.
pub(crate) struct Judge {
    lane: LaneId,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) head: [u8; 32],
    half: Vec<Arc<Record>>,
    half_bytes: Vec<u8>,
    pub(crate) valid: Vec<Valid>,
    pub(crate) versions: HashMap<StreamId, u64>,
    /// First record of the frame that is kept under a key.
    pub(crate) keys: HashMap<CommandKey, usize>,
    ids: std::collections::HashSet<EventId>,
    log_time: Timestamp,
    pub(crate) owner: String,
    pub(crate) wrong: Vec<String>,
}

impl Judge {
    pub(crate) fn new(lane: LaneId, genesis: Head) -> Self {
        Self {
            lane,
            epoch: 0,
            seq: 0,
            head: genesis.0,
            half: Vec::new(),
            half_bytes: Vec::new(),
            valid: Vec::new(),
            versions: HashMap::new(),
            keys: HashMap::new(),
            ids: std::collections::HashSet::new(),
            log_time: Timestamp::from_micros(i64::MIN),
            owner: String::new(),
            wrong: Vec::new(),
        }
    }

    /// Whether a frame is half there.
    pub(crate) const fn is_torn(&self) -> bool {
        !self.half.is_empty()
    }

    /// Takes the next record of the lane.
    pub(crate) fn take(&mut self, stored: &Stored, at_ms: u64) -> Ruling {
        let Ok(record) = Record::decode(self.lane, &stored.bytes) else { return Ruling::Noise };
        let header = record.header;
        if header.kind == Kind::Claim {
            if header.epoch != self.epoch + 1 {
                return Ruling::VoidClaim;
            }
            self.half.clear();
            self.half_bytes.clear();
            self.epoch += 1;
            self.chain(&stored.bytes);
            if let Body::Claim(claim) = &record.body {
                self.owner.clone_from(&claim.node);
            }
            self.happens(at_ms, Arc::new(record));
            return Ruling::Claimed;
        }
        if header.epoch != self.epoch {
            return Ruling::VoidEpoch;
        }
        let have = self.half.len();
        let continues = self.half.first().is_none_or(|first| first.header.of == header.of);
        let fits = header.seq == self.seq + 1 + have as u64
            && usize::from(header.place) == have
            && header.place < header.of;
        if !fits || !continues {
            return Ruling::VoidPlace;
        }
        if stored.prev.0 != self.head {
            return Ruling::Mismatch;
        }
        let of = usize::from(header.of);
        self.half.push(Arc::new(record));
        self.half_bytes.extend_from_slice(&stored.bytes);
        if self.half.len() < of {
            return Ruling::Partial;
        }
        let bytes = std::mem::take(&mut self.half_bytes);
        self.chain(&bytes);
        for record in std::mem::take(&mut self.half) {
            self.happens(at_ms, record);
        }
        Ruling::Whole(of)
    }

    fn chain(&mut self, bytes: &[u8]) {
        let mut hash = Sha256::new();
        hash.update(self.head);
        hash.update(bytes);
        self.head = hash.finalize().into();
    }

    fn happens(&mut self, at_ms: u64, record: Arc<Record>) {
        self.seq += 1;
        let place = self.valid.len();
        let name = format!("lane {}/{} seq {}", self.lane.topic.0, self.lane.index, self.seq);
        match &record.body {
            Body::Claim(_) => {}
            Body::Event { meta, .. } => {
                let version = self.versions.entry(meta.stream.clone()).or_default();
                *version += 1;
                if meta.version != *version {
                    let (is, stream) = (meta.version, &meta.stream);
                    self.wrong
                        .push(format!("I4 {name}: {stream} goes from {} to {is}", *version - 1));
                    *version = meta.version;
                }
                if !self.ids.insert(meta.id) {
                    self.wrong.push(format!("I3 {name}: event id {} is used twice", meta.id));
                }
                let first = record.header.place == 0;
                if let Some(key) = meta.key.filter(|_| first)
                    && self.keys.insert(key, place).is_some()
                {
                    self.wrong.push(format!("I3 {name}: key {key:?} has two frames"));
                }
                self.time(meta.recorded_at, &name);
            }
            Body::Outcome(outcome) => {
                let version = self.versions.get(&outcome.stream).copied().unwrap_or_default();
                // To another tenant a stream never began.
                if outcome.version != version && outcome.version != 0 {
                    let (is, stream) = (outcome.version, &outcome.stream);
                    self.wrong.push(format!("I5 {name}: {stream} is at {version}, told was {is}"));
                }
                if let Some(key) = outcome.key.filter(|_| outcome.verdict.is_kept())
                    && self.keys.insert(key, place).is_some()
                {
                    self.wrong.push(format!("I3 {name}: key {key:?} has two frames"));
                }
                self.time(outcome.recorded_at, &name);
            }
        }
        self.valid.push(Valid { seq: self.seq, at_ms, record });
    }

    fn time(&mut self, at: Timestamp, name: &str) {
        if at < self.log_time {
            self.wrong.push(format!("I28 {name}: log time goes back"));
        }
        self.log_time = self.log_time.max(at);
    }

    /// The valid record at a seq.
    pub(crate) fn at(&self, seq: u64) -> Option<&Valid> {
        let found = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.valid.get(found)
    }
}
