//! The wall clock of the runtime, and waiting by it. The engine has none: it is told the time.

use std::time::Duration;

pub(crate) use ambient::now;
use domain::Timestamp;

/// Longest sleep before the clock is looked at again: a machine that slept, or whose clock was set, is
/// late by this at most.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long it is until then; nothing when it is past.
pub(crate) fn until(at: Timestamp) -> Duration {
    let micros = at.as_micros().saturating_sub(now().as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Waits until then, or for ever without a time. May return early, to be asked again.
pub(crate) async fn sleep_until(at: Option<Timestamp>) {
    match at {
        Some(at) => tokio::time::sleep(until(at).min(LOOK_AGAIN)).await,
        None => std::future::pending().await,
    }
}
