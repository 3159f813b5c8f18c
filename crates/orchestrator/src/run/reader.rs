//! Reads a lane by the rule, off the threads that must not block. Not what is done with what it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::LaneId;
use log::{Follower, Frame, Log};

use crate::run::means::blocking;

/// Pause behind a read that failed: a medium that is there again is noticed at once.
pub(crate) const READ_AGAIN: Duration = Duration::from_millis(500);

/// Where a reader is, for those who measure how far it is behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place(Arc<AtomicU64>);

impl Place {
    /// The offset behind what was read.
    pub(crate) fn offset(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reads one lane.
pub(crate) struct Reader {
    log: Arc<dyn Log>,
    follower: Follower,
    place: Place,
}

impl Reader {
    /// From the lane's first record.
    pub(crate) fn from_start(log: Arc<dyn Log>, lane: LaneId) -> Self {
        let follower = Follower::from_start(&*log, lane);
        Self { log, follower, place: Place::default() }
    }

    pub(crate) const fn lane(&self) -> LaneId {
        self.follower.lane()
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// From the first record once more.
    pub(crate) fn again(&mut self) {
        self.follower = Follower::from_start(&*self.log, self.follower.lane());
    }

    /// What took effect behind what was read before; empty at the end of the lane.
    pub(crate) async fn read(&mut self) -> Result<Vec<Frame>, String> {
        if self.log.end(self.follower.lane()) <= self.follower.offset() {
            return Ok(Vec::new());
        }
        let (mut next, log) = (self.follower.clone(), Arc::clone(&self.log));
        let read = blocking(move || {
            let frames = next.poll(&*log).map_err(|error| error.to_string())?;
            Ok((next, frames))
        });
        // On an error it stays where it was: what the failed read took is read again.
        let (next, frames) = read.await?;
        self.follower = next;
        self.place.0.store(self.follower.offset(), Ordering::Relaxed);
        Ok(frames)
    }
}
