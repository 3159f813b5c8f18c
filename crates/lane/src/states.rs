//! States of aggregates that were asked lately: a bounded cache over the log.

use std::collections::hash_map::Entry;

use domain::{StreamId, TenantId};

use crate::handler::AnyState;
use crate::maps::Map;

/// An aggregate as it will be when everything handed over is committed.
pub(crate) struct Loaded {
    pub(crate) state: AnyState,
    pub(crate) version: u64,
    /// Whose data it is; `None` before its first event.
    pub(crate) tenant: Option<TenantId>,
    /// Seq of its newest frame, 0 when it had none since it was read: until that is committed, it must
    /// stay.
    pub(crate) newest: u64,
}

/// Two generations: what is used moves to the young one; when that is full, the old one goes.
/// So at most `2 * young_max` states are kept, beside those with open frames.
pub(crate) struct States {
    young: Map<StreamId, Loaded>,
    old: Map<StreamId, Loaded>,
    young_max: usize,
}

/// The place of one stream.
pub(crate) type Place<'a> = Entry<'a, StreamId, Loaded>;

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("States")
            .field("young", &self.young.len())
            .field("old", &self.old.len())
            .finish_non_exhaustive()
    }
}

impl States {
    pub(crate) fn new(young_max: usize) -> Self {
        Self { young: Map::default(), old: Map::default(), young_max }
    }

    /// The place of a stream, whether something is in it or not. `committed` is the seq up to which the lane
    /// is committed: what is newer stays.
    pub(crate) fn place(&mut self, stream: &StreamId, committed: u64) -> Place<'_> {
        if self.young.len() >= self.young_max {
            self.old = std::mem::take(&mut self.young);
            self.young = self.old.extract_if(|_, loaded| loaded.newest > committed).collect();
        }
        // Mostly there is no old generation: then the key is hashed once.
        if !self.old.is_empty()
            && let Some(loaded) = self.old.remove(stream)
        {
            self.young.insert(stream.clone(), loaded);
        }
        self.young.entry(stream.clone())
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
