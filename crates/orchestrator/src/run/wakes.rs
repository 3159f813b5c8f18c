//! Tells those who follow a lane that it has grown. Not what it grew by.

use std::collections::HashMap;
use std::sync::Arc;

use domain::LaneId;
use log::Log;
use tokio::sync::watch;

/// One counter a lane, raised by the log whenever the lane has grown.
#[derive(Debug, Clone)]
pub(crate) struct Wakes(Arc<HashMap<LaneId, watch::Sender<u64>>>);

impl Wakes {
    /// Hooks into a log.
    pub(crate) fn of(log: &dyn Log) -> Self {
        let counters = log.topics().lanes().map(|lane| (lane, watch::Sender::new(0)));
        let counters: Arc<HashMap<_, _>> = Arc::new(counters.collect());
        let raised = Arc::clone(&counters);
        log.on_growth(Box::new(move |lanes| {
            for counter in lanes.iter().filter_map(|lane| raised.get(lane)) {
                counter.send_modify(|times| *times += 1);
            }
        }));
        Self(counters)
    }

    /// The counter of a lane.
    pub(crate) fn lane(&self, lane: LaneId) -> watch::Receiver<u64> {
        let none = || watch::Sender::new(0).subscribe();
        self.0.get(&lane).map_or_else(none, watch::Sender::subscribe)
    }
}
