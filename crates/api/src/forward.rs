//! Requests that another node must answer, because it serves the lane: sent there as they came, with the
//! cluster's secret and the principal. Not the sending, which is plugged in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use domain::Principal;
use serde_json::json;
use uuid::Uuid;

use crate::asked::Asked;
use crate::auth::cluster;
use crate::codes;
use crate::command::IDEMPOTENCY_KEY;
use crate::parts::Shared;
use crate::problem::{Answered, Problem};

/// Names the node that must be asked instead. Seen by nodes only.
const ELSEWHERE: HeaderName = HeaderName::from_static("x-recount-elsewhere");
/// The id that a create without a key was given by the node that took it. Nodes only are believed.
const DRAWN: HeaderName = HeaderName::from_static("x-recount-drawn");
/// Nodes that are tried: the owner as this node knows it, and as that one does.
const HOPS_MAX: usize = 2;
/// An owner that says nothing for so long is looked after: far longer than any command takes.
const SILENT_AFTER: Duration = Duration::from_secs(1);
/// How long an owner that does not answer is asked for again: an election after a death takes less.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(100);
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
    F: FnOnce(Arc<Shared>, Asked, Request) -> Fut + Clone + Send + Sync,
    Fut: Future<Output = Answered> + Send,
{
    let Some(port) = edge.forward.clone().filter(|_| !request.method().is_safe()) else {
        return handler(edge, asked, request).await;
    };
    // Apart, because it is three times the size of the handler: not every request should carry it.
    Box::pin(async move {
        let (mut parts, body) = request.into_parts();
        let body = whole(&edge, body).await?;
        let is_node = edge.gate.is_node(&parts.headers);
        let drawn = parts.headers.get(DRAWN).filter(|_| is_node).and_then(|it| it.to_str().ok());
        let drawn = drawn.and_then(|it| Uuid::try_parse(it).ok()).unwrap_or_else(Uuid::now_v7);
        parts.extensions.insert(Drawn(drawn));
        let forwarded = forwarded(&parts, &body, &asked, drawn);
        let here = || {
            let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
            handler.clone()(Arc::clone(&edge), asked.clone(), request)
        };
        // A node that was asked by another one says where to ask next, and asks nobody itself.
        if is_node {
            return here().await;
        }
        let keyed = forwarded.headers.contains_key(IDEMPOTENCY_KEY);
        let began = Instant::now();
        // Whether a try may have done it: then nothing that says "nothing happened" is the whole truth.
        let mut unsure = false;
        loop {
            let answered = here().await;
            let told = match named(&answered) {
                Some(url) => hop(&*port, url, &forwarded, keyed, &here).await,
                None => Told::Answered(answered),
            };
            unsure |= matches!(told, Told::Lost | Told::Moved);
            let told = match told {
                Told::Answered(answered) if !(unsure && is_unavailable(&answered)) => {
                    return answered;
                }
                told => told,
            };
            let may_ask_again = keyed || matches!(told, Told::NotSent);
            if !may_ask_again || began.elapsed() > ASK_AGAIN_MAX {
                return Err(if unsure { Told::Lost.problem() } else { told.problem() });
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await
}

/// All of a body: it is sent more than once, perhaps.
async fn whole(edge: &Shared, body: Body) -> Result<Bytes, Problem> {
    let arriving = to_bytes(body, edge.options.body_bytes_max);
    match tokio::time::timeout(edge.options.deadline, arriving).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            let detail = format!("a body has at most {} bytes", edge.options.body_bytes_max);
            Err(Problem::new(codes::BODY_TOO_LARGE, detail))
        }
        Err(_) => {
            let detail = "the body did not arrive in time; nothing happened";
            Err(Problem::new(codes::REQUEST_TIMEOUT, detail))
        }
    }
}

fn forwarded(parts: &Parts, body: &Bytes, asked: &Asked, drawn: Uuid) -> Forwarded {
    let mut headers = without_ours(&parts.headers);
    let (name, value) = on_behalf(&asked.principal);
    headers.insert(name, value);
    if let Ok(drawn) = HeaderValue::try_from(drawn.to_string()) {
        headers.insert(DRAWN, drawn);
    }
    Forwarded {
        method: parts.method.clone(),
        path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        body: body.clone(),
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

/// Who answered.
enum Heard {
    There(Result<Response, NotForwarded>),
    Here(Told),
}

/// What came of asking the owner.
enum Told {
    Answered(Answered),
    /// Nothing was sent.
    NotSent,
    /// It may have happened.
    Lost,
    /// The owner is silent, and this node knows of another one meanwhile. Only with a key.
    Moved,
}

impl Told {
    fn problem(&self) -> Problem {
        let (code, detail) = if matches!(self, Self::Lost) {
            (codes::OUTCOME_UNKNOWN, "it may have happened; ask again with the same key")
        } else {
            let detail = "the node that serves this stream does not answer; nothing happened";
            (codes::LANE_UNAVAILABLE, detail)
        };
        Problem::new(code, detail).retry_after(1)
    }
}

/// Asks the owner, and the one that it names. An owner that is silent may be frozen: then `here` says
/// whether another one has its lane by now. With a key it is the same command wherever it is asked.
async fn hop<Fut: Future<Output = Answered>>(
    port: &dyn ForwardPort,
    mut url: String,
    request: &Forwarded,
    keyed: bool,
    here: &(impl Fn() -> Fut + Sync),
) -> Told {
    for _ in 0..HOPS_MAX {
        let answered = match ask(port, &url, request, keyed, here).await {
            Heard::There(answered) => answered,
            Heard::Here(told) => return told,
        };
        let answered = match answered {
            Ok(answer) => Ok(answer),
            Err(NotForwarded::Unreachable(why)) => {
                tracing::debug!(url, why, "the owner of a lane does not answer");
                return Told::NotSent;
            }
            Err(NotForwarded::Lost(why)) => {
                tracing::debug!(url, why, "the answer of the owner of a lane is lost");
                return Told::Lost;
            }
        };
        match (named(&answered), &answered) {
            (Some(next), _) => url = next,
            // It is stopping, or between two lanes: with a key it may be asked again.
            (None, Ok(it)) if keyed && it.status() == StatusCode::SERVICE_UNAVAILABLE => {
                return Told::Lost;
            }
            (None, _) => return Told::Answered(answered),
        }
    }
    let detail = "the lane changes its owner; nothing happened";
    Told::Answered(Err(Problem::new(codes::LANE_UNAVAILABLE, detail).retry_after(1)))
}

/// Asks one node; looks here too when that one is silent.
async fn ask<Fut: Future<Output = Answered>>(
    port: &dyn ForwardPort,
    url: &str,
    request: &Forwarded,
    keyed: bool,
    here: &(impl Fn() -> Fut + Sync),
) -> Heard {
    let mut asking = port.forward(url, request.clone());
    loop {
        match tokio::time::timeout(SILENT_AFTER, &mut asking).await {
            Ok(answered) => return Heard::There(answered),
            Err(_) if !keyed => continue,
            Err(_) => {}
        }
        let (mut looking, mut there) = (std::pin::pin!(here()), None);
        // What was asked here is waited for: dropped, it would go on, and be in the way of itself.
        let answered = loop {
            tokio::select! {
                answered = &mut asking, if there.is_none() => {
                    if settles(&answered) {
                        return Heard::There(answered);
                    }
                    there = Some(answered);
                }
                answered = &mut looking => break answered,
            }
        };
        match (named(&answered), there) {
            (Some(now), _) if now != url => return Heard::Here(Told::Moved),
            (None, _) if !is_unavailable(&answered) => {
                return Heard::Here(Told::Answered(answered));
            }
            (_, Some(there)) => return Heard::There(there),
            // Nobody knows yet: the silent one may still answer.
            (_, None) => {}
        }
    }
}

/// Whether the command needs no other answer.
fn settles(answered: &Result<Response, NotForwarded>) -> bool {
    answered.as_ref().is_ok_and(|it| {
        it.status() != StatusCode::SERVICE_UNAVAILABLE && !it.headers().contains_key(ELSEWHERE)
    })
}

fn is_unavailable(answered: &Answered) -> bool {
    answered.as_ref().is_err_and(|problem| problem.is(codes::LANE_UNAVAILABLE))
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
