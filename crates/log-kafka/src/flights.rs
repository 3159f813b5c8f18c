//! Which lanes wait for reports, and since when the last one came. The client library itself waits for a
//! broker that is frozen until the record times out, minutes later, though the lane has another leader.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::LaneId;

/// Records under way, by lane.
pub(crate) struct Flights {
    begun: Instant,
    lanes: Vec<Vec<Flight>>,
}

#[derive(Default)]
struct Flight {
    count: AtomicU64,
    /// Milliseconds since the beginning: of the last report, or of the first record after none.
    since_ms: AtomicU64,
}

impl Flights {
    /// For topics with so many lanes each.
    pub(crate) fn new(lanes: &[u16]) -> Self {
        let topic = |lanes: &u16| (0..*lanes).map(|_| Flight::default()).collect();
        Self { begun: Instant::now(), lanes: lanes.iter().map(topic).collect() }
    }

    /// A record goes out.
    pub(crate) fn begin(&self, lane: LaneId) {
        let Some(flight) = self.of(lane) else { return };
        if flight.count.fetch_add(1, Ordering::AcqRel) == 0 {
            flight.since_ms.store(self.now_ms(), Ordering::Release);
        }
    }

    /// A record is reported.
    pub(crate) fn end(&self, lane: LaneId) {
        let Some(flight) = self.of(lane) else { return };
        flight.since_ms.store(self.now_ms(), Ordering::Release);
        flight.count.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether a lane has waited longer than this.
    pub(crate) fn stalled(&self, longer_than: Duration) -> bool {
        let now = self.now_ms();
        let waited = |it: &Flight| now.saturating_sub(it.since_ms.load(Ordering::Acquire));
        let waits = |it: &Flight| it.count.load(Ordering::Acquire) > 0;
        let limit = u64::try_from(longer_than.as_millis()).unwrap_or(u64::MAX);
        self.lanes.iter().flatten().any(|it| waits(it) && waited(it) > limit)
    }

    fn of(&self, lane: LaneId) -> Option<&Flight> {
        self.lanes.get(usize::from(lane.topic.0))?.get(usize::from(lane.index))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use domain::TopicId;

    use super::*;

    #[test]
    fn only_a_lane_that_waits_stalls() {
        let flights = Flights::new(&[2, 1]);
        let lane = LaneId { topic: TopicId(0), index: 1 };
        std::thread::sleep(Duration::from_millis(5));
        assert!(!flights.stalled(Duration::ZERO), "nothing is under way");
        flights.begin(lane);
        flights.begin(lane);
        std::thread::sleep(Duration::from_millis(5));
        assert!(flights.stalled(Duration::from_millis(1)));
        flights.end(lane);
        assert!(!flights.stalled(Duration::from_secs(1)), "a report came just now");
        flights.end(lane);
        std::thread::sleep(Duration::from_millis(5));
        assert!(!flights.stalled(Duration::ZERO));
    }
}
