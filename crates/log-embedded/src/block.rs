//! A block of the segment store that may be damaged, read as far as it can be. Only for naming what
//! was there: whoever serves records reads through the store, which checks them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use domain::LaneId;

use crate::entry;

/// Blocks begin at multiples of this, with this magic, a kind, and so long a header; an entry begins
/// with lane, length, checksum (`docs/formats/segment.md`).
pub(crate) const UNIT: u64 = segment::UNIT_BYTES;
pub(crate) const BLOCK_MAGIC: &[u8] = b"RBLK";
pub(crate) const MARK: u8 = 2;
pub(crate) const ENTRY_HEADER: u64 = 12;
const BLOCK_HEADER: u64 = 48;

/// The bytes of a block that may be damaged.
pub(crate) struct Block {
    /// Where it begins in its file.
    at: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// The block in which a byte of a segment lies, when that is behind the header of one.
    pub(crate) fn around(file: &Path, byte: u64) -> Option<Self> {
        let file = File::open(file).ok()?;
        let mut at = byte - byte % UNIT;
        let mut head = [0; 48];
        loop {
            file.read_exact_at(&mut head, at).ok()?;
            if head.starts_with(BLOCK_MAGIC) {
                break;
            }
            at = at.checked_sub(UNIT).filter(|at| *at > 0)?;
        }
        let payload = u32::from_le_bytes([head[24], head[25], head[26], head[27]]);
        let end = at + BLOCK_HEADER + u64::from(payload);
        let length = file.metadata().ok()?.len().min(end).checked_sub(at)?;
        let inside = byte >= at + BLOCK_HEADER && byte < at + length;
        let mut bytes = vec![0; usize::try_from(length).ok().filter(|_| inside)?];
        file.read_exact_at(&mut bytes, at).ok()?;
        Some(Self { at, bytes })
    }

    /// Place in the file, lane and bytes of each entry, as far as their lengths lead.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, LaneId, &[u8])> {
        let mut from = usize::try_from(BLOCK_HEADER).unwrap_or_default();
        std::iter::from_fn(move || {
            let (head, rest) = self.bytes.get(from..)?.split_first_chunk::<12>()?;
            let lane = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            // An entry whose length is damaged still has a place and a lane.
            let bytes = usize::try_from(len).ok().and_then(|len| rest.get(..len)).unwrap_or(rest);
            let at = self.at + from as u64;
            from += head.len() + bytes.len();
            Some((at, entry::unpack(lane), bytes))
        })
    }
}
