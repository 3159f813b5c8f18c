//! The bytes of a segment: header, block header, entry header. Pure encoding, no I/O.
//!
//! Every number is little-endian. `docs/formats/segment.md` says the same in words; a change
//! here is a change of [`FORMAT_VERSION`] there.

use crc32c::{crc32c, crc32c_append};

/// Version of the layout that this build writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Blocks begin and end at multiples of this many bytes, so that no two blocks share a sector
/// or a page: a torn write can never reach back into an acknowledged block.
pub const UNIT_BYTES: u64 = UNIT as u64;
pub(crate) const UNIT: usize = 4096;

pub(crate) const SEGMENT_MAGIC: [u8; 8] = *b"RCSEGMNT";
pub(crate) const SPARE_MAGIC: [u8; 8] = *b"RCSPARE\0";
pub(crate) const BLOCK_MAGIC: [u8; 4] = *b"RBLK";
pub(crate) const BLOCK_HEADER: usize = 48;
pub(crate) const ENTRY_HEADER: usize = 12;
const SEGMENT_CHECKED: usize = 60;

/// The next multiple of [`UNIT_BYTES`].
pub(crate) fn round_up(bytes: u64) -> u64 {
    bytes.next_multiple_of(UNIT_BYTES)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut out = [0; 4];
    out.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(out)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(out)
}

pub(crate) fn all_zero(bytes: &[u8]) -> bool {
    // Words first: the unused tail of a segment is megabytes of this.
    let (words, rest) = bytes.as_chunks::<32>();
    words.iter().all(|word| *word == [0; 32]) && rest.iter().all(|byte| *byte == 0)
}

/// First unit of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Drawn once per store; every checksum of its blocks is seeded with it.
    pub(crate) store_id: [u8; 16],
    /// Logical address of byte 0 of this file.
    pub(crate) base: u64,
    /// Length of the file for ever.
    pub(crate) length: u64,
    /// Number of the first block in this file.
    pub(crate) first_number: u64,
    /// Checksum of the last block before the seal of the segment before; 0 in the first one.
    pub(crate) prev: u32,
}

/// Why a segment header was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Newer(u32),
    Damaged(&'static str),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; UNIT] {
        let mut out = [0; UNIT];
        out[0..8].copy_from_slice(&SEGMENT_MAGIC);
        out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&UNIT_BYTES.to_le_bytes()[..4]);
        out[16..32].copy_from_slice(&self.store_id);
        out[32..40].copy_from_slice(&self.base.to_le_bytes());
        out[40..48].copy_from_slice(&self.length.to_le_bytes());
        out[48..56].copy_from_slice(&self.first_number.to_le_bytes());
        out[56..60].copy_from_slice(&self.prev.to_le_bytes());
        let sum = crc32c(&out[..SEGMENT_CHECKED]);
        out[60..64].copy_from_slice(&sum.to_le_bytes());
        out
    }

    pub(crate) fn decode(unit: &[u8]) -> Result<Self, HeaderFault> {
        if unit.len() < UNIT || unit[0..8] != SEGMENT_MAGIC {
            return Err(HeaderFault::Damaged("no segment header"));
        }
        // Magic, version and this checksum keep their place in every version, so a damaged
        // version is told from a newer one.
        if u32_at(unit, 60) != crc32c(&unit[..SEGMENT_CHECKED]) {
            return Err(HeaderFault::Damaged("checksum of the segment header is wrong"));
        }
        let version = u32_at(unit, 8);
        if version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        let mut store_id = [0; 16];
        store_id.copy_from_slice(&unit[16..32]);
        let header = Self {
            store_id,
            base: u64_at(unit, 32),
            length: u64_at(unit, 40),
            first_number: u64_at(unit, 48),
            prev: u32_at(unit, 56),
        };
        let sane = header.length.is_multiple_of(UNIT_BYTES)
            && header.length >= SEGMENT_BYTES_MIN
            && header.base.checked_add(header.length).is_some();
        if version == 0 || u32_at(unit, 12) as usize != UNIT || !sane {
            return Err(HeaderFault::Damaged("segment header with impossible values"));
        }
        if !all_zero(&unit[64..UNIT]) {
            return Err(HeaderFault::Damaged("bytes after the segment header are not zero"));
        }
        Ok(header)
    }

    /// Start of every checksum in this store. The id is random and unknown to whoever supplies
    /// entries, so no entry can be made to look like a block.
    pub(crate) fn seed(&self) -> u32 {
        crc32c(&self.store_id)
    }

    /// What the first block of this segment names as the block before it.
    pub(crate) fn checksum(&self) -> u32 {
        u32_at(&self.encode(), 60)
    }

    /// Logical address after this file: the base of the next one.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.length
    }

    /// Offset of the last unit, which holds nothing but the seal.
    pub(crate) fn seal_offset(&self) -> u64 {
        self.length - UNIT_BYTES
    }

    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.base..self.end()).contains(&address)
    }
}

/// Header, one block of one unit, its mark, seal.
pub(crate) const SEGMENT_BYTES_MIN: u64 = 4 * UNIT_BYTES;

/// First unit of a spare file: the next segment, prewritten and not yet in use.
pub(crate) fn spare_unit(length: u64) -> [u8; UNIT] {
    let mut out = [0; UNIT];
    out[0..8].copy_from_slice(&SPARE_MAGIC);
    out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    out[40..48].copy_from_slice(&length.to_le_bytes());
    let sum = crc32c(&out[..SEGMENT_CHECKED]);
    out[60..64].copy_from_slice(&sum.to_le_bytes());
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Entries of one or more calls.
    Data = 1,
    /// Nothing: confirms that the block before it was whole.
    Mark = 2,
    /// Last unit of a finished segment.
    Seal = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) kind: Kind,
    /// Counts blocks of the whole store, without a gap.
    pub(crate) number: u64,
    /// Logical address of this header: a block in another place is not a block.
    pub(crate) location: u64,
    pub(crate) payload_len: u32,
    pub(crate) count: u32,
    /// CRC-32C over the checks of the entries, in order.
    pub(crate) digest: u32,
    /// Checksum of the block before it, or of the segment header.
    pub(crate) prev: u32,
}

impl BlockHeader {
    pub(crate) fn encode(&self, seed: u32) -> [u8; BLOCK_HEADER] {
        let mut out = [0; BLOCK_HEADER];
        out[0..4].copy_from_slice(&BLOCK_MAGIC);
        out[4] = self.kind as u8;
        out[8..16].copy_from_slice(&self.number.to_le_bytes());
        out[16..24].copy_from_slice(&self.location.to_le_bytes());
        out[24..28].copy_from_slice(&self.payload_len.to_le_bytes());
        out[28..32].copy_from_slice(&self.count.to_le_bytes());
        out[32..36].copy_from_slice(&self.digest.to_le_bytes());
        out[36..40].copy_from_slice(&self.prev.to_le_bytes());
        let sum = crc32c_append(seed, &out[..44]);
        out[44..48].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// The header and its checksum, when it is one and stands at this logical address.
    pub(crate) fn decode(seed: u32, location: u64, at: &[u8]) -> Result<(Self, u32), &'static str> {
        if at.len() < BLOCK_HEADER || at[0..4] != BLOCK_MAGIC {
            return Err("no block header");
        }
        let sum = u32_at(at, 44);
        if sum != crc32c_append(seed, &at[..44]) {
            return Err("checksum of the block header is wrong");
        }
        let kind = match at[4] {
            1 => Kind::Data,
            2 => Kind::Mark,
            3 => Kind::Seal,
            _ => return Err("block of an unknown kind"),
        };
        let header = Self {
            kind,
            number: u64_at(at, 8),
            location: u64_at(at, 16),
            payload_len: u32_at(at, 24),
            count: u32_at(at, 28),
            digest: u32_at(at, 32),
            prev: u32_at(at, 36),
        };
        if header.location != location {
            return Err("block belongs to another place");
        }
        if !all_zero(&at[5..8]) || !all_zero(&at[40..44]) {
            return Err("reserved bytes of the block header are not zero");
        }
        if kind != Kind::Data && header.payload_len != 0 {
            return Err("mark or seal with a payload");
        }
        Ok((header, sum))
    }

    /// Whether an address lies in the block.
    pub(crate) fn holds(&self, address: u64) -> bool {
        (self.location..self.location + self.stored_bytes()).contains(&address)
    }

    /// Bytes that the block takes in the file, padding included.
    pub(crate) fn stored_bytes(&self) -> u64 {
        round_up(BLOCK_HEADER as u64 + u64::from(self.payload_len))
    }
}

/// Checksum of one entry: lane, length, bytes, and where it stands.
pub(crate) fn entry_check(seed: u32, lane_and_len: &[u8], bytes: &[u8], location: u64) -> u32 {
    let sum = crc32c_append(crc32c_append(seed, lane_and_len), bytes);
    crc32c_append(sum, &location.to_le_bytes())
}

/// Extends the digest of a block by one entry.
pub(crate) fn digest(so_far: u32, check: u32) -> u32 {
    crc32c_append(so_far, &check.to_le_bytes())
}
