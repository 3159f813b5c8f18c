//! The events of a stream: a list with pages, or live. Not their reading, which is the log's.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use domain::{LaneId, StreamId, TenantId};
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::auth::Access;
use crate::codes;
use crate::edge::Mounts;
use crate::feed::{self, Feed, Gone};
use crate::operation::{Operation, Place};
use crate::parts::{Shared, accepts};
use crate::ports::PastEvent;
use crate::position;
use crate::problem::{Answered, Problem};
use crate::query::params;
use crate::serve;

/// Events read at once for a live reader.
const BATCH_EVENTS: usize = 100;

/// Mounts `/api/streams/{id}/events`.
pub(crate) fn mount(mounts: &mut Mounts) {
    let operation =
        Operation::get("/api/streams/{id}/events", "list_stream_events", "The events of a stream")
            .tag("streams");
    let about = "The stream, as `post-0190e2a4-0000-7000-8000-000000000001`";
    mounts.mount(listed(operation, about), events);
}

/// The data of a route that lists the events of a stream.
pub(crate) fn listed(operation: Operation, stream: &str) -> Operation {
    let text = json!({ "type": "string" });
    let items = json!({ "$ref": "#/components/schemas/EventPage" });
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 });
    operation
        .about("With `Accept: text/event-stream` live: `id` is a position, `event` the type, `data` the event; resume with `Last-Event-ID`. A comment every 15 s is a sign of life.")
        .access(Access::Read)
        .param(Place::Path, "id", stream, text.clone())
        .param(Place::Query, "limit", "Most events", limit)
        .param(Place::Query, "after", "A `position`: only what came later", text.clone())
        .param(Place::Header, "Last-Event-ID", "Live: the `id` of the last event seen", text.clone())
        .gives(200, "A page of events, oldest first", "application/json", items, &[])
        .gives(200, "Events, live", "text/event-stream", text, &[])
        .fails(&[codes::BAD_POSITION, codes::BAD_PARAMETER, codes::NOT_FOUND, codes::HISTORY_UNAVAILABLE, codes::TOO_MANY_LIVE])
}

async fn events(edge: Arc<Shared>, asked: Asked, request: Request) -> Answered {
    let path = request.uri().path();
    let named = path.rsplit('/').nth(1).unwrap_or_default().parse::<StreamId>().ok();
    let unknown = || Problem::new(codes::NOT_FOUND, "there is no such stream");
    of_stream(edge, named.ok_or_else(unknown)?, asked, request).await
}

/// The events of one stream, as a list or live.
pub(crate) async fn of_stream(
    edge: Arc<Shared>,
    stream: StreamId,
    asked: Asked,
    request: Request,
) -> Answered {
    let (parts, _) = request.into_parts();
    let (mut limit, mut after) = (usize::from(crate::query::LIMIT), None);
    for (name, value) in params::pairs(parts.uri.query())? {
        match &*name {
            "limit" => limit = usize::from(params::limit(&value)?),
            "after" => after = Some(value.into_owned()),
            name => return Err(params::wrong(name, "is unknown here; known: limit, after")),
        }
    }
    let unknown = || Problem::new(codes::NOT_FOUND, "there is no such stream");
    let lane = edge.history.lane_of(&stream).ok_or_else(unknown)?;
    let live = accepts(&parts.headers, "text/event-stream");
    if live && let Some(id) = feed::last_event_id(&parts.headers) {
        after = Some(id);
    }
    let after = after.map(|token| seq_in(&edge, lane, &token)).transpose()?.unwrap_or_default();
    let tenant = asked.principal.tenant.clone();
    let page =
        read(&edge, &stream, &tenant, after, if live { BATCH_EVENTS } else { limit + 1 }).await?;
    if page.is_empty() && after == 0 {
        return Err(unknown());
    }
    if live {
        return feed::open(&edge, move |edge, feed| {
            follow(edge, feed, (stream, lane, tenant), page, after)
        });
    }
    let more = page.len() > limit;
    let page = &page[..page.len().min(limit)];
    let next = page.last().filter(|_| more).map(|event| token(&edge, event));
    let items: Vec<_> = page.iter().map(|event| item(&edge, event)).collect();
    let body = json!({ "items": items, "next_cursor": next });
    Ok(serve::json(StatusCode::OK, body.to_string().into_bytes()))
}

async fn read(
    edge: &Shared,
    stream: &StreamId,
    tenant: &TenantId,
    after: u64,
    limit: usize,
) -> Result<Vec<PastEvent>, Problem> {
    edge.history.events(stream, tenant, after, limit).await.map_err(|error| {
        tracing::error!(%stream, %error, "the history could not be read");
        Problem::new(codes::HISTORY_UNAVAILABLE, "the log cannot be read now").retry_after(2)
    })
}

async fn follow(
    edge: Arc<Shared>,
    mut feed: Feed,
    (stream, lane, tenant): (StreamId, LaneId, TenantId),
    mut page: Vec<PastEvent>,
    mut after: u64,
) -> Result<(), Gone> {
    let mut growth = edge.history.growth(lane);
    loop {
        for event in &page {
            feed.event(&token(&edge, event), &event.event_type, &item(&edge, event)).await?;
            after = event.meta.position.seq;
        }
        // Before reading: what comes later changes it again.
        growth.mark_unchanged();
        page = read(&edge, &stream, &tenant, after, BATCH_EVENTS).await.map_err(|_| Gone)?;
        if page.is_empty() {
            // The hook of a log that has gone never fires again.
            feed.until(growth.changed()).await?.map_err(|_| Gone)?;
        }
    }
}

/// The seq that a token names in this lane; lanes it does not name are unread.
fn seq_in(edge: &Shared, lane: LaneId, token: &str) -> Result<u64, Problem> {
    let positions = position::parse(&edge.topics, token)?;
    Ok(positions.into_iter().find(|(at, _)| *at == lane).map_or(0, |(_, seq)| seq))
}

fn token(edge: &Shared, event: &PastEvent) -> String {
    let at = event.meta.position;
    position::token(&edge.topics, &[(at.lane, at.seq)])
}

fn item(edge: &Shared, event: &PastEvent) -> Value {
    let meta = &event.meta;
    json!({
        "id": meta.id,
        "type": event.event_type,
        "stream": meta.stream,
        "version": meta.version,
        "position": token(edge, event),
        "lane": edge.topics.lane_name(meta.position.lane),
        "seq": meta.position.seq,
        "recorded_at": meta.recorded_at,
        "actor": meta.actor,
        "correlation_id": meta.correlation,
        "causation_id": meta.causation,
        "trace_id": meta.trace.map(|it| format!("{:032x}", u128::from_be_bytes(it.trace_id))),
        "data": event.data,
    })
}
