//! The routes of sagas as data. Not their handlers.

use std::sync::Arc;

use axum::http::Method;
use domain::Describe;
use orchestrator::filter::Key;
use orchestrator::{SagaRow, Verb};
use projector::Table;
use serde_json::{Value, json};

use super::act::{self, Verbs};
use super::{SagaDesk, list, one, show};
use crate::auth::Access;
use crate::codes;
use crate::edge::Mounts;
use crate::history;
use crate::measure::Durations;
use crate::operation::{Operation, Place};
use crate::query::{LIMIT, LIMIT_MAX};

const TAG: &str = "sagas";
const JSON: &str = "application/json";
const ETAG: &[(&str, &str)] = &[("ETag", "The revision, as `\"17\"`; send it as If-Match")];
const STREAM: &str =
    "The stream, as `publish_post-0190e2a4-0000-7000-8000-000000000001`, or the saga's id alone";

fn text() -> Value {
    json!({ "type": "string" })
}

/// Mounts `/api/sagas...`.
pub(crate) fn mount(mounts: &mut Mounts, desk: &Arc<dyn SagaDesk>) {
    list(mounts);
    let operation = Operation::get(
        "/api/sagas/types",
        "list_saga_types",
        "The types of sagas, with their plans",
    )
    .tag(TAG)
    .access(Access::Read)
    .gives(200, "Every type", JSON, json!({ "type": "object" }), &[]);
    let of = Arc::clone(desk);
    mounts.mount(operation, move |_, _, request| {
        std::future::ready(show::types(of.types(), &request))
    });
    let operation = Operation::get("/api/sagas/{id}", "get_saga", "One saga, from its stream")
        .about("`why` says why it is where it is; `ledger` what is still out there; `steps` what is known of each; `actions` what an operator can do now, and why not.")
        .tag(TAG)
        .access(Access::Read)
        .param(Place::Path, "id", STREAM, text())
        .gives(200, "All that is known of it", JSON, json!({ "type": "object" }), ETAG)
        .fails(&[codes::NOT_FOUND, codes::BAD_PARAMETER, codes::HISTORY_UNAVAILABLE]);
    let of = Arc::clone(desk);
    mounts.mount(operation, move |edge, asked, request| {
        one::saga(edge, Arc::clone(&of), asked, request)
    });
    let operation =
        Operation::get("/api/sagas/{id}/events", "list_saga_events", "The events of a saga");
    let operation = history::listed(operation.tag(TAG), STREAM);
    let of = Arc::clone(desk);
    mounts.mount(operation, move |edge, asked, request| {
        one::events(edge, Arc::clone(&of), asked, request)
    });
    for verb in Verb::ALL {
        action(mounts, desk, *verb);
    }
}

fn list(mounts: &mut Mounts) {
    let page = json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": show::row_schema() },
            "next_cursor": { "type": ["string", "null"], "description": "Send it as `after`" },
            "groups": { "type": "array", "description": "Instead of `items` with `group:`", "items": { "type": "object" } },
        },
    });
    let keys: Vec<_> = Key::ALL.iter().map(|key| format!("{key}: {}", key.help())).collect();
    let filter = format!(
        "What to list, as `state:parked type:publish-* age>2h error~\"timeout\" -tenant:demo sort:-risk`; all terms hold. {}. `group:error` counts instead of listing.",
        keys.join("; ")
    );
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT });
    let wait = json!({ "type": "string", "example": "wait=5" });
    let operation = Operation::get("/api/sagas", "list_sagas", "Sagas that pass a filter")
        .about("With `Accept: text/event-stream`: an event `saga` with the row whenever one that passes has changed; resume with `Last-Event-ID`.")
        .tag(TAG)
        .access(Access::Read)
        .param(Place::Query, "filter", &filter, text())
        .param(Place::Query, "limit", "Most rows or groups", limit)
        .param(Place::Query, "after", "The `next_cursor` of the page before", text())
        .param(Place::Query, "min_position", "A `position` of an action: the answer holds it, or is 503", text())
        .param(Place::Header, "Prefer", "How many seconds to wait for `min_position`: 5, at most 30", wait)
        .gives(200, "A page of sagas, or groups of them", JSON, page, &[])
        .gives(200, "Changes, live", "text/event-stream", text(), &[])
        .fails(&[
            codes::BAD_POSITION,
            codes::BAD_CURSOR,
            codes::BAD_PARAMETER,
            codes::BAD_FILTER,
            codes::READ_MODEL_UNAVAILABLE,
            codes::NOT_YET,
            codes::TOO_MANY_LIVE,
        ]);
    let table = Arc::new(Table::of::<SagaRow>());
    mounts.mount(operation, move |edge, asked, request| {
        list::sagas(edge, Arc::clone(&table), asked, request)
    });
}

/// What an action does, for the document.
const fn summary(verb: Verb) -> &'static str {
    match verb {
        Verb::Retry => "Ask again what is parked, or waits for its next attempt",
        Verb::Resolve => "Say what became of a step in doubt",
        Verb::Skip => "Go on as if a parked step were done, or taken back",
        Verb::Undo => "Take everything back",
        Verb::Hold => "Stop it until it is released",
        Verb::Release => "Let it go on",
    }
}

fn action(mounts: &mut Mounts, desk: &Arc<dyn SagaDesk>, verb: Verb) {
    let path = format!("/api/sagas/{{id}}/{verb}");
    let id = format!("{verb}_saga");
    let key = json!({ "type": "string", "maxLength": 255 });
    let mut operation = Operation::get(path, id, summary(verb))
        .about("The revision that was seen stands in the body or in If-Match; when something has happened since, the answer is 412 and `changed` says what. With `dry_run` nothing is done: the answer tells the events it would append, what would be asked of whom, and where the saga would then stand.")
        .tag(TAG)
        .access(Access::Operate)
        .param(Place::Path, "id", STREAM, text())
        .param(Place::Header, "Idempotency-Key", "A retry with the same key gets the first answer", key)
        .param(Place::Header, "If-Match", "The revision that was seen, as in an ETag", text())
        .gives(200, "It is durable; with `dry_run`, what would be", JSON, json!({ "type": "object" }), ETAG)
        .fails(&[
            codes::MALFORMED_JSON,
            codes::BAD_IDEMPOTENCY_KEY,
            codes::BAD_PRECONDITION,
            codes::BAD_PARAMETER,
            codes::NOT_FOUND,
            codes::REQUEST_TIMEOUT,
            codes::REFUSED,
            codes::STILL_RUNNING,
            codes::WRONG_VERSION,
            codes::BODY_TOO_LARGE,
            codes::UNSUPPORTED_MEDIA_TYPE,
            codes::INVALID_REQUEST,
            codes::KEY_REUSED,
            codes::LANE_OVERLOADED,
            codes::HISTORY_UNAVAILABLE,
            codes::LANE_UNAVAILABLE,
            codes::OUTCOME_UNKNOWN,
        ]);
    operation.method = Method::POST;
    operation.body = Some(act::Body::shape());
    let durations = Durations::default();
    let of = Arc::new(Verbs { verb, desk: Arc::clone(desk), durations });
    mounts.mount(operation, move |edge, asked, request| {
        act::act(edge, Arc::clone(&of), asked, request)
    });
}
