//! Where each handover of a lane lies in the store: 8 bytes each. Not the records themselves.

use segment::Location;

use crate::bytes::{Put as _, Take};

/// Handovers in one chunk: small enough that growing one never takes long.
const CHUNK: usize = 4096;

/// From the offset of a record to the handover that holds it.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    first: u64,
    location: u64,
    /// Offset and location of each handover, less those of the first one.
    rest: Vec<(u32, u32)>,
}

/// One handover: the offset of its first record, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) first: u64,
    pub(crate) location: Location,
}

impl Offsets {
    /// Adds a handover; offsets and locations only grow.
    pub(crate) fn push(&mut self, first: u64, location: Location) {
        if let Some(chunk) = self.chunks.last_mut()
            && chunk.rest.len() < CHUNK
            && let Ok(offset) = u32::try_from(first - chunk.first)
            && let Ok(address) = u32::try_from(location.0 - chunk.location)
        {
            chunk.rest.push((offset, address));
            return;
        }
        self.chunks.push(Chunk { first, location: location.0, rest: vec![(0, 0)] });
    }

    /// Adds those of another, which are all behind these.
    pub(crate) fn append(&mut self, behind: &Self) {
        // One by one, so that chunks stay full however often a log is opened.
        for Place { first, location } in behind.from(0) {
            self.push(first, location);
        }
    }

    /// The handovers from the one that holds `offset` on; none when the lane is empty.
    pub(crate) fn from(&self, offset: u64) -> impl Iterator<Item = Place> + '_ {
        let at = self.chunks.partition_point(|chunk| chunk.first <= offset).saturating_sub(1);
        let skip = self.chunks.get(at).map_or(0, |chunk| {
            let within = |(first, _): &(u32, u32)| chunk.first + u64::from(*first) <= offset;
            chunk.rest.partition_point(within).saturating_sub(1)
        });
        let begun = self.chunks.iter().skip(at).take(1).flat_map(move |chunk| chunk.places(skip));
        begun.chain(self.chunks.iter().skip(at + 1).flat_map(|chunk| chunk.places(0)))
    }
}

impl Offsets {
    /// For a checkpoint.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put(self.chunks.len() as u64);
        for chunk in &self.chunks {
            out.put(chunk.first);
            out.put(chunk.location);
            let row = |(first, location): &(u32, u32)| {
                (u64::from(*first) | u64::from(*location) << 32).to_le_bytes()
            };
            out.put_rows(chunk.rest.iter().map(row));
        }
    }

    /// What [`Self::write`] wrote of a lane with `end` records, the newest of them at `taken` or before.
    pub(crate) fn read(from: &mut Take<'_>, end: u64, taken: Location) -> Option<Self> {
        let mut it = Self::default();
        let mut next = (0, 0);
        for _ in 0..from.u64()? {
            let chunk = Chunk::read(from)?;
            for place in chunk.places(0) {
                let Place { first, location: Location(location) } = place;
                if first < next.0 || location < next.1 || first >= end || location > taken.0 {
                    return None;
                }
                next = (first + 1, location + 1);
            }
            it.chunks.push(chunk);
        }
        // Every record is in a handover.
        let begins = it.chunks.first().map_or(end, |chunk| chunk.first);
        (begins == 0).then_some(it)
    }
}

impl Chunk {
    fn read(from: &mut Take<'_>) -> Option<Self> {
        let (first, location) = (from.u64()?, from.u64()?);
        let rows = from.rows::<8>()?;
        let part = |row: &[u8; 8], at| {
            let row = u64::from_le_bytes(*row) >> at;
            u32::try_from(row & u64::from(u32::MAX)).unwrap_or_default()
        };
        let rest: Vec<(u32, u32)> = rows.iter().map(|row| (part(row, 0), part(row, 32))).collect();
        let far = (first.checked_add(1 << 32), location.checked_add(1 << 32));
        let is_one = rest.first() == Some(&(0, 0)) && rest.len() <= CHUNK;
        (is_one && far.0.is_some() && far.1.is_some()).then_some(Self { first, location, rest })
    }

    /// From the one with this number in the chunk on. Going past the others one by one would cost more than
    /// all else that a look-up does.
    fn places(&self, skip: usize) -> impl Iterator<Item = Place> + '_ {
        self.rest.get(skip..).unwrap_or_default().iter().map(|(first, location)| Place {
            first: self.first + u64::from(*first),
            location: Location(self.location + u64::from(*location)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_is_found_over_chunks_and_far_jumps() {
        let mut offsets = Offsets::default();
        let mut places = Vec::new();
        let (mut first, mut location) = (0, 48);
        for at in 0..3 * CHUNK as u64 {
            offsets.push(first, Location(location));
            places.push(Place { first, location: Location(location) });
            first += 1 + at % 3;
            location += if at % 1000 == 999 { 5 << 32 } else { 300 };
        }
        for pair in places.windows(2) {
            for offset in pair[0].first..pair[1].first {
                assert_eq!(offsets.from(offset).next(), Some(pair[0]), "offset {offset}");
            }
        }
        assert_eq!(offsets.from(0).collect::<Vec<_>>(), places);
        assert_eq!(Offsets::default().from(7).next(), None);
    }
}
