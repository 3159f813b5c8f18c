//! The metrics of the saga runtime, by the names of the conventions; not their exporter.

use metrics::{counter, gauge, histogram};

use crate::run::breaker::BreakerState;
use crate::run::targets::Said;
use crate::{Cause, Direction, End};

/// `recount_circuit_state` as a number: what an alert can compare.
pub(crate) fn circuit(provider: &str, state: BreakerState) {
    let code = match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    };
    gauge!("recount_circuit_state", "provider" => provider.to_owned()).set(code);
}

/// A call of a target is over.
pub(crate) fn outbound(provider: &str, said: Said<'_>) {
    let outcome = if said == Said::Good { "answered" } else { "fault" };
    counter!("recount_outbound_requests_total", "provider" => provider.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// A saga is over.
pub(crate) fn finished(saga: &'static str, end: End) {
    counter!("recount_saga_finished_total", "saga" => saga, "outcome" => end.as_str()).increment(1);
}

/// One more, or one less, saga of a type stands in a state.
pub(crate) fn active(saga: &'static str, state: &'static str, more: f64) {
    gauge!("recount_saga_active", "saga" => saga, "state" => state).increment(more);
}

/// One more, or one less, is parked for a cause.
pub(crate) fn parked(saga: &'static str, cause: Cause, more: f64) {
    gauge!("recount_saga_parked", "saga" => saga, "cause" => cause.as_str()).increment(more);
}

/// A step is done, so long after it was asked first.
#[expect(clippy::cast_precision_loss, reason = "a step takes far less than 2^52 ms")]
pub(crate) fn step(saga: &'static str, direction: Direction, ms: i64) {
    histogram!("recount_saga_step_duration_seconds", "saga" => saga, "direction" => direction.as_str())
        .record(ms as f64 / 1_000.0);
}

/// An instance cannot be read, or a trigger.
pub(crate) fn poison(saga: &'static str, what: &'static str) {
    counter!("recount_saga_poison_total", "saga" => saga, "what" => what).increment(1);
}

/// How far a runner or a pump is behind its lane.
#[expect(clippy::cast_precision_loss, reason = "a lag stays far below 2^52")]
pub(crate) fn lag(part: &'static str, saga: &'static str, lane: &str, events: u64) {
    let lane = lane.to_owned();
    gauge!("recount_saga_lag_events", "part" => part, "saga" => saga, "lane" => lane)
        .set(events as f64);
}
