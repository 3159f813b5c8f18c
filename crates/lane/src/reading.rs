//! How an owner reads its lane up to its claim, and what it learns of each frame. Not the reader rule,
//! which is the log's.

use log::{Asked, Body, KeyAt, Log, ReadError, Recall, Record, Stored};

use crate::keys::{Keys, Place};
use crate::owner::{Fate, Owner};
use crate::tenure::{Read, Tenure};

/// How much is read at once, in bytes: other lanes wait meanwhile.
const PAGE_BYTES: usize = 1 << 20;

impl Owner {
    /// Takes what the log remembers in place of reading it. Only before anything was read.
    pub(crate) fn recall(&mut self, recall: Recall) {
        self.tenure = Tenure::new(recall.state, recall.next_offset);
        self.log_time = recall.log_time;
        self.claim = recall.claim;
        self.keys = Keys::recalled(recall.keys);
    }

    /// Reads what can be read at once and applies it, until the own claim comes back.
    pub(crate) fn follow(&mut self, log: &dyn Log) -> Result<(), ReadError> {
        while self.follow_page(log)? {}
        Ok(())
    }

    /// The same, one page of it; says whether there is more. Nothing to read for an owner that serves.
    pub fn follow_page(&mut self, log: &dyn Log) -> Result<bool, ReadError> {
        if self.is_serving() || log.ready(self.lane) <= self.tenure.next_offset() {
            return Ok(false);
        }
        let stored = log.read(self.lane, self.tenure.next_offset(), PAGE_BYTES)?;
        for record in &stored {
            if self.read_one(log, record)? {
                return Ok(false);
            }
        }
        Ok(!stored.is_empty())
    }

    /// Gives `true` when the own claim came back.
    fn read_one(&mut self, log: &dyn Log, stored: &Stored) -> Result<bool, ReadError> {
        let Some(header) = log::readable(self.lane, stored)? else {
            self.tenure.skip(stored.offset);
            return Ok(false);
        };
        let before = self.tenure.known().clone();
        match self.tenure.read(stored.offset, &header, &stored.prev, &stored.bytes) {
            Read::Won => {
                self.claimed(stored)?;
                return Ok(true);
            }
            Read::Rival | Read::Rule(log::Step::Claimed) => self.claimed(stored)?,
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

    fn claimed(&mut self, stored: &Stored) -> Result<(), ReadError> {
        self.pending.clear();
        if let Body::Claim(claim) = self.decode(stored)?.body {
            self.log_time = self.log_time.max(claim.at);
            self.claim = Some(claim);
        }
        self.settle();
        Ok(())
    }

    /// A frame was read: its key, its time, and whether it was one of ours that we had lost sight of.
    fn apply(&mut self, place: Place, first: &Record) {
        let Asked { at, key } = Asked::of(first);
        self.log_time = self.log_time.max(at);
        if let Some(key) = key {
            self.keys.keep(KeyAt { key, at, offset: place.offset, seq: place.seq });
        }
        for (open, fate) in &mut self.lost {
            if open.epoch == first.header.epoch && open.place.seq == place.seq {
                *fate = Fate::InTheLog;
            }
        }
    }
}

#[cfg(test)]
mod tests;
