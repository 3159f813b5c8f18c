//! Keeps the private server running until it is told to stop.
//!
//! Decides only when to start again; how is the affair of `stale` and `process`.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::place::Prepared;
use super::process::{self, Running};
use super::{StartError, State, stale};

/// The first restart is immediate, then the pause doubles from the first of these to the second:
/// a full disk is not helped by a busy loop, and an operator who made room waits no longer.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A server that ran this long had no trouble starting.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);

/// Runs until `stopped` says so (or its other end is gone).
pub(super) async fn run(
    prepared: Arc<Prepared>,
    mut running: Running,
    state: watch::Sender<State>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut pause = Duration::ZERO;
    loop {
        let since = Instant::now();
        let log_start = fs::metadata(prepared.log()).map_or(0, |it| it.len());
        let status = tokio::select! {
            _ = &mut stopped => {
                running.stop().await;
                break;
            }
            status = running.ended() => status,
        };
        if since.elapsed() > HEALTHY_AFTER {
            pause = Duration::ZERO;
        }
        let why = format!(
            "PostgreSQL ended by itself ({status})\n{}",
            process::log_tail(&prepared.log(), log_start)
        );
        let again = restart(&prepared, why, &mut pause, &state);
        tokio::select! {
            _ = &mut stopped => break,
            started = again => running = started,
        }
        state.send_replace(State::Ready);
        tracing::info!("PostgreSQL runs again");
    }
    prepared.tidy();
    state.send_replace(State::Stopped);
}

/// Tries until a server runs. Dropped in the middle, the server it had started ends by its lifeline.
async fn restart(
    prepared: &Arc<Prepared>,
    mut why: String,
    pause: &mut Duration,
    state: &watch::Sender<State>,
) -> Running {
    loop {
        tracing::warn!(pause_ms = pause.as_millis(), "{}", why.trim_end());
        state.send_replace(State::Restarting { why });
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        match start_over(prepared).await {
            Ok(running) => return running,
            Err(error) => why = error.to_string(),
        }
    }
}

async fn start_over(prepared: &Arc<Prepared>) -> Result<Running, StartError> {
    let leftovers = Arc::clone(prepared);
    let ended = tokio::task::spawn_blocking(move || stale::end(&leftovers)).await;
    ended.map_err(|panic| StartError::Internal { detail: panic.to_string() })??;
    process::start(prepared).await
}
