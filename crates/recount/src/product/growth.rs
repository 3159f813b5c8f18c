//! Wakes those who follow lanes: one counter a lane, and one for all.

use std::collections::HashMap;
use std::sync::Arc;

use domain::LaneId;
use log::Log;
use tokio::sync::watch;

/// Counters that move whenever lanes have grown.
#[derive(Debug, Clone)]
pub(crate) struct Growth(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    lanes: HashMap<LaneId, watch::Sender<u64>>,
    any: watch::Sender<u64>,
}

impl Growth {
    /// Hooks into a log.
    pub(crate) fn of(log: &dyn Log) -> Self {
        let lanes = log.topics().lanes().map(|lane| (lane, watch::Sender::new(0))).collect();
        let counters = Arc::new(Counters { lanes, any: watch::Sender::new(0) });
        let raised = Arc::clone(&counters);
        log.on_growth(Box::new(move |lanes| {
            for counter in lanes.iter().filter_map(|lane| raised.lanes.get(lane)) {
                counter.send_modify(|count| *count += 1);
            }
            raised.any.send_modify(|count| *count += 1);
        }));
        Self(counters)
    }

    /// Follows one lane.
    pub(crate) fn lane(&self, lane: LaneId) -> watch::Receiver<u64> {
        self.0.lanes.get(&lane).map_or_else(|| watch::channel(0).1, watch::Sender::subscribe)
    }

    /// Follows all lanes.
    pub(crate) fn any(&self) -> watch::Receiver<u64> {
        self.0.any.subscribe()
    }
}
