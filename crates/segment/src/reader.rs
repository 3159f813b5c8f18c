//! The reading side: random access and scans, never past the durable end.

use crate::block::{self, Step};
use crate::catalog::Catalog;
use crate::dir;
use crate::error::{IoFault, OpenError, ReadError};
use crate::format::{ENTRY_HEADER, UNIT_BYTES, entry_check, u32_at};
use crate::scan::Scan;
use crate::window::Window;
use crate::{ENTRY_BYTES_MAX, Location};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// First read of a random access: most entries are smaller, so one read is enough.
pub(crate) const FIRST_READ: usize = 4096;

/// Names a block, and with it everything before it: each block carries the checksum of the one before.
/// Two stores with the same stamp at an address hold the same bytes up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Id of the store.
    pub store: [u8; 16],
    /// Number of the block.
    pub number: u64,
    /// Its checksum.
    pub checksum: u32,
}

/// Reads a store; cheap to clone, for use on any thread.
#[derive(Debug, Clone)]
pub struct Reader {
    catalog: Arc<Catalog>,
}

impl Reader {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog }
    }

    /// A reader without a writer, for offline work. Another process may be writing: the reader
    /// sees whole blocks only, up to the last one at the time of opening or of the latest
    /// [`Reader::refresh`]. Changes nothing, takes no lock.
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self::new(Arc::new(Catalog::observed(dir.as_ref())?)))
    }

    /// Looks for what another process has written since, and returns the new end. Beside the
    /// writer of the same process the end moves by itself.
    pub fn refresh(&self) -> Result<Location, OpenError> {
        self.catalog.refresh()?;
        Ok(self.durable_end())
    }

    /// Where the readable entries end.
    pub fn durable_end(&self) -> Location {
        Location(self.catalog.durable_end())
    }

    /// Every entry at `from` or behind it, in order.
    pub fn scan(&self, from: Location) -> Scan {
        Scan::new(Arc::clone(&self.catalog), from)
    }

    /// One entry: its lane and its bytes, checked.
    pub fn read(&self, at: Location) -> Result<(u32, Vec<u8>), ReadError> {
        let end = self.catalog.durable_end();
        if at.0 >= end {
            return Err(ReadError::PastEnd { at, end: Location(end) });
        }
        let Some(header) = self.catalog.at(at.0) else {
            return Err(ReadError::NotAnEntry { at });
        };
        let offset = at.0 - header.base;
        let limit = header.seal_offset().min(end - header.base);
        if offset < UNIT_BYTES || offset + ENTRY_HEADER as u64 > limit {
            return Err(ReadError::NotAnEntry { at });
        }
        let path = self.catalog.path(header.base);
        let file = self.catalog.file(header.base)?;
        let left = usize::try_from(limit - offset).unwrap_or(usize::MAX);
        let mut entry = vec![0; FIRST_READ.min(left)];
        file.read_exact_at(&mut entry, offset).map_err(IoFault::new("reading", &path, offset))?;
        let len = u32_at(&entry, 4) as usize;
        let whole = ENTRY_HEADER + len;
        if len > ENTRY_BYTES_MAX || whole > left {
            return Err(self.explain(at));
        }
        let read = entry.len().min(whole);
        entry.resize(whole, 0);
        if read < whole {
            let rest = offset + read as u64;
            file.read_exact_at(&mut entry[read..], rest)
                .map_err(IoFault::new("reading", &path, rest))?;
        }
        let (lane, check) = (u32_at(&entry, 0), u32_at(&entry, 8));
        if check != entry_check(header.seed(), &entry[..8], &entry[ENTRY_HEADER..], at.0) {
            return Err(self.explain(at));
        }
        entry.drain(..ENTRY_HEADER);
        Ok((lane, entry))
    }

    /// The entries at these locations, checked, each given to `each` with its place in the list, its
    /// lane and its bytes. Many that lie close are read in few big reads; the list should grow.
    pub fn read_each(
        &self,
        list: &[Location],
        mut each: impl FnMut(usize, u32, &[u8]),
    ) -> Result<(), ReadError> {
        let mut window = Window::default();
        for (place, at) in list.iter().enumerate() {
            if let Some((lane, bytes)) = window.entry(&self.catalog, &list[place..])? {
                each(place, lane, bytes);
            } else {
                let (lane, bytes) = self.read(*at)?;
                each(place, lane, &bytes);
            }
        }
        Ok(())
    }

    /// The stamp of the block that holds an address, which is read whole and checked.
    pub fn stamp(&self, at: Location) -> Result<Stamp, ReadError> {
        let end = self.catalog.durable_end();
        if at.0 >= end {
            return Err(ReadError::PastEnd { at, end: Location(end) });
        }
        let nothing = Err(ReadError::NotAnEntry { at });
        let Some(mut cursor) = seek(&self.catalog, at, end)? else { return nothing };
        match (cursor.step(end - cursor.header.base)?, cursor.expect) {
            (Step::Block(found), Some((_, checksum))) if found.header.holds(at.0) => {
                Ok(Stamp { store: cursor.header.store_id, number: found.header.number, checksum })
            }
            (Step::Invalid(fault), _) => Err(cursor.corrupt(fault)),
            _ => nothing,
        }
    }

    /// Waits until the device has everything from an address on: for stores that do not wait for it with
    /// each write.
    pub fn sync(&self, from: Location) -> Result<(), ReadError> {
        for header in self.catalog.from(from.0) {
            let path = self.catalog.path(header.base);
            let synced = File::open(&path).and_then(|file| file.sync_data());
            synced.map_err(IoFault::new("syncing", &path, 0))?;
        }
        Ok(dir::sync(self.catalog.dir())?)
    }

    /// Why there is no entry at a location: damage in its block, or a location never given.
    fn explain(&self, at: Location) -> ReadError {
        let mut scan = self.scan(at);
        match scan.next_entry() {
            Err(error) => error,
            Ok(Some(entry)) if entry.location == at => {
                let file = self.catalog.path(self.catalog.at(at.0).map_or(0, |of| of.base));
                let what = "entry changed while it was read";
                ReadError::Corrupt { file, offset: at.0, what }
            }
            Ok(_) => ReadError::NotAnEntry { at },
        }
    }
}

/// Opens the segment that holds an address, at the block that holds it.
pub(crate) fn seek(
    catalog: &Catalog,
    from: Location,
    end: u64,
) -> Result<Option<block::Cursor>, ReadError> {
    let Some(header) = catalog.at(from.0) else { return Ok(None) };
    let mut cursor = block::open(catalog, header)?;
    cursor.seek(from.0 - header.base, end.saturating_sub(header.base))?;
    Ok(Some(cursor))
}
