//! Unwrapped subject keys in memory, bounded. Readers wait for no disk: the file is never touched
//! under these locks.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::SubjectId;

use crate::secret::Key;

/// Shards, so that readers of different subjects do not meet; a power of two.
const SHARDS: usize = 64;
/// Most keys of all shards together, some 100 bytes each.
const KEYS_MAX: usize = 100_000;
/// Most keys of one of the two halves of a shard.
const HALF_MAX: usize = KEYS_MAX / SHARDS / 2;

/// Keys by subject, with their generation. Each shard has a young and an old half: a full young one
/// becomes the old one, what was not asked for since is dropped.
#[derive(Debug)]
pub(crate) struct Cache(Vec<RwLock<Shard>>);

type Half = HashMap<SubjectId, (u32, Arc<Key>)>;

#[derive(Debug, Default)]
struct Shard {
    young: Half,
    old: Half,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }

    fn shard(&self, subject: SubjectId) -> &RwLock<Shard> {
        let sum = subject.0.as_bytes().iter().fold(0u8, |sum, byte| sum.rotate_left(3) ^ byte);
        &self.0[usize::from(sum) % SHARDS]
    }

    pub(crate) fn get(&self, subject: SubjectId, generation: u32) -> Option<Arc<Key>> {
        let shard = self.shard(subject);
        let (found, old) = {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            match shard.young.get(&subject) {
                Some(found) => (found.clone(), false),
                None => (shard.old.get(&subject)?.clone(), true),
            }
        };
        if found.0 != generation {
            return None;
        }
        // Only what is still there: a key that was destroyed meanwhile must not come back.
        if old
            && let Ok(mut shard) = shard.try_write()
            && shard.old.contains_key(&subject)
        {
            shard.insert(subject, found.clone());
        }
        Some(found.1)
    }

    pub(crate) fn put(&self, subject: SubjectId, generation: u32, key: Arc<Key>) {
        self.shard(subject)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(subject, (generation, key));
    }

    pub(crate) fn forget(&self, subject: SubjectId) {
        let mut shard = self.shard(subject).write().unwrap_or_else(PoisonError::into_inner);
        shard.young.remove(&subject);
        shard.old.remove(&subject);
    }
}

impl Shard {
    fn insert(&mut self, subject: SubjectId, key: (u32, Arc<Key>)) {
        if self.young.len() >= HALF_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&subject);
        self.young.insert(subject, key);
    }
}
