//! What every handler knows about its request: who asks, in which trace. Not its body.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue};
use domain::{Principal, Trace};
use uuid::Uuid;

use crate::parts::now;

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
        let (correlation, span_id) = (correlation(), draw().max(1).to_be_bytes());
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
        let mut out = *b"00-00000000000000000000000000000000-0000000000000000-00";
        hex(&self.span.trace_id, &mut out[3..35]);
        hex(&self.span.span_id, &mut out[36..52]);
        hex(&[self.span.flags], &mut out[53..]);
        HeaderValue::from_bytes(&out).ok()
    }
}

fn hex(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.as_chunks_mut::<2>().0) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
}

/// A `UUIDv7` that names a conversation; not secret, so it needs no random bytes of the system.
fn correlation() -> Uuid {
    let millis = u64::try_from(now().as_millis()).unwrap_or_default();
    let mut random = [0; 10];
    random[..8].copy_from_slice(&draw().to_be_bytes());
    random[8..].copy_from_slice(&draw().to_be_bytes()[..2]);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// A number for ids: unique enough, not secret (splitmix64 from a random start).
fn draw() -> u64 {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one("ids")));
    let mut z = NEXT.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_the_trace_as_the_standard_writes_it() {
        let mut headers = HeaderMap::new();
        for _ in 0..100 {
            let tracing = Tracing::of(&headers);
            let header = tracing.header().unwrap();
            assert_eq!(header.to_str().unwrap(), tracing.span.to_string());
            assert_eq!(Trace::parse(header.to_str().unwrap()), Some(tracing.span));
            assert_eq!(tracing.correlation.get_version_num(), 7);
            headers.insert("traceparent", header);
        }
    }
}
