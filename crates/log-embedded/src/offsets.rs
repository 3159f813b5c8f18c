//! Where each handover of a lane lies in the store: 8 bytes each. Not the records themselves.

use segment::Location;

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

    /// The handovers from the one that holds `offset` on; none when the lane is empty.
    pub(crate) fn from(&self, offset: u64) -> impl Iterator<Item = Place> + '_ {
        let at = self.chunks.partition_point(|chunk| chunk.first <= offset).saturating_sub(1);
        let skip = self.chunks.get(at).map_or(0, |chunk| {
            let within = |(first, _): &(u32, u32)| chunk.first + u64::from(*first) <= offset;
            chunk.rest.partition_point(within).saturating_sub(1)
        });
        let begun =
            self.chunks.iter().skip(at).take(1).flat_map(move |chunk| chunk.places().skip(skip));
        begun.chain(self.chunks.iter().skip(at + 1).flat_map(Chunk::places))
    }
}

impl Chunk {
    fn places(&self) -> impl ExactSizeIterator<Item = Place> + '_ {
        self.rest.iter().map(|(first, location)| Place {
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
