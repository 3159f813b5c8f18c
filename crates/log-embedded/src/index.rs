//! Where the records of a lane are: which handover holds each, and which of them belong to which stream. 4
//! bytes a record, 8 a handover and about 32 a stream. Not the records themselves, nor which are valid.

use std::sync::Arc;

use segment::Location;
use uuid::Uuid;

use crate::apart::Apart;
use crate::bytes::{Put as _, Take, pair, unpair};
use crate::newest::Newest;
use crate::offsets::{Offsets, Place};

/// By offset: seeded anew in each process, and several times as quick as the standard map.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// All that was taken in; or what came since a checkpoint, as long as nobody has asked for what is in it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    offsets: Offsets,
    newest: Newest,
    links: Links,
    /// Where the index of what is older lies.
    apart: Option<Arc<Apart>>,
    /// Offset and stream of the records since then: they cannot be linked to older ones yet.
    unlinked: Vec<(u64, Uuid)>,
}

impl Index {
    /// That of a lane of which a checkpoint knows.
    pub(crate) fn behind(apart: Apart) -> Self {
        Self { apart: Some(Arc::new(apart)), ..Self::default() }
    }

    /// Where the index of what is older lies. `None`: it is all here, and may be asked.
    pub(crate) const fn apart(&self) -> Option<&Arc<Apart>> {
        self.apart.as_ref()
    }

    /// Takes in what is older. Somebody may have brought it already.
    pub(crate) fn complete(&mut self, older: Self) {
        if self.apart.take().is_some() {
            let since = std::mem::replace(self, older);
            self.offsets.append(&since.offsets);
            for (offset, stream) in since.unlinked {
                self.link(offset, stream);
            }
        }
    }

    /// A handover, whose first record has this offset.
    pub(crate) fn push(&mut self, first: u64, location: Location) {
        self.offsets.push(first, location);
    }

    /// A valid record of a stream.
    pub(crate) fn link(&mut self, offset: u64, stream: Uuid) {
        if self.apart.is_some() {
            self.unlinked.push((offset, stream));
        } else if let Some(before) = self.newest.set(stream, offset) {
            self.links.set(offset, before);
        }
    }

    /// The handovers from the one that holds `offset` on; none when the lane is empty.
    ///
    /// # Panics
    /// When it is not all here.
    pub(crate) fn from(&self, offset: u64) -> impl Iterator<Item = Place> + '_ {
        self.assert_whole();
        self.offsets.from(offset)
    }

    /// Offsets of the valid records of a stream, not below `from`, falling.
    ///
    /// # Panics
    /// When it is not all here.
    pub(crate) fn of(&self, stream: Uuid, from: u64) -> impl Iterator<Item = u64> + '_ {
        self.assert_whole();
        std::iter::successors(self.newest.get(stream), |offset| self.links.before(*offset))
            .take_while(move |offset| *offset >= from)
    }

    fn assert_whole(&self) {
        assert!(self.apart.is_none(), "an index is looked into when all of it is here");
    }

    /// For a checkpoint.
    ///
    /// # Panics
    /// When it is not all here.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.assert_whole();
        self.offsets.write(out);
        out.put_rows(self.links.near.iter().map(|distance| distance.to_le_bytes()));
        out.put_rows(self.links.far.iter().map(|(at, before)| pair(*at, *before)));
        self.newest.write(out);
    }

    /// What [`Self::write`] wrote of a lane with `end` records when handovers up to `held` were taken in.
    pub(crate) fn read(mut from: Take<'_>, end: u64, held: Location) -> Option<Self> {
        let offsets = Offsets::read(&mut from, end, held)?;
        let links = Links::read(&mut from, end)?;
        let newest = Newest::read(&mut from, end)?;
        from.end()?;
        Some(Self { offsets, newest, links, ..Self::default() })
    }

    /// Goes over every stream to its first record, and gives how many streams there are.
    #[cfg(test)]
    pub(crate) fn walk(&self) -> usize {
        self.newest.streams().filter(|stream| self.of(*stream, 0).last().is_some()).count()
    }
}

/// From a record to the one before it in its stream, as a distance in records.
#[derive(Debug, Default)]
struct Links {
    /// By offset; 0: there is none, or it is in `far`.
    near: Vec<u32>,
    /// More than four thousand million records apart.
    far: Map<u64, u64>,
}

impl Links {
    /// Each leads back, so that following them ends.
    fn read(from: &mut Take<'_>, end: u64) -> Option<Self> {
        let near: Vec<u32> = from.rows()?.iter().map(|row| u32::from_le_bytes(*row)).collect();
        let far: Map<u64, u64> = from.rows()?.iter().map(|row| unpair(*row)).collect();
        let lead_back = near.len() as u64 <= end
            && near.iter().enumerate().all(|(at, distance)| u64::from(*distance) <= at as u64)
            && far.iter().all(|(at, before)| before < at && *at < end);
        lead_back.then_some(Self { near, far })
    }

    fn set(&mut self, offset: u64, before: u64) {
        match (usize::try_from(offset), u32::try_from(offset - before)) {
            (Ok(at), Ok(distance)) => {
                if self.near.len() <= at {
                    self.near.resize(at + 1, 0);
                }
                self.near[at] = distance;
            }
            _ => drop(self.far.insert(offset, before)),
        }
    }

    fn before(&self, offset: u64) -> Option<u64> {
        let near = usize::try_from(offset).ok().and_then(|at| self.near.get(at).copied());
        match near {
            Some(distance) if distance > 0 => Some(offset - u64::from(distance)),
            _ => self.far.get(&offset).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_back_over_any_distance() {
        let mut links = Links::default();
        links.set(5, 2);
        links.set(7 << 32, 5);
        assert_eq!(links.before(7 << 32), Some(5));
        assert_eq!(links.before(5), Some(2));
        assert_eq!(links.before(2), None);
        assert_eq!(links.before(1_000), None);
    }
}
