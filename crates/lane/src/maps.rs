//! Hash maps of the command path, whose keys are ids: seeded anew in each process, and several times as
//! quick as the standard ones. Not for keys that a stranger may choose at length.

/// A map by id.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// A set of ids.
pub(crate) type Set<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;
