//! States of aggregates that were asked lately: a bounded cache over the log.

use domain::{StreamId, TenantId};

use crate::handler::AnyState;
use crate::maps::Map;

/// An aggregate as it will be when everything handed over is committed.
pub(crate) struct Loaded {
    pub(crate) state: AnyState,
    pub(crate) version: u64,
    /// Whose data it is; `None` before its first event.
    pub(crate) tenant: Option<TenantId>,
    /// Frames of it that are handed over and not committed: it must stay until they are.
    pub(crate) open: u32,
}

/// Two generations: what is used moves to the young one; when that is full, the old one goes.
/// So at most `2 * young_max` states are kept, beside those with open frames.
pub(crate) struct States {
    young: Map<StreamId, Loaded>,
    old: Map<StreamId, Loaded>,
    young_max: usize,
}

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

    pub(crate) fn get(&mut self, stream: &StreamId) -> Option<&mut Loaded> {
        // Mostly there is no old generation: then the key is hashed once.
        if !self.old.is_empty()
            && let Some(loaded) = self.old.remove(stream)
        {
            self.insert(stream.clone(), loaded);
        }
        self.young.get_mut(stream)
    }

    pub(crate) fn insert(&mut self, stream: StreamId, loaded: Loaded) {
        if self.young.len() >= self.young_max {
            self.old = std::mem::take(&mut self.young);
            let open: Vec<_> =
                self.old.iter().filter(|(_, l)| l.open > 0).map(|(s, _)| s.clone()).collect();
            for stream in open {
                if let Some(loaded) = self.old.remove(&stream) {
                    self.young.insert(stream, loaded);
                }
            }
        }
        self.young.insert(stream, loaded);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
