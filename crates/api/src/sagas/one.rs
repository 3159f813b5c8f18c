//! One saga, read from its stream as it is now. Not lists.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use domain::saga::SagaId;
use domain::{StreamId, TenantId};
use uuid::Uuid;

use super::{SagaDesk, SagaSeen, show};
use crate::asked::Asked;
use crate::codes;
use crate::command::etag;
use crate::history;
use crate::parts::{Shared, now};
use crate::problem::{Answered, Problem};
use crate::query::{not_modified, params};
use crate::serve;

/// Finds a saga by a segment of a path: its stream, or its id alone.
pub(crate) async fn find(
    desk: &dyn SagaDesk,
    segment: &str,
    tenant: &TenantId,
) -> Result<(StreamId, SagaSeen), Problem> {
    let streams = match (segment.parse::<StreamId>(), Uuid::try_parse(segment)) {
        (Ok(stream), _) => vec![stream],
        (_, Ok(id)) => desk.types().all().map(|ty| ty.stream(SagaId(id))).collect(),
        _ => vec![],
    };
    let mut found: Vec<(StreamId, SagaSeen)> = Vec::new();
    for stream in streams {
        if desk.types().of(stream.category()).is_none() {
            continue;
        }
        let seen = desk.saga(&stream, tenant).await.map_err(|error| {
            tracing::error!(%stream, %error, "a saga could not be read");
            Problem::new(codes::HISTORY_UNAVAILABLE, "the log cannot be read now").retry_after(2)
        })?;
        found.extend(seen.map(|seen| (stream, seen)));
    }
    // Sagas of several types may share a number.
    if found.len() > 1 {
        let streams: Vec<_> = found.iter().map(|(stream, _)| stream.to_string()).collect();
        let detail = format!("the id alone is that of {}; name one of them", streams.join(" and "));
        return Err(Problem::new(codes::NOT_FOUND, detail));
    }
    found.pop().ok_or_else(|| Problem::new(codes::NOT_FOUND, "there is no such saga"))
}

/// The segment of a path that names the saga, so many before the end.
pub(crate) fn segment(path: &str, from_end: usize) -> &str {
    path.rsplit('/').nth(from_end).unwrap_or_default()
}

/// All that is known of a saga.
pub(crate) async fn saga(
    edge: Arc<Shared>,
    desk: Arc<dyn SagaDesk>,
    asked: Asked,
    request: Request,
) -> Answered {
    if let Some((name, _)) = params::pairs(request.uri().query())?.first() {
        return Err(params::wrong(name, "is unknown here; there are none"));
    }
    let tenant = &asked.principal.tenant;
    let (stream, seen) = find(&*desk, segment(request.uri().path(), 0), tenant).await?;
    let etag = etag(seen.is.revision);
    if let Some(known) = not_modified(request.headers(), &etag) {
        return Ok(known);
    }
    let body = show::saga(&edge.topics, desk.types(), &stream, &seen, now());
    let mut response = serve::json(StatusCode::OK, body.to_string().into_bytes());
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// The events of a saga.
pub(crate) async fn events(
    edge: Arc<Shared>,
    desk: Arc<dyn SagaDesk>,
    asked: Asked,
    request: Request,
) -> Answered {
    let path = request.uri().path();
    let (stream, _) = find(&*desk, segment(path, 1), &asked.principal.tenant).await?;
    history::of_stream(edge, stream, asked, request).await
}
