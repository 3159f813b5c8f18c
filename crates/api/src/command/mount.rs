//! The visitor that mounts the command routes of a context. Not the router.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::http::Method as HttpMethod;
use domain::context::Aggregates;
use domain::{Aggregate, EventSet, Method, Request, Route, Routes};
use serde_json::json;

use super::{CommandRoute, body, handle};
use crate::auth::Access;
use crate::codes;
use crate::edge::Mounts;
use crate::measure::Durations;
use crate::operation::{Operation, Place};

/// Visits aggregates.
pub(crate) struct Commands<'a> {
    pub(crate) mounts: &'a mut Mounts,
    pub(crate) context: &'static str,
}

struct RoutesOf<'a, A> {
    mounts: &'a mut Mounts,
    context: &'static str,
    of: PhantomData<A>,
}

impl Aggregates for Commands<'_> {
    fn aggregate<A: Aggregate>(&mut self) {
        let (mounts, context) = (&mut *self.mounts, self.context);
        A::routes(&mut RoutesOf::<A> { mounts, context, of: PhantomData });
    }
}

impl<A: Aggregate> Routes<A> for RoutesOf<'_, A> {
    fn command<R: Request<A>>(&mut self, route: Route) {
        let from_end = route.path.rsplit('/').position(|segment| segment == "{id}");
        let it = CommandRoute {
            context: self.context,
            category: A::CATEGORY,
            route,
            decode: body::decode::<A, R>,
            only_one: if route.creates() { |_| None } else { A::only_one },
            id_from_end: from_end,
            location: self.mounts.location(self.context, A::Event::TYPES),
            durations: Durations::default(),
        };
        let mut operation = operation(self.context, &route);
        operation.body = Some(R::shape());
        let it = Arc::new(it);
        self.mounts.commands.push(Arc::clone(&it));
        self.mounts.mount(operation, move |edge, asked, request| {
            handle::handle(edge, Arc::clone(&it), asked, request)
        });
    }
}

fn operation(context: &'static str, route: &Route) -> Operation {
    let path = format!("/api/{context}{}", route.path);
    let mut it = Operation::get(path, route.name, route.summary).tag(context);
    it.method = match route.method {
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Delete => HttpMethod::DELETE,
    };
    it = it.access(Access::Command);
    if route.path.contains("{id}") {
        let id = json!({ "type": "string", "format": "uuid" });
        it = it.param(Place::Path, "id", "Which one", id).fails(&[codes::NOT_FOUND]);
    }
    it = it
        .param(
            Place::Header,
            "Idempotency-Key",
            "1 to 255 visible characters, with or without quotes: a retry with the same key gets the first answer",
            json!({ "type": "string", "maxLength": 255, "example": "0190e2a4-7d1b-7cc2-9f0e-5a9b1c2d3e4f" }),
        )
        .param(
            Place::Header,
            "If-Match",
            "The version it must have, as in an ETag",
            json!({ "type": "string", "example": "\"17\"" }),
        )
        .param(Place::Header, "If-None-Match", "`*`: it must not exist", json!({ "const": "*" }));
    let answer = json!({ "$ref": "#/components/schemas/Accepted" });
    let media = "application/json";
    if route.creates() {
        it = it.gives(201, "It is durable", media, answer.clone(), CREATED_HEADERS);
    }
    it = it.gives(
        200,
        if route.creates() {
            "The fact already stood: no events"
        } else {
            "It is durable; no events when the fact already stood"
        },
        media,
        answer,
        HEADERS,
    );
    it.fails(&[
        codes::MALFORMED_JSON,
        codes::BAD_IDEMPOTENCY_KEY,
        codes::BAD_PRECONDITION,
        codes::BAD_PARAMETER,
        codes::REQUEST_TIMEOUT,
        codes::REFUSED,
        codes::STILL_RUNNING,
        codes::WRONG_VERSION,
        codes::BODY_TOO_LARGE,
        codes::UNSUPPORTED_MEDIA_TYPE,
        codes::INVALID_REQUEST,
        codes::KEY_REUSED,
        codes::LANE_OVERLOADED,
        codes::LANE_UNAVAILABLE,
        codes::OUTCOME_UNKNOWN,
    ])
}

const HEADERS: &[(&str, &str)] = &[
    ("ETag", "The version, as `\"17\"`"),
    ("Idempotent-Replayed", "`true` when this is the answer of an earlier call with the same key"),
];
const CREATED_HEADERS: &[(&str, &str)] =
    &[HEADERS[0], HEADERS[1], ("Location", "Where the new thing is read")];
