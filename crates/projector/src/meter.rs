//! The metrics of the projection runtime, by the names of the conventions; not their exporter.

use metrics::{counter, gauge};

use crate::{ProjectionState, ProjectionStatus};

/// Events folded and committed.
pub(crate) fn folded(projection: &'static str, events: u64) {
    counter!("recount_projection_events_total", "projection" => projection).increment(events);
}

/// `recount_projection_status` as a number: what an alert can compare.
const fn state_code(state: &ProjectionState) -> f64 {
    match state {
        ProjectionState::Starting => 0.0,
        ProjectionState::Live => 1.0,
        ProjectionState::Rebuilding { .. } => 2.0,
        ProjectionState::Waiting { .. } => 3.0,
        ProjectionState::Paused => 4.0,
    }
}

/// What changes slowly; set once a second.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; lag stays far below 2^52")]
pub(crate) fn standing(
    status: &ProjectionStatus,
    held: u64,
    lane_name: impl Fn(domain::LaneId) -> String,
) {
    let projection = status.name;
    gauge!("recount_projection_status", "projection" => projection).set(state_code(&status.state));
    gauge!("recount_parked_events", "projection" => projection).set(held as f64);
    for lag in &status.lanes {
        let lane = lane_name(lag.lane);
        gauge!("recount_projection_lag_events", "projection" => projection, "lane" => lane.clone())
            .set(lag.events as f64);
        gauge!("recount_projection_lag_seconds", "projection" => projection, "lane" => lane)
            .set(lag.ms as f64 / 1_000.0);
    }
}
