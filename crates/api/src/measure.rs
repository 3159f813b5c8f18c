//! Metrics of the edge, with handles that are looked up once. Not their export.

use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Histogram, histogram};

/// How long requests of one route took, by status.
#[derive(Default)]
pub(crate) struct Latencies(RwLock<Vec<(StatusCode, Histogram)>>);

impl std::fmt::Debug for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Latencies")
    }
}

impl Latencies {
    /// Records one; the name is OpenTelemetry's `http.server.request.duration`.
    pub(crate) fn record(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let known = |all: &[(StatusCode, Histogram)]| {
            let found = all.iter().find(|(of, _)| *of == status);
            found.inspect(|(_, it)| it.record(took)).is_some()
        };
        if known(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !known(&all) {
            let handle = histogram!(
                "http_server_request_duration_seconds",
                "http_request_method" => known_method(method),
                "http_route" => path.to_owned(),
                "http_response_status_code" => status.as_u16().to_string(),
            );
            handle.record(took);
            all.push((status, handle));
        }
    }
}

/// The method as a label; OpenTelemetry's word for those that nobody knows.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// What became of a command, as a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Replayed,
    Nothing,
    Refused,
    WrongVersion,
    KeyReused,
    StillRunning,
    Overloaded,
    Unavailable,
    Elsewhere,
    Unknown,
    Invalid,
}

impl Outcome {
    const COUNT: usize = 12;

    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Replayed => "replayed",
            Self::Nothing => "nothing",
            Self::Refused => "refused",
            Self::WrongVersion => "wrong_version",
            Self::KeyReused => "key_reused",
            Self::StillRunning => "still_running",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Elsewhere => "elsewhere",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        }
    }
}

/// How long one kind of command took, by outcome.
#[derive(Default)]
pub(crate) struct Durations([OnceLock<Histogram>; Outcome::COUNT]);

impl std::fmt::Debug for Durations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Durations")
    }
}

impl Durations {
    pub(crate) fn record(
        &self,
        context: &'static str,
        command: &'static str,
        outcome: Outcome,
        took: Duration,
    ) {
        let handle = self.0[outcome as usize].get_or_init(|| {
            histogram!(
                "recount_command_duration_seconds",
                "context" => context, "command" => command, "outcome" => outcome.as_str(),
            )
        });
        handle.record(took);
    }
}
