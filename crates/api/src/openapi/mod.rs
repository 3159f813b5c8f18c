//! The OpenAPI 3.1 document, made of the same data as the router. Not a second source: what is not
//! mounted does not stand here.

mod paths;
pub(crate) use schemas::example;
mod schemas;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::edge::Mounts;
use crate::operation::Operation;
use crate::parts::Options;
use crate::query::not_modified;
use crate::serve::API_VERSION;

/// Mounts `/api/openapi.json`; after everything that it lists.
pub(crate) fn mount(mounts: &mut Mounts) {
    let operation = Operation::get("/api/openapi.json", "get_openapi", "This document").gives(
        200,
        "OpenAPI 3.1",
        "application/json",
        json!({ "type": "object" }),
        &[],
    );
    let document = mounts.later(|operations, options| {
        let text = document(operations, options).to_string();
        (crate::query::weak_etag(text.as_bytes()), Bytes::from(text))
    });
    mounts.mount(operation, move |_, _, request| {
        let (etag, text) = &**document;
        let known = not_modified(request.headers(), etag);
        let response = known.unwrap_or_else(|| {
            let mut response = Response::new(Body::from(text.clone()));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(header::ETAG, etag.clone());
            response
        });
        std::future::ready(Ok(response))
    });
}

/// The document of these operations.
pub(crate) fn document(operations: &[Operation], options: &Options) -> Value {
    let mut components = schemas::shared();
    let mut paths: Map<String, Value> = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for operation in operations {
        if !tags.contains(&operation.tag.as_str()) {
            tags.push(&operation.tag);
        }
        let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        item[operation.method.as_str().to_lowercase()] =
            paths::operation(operation, &mut components);
    }
    let about = format!(
        "Commands become events, events become read models, and anything that ever happened can be recounted.\n\n\
         Paths under `/api/` also stand under `/api/{API_VERSION}/`. Errors are `application/problem+json`. \
         Outcomes are kept by their Idempotency-Key for {} days. `Prefer: respond-async` is not followed: \
         an answer to a command leaves when it is durable.",
        options.keys_kept_days,
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Recount",
            "version": options.product_version,
            "description": about,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "bearer": [] }],
        "tags": tags.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "schemas": components,
        },
    })
}
