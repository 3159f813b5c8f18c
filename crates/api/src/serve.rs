//! The way of every request through the edge: trace, gate, limits, handler, answer, metrics, log.
//! Not the handlers.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::FutureExt;

use crate::asked::{Asked, Tracing};
use crate::auth::Access;
use crate::codes;
use crate::forward;
use crate::measure::Latencies;
use crate::parts::{Shared, now};
use crate::problem::{Answered, Problem};

/// The only version of the API.
pub(crate) const API_VERSION: &str = "v1";
const API_VERSION_HEADER: HeaderName = HeaderName::from_static("api-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest path with query.
const URI_BYTES_MAX: usize = 8_192;
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A mounted route.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Its path as written, the metrics' label.
    pub(crate) path: String,
    pub(crate) access: Access,
    /// Whether it is answered while the edge is full or draining.
    pub(crate) always: bool,
    pub(crate) latencies: Latencies,
}

/// Takes a request through.
pub(crate) async fn serve<F, Fut>(
    edge: Arc<Shared>,
    route: Arc<Mounted>,
    request: Request,
    handler: F,
) -> Response
where
    F: FnOnce(Arc<Shared>, Asked, Request) -> Fut + Clone + Send + Sync,
    Fut: Future<Output = Answered> + Send,
{
    let started = Instant::now();
    let tracing = Tracing::of(request.headers());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let request_id = request_id(request.headers());
    let answered = match admit(&edge, &route, &request) {
        Err(problem) => Err(problem),
        Ok(principal) => {
            let permit = if route.always { None } else { Some(edge.in_flight.try_acquire()) };
            if let Some(Err(_)) = permit {
                let detail = "too many requests are running; this one had no effect";
                Err(Problem::new(codes::OVERLOADED, detail).retry_after(1))
            } else {
                let asked = Asked { principal, tracing };
                let answering = forward::around(Arc::clone(&edge), asked, request, handler);
                run(answering, edge.options.deadline).await
            }
        }
    };
    let mut response = answered.unwrap_or_else(|problem| problem.answer(uri.path(), &tracing.id()));
    finish(response.headers_mut(), &tracing, request_id, uri.path());
    let took = started.elapsed();
    let status = response.status();
    route.latencies.record(&method, &route.path, status, took);
    if tracing::enabled!(target: "api::access", tracing::Level::DEBUG) {
        tracing::debug!(
            target: "api::access",
            method = method.as_str(), route = route.path, status = status.as_u16(),
            ms = took.as_secs_f64() * 1e3, trace_id = tracing.id(),
            span_id = format_args!("{:016x}", u64::from_be_bytes(tracing.span.span_id)),
            "answered"
        );
    }
    response
}

/// Checks what can be checked before the handler.
fn admit(
    edge: &Shared,
    route: &Mounted,
    request: &Request,
) -> Result<Arc<domain::Principal>, Problem> {
    let (uri, headers) = (request.uri(), request.headers());
    if uri.path_and_query().is_some_and(|it| it.as_str().len() > URI_BYTES_MAX) {
        let detail = format!("path and query have more than {URI_BYTES_MAX} bytes");
        return Err(Problem::new(codes::URI_TOO_LONG, detail));
    }
    let principal = edge.gate.check(route.access, request.method(), uri, headers, now())?;
    if *edge.draining.borrow() && !route.always {
        let detail = "the node is stopping; this request had no effect";
        let close = HeaderValue::from_static("close");
        let problem = Problem::new(codes::DRAINING, detail).retry_after(2);
        return Err(problem.header(header::CONNECTION, close));
    }
    if let Some(version) = headers.get(API_VERSION_HEADER)
        && version.as_bytes() != API_VERSION.as_bytes()
    {
        let detail = format!("this API speaks {API_VERSION}");
        let problem = Problem::new(codes::UNKNOWN_API_VERSION, detail);
        return Err(problem.with("versions", vec![API_VERSION]));
    }
    Ok(principal)
}

/// Runs a handler; a panic in it is answered without detail, and so is one that takes too long.
async fn run(handler: impl Future<Output = Answered> + Send, deadline: Duration) -> Answered {
    // Handlers that wait have shorter deadlines of their own and say more.
    let guarded = tokio::time::timeout(deadline + Duration::from_secs(5), handler);
    match AssertUnwindSafe(guarded).catch_unwind().await {
        Ok(Ok(answered)) => answered,
        Ok(Err(_)) => {
            let detail = "the request was not answered in time";
            Err(Problem::new(codes::REQUEST_TIMEOUT, detail))
        }
        Err(_) => {
            tracing::error!("a handler panicked");
            Err(Problem::new(codes::INTERNAL, "this is our mistake; the log has the trace id"))
        }
    }
}

/// The headers of every answer.
fn finish(headers: &mut HeaderMap, tracing: &Tracing, id: Option<HeaderValue>, path: &str) {
    if path.starts_with("/api") {
        headers.insert(API_VERSION_HEADER, HeaderValue::from_static(API_VERSION));
    }
    if let Some(value) = tracing.header() {
        headers.insert(HeaderName::from_static("traceparent"), value);
    }
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The caller's request id, when it is short and visible.
fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let bytes = id.as_bytes();
    let fits = bytes.len() <= REQUEST_ID_BYTES_MAX && bytes.iter().all(u8::is_ascii_graphic);
    fits.then(|| id.clone())
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(axum::body::Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
