//! Many commands in one request: each has its own key and gets its own answer, as if it had been asked
//! alone. Not a transaction: what one of them comes to changes nothing for the others.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use domain::{Property, Shape};
use futures_util::future::join_all;
use lane::{Answer, Submit};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{Done, REPLAYED};
use super::handle::{self, Asking};
use super::{CommandRoute, IDEMPOTENCY_KEY, body, conditions};
use crate::asked::Asked;
use crate::auth::Access;
use crate::codes;
use crate::edge::Mounts;
use crate::forward;
use crate::operation::Operation;
use crate::parts::Shared;
use crate::problem::{Answered, Problem};
use crate::serve;

/// Most commands of a batch: what one request may hold of the 16,384 places of the command runtime.
pub(crate) const COMMANDS_MAX: usize = 256;
/// Most bytes of one answer that another node gave; ours are far below.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The body of the request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    commands: Vec<Object<Item>>,
}

/// One command of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    #[serde(default)]
    method: Verb,
    path: String,
    idempotency_key: String,
    expected_version: Option<u64>,
    body: Option<Box<RawValue>>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    #[default]
    Post,
    Put,
    Delete,
}

impl From<domain::Method> for Verb {
    fn from(method: domain::Method) -> Self {
        match method {
            domain::Method::Post => Self::Post,
            domain::Method::Put => Self::Put,
            domain::Method::Delete => Self::Delete,
        }
    }
}

/// A value that stands as a JSON object: serde alone would take a list for it, in the order of the fields.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        from.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// Mounts `POST /api/batch`; after the routes that its commands name.
pub(crate) fn mount(mounts: &mut Mounts) {
    let routes: Arc<[Arc<CommandRoute>]> = mounts.commands.clone().into();
    mounts.mount(operation(), move |edge, asked, request| {
        let routes = Arc::clone(&routes);
        async move { handle(edge, &routes, asked, request).await }
    });
}

async fn handle(
    edge: Arc<Shared>,
    routes: &[Arc<CommandRoute>],
    asked: Asked,
    request: Request,
) -> Answered {
    let (parts, content) = request.into_parts();
    handle::no_query(&parts.uri)?;
    if parts.headers.contains_key(IDEMPOTENCY_KEY) {
        let detail = "a batch has no key of its own: each of its commands has one";
        return Err(Problem::new(codes::BAD_IDEMPOTENCY_KEY, detail));
    }
    let json = handle::arrived(&edge, &parts.headers, content).await?;
    let Object(batch) = body::strict::<Object<Batch>>(&json)?;
    let count = batch.commands.len();
    if !(1..=COMMANDS_MAX).contains(&count) {
        let detail = format!("1 to {COMMANDS_MAX} commands");
        let code = if count == 0 { "too_few" } else { "too_many" };
        return Err(body::invalid("/commands", code, &detail));
    }
    let started = Instant::now();
    let mut submits = Vec::with_capacity(count);
    let prepared: Vec<_> = batch
        .commands
        .iter()
        .map(|Object(item)| {
            let route = find(routes, item.method, &item.path)?;
            let submit = item.prepare(&edge, route, &asked);
            let submit = submit.map_err(|problem| route.invalid(problem, started))?;
            let stream = submit.stream.clone();
            submits.push(submit);
            Ok((route, stream))
        })
        .collect();
    let mut answers = edge.commands.submit_all(submits, edge.options.deadline).await.into_iter();
    let told = batch.commands.iter().zip(prepared).map(|(Object(item), prepared)| {
        let told = prepared.and_then(|(route, stream)| match answers.next().flatten() {
            Some(Answer::Elsewhere { .. }) if edge.forward.is_some() => Ok(Told::Elsewhere(route)),
            answer => route.told(&edge, &stream, true, answer, started).map(Told::Done),
        });
        let problem = |problem: Problem| problem.answer(&item.path, &asked.tracing.id());
        (item, told.unwrap_or_else(|it| Told::Answer(problem(it))))
    });
    let told: Vec<_> = told.collect();
    // Those of other nodes are asked there all at once.
    let mut others = join_all(told.iter().filter_map(|(item, told)| match told {
        Told::Elsewhere(route) => Some(elsewhere(&edge, route, &asked, item)),
        _ => None,
    }))
    .await
    .into_iter();
    let mut out = Vec::with_capacity(count * 384);
    out.extend_from_slice(b"{\"answers\":[");
    for (at, (_, told)) in told.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let member = match told {
            Told::Done(done) => Member::from(done),
            Told::Answer(answer) => Member::of(answer).await,
            Told::Elsewhere(_) => others.next().expect("each of them was asked there"),
        };
        member.write(&mut out);
    }
    out.extend_from_slice(b"]}");
    Ok(serve::json(StatusCode::OK, out))
}

/// What became of a command of the batch at this node.
enum Told<'a> {
    Done(Done),
    Answer(Response),
    /// Another node serves its lane.
    Elsewhere(&'a Arc<CommandRoute>),
}

/// One command that another node serves, asked there as a request of its own.
async fn elsewhere(
    edge: &Arc<Shared>,
    route: &Arc<CommandRoute>,
    asked: &Asked,
    item: &Item,
) -> Member {
    let request = item.request(asked);
    let path = request.uri().path().to_owned();
    let once = |edge: Arc<Shared>, asked: Asked, _: Request| async move {
        let started = Instant::now();
        handle::answered(&edge, route, item.prepare(&edge, route, &asked), started).await
    };
    let answered = forward::around(Arc::clone(edge), asked.clone(), request, once).await;
    let answer = answered.unwrap_or_else(|it| it.answer(&path, &asked.tracing.id()));
    Member::of(answer).await
}

impl Item {
    fn prepare(
        &self,
        edge: &Shared,
        route: &CommandRoute,
        asked: &Asked,
    ) -> Result<Submit, Problem> {
        let key = conditions::key(&self.idempotency_key).map_err(|problem| {
            let detail = "1 to 255 visible ASCII characters";
            problem.at("/idempotency_key", "wrong", detail)
        })?;
        let json = self.body.as_ref().map_or("{}", |body| body.get());
        let (path, expected) = (self.path.as_str(), self.expected_version);
        // A command with a key needs no drawn id.
        let (key, json, drawn) = (Some(key.as_str()), json.as_bytes(), None);
        handle::submit_of(edge, route, asked, &Asking { path, key, expected, json, drawn })
    }

    /// The same command as a request of its own, for another node.
    fn request(&self, asked: &Asked) -> Request {
        let json = self.body.as_ref().map_or("{}", |body| body.get());
        let mut request = Request::new(Body::from(json.to_owned()));
        *request.method_mut() = match self.method {
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Delete => Method::DELETE,
        };
        // A path that a route was found for is one; a key that is no header is refused here as well.
        *request.uri_mut() = self.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(key) = HeaderValue::from_str(&self.idempotency_key) {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        match self.expected_version {
            None => {}
            Some(0) => drop(headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"))),
            Some(version) => drop(headers.insert(header::IF_MATCH, super::etag(version))),
        }
        if let Some(trace) = asked.tracing.header().filter(|_| asked.tracing.given) {
            headers.insert("traceparent", trace);
        }
        request
    }
}

/// The command route that a method and a path mean.
fn find<'a>(
    routes: &'a [Arc<CommandRoute>],
    method: Verb,
    path: &str,
) -> Result<&'a Arc<CommandRoute>, Problem> {
    let nowhere = || {
        let detail = "no command stands under this method and path; /api/openapi.json lists them";
        Problem::new(codes::NO_SUCH_ROUTE, detail)
    };
    let path = path.strip_prefix("/api/").ok_or_else(nowhere)?;
    let path = path.strip_prefix("v1/").unwrap_or(path);
    let fits = |route: &CommandRoute| {
        let Some(rest) = path.strip_prefix(route.context) else { return false };
        let (mut wanted, mut given) = (route.route.path.split('/'), rest.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some("{id}"), Some(id)) if !id.is_empty() => {}
                (Some(wanted), Some(given)) if wanted == given => {}
                _ => return false,
            }
        }
    };
    let found = routes.iter().find(|it| Verb::from(it.route.method) == method && fits(it));
    found.ok_or_else(nowhere)
}

/// An answer as a member of the list.
struct Member {
    status: StatusCode,
    location: Option<String>,
    replayed: bool,
    retry_after_s: Option<u64>,
    body: Bytes,
}

impl From<Done> for Member {
    fn from(Done { status, location, replayed, body, .. }: Done) -> Self {
        Self { status, location, replayed, retry_after_s: None, body: body.into() }
    }
}

impl Member {
    async fn of(answer: Response) -> Self {
        let (parts, body) = answer.into_parts();
        let text = |name| parts.headers.get(name).and_then(|it: &HeaderValue| it.to_str().ok());
        Self {
            status: parts.status,
            location: text(header::LOCATION).map(str::to_owned),
            replayed: parts.headers.contains_key(REPLAYED),
            retry_after_s: text(header::RETRY_AFTER).and_then(|it| it.parse().ok()),
            // Ours are in memory; another node's may break off.
            body: to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"status\":");
        out.extend_from_slice(self.status.as_str().as_bytes());
        if let Some(location) = &self.location {
            out.extend_from_slice(b",\"location\":");
            out.extend_from_slice(json!(location).to_string().as_bytes());
        }
        if self.replayed {
            out.extend_from_slice(b",\"replayed\":true");
        }
        if let Some(seconds) = self.retry_after_s {
            out.extend_from_slice(b",\"retry_after_s\":");
            out.extend_from_slice(seconds.to_string().as_bytes());
        }
        out.extend_from_slice(b",\"body\":");
        out.extend_from_slice(if self.body.is_empty() { b"null" } else { &self.body });
        out.push(b'}');
    }
}

fn shape() -> Shape {
    let text = |max_chars| Shape::Text { format: None, max_chars };
    let field = |name, doc, required, shape| Property { name, doc, required, shape };
    let command = Shape::Object {
        name: "BatchCommand",
        doc: "One command, as it would be asked alone",
        properties: vec![
            field("method", "`POST` when left out", false, Shape::Word(&["POST", "PUT", "DELETE"])),
            field("path", "The path of the command, as `/api/content/posts`", true, text(None)),
            field(
                "idempotency_key",
                "1 to 255 visible characters: asked again, alone or in a batch, it gets the first answer",
                true,
                text(Some(255)),
            ),
            field(
                "expected_version",
                "The version it must have; 0: it must not exist",
                false,
                Shape::Integer { min: Some(0) },
            ),
            field("body", "The body of the command; `{}` when left out", false, Shape::Json),
        ],
    };
    let list = Shape::List { of: Box::new(command), max_items: Some(COMMANDS_MAX) };
    Shape::Object {
        name: "Batch",
        doc: "Commands, each for itself",
        properties: vec![field("commands", "In any order; one at least", true, list)],
    }
}

fn operation() -> Operation {
    let mut it = Operation::get("/api/batch", "batch_commands", "Many commands in one request")
        .about(
            "Each command is taken as if it had been asked alone, under its own key; the answers stand \
             in the order of the commands. It is no transaction, and no order is promised among the \
             commands of one batch: what builds on another command goes into a later one. A batch \
             whose answer was lost is sent again as it is. When the request itself cannot be read, \
             none of its commands was taken.",
        )
        .access(Access::Command)
        .gives(
            200,
            "Every command has its answer, good or bad",
            "application/json",
            json!({ "$ref": "#/components/schemas/BatchAnswers" }),
            &[],
        )
        .fails(&[
            codes::MALFORMED_JSON,
            codes::BAD_IDEMPOTENCY_KEY,
            codes::BAD_PARAMETER,
            codes::REQUEST_TIMEOUT,
            codes::BODY_TOO_LARGE,
            codes::UNSUPPORTED_MEDIA_TYPE,
            codes::INVALID_REQUEST,
        ]);
    it.method = Method::POST;
    it.body = Some(shape());
    it
}
