//! Requests that another node must answer, because it serves the lane: sent there as they came, with the
//! cluster's secret and the principal. Not the sending, which is plugged in.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use domain::Principal;
use serde_json::json;
use uuid::Uuid;

use crate::asked::Asked;
use crate::auth::cluster;
use crate::codes;
use crate::parts::Shared;
use crate::problem::{Answered, Problem};

/// Names the node that must be asked instead. Seen by nodes only.
const ELSEWHERE: HeaderName = HeaderName::from_static("x-recount-elsewhere");
/// The id that a create without a key was given by the node that took it. Nodes only are believed.
const DRAWN: HeaderName = HeaderName::from_static("x-recount-drawn");
/// Nodes that are tried: the owner as this node knows it, and as that one does.
const HOPS_MAX: usize = 2;
/// Headers of a connection, of a browser and of the caller's own proof: none of the other node's.
const OURS: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The id for a create without a key: drawn once, so that every node that sees it means the same lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn(pub(crate) Uuid);

/// A request for another node.
#[derive(Debug, Clone)]
pub struct Forwarded {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Headers, the principal's among them.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// No answer of the other node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotForwarded {
    /// Nothing was sent.
    Unreachable(String),
    /// It may have been done.
    Lost(String),
}

/// Sends requests to other nodes.
#[async_trait]
pub trait ForwardPort: Send + Sync + 'static {
    /// Sends one to the node at this address, with the cluster's secret in
    /// [`CLUSTER_SECRET`](crate::CLUSTER_SECRET), and gives its answer.
    async fn forward(&self, url: &str, request: Forwarded) -> Result<Response, NotForwarded>;
}

/// The answer of a node that does not serve the lane: nothing happened; that one does.
pub fn elsewhere(url: &str) -> Problem {
    let detail = "another node serves this stream, and could not be asked; nothing happened";
    let problem = Problem::new(codes::LANE_UNAVAILABLE, detail).retry_after(1);
    match HeaderValue::try_from(url) {
        Ok(url) => problem.header(ELSEWHERE, url),
        Err(_) => problem,
    }
}

/// The header that says for whom a node asks.
pub fn on_behalf(principal: &Principal) -> (HeaderName, HeaderValue) {
    let (tenant, actor, roles) = (&principal.tenant, &principal.actor, &principal.roles);
    let json = json!({ "tenant": tenant, "actor": actor, "roles": roles }).to_string();
    // Names of tenants and actors are visible ASCII, so their JSON is too.
    let value = HeaderValue::try_from(json).unwrap_or(HeaderValue::from_static("{}"));
    (HeaderName::from_static(cluster::ON_BEHALF), value)
}

/// Runs a handler; what it says is another node's affair is asked there.
pub(crate) async fn around<F, Fut>(
    edge: Arc<Shared>,
    asked: Asked,
    request: Request,
    handler: F,
) -> Answered
where
    F: FnOnce(Arc<Shared>, Asked, Request) -> Fut + Send,
    Fut: Future<Output = Answered> + Send,
{
    let port = edge.forward.clone().filter(|_| !request.method().is_safe());
    let Some(port) = port else { return handler(edge, asked, request).await };
    let (mut parts, body) = request.into_parts();
    let arriving =
        tokio::time::timeout(edge.options.deadline, to_bytes(body, edge.options.body_bytes_max));
    let body = match arriving.await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let detail = format!("a body has at most {} bytes", edge.options.body_bytes_max);
            return Err(Problem::new(codes::BODY_TOO_LARGE, detail));
        }
        Err(_) => {
            let detail = "the body did not arrive in time; nothing happened";
            return Err(Problem::new(codes::REQUEST_TIMEOUT, detail));
        }
    };
    let is_node = edge.gate.is_node(&parts.headers);
    let drawn = parts.headers.get(DRAWN).filter(|_| is_node).and_then(|it| it.to_str().ok());
    let drawn = drawn.and_then(|it| Uuid::try_parse(it).ok()).unwrap_or_else(Uuid::now_v7);
    parts.extensions.insert(Drawn(drawn));
    let mut headers = without_ours(&parts.headers);
    let (name, value) = on_behalf(&asked.principal);
    headers.insert(name, value);
    if let Ok(drawn) = HeaderValue::try_from(drawn.to_string()) {
        headers.insert(DRAWN, drawn);
    }
    let forwarded = Forwarded {
        method: parts.method.clone(),
        path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        body: body.clone(),
    };
    let answered = handler(edge, asked, Request::from_parts(parts, Body::from(body))).await;
    // A node that was asked by another one says where to ask next, and asks nobody itself.
    if is_node {
        return answered;
    }
    match named(&answered) {
        Some(url) => hop(&*port, url, &forwarded).await,
        None => answered,
    }
}

fn without_ours(headers: &HeaderMap) -> HeaderMap {
    let ours = |name: &HeaderName| {
        OURS.contains(&name.as_str())
            || ["x-recount-", "sec-"].iter().any(|it| name.as_str().starts_with(it))
    };
    let others = headers.iter().filter(|(name, _)| !ours(name));
    others.map(|(name, value)| (name.clone(), value.clone())).collect()
}

async fn hop(port: &dyn ForwardPort, mut url: String, request: &Forwarded) -> Answered {
    for _ in 0..HOPS_MAX {
        let answered = match port.forward(&url, request.clone()).await {
            Ok(answer) => Ok(answer),
            Err(NotForwarded::Unreachable(why)) => {
                tracing::warn!(url, why, "the owner of a lane does not answer");
                let detail = "the node that serves this stream does not answer; nothing happened";
                return Err(Problem::new(codes::LANE_UNAVAILABLE, detail).retry_after(1));
            }
            Err(NotForwarded::Lost(why)) => {
                tracing::warn!(url, why, "the answer of the owner of a lane is lost");
                let detail = "it may have happened; ask again with the same key";
                return Err(Problem::new(codes::OUTCOME_UNKNOWN, detail).retry_after(1));
            }
        };
        match named(&answered) {
            Some(next) => url = next,
            None => return answered,
        }
    }
    let detail = "the lane changes its owner; nothing happened";
    Err(Problem::new(codes::LANE_UNAVAILABLE, detail).retry_after(1))
}

/// The node that an answer names, if it is that of a node that does not serve the lane.
fn named(answered: &Answered) -> Option<String> {
    let value = match answered {
        Ok(response) => response.headers().get(ELSEWHERE)?,
        Err(problem) => problem.header_of(&ELSEWHERE)?,
    };
    value.to_str().ok().map(str::to_owned)
}

/// Takes the headers of a connection out of another node's answer.
pub fn without_connection(headers: &mut HeaderMap) {
    for name in
        [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE]
    {
        headers.remove(name);
    }
}
