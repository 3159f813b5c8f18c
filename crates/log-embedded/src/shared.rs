//! What the store's thread and the callers share, and what happens when a call is answered. Not the
//! callers' side.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use domain::LaneId;
use log::{Delivery, Done, GrowthHook, ReadError};
use segment::{AppendError, Location};

use crate::keeper::Due;
use crate::lanes::{Batch, Lanes};

/// What the store's thread, the keeper of checkpoints and the callers share.
pub(crate) struct Shared {
    pub(crate) lanes: RwLock<Lanes>,
    pub(crate) hooks: RwLock<Arc<[Arc<GrowthHook>]>>,
    pub(crate) failed: OnceLock<String>,
    pub(crate) due: Due,
}

/// What every handover of a call hears when none is known to be durable.
pub(crate) fn unknown(count: usize, why: &str) -> Vec<Delivery> {
    vec![Delivery::Unknown(why.to_owned()); count]
}

impl Shared {
    pub(crate) fn new(lanes: Lanes) -> Self {
        Self {
            lanes: RwLock::new(lanes),
            hooks: RwLock::new(Arc::new([])),
            failed: OnceLock::new(),
            due: Due::new(),
        }
    }

    /// All lanes, and of this one the whole index.
    pub(crate) fn indexed(&self, lane: LaneId) -> Result<RwLockReadGuard<'_, Lanes>, ReadError> {
        loop {
            let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
            let apart = lanes.get(lane).and_then(|known| known.streams.index.apart());
            let Some(apart) = apart.map(Arc::clone) else { return Ok(lanes) };
            drop(lanes);
            // Not under the lock: what is handed over goes on meanwhile.
            let turn = apart.turn();
            if self.is_apart(lane) {
                let index = apart.index()?;
                let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
                lanes.complete(lane, index);
            }
            drop(turn);
        }
    }

    /// Whether the older part of an index is not here.
    pub(crate) fn is_apart(&self, lane: LaneId) -> bool {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.get(lane).is_some_and(|known| known.streams.index.apart().is_some())
    }

    /// The handovers are durable: shows them to readers, then tells the writer, then wakes readers.
    pub(crate) fn committed(&self, batch: &Batch, locations: &[Location], done: Done) {
        let mut firsts = Vec::with_capacity(batch.len());
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        for (handover, location) in batch.iter().zip(locations) {
            let heads = (&handover.prev, handover.after);
            let taken = lanes.take(handover.lane, *location, heads, &handover.bytes);
            // Lane and bytes were checked when they were handed over.
            firsts.push(taken.and_then(Result::ok).unwrap_or(u64::MAX));
        }
        lanes.keep(batch, &firsts);
        drop(lanes);
        let deliveries = firsts.into_iter().map(|first| Delivery::At { first, contiguous: true });
        let deliveries = deliveries.collect();
        // A panic of the writer's must not keep readers asleep.
        drop(catch_unwind(AssertUnwindSafe(|| done(deliveries))));
        let grown: BTreeSet<LaneId> = batch.iter().map(|handover| handover.lane).collect();
        let grown: Vec<LaneId> = grown.into_iter().collect();
        let hooks = Arc::clone(&self.hooks.read().unwrap_or_else(PoisonError::into_inner));
        for hook in hooks.iter() {
            hook(&grown);
        }
        if let Some(newest) = locations.last() {
            self.due.grown(*newest);
        }
    }

    /// Nothing of the call is known to be durable.
    pub(crate) fn refused(&self, count: usize, error: &AppendError, done: Done) {
        if let AppendError::Failed { source, .. } = error {
            let _ = self.failed.set(format!("{error}: {source}"));
        }
        done(unknown(count, &error.to_string()));
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("failed", &self.failed).finish_non_exhaustive()
    }
}
