//! Sequential reading: big reads, every checksum checked, from any location to the durable end.

use crate::block::{self, Cursor, Fault, Found, Step};
use crate::catalog::Catalog;
use crate::error::ReadError;
use crate::format::{BLOCK_HEADER, ENTRY_HEADER, Kind};
use crate::reader;
use crate::{Location, block::parse_entry};
use std::sync::Arc;

/// An entry in the memory of the scan that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// Where it is stored.
    pub location: Location,
    /// As appended.
    pub lane: u32,
    /// As appended.
    pub bytes: &'a [u8],
}

/// Entries in order. [`Scan::next_entry`] lends them without a copy; as an iterator it copies.
///
/// At the durable end both return None, and go on when called again after more was written.
/// After an error the scan stays where it is: a damaged block cannot be skipped.
#[derive(Debug)]
pub struct Scan {
    catalog: Arc<Catalog>,
    from: Location,
    cursor: Option<Cursor>,
    block: Option<Found>,
    /// Offset in the block of the next entry, and how many are left.
    at: usize,
    left: u32,
}

impl Scan {
    pub(crate) fn new(catalog: Arc<Catalog>, from: Location) -> Self {
        Self { catalog, from, cursor: None, block: None, at: 0, left: 0 }
    }

    /// The next entry, or None at the durable end.
    pub fn next_entry(&mut self) -> Result<Option<EntryRef<'_>>, ReadError> {
        let (found, at, lane, len) = loop {
            if let (Some(found), Some(cursor)) = (self.block, &self.cursor)
                && self.left > 0
            {
                let block = cursor.held(found.offset, found.header.stored_bytes());
                let at = self.at;
                let entry = parse_entry(&block[at..]).expect("the block is checked");
                self.at += ENTRY_HEADER + entry.len;
                self.left -= 1;
                if found.header.location + at as u64 >= self.from.0 {
                    break (found, at, entry.lane, entry.len);
                }
            } else if !self.next_block()? {
                return Ok(None);
            }
        };
        let cursor = self.cursor.as_ref().expect("a found block has a cursor");
        let block = cursor.held(found.offset, found.header.stored_bytes());
        let start = at + ENTRY_HEADER;
        let location = Location(found.header.location + at as u64);
        Ok(Some(EntryRef { location, lane, bytes: &block[start..start + len] }))
    }

    fn next_block(&mut self) -> Result<bool, ReadError> {
        loop {
            let end = self.catalog.durable_end();
            let Some(cursor) = &mut self.cursor else {
                if self.from.0 >= end {
                    return Ok(false);
                }
                self.cursor = reader::seek(&self.catalog, self.from, end)?;
                if self.cursor.is_none() {
                    return Ok(false);
                }
                continue;
            };
            self.block = None;
            let limit = end.saturating_sub(cursor.header.base);
            match cursor.step(limit)? {
                Step::Block(found) if found.header.kind == Kind::Data => {
                    self.block = Some(found);
                    (self.at, self.left) = (BLOCK_HEADER, found.header.count);
                    return Ok(true);
                }
                Step::Block(_) => {}
                Step::Invalid(fault) => return Err(cursor.corrupt(fault)),
                Step::Unwritten | Step::End => {
                    if !self.next_segment(limit)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Ok(false) at the durable end.
    fn next_segment(&mut self, limit: u64) -> Result<bool, ReadError> {
        let Some(cursor) = &self.cursor else { return Ok(false) };
        let here = cursor.header;
        let fault = |what| Err(cursor.corrupt(Fault { offset: cursor.offset, what }));
        if limit <= here.length {
            return if cursor.offset >= limit || limit == here.length {
                Ok(false)
            } else {
                fault("zeros in the place of a block")
            };
        }
        let Some(next) = self.catalog.at(here.end()) else {
            return fault("the next segment is missing");
        };
        // The seal took the number between.
        let follows = cursor.expect.is_none_or(|(number, prev)| {
            next.first_number.checked_sub(1) == Some(number) && next.prev == prev
        });
        if !follows {
            return fault("blocks are missing before the next segment");
        }
        self.cursor = Some(block::open(&self.catalog, next)?);
        Ok(true)
    }
}

impl Iterator for Scan {
    type Item = Result<(Location, u32, Vec<u8>), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next_entry().transpose()?;
        Some(entry.map(|entry| (entry.location, entry.lane, entry.bytes.to_vec())))
    }
}
