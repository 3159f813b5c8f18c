//! Operations as OpenAPI. Not their handlers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schemas;
use crate::auth::Access;
use crate::codes::{self, Code};
use crate::operation::{Given, Operation, Place};
use crate::problem::PROBLEM_JSON;

/// One operation.
pub(crate) fn operation(it: &Operation, components: &mut Map<String, Value>) -> Value {
    let mut out = json!({
        "operationId": it.id,
        "tags": [it.tag],
        "summary": it.summary,
        "responses": responses(it),
    });
    if !it.about.is_empty() {
        out["description"] = it.about.into();
    }
    let params: Vec<_> = it
        .params
        .iter()
        .map(|param| {
            let place = match param.place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Header => "header",
            };
            json!({ "name": param.name, "in": place, "required": param.required, "description": param.doc, "schema": param.schema })
        })
        .collect();
    if !params.is_empty() {
        out["parameters"] = params.into();
    }
    if let Some(shape) = &it.body {
        let example = schemas::example(shape, "");
        let schema = schemas::schema(shape, components);
        let required = example.as_object().is_some_and(|it| !it.is_empty());
        out["requestBody"] = json!({
            "required": required,
            "content": { "application/json": { "schema": schema, "example": example } },
        });
    }
    if it.access == Access::Open {
        out["security"] = json!([]);
    }
    out
}

fn responses(it: &Operation) -> Value {
    let mut out = Map::new();
    for given in &it.answers {
        add(&mut out, given);
    }
    let mut codes: Vec<&'static Code> = it.problems.clone();
    if it.access != Access::Open {
        codes.extend([
            codes::UNAUTHENTICATED,
            codes::FORBIDDEN,
            codes::OVERLOADED,
            codes::DRAINING,
        ]);
    }
    if it.path.starts_with("/api/") {
        codes.push(codes::UNKNOWN_API_VERSION);
    }
    let mut by_status: BTreeMap<u16, Vec<&Code>> = BTreeMap::new();
    for code in codes {
        let all = by_status.entry(code.status).or_default();
        if !all.contains(&code) {
            all.push(code);
        }
    }
    for (status, codes) in by_status {
        let lines: Vec<_> =
            codes.iter().map(|it| format!("`{}` ({}): {}", it.word, it.rc, it.title)).collect();
        let media = json!({
            "schema": { "$ref": "#/components/schemas/Problem" },
            "example": {
                "type": format!("/docs/errors/{}", codes[0].rc), "title": codes[0].title, "status": status,
                "detail": codes[0].title, "code": codes[0].word, "instance": it.path,
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            },
        });
        let answer = out
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": "", "content": {} }));
        let said = answer["description"].as_str().unwrap_or_default();
        let lines = lines.join("\n\n");
        answer["description"] =
            if said.is_empty() { lines } else { format!("{said}\n\n{lines}") }.into();
        answer["content"][PROBLEM_JSON] = media;
        if matches!(status, 429 | 503) {
            answer["headers"] = json!({ "Retry-After": { "description": "Seconds", "schema": { "type": "integer" } } });
        }
    }
    if it.params.iter().any(|param| param.name == "If-None-Match" && param.doc.contains("304")) {
        out.insert("304".into(), json!({ "description": "The caller has it already" }));
    }
    out.into()
}

fn add(out: &mut Map<String, Value>, given: &Given) {
    let answer = out
        .entry(given.status.to_string())
        .or_insert_with(|| json!({ "description": given.doc, "content": {} }));
    answer["content"][given.media] = json!({ "schema": given.schema });
    if !given.headers.is_empty() {
        let headers: Map<_, _> = given
            .headers
            .iter()
            .map(|(name, doc)| {
                ((*name).to_owned(), json!({ "description": doc, "schema": { "type": "string" } }))
            })
            .collect();
        answer["headers"] = headers.into();
    }
}
