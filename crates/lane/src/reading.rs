//! How an owner reads its lane up to its claim, and what it learns of each frame. Not the reader rule,
//! which is the log's.

use log::{Body, Log, ReadError, Record, Stored};

use crate::keys::Place;
use crate::owner::{Fate, Owner};
use crate::tenure::Read;

impl Owner {
    /// Reads what is there and applies it. Gives `true` when the own claim came back.
    pub(crate) fn read_on(&mut self, log: &dyn Log) -> Result<bool, ReadError> {
        loop {
            let stored = log.read(self.lane, self.tenure.next_offset(), 1 << 20)?;
            if stored.is_empty() {
                return Ok(false);
            }
            for record in &stored {
                if self.read_one(log, record)? {
                    return Ok(true);
                }
            }
        }
    }

    pub(crate) fn read_one(&mut self, log: &dyn Log, stored: &Stored) -> Result<bool, ReadError> {
        let Some(header) = log::readable(self.lane, stored)? else {
            self.tenure.skip(stored.offset);
            return Ok(false);
        };
        let before = self.tenure.known().clone();
        match self.tenure.read(stored.offset, &header, &stored.prev, &stored.bytes) {
            Read::Won => {
                self.pending.clear();
                return Ok(true);
            }
            Read::Rival | Read::Rule(log::Step::Claimed) => self.pending.clear(),
            Read::Rule(log::Step::Partial) => {
                self.pending.push((stored.offset, self.decode(stored)?));
            }
            Read::Rule(log::Step::Whole { first: seq }) => {
                self.pending.push((stored.offset, self.decode(stored)?));
                let frame = std::mem::take(&mut self.pending);
                if let Some((offset, first)) = frame.first() {
                    self.apply(Place { offset: *offset, seq }, first);
                }
            }
            Read::Rule(log::Step::Void(_)) => {}
            Read::Rule(log::Step::Mismatch) => {
                log::check_again(log, self.lane, &before, stored.offset)?;
            }
        }
        Ok(false)
    }

    /// A frame was read: its key, its time, and whether it was one of ours that we had lost sight of.
    fn apply(&mut self, place: Place, first: &Record) {
        match &first.body {
            Body::Event { meta, .. } => {
                self.log_time = self.log_time.max(meta.recorded_at);
                if let Some(key) = meta.key {
                    self.keys.keep(key, meta.recorded_at, place);
                }
            }
            Body::Outcome(outcome) => {
                self.log_time = self.log_time.max(outcome.recorded_at);
                if let Some(key) = outcome.key.filter(|_| outcome.verdict.is_kept()) {
                    self.keys.keep(key, outcome.recorded_at, place);
                }
            }
            Body::Claim(_) => {}
        }
        for (open, fate) in &mut self.lost {
            if open.epoch == first.header.epoch && open.place.seq == place.seq {
                *fate = Fate::InTheLog;
            }
        }
    }
}
