//! What an operator does to a saga: decided first as a dry run, then as a command to its stream. Not
//! what is possible, which the engine says.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use domain::{ActorId, CommandKey, Describe, Shape, StreamId};
use lane::{Answer, Submit};
use log::Fingerprint;
use orchestrator::{Event, NotTaken, Order, Verb};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::one::{find, segment};
use super::{SagaDesk, SagaSeen, show};
use crate::asked::Asked;
use crate::codes;
use crate::command::{
    canonical, etag, expected, half, idempotency_key, invalid, not_done, read, strict,
};
use crate::measure::{Durations, Outcome};
use crate::parts::{Shared, now};
use crate::position;
use crate::problem::{Answered, Problem};
use crate::serve;

/// Purposes of keyed hashes. Written into the log: they never change.
const KEY: &str = "command-key";
const FINGERPRINT: &str = "command-fingerprint";
/// Most events told when somebody acts on a revision that is no longer the last.
const CHANGED_MAX: usize = 50;

/// One action, and who can say whether it fits.
pub(crate) struct Verbs {
    pub(crate) verb: Verb,
    pub(crate) desk: Arc<dyn SagaDesk>,
    pub(crate) durations: Durations,
}

/// What an operator sends.
#[derive(Debug, Deserialize, domain::Describe)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// Why; it stands in the saga's history
    #[describe(max_chars = 1_000)]
    reason: String,
    /// To which step, as `publish/bluesky`; left out for the whole saga
    #[serde(default)]
    #[describe(max_chars = 200)]
    step: Option<String>,
    /// `resolve`: whether it happened
    #[serde(default)]
    happened: Option<bool>,
    /// `resolve` and `skip`: what the step gave, an answer of this saga
    #[serde(default)]
    output: Option<AnyJson>,
    /// The revision that was seen; or send If-Match
    #[serde(default)]
    revision: Option<i64>,
    /// The ticket it is done for
    #[serde(default)]
    #[describe(max_chars = 200)]
    ticket: Option<String>,
    /// Who approved it
    #[serde(default)]
    approver: Option<Approver>,
    /// Only say what it would do
    #[serde(default)]
    dry_run: Option<bool>,
}

/// JSON whose form depends on the type of the saga.
#[derive(Debug)]
struct AnyJson(Value);

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Value::deserialize(from).map(Self)
    }
}

impl Describe for AnyJson {
    fn shape() -> Shape {
        Shape::Json
    }
}

/// A name in the history.
#[derive(Debug)]
struct Approver(ActorId);

impl<'de> Deserialize<'de> for Approver {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ActorId::deserialize(from).map(Self)
    }
}

impl Describe for Approver {
    fn shape() -> Shape {
        Shape::Text { format: None, max_chars: None }
    }
}

/// An action that was read.
struct Asking {
    order: Order,
    dry_run: bool,
    key: Option<(CommandKey, Fingerprint)>,
}

/// Does it, or says what it would do.
pub(crate) async fn act(
    edge: Arc<Shared>,
    of: Arc<Verbs>,
    asked: Asked,
    request: Request,
) -> Answered {
    let started = Instant::now();
    let (answered, outcome) = match acted(&edge, &of, &asked, request).await {
        Ok((response, outcome)) => (Ok(response), outcome),
        Err((problem, outcome)) => (Err(problem), outcome),
    };
    of.durations.record("saga", of.verb.as_str(), outcome, started.elapsed());
    answered
}

type Acted = Result<(Response, Outcome), (Problem, Outcome)>;

async fn acted(edge: &Shared, of: &Verbs, asked: &Asked, request: Request) -> Acted {
    let wrong = |problem| (problem, Outcome::Invalid);
    let (parts, content) = request.into_parts();
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        let detail = "an action takes no query parameters";
        return Err(wrong(Problem::new(codes::BAD_PARAMETER, detail)));
    }
    let tenant = &asked.principal.tenant;
    let found = find(&*of.desk, segment(parts.uri.path(), 1), tenant).await;
    let (stream, seen) = found.map_err(wrong)?;
    let reading = read(&parts.headers, content, edge.options.body_bytes_max);
    let json = tokio::time::timeout(edge.options.deadline, reading).await.map_err(|_| {
        let detail = "the body did not arrive in time; nothing happened";
        wrong(Problem::new(codes::REQUEST_TIMEOUT, detail))
    });
    let json = json?.map_err(wrong)?;
    let asking = asking(edge, of.verb, asked, &stream, &parts.headers, &json).map_err(wrong)?;
    if asking.dry_run {
        let previewed = preview(of, &stream, &seen, &asking.order);
        return previewed.map(|response| (response, Outcome::Nothing)).map_err(wrong);
    }
    submit(edge, of, asked, stream, asking).await
}

/// Everything that can be said about an action without looking at any state.
fn asking(
    edge: &Shared,
    verb: Verb,
    asked: &Asked,
    stream: &StreamId,
    headers: &HeaderMap,
    json: &[u8],
) -> Result<Asking, Problem> {
    let (key, matches) = (idempotency_key(headers)?, expected(headers)?);
    let canonical = canonical(json)?;
    let body: Body = strict(json)?;
    body.check().map_err(|(pointer, max)| {
        invalid(&pointer, "too_long", &format!("at most {max} characters"))
    })?;
    if body.reason.trim().is_empty() {
        return Err(invalid("/reason", "missing", "an action needs a reason"));
    }
    let revision = match (body.revision.map(u64::try_from), matches) {
        (Some(Ok(said)), None) | (None, Some(said)) => said,
        (Some(Ok(one)), Some(other)) if one == other => one,
        (None, None) => {
            let detail = "say which revision you have seen, here or as If-Match";
            return Err(invalid("/revision", "missing", detail));
        }
        (Some(Err(_)), _) => {
            return Err(invalid("/revision", "wrong", "revisions are counted from 1"));
        }
        _ => return Err(invalid("/revision", "wrong", "it is another one than in If-Match")),
    };
    if verb == Verb::Resolve && body.happened.is_none() {
        return Err(invalid("/happened", "missing", "say whether it happened"));
    }
    let actor = asked.principal.actor.clone();
    let condition = revision.to_le_bytes();
    let fingerprint = Fingerprint(half(edge.keys.mac(FINGERPRINT, &[&canonical, &condition])));
    let key = key.map(|key| {
        let stream = stream.to_string();
        let scope: [&[u8]; 6] = [
            asked.principal.tenant.as_str().as_bytes(),
            actor.as_str().as_bytes(),
            b"POST",
            stream.as_bytes(),
            verb.as_str().as_bytes(),
            key.as_bytes(),
        ];
        (CommandKey(half(edge.keys.mac(KEY, &scope))), fingerprint)
    });
    let order = Order {
        verb,
        step: body.step.unwrap_or_default(),
        actor,
        reason: body.reason,
        revision,
        happened: body.happened.unwrap_or_default(),
        output: body.output.map(|output| output.0),
        ticket: body.ticket,
        approver: body.approver.map(|approver| approver.0),
    };
    Ok(Asking { order, dry_run: body.dry_run.unwrap_or_default(), key })
}

fn preview(of: &Verbs, stream: &StreamId, seen: &SagaSeen, order: &Order) -> Answered {
    if let Some(why) = &seen.unreadable {
        return Err(Problem::new(codes::REFUSED, format!("{why}; run a version that can read it"))
            .named("unreadable".to_owned(), StatusCode::CONFLICT));
    }
    let Some(ty) = of.desk.types().of(stream.category()) else {
        return Err(Problem::new(codes::NOT_FOUND, "there is no such saga"));
    };
    let at = now();
    let events = ty.preview(&seen.is, order, at);
    let events = events.map_err(|not| not_taken(&not, stream, seen))?;
    let after = events.iter().fold(seen.is.clone(), |is, event| is.evolve(at, event));
    let body = json!({
        "dry_run": true,
        "stream": stream,
        "revision": seen.is.revision,
        "events": events.iter().map(show::event).collect::<Vec<_>>(),
        "asks": asks(&events),
        "before": show::summary(&seen.is, at),
        "after": show::summary(&after, at),
    });
    let mut response = serve::json(StatusCode::OK, body.to_string().into_bytes());
    response.headers_mut().insert(header::ETAG, etag(seen.is.revision));
    Ok(response)
}

/// Who would be asked for what, at once.
fn asks(events: &[Event]) -> Vec<Value> {
    let ask = |event: &Event| match event {
        Event::StepScheduled {
            step,
            direction,
            attempt,
            key,
            target,
            what,
            minor,
            currency,
            ..
        } => Some(json!({
            "step": step, "direction": direction, "attempt": attempt, "key": key,
            "target": target, "what": what, "minor": minor, "currency": currency,
        })),
        _ => None,
    };
    events.iter().filter_map(ask).collect()
}

/// The engine's no, with what happened since when that is why.
fn not_taken(not: &NotTaken, stream: &StreamId, seen: &SagaSeen) -> Problem {
    let problem = match not {
        NotTaken::Stale { seen: from, .. } => {
            let detail = format!("{stream} is at revision {}; {not}", seen.is.revision);
            Problem::new(codes::WRONG_VERSION, detail).with("changed", changed(seen, *from))
        }
        NotTaken::NoReason => invalid("/reason", "missing", "an action needs a reason"),
        NotTaken::WrongOutput(why) => invalid("/output", "wrong", why),
        NotTaken::NotNow { .. } => Problem::new(codes::REFUSED, not.to_string())
            .named(not.rule().to_owned(), StatusCode::CONFLICT),
    };
    problem
        .with("stream", stream.to_string())
        .with("version", seen.is.revision)
        .header(header::ETAG, etag(seen.is.revision))
}

/// The events behind a revision.
fn changed(seen: &SagaSeen, from: u64) -> Vec<Value> {
    let since = seen.events.iter().filter(|past| past.meta.version > from);
    since.take(CHANGED_MAX).map(show::past).collect()
}

async fn submit(
    edge: &Shared,
    of: &Verbs,
    asked: &Asked,
    stream: StreamId,
    asking: Asking,
) -> Acted {
    let wrong = |problem| (problem, Outcome::Invalid);
    let tenant = &asked.principal.tenant;
    let Some(ty) = of.desk.types().of(stream.category()) else {
        return Err(wrong(Problem::new(codes::NOT_FOUND, "there is no such saga")));
    };
    let (key, fingerprint) = asking.key.unzip();
    let (keyed, revision) = (key.is_some(), asking.order.revision);
    let command = ty
        .command(asking.order)
        .map_err(|not| wrong(invalid("/output", "wrong", &not.to_string())))?;
    let submit = Submit {
        stream: stream.clone(),
        command,
        key,
        fingerprint: fingerprint.unwrap_or_default(),
        // The engine compares the revision itself: so a repetition of the same key is answered.
        expected: None,
        tenant: tenant.clone(),
        actor: asked.principal.actor.clone(),
        correlation: asked.tracing.correlation,
        causation: None,
        trace: asked.tracing.given.then_some(asked.tracing.span),
        fence: false,
        asked_at: None,
    };
    let answer = tokio::time::timeout(edge.options.deadline, edge.commands.submit(submit)).await;
    let answer = answer.unwrap_or_else(|_| Answer::Unknown {
        why: format!("no answer within {} s", edge.options.deadline.as_secs()),
    });
    match answer {
        Answer::Accepted(it) => {
            let outcome = if it.replayed { Outcome::Replayed } else { Outcome::Accepted };
            Ok((accepted(edge, &it), outcome))
        }
        Answer::Refused(it) if it.rule == STALE && !it.replayed => {
            let stale = NotTaken::Stale { seen: revision, is: it.version };
            let found = find(&*of.desk, &stream.to_string(), tenant).await;
            let (_, seen) = found.map_err(wrong)?;
            Err((not_taken(&stale, &stream, &seen), Outcome::WrongVersion))
        }
        other => Err(not_done(edge, &stream, keyed, other)),
    }
}

/// The rule by which the engine refuses an order on another revision.
const STALE: &str = NotTaken::Stale { seen: 0, is: 0 }.rule();

fn accepted(edge: &Shared, it: &lane::Accepted) -> Response {
    let event = |(id, ty): &(domain::EventId, _)| json!({ "id": id, "type": ty });
    let body = json!({
        "stream": it.stream,
        "id": it.stream.id(),
        "version": it.version,
        "position": position::token(&edge.topics, &[(it.position.lane, it.position.seq)]),
        "events": it.events.iter().map(event).collect::<Vec<_>>(),
    });
    let mut response = serve::json(StatusCode::OK, body.to_string().into_bytes());
    response.headers_mut().insert(header::ETAG, etag(it.version));
    if it.replayed {
        let yes = axum::http::HeaderValue::from_static("true");
        response.headers_mut().insert("idempotent-replayed", yes);
    }
    response
}
