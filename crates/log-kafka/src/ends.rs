//! How far each lane is known to reach: what brokers said, what was delivered, what was consumed. Not
//! what the local replica holds.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::LaneId;
use log::Topics;

/// One growing number a lane.
#[derive(Debug)]
pub(crate) struct Ends(Vec<Vec<AtomicU64>>);

impl Ends {
    pub(crate) fn new(topics: &Topics) -> Self {
        let lanes = |lanes: u16| (0..lanes).map(|_| AtomicU64::new(0)).collect();
        Self(topics.all().iter().map(|topic| lanes(topic.lanes)).collect())
    }

    /// The offset behind the last record that is known of; 0 for a lane that is not of this log.
    pub(crate) fn of(&self, lane: LaneId) -> u64 {
        self.cell(lane).map_or(0, |end| end.load(Ordering::Acquire))
    }

    /// The lane reaches at least to here.
    pub(crate) fn reaches(&self, lane: LaneId, end: u64) {
        if let Some(cell) = self.cell(lane) {
            cell.fetch_max(end, Ordering::AcqRel);
        }
    }

    /// Whether this is a lane of the log.
    pub(crate) fn has(&self, lane: LaneId) -> bool {
        self.cell(lane).is_some()
    }

    fn cell(&self, lane: LaneId) -> Option<&AtomicU64> {
        self.0.get(usize::from(lane.topic.0))?.get(usize::from(lane.index))
    }
}
