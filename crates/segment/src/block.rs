//! Walking the blocks of one segment file: finds them, checks every byte, reads big pieces.
//! Decides nothing: whether an invalid block is a torn tail or damage is for the caller.

use crate::catalog::Catalog;
use crate::error::{IoFault, ReadError};
use crate::format::{
    self, BLOCK_HEADER, BlockHeader, ENTRY_HEADER, Kind, SegmentHeader, UNIT, UNIT_BYTES, all_zero,
};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One read of a scan: large enough to run at the speed of the device.
const READ_BYTES: u64 = 1 << 20;

/// A piece of a file in memory.
#[derive(Debug)]
struct Window {
    file: Arc<File>,
    path: PathBuf,
    memory: Vec<u8>,
    at: u64,
}

impl Window {
    /// `bytes` bytes from `offset`, reading ahead but never at or past `limit`: what lies
    /// there may be in the middle of being written.
    fn get(&mut self, offset: u64, bytes: u64, limit: u64) -> Result<&[u8], IoFault> {
        let held = self.at..self.at + self.memory.len() as u64;
        if !(held.contains(&offset) && offset + bytes <= held.end) {
            let read = bytes.max(READ_BYTES.min(limit.saturating_sub(offset)));
            self.memory.resize(memory_len(read), 0);
            self.at = offset;
            let outcome = self.file.read_exact_at(&mut self.memory, offset);
            if outcome.is_err() {
                self.memory.clear();
            }
            outcome.map_err(IoFault::new("reading", &self.path, offset))?;
        }
        Ok(self.held(offset, bytes))
    }

    fn held(&self, offset: u64, bytes: u64) -> &[u8] {
        let start = memory_len(offset - self.at);
        &self.memory[start..start + memory_len(bytes)]
    }
}

fn memory_len(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a piece of a segment fits in memory")
}

/// Something that is not as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: u64,
    pub(crate) what: &'static str,
}

/// A whole and checked block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) header: BlockHeader,
    pub(crate) offset: u64,
}

#[derive(Debug)]
pub(crate) enum Step {
    Block(Found),
    /// A unit of zeros where a block could begin.
    Unwritten,
    Invalid(Fault),
    /// The limit, or the place of the seal.
    End,
}

/// What stands in the last unit of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seal {
    Whole(BlockHeader),
    /// Zeros, as in a segment still in use.
    Absent(Fault),
    Damaged(Fault),
}

/// What lies after the last valid block.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Rest {
    /// First unit with a valid block header: the writer had gone on.
    pub(crate) later: Option<(u64, BlockHeader)>,
    pub(crate) first_nonzero: Option<u64>,
    pub(crate) last_nonzero: Option<u64>,
}

/// A place in a segment file, and what must come next.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) header: SegmentHeader,
    seed: u32,
    window: Window,
    pub(crate) offset: u64,
    /// Number of the next block and checksum of the one before it; None after a jump into the
    /// middle, until the first block tells.
    pub(crate) expect: Option<(u64, u32)>,
}

impl Cursor {
    /// At the first block.
    pub(crate) fn new(header: SegmentHeader, file: Arc<File>, path: &Path) -> Self {
        let expect = Some((header.first_number, header.checksum()));
        let window = Window { file, path: path.to_owned(), memory: Vec::new(), at: 0 };
        Self { header, seed: header.seed(), window, offset: UNIT_BYTES, expect }
    }

    /// At the last block that begins at or before `offset`.
    pub(crate) fn seek(&mut self, offset: u64, limit: u64) -> Result<(), IoFault> {
        let mut unit = offset - offset % UNIT_BYTES;
        if unit >= limit.min(self.header.seal_offset()) {
            (self.offset, self.expect) = (unit, None);
            return Ok(());
        }
        let mut head = [0; BLOCK_HEADER];
        while unit > UNIT_BYTES {
            self.window.file.read_exact_at(&mut head, unit).map_err(IoFault::new(
                "reading",
                &self.window.path,
                unit,
            ))?;
            if BlockHeader::decode(self.seed, self.header.base + unit, &head).is_ok() {
                (self.offset, self.expect) = (unit, None);
                return Ok(());
            }
            unit -= UNIT_BYTES;
        }
        Ok(())
    }

    /// Jumps to a block found by [`Cursor::rest`].
    pub(crate) fn jump(&mut self, offset: u64) {
        (self.offset, self.expect) = (offset, None);
    }

    /// Drops what was read, because the file may have changed since.
    pub(crate) fn forget(&mut self) {
        self.window.memory.clear();
    }

    /// The block here, checked to its last byte; moves behind it.
    pub(crate) fn step(&mut self, limit: u64) -> Result<Step, IoFault> {
        let offset = self.offset;
        let limit = limit.min(self.header.seal_offset());
        if offset >= limit {
            return Ok(Step::End);
        }
        let location = self.header.base + offset;
        let unit = self.window.get(offset, UNIT_BYTES, limit)?;
        let invalid = |what| Ok(Step::Invalid(Fault { offset, what }));
        let (header, checksum) = match BlockHeader::decode(self.seed, location, unit) {
            Ok(found) => found,
            Err(_) if all_zero(unit) => return Ok(Step::Unwritten),
            Err(what) => return invalid(what),
        };
        if let Some((number, prev)) = self.expect {
            if header.number != number {
                return invalid("number of the block does not follow the block before it");
            }
            if header.prev != prev {
                return invalid("block does not continue the chain of the block before it");
            }
        }
        let stored = header.stored_bytes();
        if header.kind == Kind::Seal || offset + stored > limit {
            return invalid("block reaches past its place");
        }
        let block = self.window.get(offset, stored, limit)?;
        if let Err(fault) = check_block(self.seed, &header, block) {
            return Ok(Step::Invalid(Fault { offset: offset + fault.offset, ..fault }));
        }
        self.offset += stored;
        self.expect = Some((header.number + 1, checksum));
        Ok(Step::Block(Found { header, offset }))
    }

    /// Bytes of the block that the last step found.
    pub(crate) fn held(&self, offset: u64, bytes: u64) -> &[u8] {
        self.window.held(offset, bytes)
    }

    /// Whether the seal stands in the last unit and confirms the last block walked over.
    pub(crate) fn seal(&self) -> Result<Seal, IoFault> {
        let offset = self.header.seal_offset();
        let mut unit = [0; UNIT];
        self.window.file.read_exact_at(&mut unit, offset).map_err(IoFault::new(
            "reading",
            &self.window.path,
            offset,
        ))?;
        let fault = |what| Ok(Seal::Damaged(Fault { offset, what }));
        let header = match BlockHeader::decode(self.seed, self.header.base + offset, &unit) {
            Ok((header, _)) if header.kind == Kind::Seal => header,
            Ok(_) => return fault("a block stands in the place of the seal"),
            Err(_) if all_zero(&unit) => {
                let what = "the seal of a finished segment is missing";
                return Ok(Seal::Absent(Fault { offset, what }));
            }
            Err(_) => return fault("the seal of a finished segment is damaged"),
        };
        if self.expect.is_some_and(|expect| expect != (header.number, header.prev)) {
            return fault("the seal does not continue the last block: blocks are missing");
        }
        if !all_zero(&unit[BLOCK_HEADER..]) {
            return fault("bytes after the seal are not zero");
        }
        Ok(Seal::Whole(header))
    }

    /// Whether a byte behind the header is not zero; looks no further than to the first.
    pub(crate) fn is_begun(&mut self) -> Result<bool, IoFault> {
        let length = self.header.length;
        for offset in (UNIT_BYTES..length).step_by(UNIT) {
            if !all_zero(self.window.get(offset, UNIT_BYTES.min(length - offset), length)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks at every unit from `from` to `limit`.
    pub(crate) fn rest(&mut self, from: u64, limit: u64) -> Result<Rest, IoFault> {
        let mut rest = Rest::default();
        for offset in (from..limit).step_by(UNIT) {
            let bytes = UNIT_BYTES.min(limit - offset);
            let unit = self.window.get(offset, bytes, limit)?;
            let Some(first) = unit.iter().position(|byte| *byte != 0) else { continue };
            rest.first_nonzero.get_or_insert(offset + first as u64);
            rest.last_nonzero = Some(offset);
            let location = self.header.base + offset;
            if rest.later.is_none()
                && let Ok((header, _)) = BlockHeader::decode(self.seed, location, unit)
            {
                rest.later = Some((offset, header));
            }
        }
        Ok(rest)
    }

    pub(crate) fn corrupt(&self, fault: Fault) -> ReadError {
        let Fault { offset, what } = fault;
        ReadError::Corrupt { file: self.window.path.clone(), offset, what }
    }
}

/// Cursor over a segment of a catalog.
pub(crate) fn open(catalog: &Catalog, header: SegmentHeader) -> Result<Cursor, IoFault> {
    let path = catalog.path(header.base);
    Ok(Cursor::new(header, catalog.file(header.base)?, &path))
}

/// Checks entries and padding; the header is checked. Offsets are relative to the block.
fn check_block(seed: u32, header: &BlockHeader, block: &[u8]) -> Result<(), Fault> {
    let end = BLOCK_HEADER + header.payload_len as usize;
    let (mut at, mut digest) = (BLOCK_HEADER, 0);
    for _ in 0..header.count {
        let fault = |what| Fault { offset: at as u64, what };
        let entry = parse_entry(&block[at..end]).ok_or(fault("entry reaches past its block"))?;
        let body = &block[at + ENTRY_HEADER..at + ENTRY_HEADER + entry.len];
        let location = header.location + at as u64;
        if entry.check != format::entry_check(seed, &block[at..at + 8], body, location) {
            return Err(fault("checksum of the entry is wrong"));
        }
        digest = format::digest(digest, entry.check);
        at += ENTRY_HEADER + entry.len;
    }
    let fault = |at: usize, what| Err(Fault { offset: at as u64, what });
    if at != end || digest != header.digest {
        return fault(0, "entries do not add up to their block");
    }
    match block[end..].iter().position(|byte| *byte != 0) {
        Some(place) => fault(end + place, "padding after the block is not zero"),
        None => Ok(()),
    }
}

pub(crate) struct EntryHeader {
    pub(crate) lane: u32,
    pub(crate) len: usize,
    pub(crate) check: u32,
}

/// The entry header here, when the entry fits in `bytes`.
pub(crate) fn parse_entry(bytes: &[u8]) -> Option<EntryHeader> {
    if bytes.len() < ENTRY_HEADER {
        return None;
    }
    let len = format::u32_at(bytes, 4) as usize;
    let fits = len <= bytes.len() - ENTRY_HEADER;
    let (lane, check) = (format::u32_at(bytes, 0), format::u32_at(bytes, 8));
    fits.then_some(EntryHeader { lane, len, check })
}
