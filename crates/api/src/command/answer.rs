//! Answers of the command runtime as responses. Not the answers themselves.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::{EventId, Position, StreamId};
use lane::{Accepted, Answer, Refused};
use log::Verdict;
use serde::Serialize;
use uuid::Uuid;

use super::CommandRoute;
use crate::codes;
use crate::forward::elsewhere;
use crate::measure::Outcome;
use crate::parts::Shared;
use crate::position;
use crate::problem::Problem;
use crate::serve;

pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// An answer that is no problem, before it is a response or a member of a list.
pub(super) struct Done {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) replayed: bool,
    /// JSON.
    pub(super) body: Vec<u8>,
    version: u64,
}

impl Done {
    pub(super) fn response(self) -> Response {
        let mut response = serve::json(self.status, self.body);
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag(self.version));
        if self.replayed {
            headers.insert(REPLAYED, TRUE);
        }
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

/// What is told of an answer, and its name in the metrics.
pub(super) fn told(
    edge: &Shared,
    route: &CommandRoute,
    stream: &StreamId,
    keyed: bool,
    answer: Answer,
) -> (Result<Done, Problem>, Outcome) {
    match answer {
        Answer::Accepted(it) => {
            let outcome = if it.replayed { Outcome::Replayed } else { Outcome::Accepted };
            (Ok(accepted(edge, route, &it)), outcome)
        }
        Answer::Refused(it) if it.verdict == Verdict::Nothing => {
            (Ok(accepted(edge, route, &nothing(it))), Outcome::Nothing)
        }
        other => {
            let (problem, outcome) = not_done(edge, stream, keyed, other);
            (Err(problem), outcome)
        }
    }
}

/// The problem of an answer that is no acceptance, and its name in the metrics.
pub(crate) fn not_done(
    edge: &Shared,
    stream: &StreamId,
    keyed: bool,
    answer: Answer,
) -> (Problem, Outcome) {
    match answer {
        Answer::Accepted(_) => {
            let detail = "an acceptance was taken for a problem";
            (Problem::new(codes::INTERNAL, detail), Outcome::Accepted)
        }
        Answer::Refused(it) => {
            let wrong = it.verdict == Verdict::WrongVersion;
            let outcome = if wrong { Outcome::WrongVersion } else { Outcome::Refused };
            (refused(edge, it), outcome)
        }
        Answer::KeyReused => {
            let detail = "the Idempotency-Key was used for a request with another body or If-Match; draw a new one";
            (Problem::new(codes::KEY_REUSED, detail), Outcome::KeyReused)
        }
        Answer::StillRunning => {
            let detail = "the first call with this Idempotency-Key is still running; ask again";
            (Problem::new(codes::STILL_RUNNING, detail).retry_after(1), Outcome::StillRunning)
        }
        Answer::Overloaded { retry_after_ms } => {
            let detail = "too many commands are waiting; this one had no effect";
            let after = retry_after_ms.div_ceil(1_000).max(1);
            let problem = Problem::new(codes::LANE_OVERLOADED, detail).retry_after(after);
            (problem, Outcome::Overloaded)
        }
        Answer::Unavailable { why } => {
            tracing::warn!(%stream, why, "no owner serves the lane");
            let detail = "no node serves this stream now; the command had no effect";
            (Problem::new(codes::LANE_UNAVAILABLE, detail).retry_after(1), Outcome::Unavailable)
        }
        Answer::Elsewhere { url } => (elsewhere(&url), Outcome::Elsewhere),
        Answer::Unknown { why } => {
            tracing::warn!(%stream, why, "outcome of a command is unknown");
            (unknown(stream, keyed), Outcome::Unknown)
        }
    }
}

fn unknown(stream: &StreamId, keyed: bool) -> Problem {
    let detail = if keyed {
        "it may have happened; ask again with the same key to hear what became of it"
    } else {
        "it may have happened; read the stream to see, and send an Idempotency-Key the next time"
    };
    let problem = Problem::new(codes::OUTCOME_UNKNOWN, detail).retry_after(1);
    problem.with("stream", stream.to_string())
}

/// Nothing to do reads like an acceptance without events.
fn nothing(it: Refused) -> Accepted {
    let Refused { stream, version, position, replayed, .. } = it;
    Accepted { stream, version, position, events: Vec::new(), replayed }
}

#[derive(Serialize)]
struct Body<'a> {
    stream: &'a StreamId,
    id: Uuid,
    version: u64,
    position: String,
    events: Vec<EventRef<'a>>,
}

#[derive(Serialize)]
struct EventRef<'a> {
    id: EventId,
    #[serde(rename = "type")]
    ty: &'a str,
}

fn accepted(edge: &Shared, route: &CommandRoute, it: &Accepted) -> Done {
    let (creates, id) = (route.route.creates(), it.stream.id());
    let body = Body {
        stream: &it.stream,
        id,
        version: it.version,
        position: token(edge, it.position),
        events: it.events.iter().map(|(id, ty)| EventRef { id: *id, ty }).collect(),
    };
    // Text and numbers are always JSON.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let new = creates && !it.events.is_empty();
    let location = route.location.as_ref().filter(|_| creates);
    Done {
        status: if new { StatusCode::CREATED } else { StatusCode::OK },
        location: location.map(|it| it.replace("{id}", &id.to_string())),
        replayed: it.replayed,
        body,
        version: it.version,
    }
}

fn refused(edge: &Shared, it: Refused) -> Problem {
    let position = token(edge, it.position);
    let problem = match it.verdict {
        Verdict::WrongVersion => {
            let detail = format!(
                "{} is at version {}; read it again and decide anew",
                it.stream, it.version
            );
            Problem::new(codes::WRONG_VERSION, detail)
        }
        verdict => {
            let status = match verdict {
                Verdict::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                Verdict::Absent => StatusCode::NOT_FOUND,
                _ => StatusCode::CONFLICT,
            };
            Problem::new(codes::REFUSED, it.detail).named(it.rule, status)
        }
    };
    let mut problem = problem
        .with("stream", it.stream.to_string())
        .with("version", it.version)
        .with("position", position);
    if it.verdict != Verdict::Absent {
        problem = problem.header(header::ETAG, etag(it.version));
    }
    if it.replayed { problem.header(REPLAYED, TRUE) } else { problem }
}

fn token(edge: &Shared, at: Position) -> String {
    position::token(&edge.topics, &[(at.lane, at.seq)])
}

/// The `ETag` of a version.
pub(crate) fn etag(version: u64) -> HeaderValue {
    // Digits and quotes are a header value.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}
