//! Conditional reads and preferences of queries. Not those of commands.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::LaneId;

use crate::codes;
use crate::parts::Shared;
use crate::position;
use crate::problem::Problem;

/// How long a query waits for a position when nobody says, and at most.
const WAIT: Duration = Duration::from_secs(5);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// `304` when the caller has what this `ETag` names (weak comparison, RFC 9110, section 13.1.2).
pub(crate) fn not_modified(headers: &HeaderMap, etag: &HeaderValue) -> Option<Response> {
    let wanted = etag.to_str().unwrap_or_default().trim_start_matches("W/");
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let mut all = value.to_str().unwrap_or_default().split(',').map(str::trim);
        all.any(|one| one == "*" || one.trim_start_matches("W/") == wanted)
    });
    if !known {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(header::ETAG, etag.clone());
    Some(response)
}

/// A weak `ETag` over a body.
pub(crate) fn weak_etag(body: &[u8]) -> HeaderValue {
    let hash = crate::auth::sha256(body);
    let mut head = [0; 16];
    head.copy_from_slice(&hash[..16]);
    let text = format!("W/\"{:032x}\"", u128::from_be_bytes(head));
    // Hexadecimal digits and quotes are a header value.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("W/\"0\""))
}

/// `Prefer: wait=N` (RFC 7240), in seconds; what cannot be read is no preference.
fn wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let seconds = preferences.flat_map(|value| value.split([',', ';'])).find_map(|one| {
        let (name, value) = one.trim().split_once('=')?;
        let wait = name.trim().eq_ignore_ascii_case("wait");
        if wait { value.trim().trim_matches('"').parse().ok() } else { None }
    });
    seconds.map_or(WAIT, Duration::from_secs).min(WAIT_MAX)
}

/// Waits until the projection has folded what `min_position` names.
pub(crate) async fn reach(
    edge: &Shared,
    projection: &'static str,
    min_position: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let Some(token) = min_position else { return Ok(()) };
    let positions: Vec<(LaneId, u64)> = position::parse(&edge.topics, token)?;
    let at_most = wait(headers).min(edge.options.deadline);
    let reached = edge.reads.wait_for(projection, &positions, at_most).await;
    reached.map_err(|error| read_problem(edge, &error))
}

/// A question that was not answered.
pub(crate) fn read_problem(edge: &Shared, error: &projector::ReadError) -> Problem {
    if let projector::ReadError::Behind { projection, reached } = error {
        let detail = format!("read model {projection} has not folded this position yet; ask again");
        let token = position::token(&edge.topics, reached);
        return Problem::new(codes::NOT_YET, detail).retry_after(1).with("reached", token);
    }
    if matches!(error, projector::ReadError::Invalid(_)) {
        tracing::error!(%error, "a query does not fit its table");
        return Problem::new(codes::BAD_PARAMETER, "the read model does not answer this question");
    }
    tracing::warn!(%error, "a query was not answered");
    let detail = "the read model cannot answer now; commands are not affected";
    Problem::new(codes::READ_MODEL_UNAVAILABLE, detail).retry_after(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn a_known_etag_is_not_sent_again() {
        let etag = HeaderValue::from_static("W/\"abc\"");
        for known in ["W/\"abc\"", "\"abc\"", "*", "\"x\", W/\"abc\""] {
            assert!(not_modified(&one("if-none-match", known), &etag).is_some(), "{known}");
        }
        for other in ["\"abcd\"", "abc", ""] {
            assert!(not_modified(&one("if-none-match", other), &etag).is_none(), "{other}");
        }
    }

    #[test]
    fn a_preferred_wait_is_bounded() {
        for (text, seconds) in [
            ("wait=2", 2),
            ("respond-async, wait=\"7\"", 7),
            ("wait=999", 30),
            ("wait=x", 5),
            ("wait=0", 0),
        ] {
            assert_eq!(wait(&one("prefer", text)), Duration::from_secs(seconds), "{text}");
        }
        assert_eq!(wait(&HeaderMap::new()), WAIT);
    }
}
