//! What every handler knows about its request: who asks, in which trace. Not its body.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue};
use domain::{Principal, Trace};
use uuid::Uuid;

/// A request's surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Who asks.
    pub(crate) principal: Arc<Principal>,
    /// The trace it belongs to; our own span in it.
    pub(crate) tracing: Tracing,
}

/// The trace of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tracing {
    /// Trace and our span.
    pub(crate) span: Trace,
    /// Whether the caller gave it: then events carry it.
    pub(crate) given: bool,
    /// The conversation: without a trace of the caller's it is the trace id, so that logs lead to
    /// the events.
    pub(crate) correlation: Uuid,
}

impl Tracing {
    /// From the header `traceparent`; a bad one is ignored, as the standard says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get("traceparent").and_then(|v| v.to_str().ok()).and_then(Trace::parse);
        let correlation = Uuid::now_v7();
        let span_id = span_id();
        match given {
            Some(parent) => Self { span: Trace { span_id, ..parent }, given: true, correlation },
            None => Self {
                span: Trace { trace_id: correlation.into_bytes(), span_id, flags: 0 },
                given: false,
                correlation,
            },
        }
    }

    /// The trace id as text.
    pub(crate) fn id(&self) -> String {
        let mut out = String::with_capacity(32);
        // Writing to a string cannot fail.
        let _ = write!(out, "{:032x}", u128::from_be_bytes(self.span.trace_id));
        out
    }

    /// The header `traceparent` of the answer.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.span.to_string()).ok()
    }
}

/// A span id: unique enough, not secret (splitmix64 from a random start).
fn span_id() -> [u8; 8] {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one("span")));
    let mut z = NEXT.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    z.max(1).to_be_bytes()
}
