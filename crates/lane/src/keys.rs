//! Outcomes by idempotency key: what was asked under a key, and where its answer lies in the log.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use domain::CommandKey;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use log::KeyAt;

use crate::maps::Seeded;

/// How long an outcome is kept, in log time: 7 days, published in the API.
pub const WINDOW_MS: i64 = log::KEY_WINDOW_MS;
/// A key first asked so long ago is looked for in the stream too: a day before the window ends, since
/// log times of two lanes may differ.
pub(crate) const SEARCH_AFTER_MS: i64 = WINDOW_MS - 24 * 3_600 * 1_000;

/// Where the frame of a key lies. The seq tells it from a void record that may stand between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Offset of its first record.
    pub(crate) offset: u64,
    /// Seq of its first record.
    pub(crate) seq: u64,
}

/// The keys of one lane. Bounded by the window: about 50 bytes a command of the last seven days. Fewer than
/// 2^32 of them, which would take 200 GB: beyond, it panics.
#[derive(Default)]
pub(crate) struct Keys {
    by_age: VecDeque<KeyAt>,
    /// Numbers of those in `by_age`, by key. They are counted from the lane's first one on and wrap.
    numbers: HashTable<u32>,
    /// The number of the oldest.
    oldest: u32,
    seeded: Seeded,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.by_age).finish()
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.by_age == other.by_age
    }
}

impl Eq for Keys {}

impl Keys {
    /// Where the frame lies that a key led to.
    pub(crate) fn find(&self, key: &CommandKey) -> Option<Place> {
        let Self { by_age, numbers, oldest, seeded } = self;
        let found =
            numbers.find(seeded.hash_one(key), |number| at(by_age, *oldest, *number).key == *key);
        let KeyAt { offset, seq, .. } = *at(by_age, *oldest, *found?);
        Some(Place { offset, seq })
    }

    /// Those that the log remembers, oldest first.
    pub(crate) fn recalled(keys: Vec<KeyAt>) -> Self {
        let mut it = Self { by_age: keys.into(), ..Self::default() };
        let Self { by_age, numbers, oldest, seeded } = &mut it;
        numbers.reserve(by_age.len(), |_| 0);
        for (number, kept) in (0_u32..).zip(&*by_age) {
            let same = |number: &u32| at(by_age, *oldest, *number).key == kept.key;
            match numbers.entry(seeded.hash_one(kept.key), same, |_| 0) {
                Entry::Occupied(mut entry) => *entry.get_mut() = number,
                Entry::Vacant(entry) => drop(entry.insert(number)),
            }
        }
        it.forget_old();
        it
    }

    /// Keeps where the frame of a key begins, and forgets what is older than the window. No owner asks
    /// twice under a key; if one did, the newer frame counts, for its own time.
    pub(crate) fn keep(&mut self, kept: KeyAt) {
        let Self { by_age, numbers, oldest, seeded } = self;
        let kept_so_far = u32::try_from(by_age.len()).expect("fewer than 2^32 keys in seven days");
        let number = oldest.wrapping_add(kept_so_far);
        let entry = numbers.entry(
            seeded.hash_one(kept.key),
            |number| at(by_age, *oldest, *number).key == kept.key,
            |number| seeded.hash_one(at(by_age, *oldest, *number).key),
        );
        match entry {
            Entry::Occupied(mut entry) => *entry.get_mut() = number,
            Entry::Vacant(entry) => drop(entry.insert(number)),
        }
        by_age.push_back(kept);
        self.forget_old();
    }

    /// Forgets those that the newest is more than a window away from.
    fn forget_old(&mut self) {
        let Self { by_age, numbers, oldest, seeded } = self;
        let Some(newest) = by_age.back().map(|newest| newest.at) else { return };
        while let Some(old) = by_age.pop_front_if(|old| newest.ms_since(old.at) > WINDOW_MS) {
            let entry = numbers.find_entry(seeded.hash_one(old.key), |number| number == oldest);
            // There is none when a newer frame counts.
            if let Ok(entry) = entry {
                entry.remove();
            }
            *oldest = oldest.wrapping_add(1);
        }
    }
}

/// The one with this number.
fn at(by_age: &VecDeque<KeyAt>, oldest: u32, number: u32) -> &KeyAt {
    &by_age[number.wrapping_sub(oldest) as usize]
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    /// The key that is kept at this second of log time.
    fn kept(key: u128, second: i64) -> KeyAt {
        let at = Timestamp::from_micros(second * 1_000_000);
        let offset = second.unsigned_abs();
        KeyAt { key: CommandKey(key.to_le_bytes()), at, offset, seq: offset + 7 }
    }

    fn offset_of(keys: &Keys, key: u128) -> Option<u64> {
        keys.find(&CommandKey(key.to_le_bytes())).map(|place| place.offset)
    }

    #[test]
    fn keys_are_found_for_a_week_and_their_numbers_may_wrap() {
        let week = WINDOW_MS / 1_000;
        let mut keys = Keys { oldest: u32::MAX - 500, ..Keys::default() };
        for second in 0..2_000_i64 {
            keys.keep(kept(u128::from(second.unsigned_abs()), second));
        }
        for second in 0..2_000_u64 {
            assert_eq!(offset_of(&keys, second.into()), Some(second));
        }
        keys.keep(kept(5_000, week + 1_000));
        assert_eq!((offset_of(&keys, 999), offset_of(&keys, 1_000)), (None, Some(1_000)));
        assert_eq!((keys.by_age.len(), keys.numbers.len()), (1_001, 1_001));
        assert_eq!(keys.oldest, 499);
    }

    #[test]
    fn what_the_log_remembers_is_what_was_kept_one_by_one() {
        let week = WINDOW_MS / 1_000;
        let all: Vec<_> =
            (0..500).map(|n| kept(u128::from(n % 450_u16), i64::from(n) * week / 400)).collect();
        let mut one_by_one = Keys::default();
        for key in &all {
            one_by_one.keep(*key);
        }
        let recalled = Keys::recalled(all);
        assert_eq!(recalled, one_by_one);
        assert_eq!(recalled.numbers.len(), one_by_one.numbers.len());
        for key in 0..500 {
            assert_eq!(offset_of(&recalled, key), offset_of(&one_by_one, key), "{key}");
        }
    }

    #[test]
    fn of_two_frames_with_one_key_the_newer_counts_for_its_own_time() {
        let week = WINDOW_MS / 1_000;
        let mut keys = Keys::default();
        keys.keep(kept(1, 10));
        keys.keep(kept(1, 20));
        assert_eq!(offset_of(&keys, 1), Some(20));
        keys.keep(kept(2, week + 15));
        assert_eq!(offset_of(&keys, 1), Some(20));
        keys.keep(kept(2, week + 21));
        assert_eq!((offset_of(&keys, 1), keys.numbers.len()), (None, 1));
    }
}
