//! The reader rule and the hash chain, after `docs/formats/record.md`. A second reading of that page, on
//! purpose: it must conclude the same as the product.

use sha2::{Digest, Sha256};

use crate::finding::Finding;
use crate::record::{Body, Head, Record};

/// A record as it lies in a lane, with the head that its writer saw before its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The head beside it.
    pub prev: Head,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
}

/// A claim or a frame that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its epoch.
    pub epoch: u64,
    /// The seq of its first record.
    pub first: u64,
    /// Its records.
    pub records: Vec<Record>,
}

impl Frame {
    /// The seq of its last record.
    pub fn last(&self) -> u64 {
        self.first + self.records.len() as u64 - 1
    }
}

/// A lane as every reader must see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name, as `content.events/5`.
    pub name: String,
    /// What took effect, in order.
    pub frames: Vec<Frame>,
    /// Records that did not.
    pub voids: u64,
    /// The head at its end.
    pub head: Head,
    /// The current epoch.
    pub epoch: u64,
    /// Valid records.
    pub seq: u64,
}

/// The head of a lane before its first record. `log` is the id of the log, as 32 hexadecimal digits
/// with or without hyphens.
pub fn genesis(log: &str, lane: &str) -> Head {
    let hex: String = log.chars().filter(|it| *it != '-').collect();
    let id =
        (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok());
    let mut hash = Sha256::new();
    hash.update(b"recount lane 1\0");
    hash.update(id.collect::<Vec<u8>>());
    hash.update(lane.as_bytes());
    hash.finalize().into()
}

/// Reads a lane from its first record. A record that fits in every way but its head, and bytes that are
/// no record, are void and told: no healthy history has them.
pub fn read_lane(name: &str, genesis: Head, records: &[Stored]) -> (Lane, Vec<Finding>) {
    let mut found = Vec::new();
    let frames = Vec::new();
    let mut lane =
        Lane { name: name.to_owned(), frames, voids: 0, head: genesis, epoch: 0, seq: 0 };
    let mut open: Vec<(Record, &[u8])> = Vec::new();
    for (offset, stored) in records.iter().enumerate() {
        let record = match Record::read(&stored.bytes) {
            Ok((record, len)) if len == stored.bytes.len() => record,
            _ => {
                found.push(Finding::new("I24", format!("{name} {offset} holds no record")));
                lane.voids += 1;
                continue;
            }
        };
        if matches!(record.body, Body::Claim { .. }) {
            if record.epoch != lane.epoch + 1 {
                lane.voids += 1;
                continue;
            }
            lane.voids += open.len() as u64;
            open.clear();
            lane.epoch = record.epoch;
            take_effect(&mut lane, vec![(record, &stored.bytes)]);
            continue;
        }
        let begun = open.len() as u64;
        let continues = u64::from(record.place) == begun
            && record.seq == lane.seq + begun + 1
            && record.place < record.of
            && open.first().is_none_or(|(first, _)| first.of == record.of);
        if record.epoch != lane.epoch || !continues {
            lane.voids += 1;
            continue;
        }
        if stored.prev != lane.head {
            let what = format!("{name} {offset} is the next record with another head before it");
            found.push(Finding::new("I8", what));
            lane.voids += 1;
            continue;
        }
        let whole = record.place + 1 == record.of;
        open.push((record, &stored.bytes));
        if whole {
            take_effect(&mut lane, std::mem::take(&mut open));
        }
    }
    lane.voids += open.len() as u64;
    (lane, found)
}

fn take_effect(lane: &mut Lane, records: Vec<(Record, &[u8])>) {
    let mut hash = Sha256::new();
    hash.update(lane.head);
    for (_, bytes) in &records {
        hash.update(bytes);
    }
    lane.head = hash.finalize().into();
    let first = lane.seq + 1;
    lane.seq += records.len() as u64;
    let records = records.into_iter().map(|(record, _)| record).collect();
    lane.frames.push(Frame { epoch: lane.epoch, first, records });
}
