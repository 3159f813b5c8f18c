//! The visitor that mounts the views of a projection. Not the router.

use std::sync::Arc;

use axum::http::HeaderValue;
use domain::query::{Filter, Test, View};
use domain::{Column, ColumnType, Projection};
use projector::Table;
use serde_json::{Map, Value, json};

use super::{LIMIT, LIMIT_MAX, ListRoute, conditions, handle, live};
use crate::auth::Access;
use crate::codes::{self, Code};
use crate::edge::{Mounts, context_of};
use crate::operation::{Operation, Place};

/// Visits projections.
pub(crate) struct Queries<'a> {
    pub(crate) mounts: &'a mut Mounts,
}

const ETAG: &[(&str, &str)] = &[("ETag", "Names this answer; send it as If-None-Match")];
const LIST_HEADERS: &[(&str, &str)] = &[ETAG[0], ("Link", "The next page, `rel=\"next\"`")];
const READ: &[&Code] =
    &[codes::BAD_POSITION, codes::BAD_PARAMETER, codes::READ_MODEL_UNAVAILABLE, codes::NOT_YET];

impl Queries<'_> {
    pub(crate) fn projection<P: Projection>(&mut self) {
        let (context, types) = context_of::<P>();
        let table = Table::of::<P>();
        for view in P::views() {
            match *view {
                View::One { path, summary } => {
                    self.mounts.place(context, types, format!("/api/{context}{path}"));
                    self.one(context, table.clone(), path, summary);
                }
                View::List { path, summary, filters, sorts, descending } => {
                    let table = table.clone();
                    let id_from_end = id_from_end(path);
                    let route = ListRoute { table, filters, sorts, descending, id_from_end };
                    self.list(context, route, path, summary);
                }
                View::Fixed { path, summary, json } => self.fixed(context, path, summary, json),
            }
        }
    }

    fn one(&mut self, context: &str, table: Table, path: &'static str, summary: &str) {
        let from_end = id_from_end(path).unwrap_or_default();
        let operation = read(context, "get", path, summary)
            .param(Place::Path, "id", "Which one", json!({ "type": "string", "format": "uuid" }))
            .gives(
                200,
                "The row; its ETag is the version of the stream",
                "application/json",
                row_ref(&table),
                ETAG,
            )
            .fails(&[codes::NOT_FOUND]);
        let operation = waits(operation);
        let table = Arc::new(table);
        self.mounts.mount(operation, move |edge, asked, request| {
            handle::one(edge, Arc::clone(&table), from_end, asked, request)
        });
    }

    fn list(&mut self, context: &str, route: ListRoute, path: &'static str, summary: &str) {
        let page = json!({
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": { "type": "array", "items": row_ref(&route.table) },
                "next_cursor": { "type": ["string", "null"], "description": "Send it as `after`" },
            },
        });
        let mut operation = read(context, "list", path, summary)
            .about("With `Accept: text/event-stream`: an event `changed` whenever the read model has moved on.")
            .gives(200, "A page of rows", "application/json", page, LIST_HEADERS)
            .gives(200, "Changes, live", "text/event-stream", json!({ "type": "string" }), &[])
            .fails(&[codes::BAD_CURSOR, codes::TOO_MANY_LIVE]);
        for filter in route.filters {
            let schema = route
                .column(filter.column)
                .map_or_else(|| json!({}), |it| filter_schema(it, filter));
            let in_path = filter.param == "id" && route.id_from_end.is_some();
            let place = if in_path { Place::Path } else { Place::Query };
            operation = operation.param(place, filter.param, &filter_doc(&route, filter), schema);
        }
        let sorts: Vec<_> =
            route.sorts.iter().flat_map(|it| [(*it).to_owned(), format!("-{it}")]).collect();
        let turn = if route.descending { "-" } else { "" };
        let first = format!("{turn}{}", route.sorts.first().unwrap_or(&""));
        let limit =
            json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT });
        operation = operation
            .param(
                Place::Query,
                "sort",
                "A column; `-`: from the largest on",
                json!({ "type": "string", "enum": sorts, "default": first }),
            )
            .param(Place::Query, "limit", "Most rows", limit)
            .param(
                Place::Query,
                "after",
                "The `next_cursor` of the page before",
                json!({ "type": "string" }),
            );
        let operation = waits(operation);
        let route = Arc::new(route);
        self.mounts.mount(operation, move |edge, asked, request| {
            let route = Arc::clone(&route);
            async move {
                if crate::parts::accepts(request.headers(), "text/event-stream") {
                    return live::list(&edge, &route, &asked.principal.tenant, &request);
                }
                handle::list(edge, route, asked, request).await
            }
        });
    }

    fn fixed(&mut self, context: &str, path: &'static str, summary: &str, json: &'static str) {
        let operation = read(context, "list", path, summary)
            .gives(200, "The answer", "application/json", json!({}), ETAG)
            .fails(&[codes::BAD_PARAMETER]);
        let etag: HeaderValue = conditions::weak_etag(json.as_bytes());
        self.mounts.mount(operation, move |_, _, request| {
            std::future::ready(handle::fixed(json, &etag, &request))
        });
        debug_assert!(serde_json::from_str::<Value>(json).is_ok(), "{path} is not JSON");
    }
}

/// How many segments of a path stand behind `{id}`.
fn id_from_end(path: &str) -> Option<usize> {
    path.rsplit('/').position(|segment| segment == "{id}")
}

fn read(context: &str, verb: &str, path: &str, summary: &str) -> Operation {
    let words: Vec<_> =
        path.split('/').filter(|it| !it.is_empty() && !it.starts_with('{')).collect();
    let id = format!("{verb}_{context}_{}", words.join("_").replace('-', "_"));
    Operation::get(format!("/api/{context}{path}"), id, summary).tag(context).access(Access::Read)
}

fn waits(operation: Operation) -> Operation {
    let wait = json!({ "type": "string", "example": "wait=5" });
    let etag = json!({ "type": "string" });
    operation
        .param(
            Place::Query,
            "min_position",
            "A `position` of a command: the answer holds it, or is 503",
            json!({ "type": "string" }),
        )
        .param(
            Place::Header,
            "Prefer",
            "How many seconds to wait for `min_position`: 5, at most 30",
            wait,
        )
        .param(Place::Header, "If-None-Match", "ETags that are known: 304", etag)
        .fails(READ)
}

fn filter_doc(route: &ListRoute, filter: &Filter) -> String {
    let doc = route.column(filter.column).map_or("", |column| column.doc);
    match filter.test {
        Test::Is => doc.to_owned(),
        Test::From => format!("At or after: {doc}"),
        Test::Before => format!("Before: {doc}"),
        Test::Contains => format!("Contains, without regard to case: {doc}"),
        Test::Begins => format!("Begins with: {doc}"),
    }
}

fn filter_schema(column: &Column, filter: &Filter) -> Value {
    match column.ty {
        ColumnType::Texts => json!({ "type": "string" }),
        _ if matches!(filter.test, Test::Contains | Test::Begins) => json!({ "type": "string" }),
        _ => column_schema(column.ty),
    }
}

fn column_schema(ty: ColumnType) -> Value {
    match ty {
        ColumnType::Text => json!({ "type": "string" }),
        ColumnType::Uuid => json!({ "type": "string", "format": "uuid" }),
        ColumnType::Int => json!({ "type": "integer", "format": "int64" }),
        ColumnType::Bool => json!({ "type": "boolean" }),
        ColumnType::Time => json!({ "type": "string", "format": "date-time" }),
        ColumnType::Texts => json!({ "type": "array", "items": { "type": "string" } }),
    }
}

fn row_ref(table: &Table) -> Value {
    let mut properties = Map::new();
    for column in table.columns {
        let mut schema = column_schema(column.ty);
        if column.nullable {
            let ty = schema["type"].clone();
            schema["type"] = json!([ty, "null"]);
        }
        if !column.doc.is_empty() {
            schema["description"] = column.doc.into();
        }
        properties.insert(column.name.to_owned(), schema);
    }
    // The read store's own.
    let version =
        json!({ "type": "integer", "format": "int64", "description": "Version of its stream" });
    let stale = json!({
        "const": true,
        "description": "There when a later event of its stream could not be folded yet",
    });
    properties.entry("version").or_insert(version);
    properties.entry("stale").or_insert(stale);
    let required: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    json!({
        "title": format!("{} row", table.projection),
        "type": "object",
        "required": required,
        "properties": properties,
    })
}
