//! Hash maps of the command path, whose keys are ids: seeded anew in each process, and several times as
//! quick as the standard ones. Not for keys that a stranger may choose at length.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, SeedableRandomState};

/// A map by id.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, Seeded>;
/// A set of ids.
pub(crate) type Set<K> = std::collections::HashSet<K, Seeded>;

static SHARED: LazyLock<SharedSeed> = LazyLock::new(|| SharedSeed::from_u64(drawn()));

/// Seeded from where the standard maps are, and from nothing else. The library itself takes time and addresses,
/// which the simulator cannot make the same again: even the order in which callers are dropped would differ.
#[derive(Clone)]
pub(crate) struct Seeded(SeedableRandomState);

impl Default for Seeded {
    fn default() -> Self {
        Self(SeedableRandomState::with_seed(drawn(), &SHARED))
    }
}

impl BuildHasher for Seeded {
    type Hasher = FoldHasher<'static>;

    fn build_hasher(&self) -> FoldHasher<'static> {
        self.0.build_hasher()
    }
}

fn drawn() -> u64 {
    RandomState::new().hash_one(0)
}
