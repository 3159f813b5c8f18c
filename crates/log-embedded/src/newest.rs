//! The newest record of each stream of a lane: 24 bytes a stream in a row, and about 8 in a table over the
//! rows, which is quicker to make anew at each start than a map of them. (`indexmap` is made like this too,
//! but keeps the hash of each row and places of 8 bytes: half as much again.) Not the records before it.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use uuid::Uuid;

use crate::bytes::{Put as _, Take, named, unnamed};

/// A stream and the offset of its newest record.
type Row = (Uuid, u64);

/// Fewer than 2^32 streams, which would take 130 GB: beyond, it panics.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    rows: Vec<Row>,
    /// Numbers of rows, by stream.
    numbers: HashTable<u32>,
    seeded: RandomState,
}

impl Newest {
    /// Offset of the newest record of a stream.
    pub(crate) fn get(&self, stream: Uuid) -> Option<u64> {
        let Self { rows, numbers, seeded } = self;
        let found = numbers.find(hash(seeded, stream), |number| row(rows, *number).0 == stream);
        found.map(|number| row(rows, *number).1)
    }

    /// A newer one; gives the one before it.
    pub(crate) fn set(&mut self, stream: Uuid, offset: u64) -> Option<u64> {
        let Self { rows, numbers, seeded } = self;
        let entry = numbers.entry(
            hash(seeded, stream),
            |number| row(rows, *number).0 == stream,
            |number| hash(seeded, row(rows, *number).0),
        );
        match entry {
            Entry::Occupied(entry) => {
                Some(std::mem::replace(&mut rows[*entry.get() as usize].1, offset))
            }
            Entry::Vacant(entry) => {
                entry.insert(u32::try_from(rows.len()).expect("fewer than 2^32 streams in a lane"));
                rows.push((stream, offset));
                None
            }
        }
    }

    /// Every stream.
    #[cfg(test)]
    pub(crate) fn streams(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.rows.iter().map(|(stream, _)| *stream)
    }

    /// For a checkpoint.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put_rows(self.rows.iter().map(|(stream, at)| named(*stream.as_bytes(), *at)));
    }

    /// What [`Self::write`] wrote of a lane with `end` records. That it names a stream once only is for its
    /// checksum to say: comparing would take as long as all the rest.
    pub(crate) fn read(from: &mut Take<'_>, end: u64) -> Option<Self> {
        let rows = from.rows()?.iter().map(|row| {
            let (stream, at) = unnamed(row);
            (Uuid::from_bytes(stream), at)
        });
        let rows: Vec<Row> = rows.collect();
        let seeded = RandomState::default();
        let mut numbers = HashTable::with_capacity(rows.len());
        for (number, (stream, _)) in (0_u32..).zip(&rows) {
            numbers.insert_unique(hash(&seeded, *stream), number, |_| 0);
        }
        let within = rows.iter().all(|(_, at)| *at < end);
        within.then_some(Self { rows, numbers, seeded })
    }
}

fn hash(seeded: &RandomState, stream: Uuid) -> u64 {
    seeded.hash_one(stream.as_u128())
}

fn row(rows: &[Row], number: u32) -> &Row {
    &rows[number as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_has_one_offset_and_a_checkpoint_gives_all_of_them_back() {
        let mut newest = Newest::default();
        let stream = |number: u64| Uuid::from_u64_pair(7, number % 1_000);
        for offset in 0..5_000_u64 {
            let before = offset.checked_sub(1_000);
            assert_eq!(newest.set(stream(offset), offset), before);
        }
        let mut bytes = Vec::new();
        newest.write(&mut bytes);
        let again = Newest::read(&mut Take(&bytes), 5_000).expect("it was written just now");
        for offset in 4_000..5_000 {
            assert_eq!(newest.get(stream(offset)), Some(offset));
            assert_eq!(again.get(stream(offset)), Some(offset));
        }
        assert_eq!((again.rows.len(), again.get(Uuid::nil())), (1_000, None));
        assert!(Newest::read(&mut Take(&bytes), 4_999).is_none(), "a record behind the end");
    }
}
