//! Handlers of queries. Not of live lists.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use projector::Table;
use serde_json::json;

use super::{ListRoute, conditions, cursor, params};
use crate::asked::Asked;
use crate::codes;
use crate::command::{etag, segment_id};
use crate::parts::Shared;
use crate::problem::{Answered, Problem};
use crate::serve;

/// Answers are the caller's own, and must be asked for again each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// One row by its key.
pub(crate) async fn one(
    edge: Arc<Shared>,
    table: Arc<Table>,
    from_end: usize,
    asked: Asked,
    request: Request,
) -> Answered {
    let (parts, _) = request.into_parts();
    let mut min_position = None;
    for (name, value) in params::pairs(parts.uri.query())? {
        match &*name {
            "min_position" => min_position = Some(value),
            name => return Err(params::wrong(name, "is unknown here; known: min_position")),
        }
    }
    let key = segment_id(parts.uri.path().rsplit('/').nth(from_end).unwrap_or_default())?;
    conditions::reach(&edge, table.projection, min_position.as_deref(), &parts.headers).await?;
    let found = edge.reads.one(&table, &asked.principal.tenant, key).await;
    let found = found.map_err(|error| conditions::read_problem(&edge, &error))?;
    let Some((row, version)) = found else {
        return Err(Problem::new(codes::NOT_FOUND, format!("there is nothing under {key}")));
    };
    let etag = etag(version);
    if let Some(known) = conditions::not_modified(&parts.headers, &etag) {
        return Ok(known);
    }
    // A row is JSON already.
    let body = serde_json::to_vec(&row).unwrap_or_default();
    Ok(with_etag(serve::json(StatusCode::OK, body), etag))
}

/// A page of rows.
pub(crate) async fn list(
    edge: Arc<Shared>,
    route: Arc<ListRoute>,
    asked: Asked,
    request: Request,
) -> Answered {
    let (parts, _) = request.into_parts();
    let asking = route.asking(&asked.principal.tenant, &parts.uri)?;
    let min_position = asking.min_position.as_deref();
    conditions::reach(&edge, route.table.projection, min_position, &parts.headers).await?;
    let page = edge.reads.list(&route.table, &asking.query).await;
    let page = page.map_err(|error| conditions::read_problem(&edge, &error))?;
    let next = page.next.and_then(|(value, key)| cursor::write(asking.question, &value, key));
    let body = json!({ "items": page.items, "next_cursor": next }).to_string().into_bytes();
    let etag = conditions::weak_etag(&body);
    if let Some(known) = conditions::not_modified(&parts.headers, &etag) {
        return Ok(known);
    }
    let mut response = with_etag(serve::json(StatusCode::OK, body), etag);
    if let Some(next) = next {
        let and = if asking.same.is_empty() { "" } else { "&" };
        let link = format!("<{}?{}{and}after={next}>; rel=\"next\"", parts.uri.path(), asking.same);
        if let Ok(link) = HeaderValue::try_from(link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// The same answer for everybody.
pub(crate) fn fixed(json: &'static str, etag: &HeaderValue, request: &Request) -> Answered {
    if let Some((name, _)) = params::pairs(request.uri().query())?.first() {
        return Err(params::wrong(name, "is unknown here; there are none"));
    }
    if let Some(known) = conditions::not_modified(request.headers(), etag) {
        return Ok(known);
    }
    Ok(with_etag(serve::json(StatusCode::OK, json.as_bytes().to_vec()), etag.clone()))
}

fn with_etag(mut response: Response, etag: HeaderValue) -> Response {
    response.headers_mut().insert(header::ETAG, etag);
    response.headers_mut().insert(header::CACHE_CONTROL, PRIVATE);
    // The same path is a live stream to who accepts one.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}
