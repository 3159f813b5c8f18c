//! One big read that holds the next entries of a list. What it cannot give whole and sound is left to the
//! random access, which also says what is wrong.

use crate::Location;
use crate::catalog::Catalog;
use crate::error::{IoFault, ReadError};
use crate::format::{ENTRY_HEADER, UNIT_BYTES, entry_check, u32_at};
use crate::reader::FIRST_READ;
use std::os::unix::fs::FileExt;

/// Entries closer than this are read in one go: copying what lies between costs less than a call.
const NEAR_BYTES: u64 = 16 << 10;
/// Largest read: the system reads ahead while what is here is used. From a cold cache eight times as
/// much takes a quarter longer; from a warm one less costs more calls.
const WINDOW_BYTES: u64 = 64 << 10;

/// Bytes of one segment.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Address of the first byte.
    from: u64,
    /// How many of `bytes` are of this window.
    len: usize,
    seed: u32,
    bytes: Vec<u8>,
}

impl Window {
    /// Lane and bytes of the first entry of the list, after a read when it is not here yet. `None`: it is
    /// larger than the window, or something about it is wrong.
    pub(crate) fn entry(
        &mut self,
        catalog: &Catalog,
        list: &[Location],
    ) -> Result<Option<(u32, &[u8])>, ReadError> {
        let Some(at) = list.first().map(|at| at.0) else { return Ok(None) };
        if self.whole(at).is_none() {
            self.fill(catalog, list)?;
        }
        let Some(range) = self.whole(at) else { return Ok(None) };
        let entry = &self.bytes[range];
        let (head, body) = entry.split_at(ENTRY_HEADER);
        let sound = u32_at(head, 8) == entry_check(self.seed, &head[..8], body, at);
        Ok(sound.then(|| (u32_at(head, 0), body)))
    }

    /// Where the entry at this address lies, if all of it is here.
    fn whole(&self, at: u64) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(at.checked_sub(self.from)?).ok()?;
        let body = start.checked_add(ENTRY_HEADER).filter(|body| *body <= self.len)?;
        let end = body.checked_add(u32_at(&self.bytes[start..], 4) as usize)?;
        (end <= self.len).then_some(start..end)
    }

    /// Reads from the first of the list to the last that is near.
    fn fill(&mut self, catalog: &Catalog, list: &[Location]) -> Result<(), ReadError> {
        self.len = 0;
        let (at, end) = (list[0].0, catalog.durable_end());
        let Some(header) = catalog.at(at).filter(|header| at >= header.base + UNIT_BYTES) else {
            return Ok(());
        };
        let near = |pair: &&[Location]| {
            pair[1].0.checked_sub(pair[0].0).is_some_and(|gap| gap <= NEAR_BYTES)
                && pair[1].0 - at <= WINDOW_BYTES - FIRST_READ as u64
        };
        let until = list.windows(2).take_while(near).last().map_or(at, |pair| pair[1].0);
        let limit = (header.base + header.seal_offset()).min(end);
        let Some(len) = (until + FIRST_READ as u64).min(limit).checked_sub(at) else {
            return Ok(());
        };
        let len = usize::try_from(len).unwrap_or(0);
        if self.bytes.len() < len {
            self.bytes.resize(len, 0);
        }
        let offset = at - header.base;
        let file = catalog.file(header.base)?;
        file.read_exact_at(&mut self.bytes[..len], offset).map_err(IoFault::new(
            "reading",
            &catalog.path(header.base),
            offset,
        ))?;
        (self.from, self.len, self.seed) = (at, len, header.seed());
        Ok(())
    }
}
