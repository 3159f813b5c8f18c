//! The program's own log and metrics. Not the event log.

use std::io::IsTerminal;

use anyhow::{Context as _, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Buckets of durations, in seconds: from a group commit to a slow request.
const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
];

/// Starts the program's log on stderr: JSON lines, or for people on a terminal. `RUST_LOG` filters.
pub(crate) fn start_log(format: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let json = match format {
        "json" => true,
        "pretty" => false,
        _ => !std::io::stderr().is_terminal(),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        log.json().flatten_event(true).with_current_span(false).init();
    } else {
        log.compact().init();
    }
}

/// Starts the metrics; the handle renders them.
pub(crate) fn start_metrics() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .context("buckets of the metrics")?;
    let handle = builder.install_recorder().context("metrics recorder")?;
    describe();
    metrics::gauge!("recount_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Counts what runs now in this runtime: the number that would grow if something were never ended.
pub(crate) fn count_tasks() {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let tasks = u32::try_from(runtime.metrics().num_alive_tasks()).unwrap_or(u32::MAX);
        metrics::gauge!("recount_tasks").set(f64::from(tasks));
    }
}

/// The help texts, one a metric; the names are those of the API and of the projector.
fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("recount_build_info", "Version of the running program; always 1.");
    describe_gauge!("recount_tasks", "Tasks that run or wait, when it was asked for.");
    describe_histogram!(
        "http_server_request_duration_seconds",
        "Time from a request to its answer."
    );
    describe_histogram!("recount_command_duration_seconds", "Time from a command to its outcome.");
    describe_counter!("recount_projection_events_total", "Events folded since the start.");
    describe_gauge!("recount_projection_status", "What a projection does: 0 starting to 4 paused.");
    describe_gauge!("recount_projection_lag_events", "Valid records not folded yet.");
    describe_gauge!("recount_projection_lag_seconds", "Age of the oldest record not folded yet.");
    describe_gauge!("recount_parked_events", "Events held behind a poison event.");
    describe_gauge!("recount_saga_active", "Sagas that run, by where they stand.");
    describe_gauge!("recount_saga_parked", "Sagas and steps that wait for a human, by cause.");
    describe_counter!("recount_saga_finished_total", "Sagas that came to their end.");
    describe_histogram!(
        "recount_saga_step_duration_seconds",
        "Time from the first attempt of a step to its answer."
    );
    describe_counter!("recount_saga_poison_total", "Sagas and triggers that cannot be read.");
    describe_gauge!("recount_saga_lag_events", "Records that sagas have not read yet.");
    describe_counter!("recount_outbound_requests_total", "Calls of targets, by how they ended.");
    describe_gauge!("recount_circuit_state", "Breaker of a target: 0 closed, 1 half open, 2 open.");
}
