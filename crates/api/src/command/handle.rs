//! The handler of all command routes. Generic over nothing: a route brings its decoder.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Uri};
use domain::{Ask, CommandKey, Principal, StreamId};
use lane::{Answer, Submit};
use log::Fingerprint;
use uuid::Uuid;

use super::answer::{self, Done};
use super::{CommandRoute, body, conditions};
use crate::asked::Asked;
use crate::codes;
use crate::forward::Drawn;
use crate::measure::Outcome;
use crate::parts::{Shared, now};
use crate::problem::{Answered, Problem};

/// Purposes of keyed hashes. Written into the log: they never change.
const KEY: &str = "command-key";
const STREAM: &str = "stream-id";
const FINGERPRINT: &str = "command-fingerprint";

/// Takes one command.
pub(crate) async fn handle(
    edge: Arc<Shared>,
    route: Arc<CommandRoute>,
    asked: Asked,
    request: Request,
) -> Answered {
    let started = Instant::now();
    let prepared = prepare(&edge, &route, &asked, request).await;
    answered(&edge, &route, prepared, started).await
}

/// Submits a command that nothing is wrong with, and says what became of it.
pub(super) async fn answered(
    edge: &Shared,
    route: &CommandRoute,
    prepared: Result<Submit, Problem>,
    started: Instant,
) -> Answered {
    let submit = prepared.map_err(|problem| route.invalid(problem, started))?;
    let keyed = submit.key.is_some();
    let (stream, waiting) = (submit.stream.clone(), edge.commands.submit(submit));
    let answer = tokio::time::timeout(edge.options.deadline, waiting).await;
    route.told(edge, &stream, keyed, answer.ok(), started).map(Done::response)
}

impl CommandRoute {
    /// What is told of an answer; `None`: there was none in time.
    pub(super) fn told(
        &self,
        edge: &Shared,
        stream: &StreamId,
        keyed: bool,
        answer: Option<Answer>,
        started: Instant,
    ) -> Result<Done, Problem> {
        let answer = answer.unwrap_or_else(|| Answer::Unknown {
            why: format!("no answer within {} s", edge.options.deadline.as_secs()),
        });
        let (told, outcome) = answer::told(edge, self, stream, keyed, answer);
        self.durations.record(self.context, self.route.name, outcome, started.elapsed());
        told
    }

    /// The problem of a command that was not submitted.
    pub(super) fn invalid(&self, problem: Problem, started: Instant) -> Problem {
        let took = started.elapsed();
        self.durations.record(self.context, self.route.name, Outcome::Invalid, took);
        problem
    }
}

/// One command as it was asked, alone or in a batch.
pub(super) struct Asking<'a> {
    pub(super) path: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) expected: Option<u64>,
    pub(super) json: &'a [u8],
    /// The id for a create without a key.
    pub(super) drawn: Option<Drawn>,
}

async fn prepare(
    edge: &Shared,
    route: &CommandRoute,
    asked: &Asked,
    request: Request,
) -> Result<Submit, Problem> {
    let (parts, content) = request.into_parts();
    let drawn = parts.extensions.get::<Drawn>().copied();
    no_query(&parts.uri)?;
    let key = conditions::idempotency_key(&parts.headers)?;
    let expected = conditions::expected(&parts.headers)?;
    // A path that holds no id is told before the body is read.
    addressed(route, parts.uri.path())?;
    let json = arrived(edge, &parts.headers, content).await?;
    let (path, key) = (parts.uri.path(), key.as_deref());
    submit_of(edge, route, asked, &Asking { path, key, expected, json: &json, drawn })
}

/// A command is said by its path, headers and body.
pub(super) fn no_query(uri: &Uri) -> Result<(), Problem> {
    if uri.query().is_some_and(|query| !query.is_empty()) {
        let detail = "a command takes no query parameters";
        return Err(Problem::new(codes::BAD_PARAMETER, detail));
    }
    Ok(())
}

/// The whole body, as JSON by its own account.
pub(super) async fn arrived(
    edge: &Shared,
    headers: &HeaderMap,
    content: Body,
) -> Result<Vec<u8>, Problem> {
    let reading = body::read(headers, content, edge.options.body_bytes_max);
    tokio::time::timeout(edge.options.deadline, reading).await.map_err(|_| {
        Problem::new(codes::REQUEST_TIMEOUT, "the body did not arrive in time; nothing happened")
    })?
}

/// Everything that can be said about a command without looking at any state.
pub(super) fn submit_of(
    edge: &Shared,
    route: &CommandRoute,
    asked: &Asked,
    asking: &Asking<'_>,
) -> Result<Submit, Problem> {
    let addressed = addressed(route, asking.path)?;
    let addressed = addressed.or_else(|| (route.only_one)(&asked.principal.tenant));
    let canonical = body::canonical(asking.json)?;
    let principal = &*asked.principal;
    let keyed = asking.key.map(|key| Scope { route, principal, id: addressed, key });
    let id = match (addressed, &keyed) {
        (Some(id), _) => id,
        (None, Some(scope)) => derive_uuid(scope.mac(edge, STREAM)),
        (None, None) => asking.drawn.map_or_else(Uuid::now_v7, |Drawn(id)| id),
    };
    let sealer = edge.keys.sealer();
    let ask = Ask { id, principal, issued_at: now(), sealer };
    let command = (route.decode)(asking.json, &ask)?;
    let condition = asking.expected.map_or_else(Vec::new, |version| version.to_le_bytes().to_vec());
    let fingerprint = edge.keys.mac(FINGERPRINT, &[&canonical, &condition]);
    let tracing = asked.tracing;
    Ok(Submit {
        stream: StreamId::new(route.category, id),
        command,
        key: keyed.map(|scope| CommandKey(half(scope.mac(edge, KEY)))),
        fingerprint: Fingerprint(half(fingerprint)),
        expected: asking.expected,
        tenant: principal.tenant.clone(),
        actor: principal.actor.clone(),
        correlation: tracing.correlation,
        causation: None,
        trace: tracing.given.then_some(tracing.span),
        fence: false,
        asked_at: None,
    })
}

/// The id in the path, if it has one.
fn addressed(route: &CommandRoute, path: &str) -> Result<Option<Uuid>, Problem> {
    let Some(from_end) = route.id_from_end else { return Ok(None) };
    let segment = path.rsplit('/').nth(from_end).unwrap_or_default();
    segment_id(segment).map(Some)
}

/// An id as it stands in a path.
pub(crate) fn segment_id(segment: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(segment).map_err(|_| {
        let detail = "the path holds no id; ids are UUIDs, as 0190e2a4-0000-7000-8000-000000000001";
        Problem::new(codes::NOT_FOUND, detail)
    })
}

/// What a key is unique in.
struct Scope<'a> {
    route: &'a CommandRoute,
    principal: &'a Principal,
    id: Option<Uuid>,
    key: &'a str,
}

impl Scope<'_> {
    fn mac(&self, edge: &Shared, purpose: &'static str) -> [u8; 32] {
        let id = self.id.unwrap_or_default();
        let method: &[u8] = match self.route.route.method {
            domain::Method::Post => b"POST",
            domain::Method::Put => b"PUT",
            domain::Method::Delete => b"DELETE",
        };
        edge.keys.mac(
            purpose,
            &[
                self.principal.tenant.as_str().as_bytes(),
                self.principal.actor.as_str().as_bytes(),
                method,
                self.route.context.as_bytes(),
                self.route.route.path.as_bytes(),
                id.as_bytes(),
                self.key.as_bytes(),
            ],
        )
    }
}

/// A `UUIDv8` of a keyed hash: a retried create meets the same stream through any node.
fn derive_uuid(mac: [u8; 32]) -> Uuid {
    Uuid::new_v8(half(mac))
}

/// The first half of a keyed hash.
pub(crate) fn half(mac: [u8; 32]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&mac[..16]);
    out
}
