//! Which segments there are and where the durable bytes end: shared by the writer and every
//! reader. Holds no entry and no index: a location is an address.

use crate::block::{self, Cursor, Step};
use crate::dir;
use crate::error::{IoFault, OpenError};
use crate::format::{HeaderFault, SegmentHeader, UNIT, UNIT_BYTES};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Files kept open for random reads; a store has more segments than a process has handles.
const OPEN_FILES_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct Catalog {
    dir: PathBuf,
    segments: RwLock<Vec<SegmentHeader>>,
    durable_end: AtomicU64,
    /// Most recently used last.
    files: Mutex<Vec<(u64, Arc<File>)>>,
    /// Where the last look at a store written elsewhere ended; None beside our own writer.
    tail: Option<Mutex<Cursor>>,
}

impl Catalog {
    /// Beside the writer, who moves the end.
    pub(crate) fn owned(dir: &Path, segments: Vec<SegmentHeader>) -> Self {
        Self {
            dir: dir.to_owned(),
            segments: RwLock::new(segments),
            durable_end: AtomicU64::new(0),
            files: Mutex::default(),
            tail: None,
        }
    }

    /// Of a store that another process may be writing.
    pub(crate) fn observed(dir: &Path) -> Result<Self, OpenError> {
        let segments = load_segments(dir)?;
        let mut catalog = Self::owned(dir, segments);
        let last = catalog.last().ok_or_else(|| OpenError::Missing {
            dir: dir.to_owned(),
            file: dir::segment_path(dir, 0),
            base: 0,
        })?;
        catalog.tail = Some(Mutex::new(block::open(&catalog, last)?));
        catalog.refresh()?;
        Ok(catalog)
    }

    pub(crate) fn path(&self, base: u64) -> PathBuf {
        dir::segment_path(&self.dir, base)
    }

    pub(crate) fn durable_end(&self) -> u64 {
        // Pairs with the writer's Release: whoever sees the end sees the segment it lies in.
        self.durable_end.load(Ordering::Acquire)
    }

    pub(crate) fn set_durable_end(&self, end: u64) {
        self.durable_end.store(end, Ordering::Release);
    }

    pub(crate) fn push(&self, header: SegmentHeader) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).push(header);
    }

    /// The segment that holds this address.
    pub(crate) fn at(&self, address: u64) -> Option<SegmentHeader> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let after = segments.partition_point(|header| header.base <= address);
        let header = *segments.get(after.checked_sub(1)?)?;
        header.contains(address).then_some(header)
    }

    /// The segments that hold this address or one behind it.
    pub(crate) fn from(&self, address: u64) -> Vec<SegmentHeader> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.iter().filter(|header| header.end() > address).copied().collect()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn last(&self) -> Option<SegmentHeader> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).last().copied()
    }

    /// Handle for buffered reads.
    pub(crate) fn file(&self, base: u64) -> Result<Arc<File>, IoFault> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = files.iter().position(|(of, _)| *of == base) {
            let found = files.remove(place);
            let file = Arc::clone(&found.1);
            files.push(found);
            return Ok(file);
        }
        let path = self.path(base);
        let file = Arc::new(File::open(&path).map_err(IoFault::new("opening", &path, 0))?);
        if files.len() == OPEN_FILES_MAX {
            files.remove(0);
        }
        files.push((base, Arc::clone(&file)));
        Ok(file)
    }

    /// Looks for blocks written since, when the writer is elsewhere.
    pub(crate) fn refresh(&self) -> Result<(), OpenError> {
        let Some(tail) = &self.tail else { return Ok(()) };
        let mut cursor = tail.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let end = cursor.header.base + discover_end(&mut cursor)?;
            let next = cursor.header.end();
            if !self.path(next).exists() {
                self.set_durable_end(end.max(self.durable_end()));
                return Ok(());
            }
            let before = self.last();
            let header = load_segment(&self.dir, next, before.as_ref())?;
            self.push(header);
            *cursor = block::open(self, header)?;
        }
    }
}

/// Offset behind the last whole block of the segment under the cursor. Behind damage that
/// valid blocks follow, the end is behind those: so that a scan meets the damage and says so,
/// instead of ending early as if all was well.
fn discover_end(cursor: &mut Cursor) -> Result<u64, IoFault> {
    cursor.forget();
    let length = cursor.header.length;
    loop {
        let before = cursor.offset;
        while matches!(cursor.step(length)?, Step::Block(_)) {}
        if cursor.offset > before {
            // A writer beside us may have gone on while we looked.
            cursor.forget();
            continue;
        }
        let rest = cursor.rest(cursor.offset, cursor.header.seal_offset())?;
        cursor.forget();
        let Some((later, header)) = rest.later else { return Ok(cursor.offset) };
        if matches!(cursor.step(length)?, Step::Block(_)) {
            continue;
        }
        return Ok((later + header.stored_bytes()).min(length));
    }
}

/// Headers of all segments, in order; checks that they are one unbroken row of one store.
pub(crate) fn load_segments(dir: &Path) -> Result<Vec<SegmentHeader>, OpenError> {
    let mut segments: Vec<SegmentHeader> = Vec::new();
    for base in dir::list(dir)?.bases {
        let expected = segments.last().map_or(0, SegmentHeader::end);
        if base > expected {
            let (dir, file) = (dir.to_owned(), dir::segment_path(dir, expected));
            return Err(OpenError::Missing { dir, file, base: expected });
        }
        segments.push(load_segment(dir, base, segments.last())?);
    }
    Ok(segments)
}

fn load_segment(
    dir: &Path,
    base: u64,
    before: Option<&SegmentHeader>,
) -> Result<SegmentHeader, OpenError> {
    let path = dir::segment_path(dir, base);
    let file = File::open(&path).map_err(IoFault::new("opening", &path, 0))?;
    let stored = file.metadata().map_err(IoFault::new("reading the length of", &path, 0))?.len();
    let corrupt = |offset, what| OpenError::Corrupt { file: path.clone(), offset, what };
    if stored < UNIT_BYTES {
        return Err(corrupt(stored, "file is shorter than a segment header"));
    }
    let mut unit = [0; UNIT];
    file.read_exact_at(&mut unit, 0).map_err(IoFault::new("reading", &path, 0))?;
    let header = SegmentHeader::decode(&unit).map_err(|fault| match fault {
        HeaderFault::Newer(version) => OpenError::NewerVersion { file: path.clone(), version },
        HeaderFault::Damaged(what) => corrupt(0, what),
    })?;
    check_place(&header, base, before).map_err(|what| corrupt(0, what))?;
    if header.length != stored {
        return Err(corrupt(stored.min(header.length), "length of the file is wrong"));
    }
    Ok(header)
}

/// Whether a header belongs under this name and after this segment.
pub(crate) fn check_place(
    header: &SegmentHeader,
    base: u64,
    before: Option<&SegmentHeader>,
) -> Result<(), &'static str> {
    if header.base != base {
        return Err("segment stands under the name of another");
    }
    match before {
        Some(before) if before.store_id != header.store_id => Err("segment of another store"),
        Some(before) if before.end() != base => Err("segment overlaps the one before it"),
        Some(before) if before.first_number >= header.first_number => {
            Err("block numbers do not follow the segment before")
        }
        None if (header.first_number, header.prev) != (0, 0) => {
            Err("first segment does not begin the chain")
        }
        _ => Ok(()),
    }
}
