//! Shapes as JSON Schema 2020-12. Not the checking of values.

use domain::{Property, Shape};
use serde_json::{Map, Value, json};

/// A shape as a schema; objects become components and references to them.
pub(crate) fn schema(shape: &Shape, components: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Text { format, max_chars } => {
            let mut it = json!({ "type": "string" });
            if let Some(format) = format {
                it["format"] = (*format).into();
            }
            if let Some(max) = max_chars {
                it["maxLength"] = (*max).into();
            }
            it
        }
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
        Shape::Integer { min } => {
            let mut it = json!({ "type": "integer", "format": "int64" });
            if let Some(min) = min {
                it["minimum"] = (*min).into();
            }
            it
        }
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Json => json!({}),
        Shape::List { of, max_items } => {
            let mut it = json!({ "type": "array", "items": schema(of, components) });
            if let Some(max) = max_items {
                it["maxItems"] = (*max).into();
            }
            it
        }
        Shape::Object { name, doc, properties } => object(name, doc, properties, components),
    }
}

fn object(
    name: &str,
    doc: &str,
    properties: &[Property],
    components: &mut Map<String, Value>,
) -> Value {
    let mut fields = Map::new();
    for property in properties {
        let mut it = schema(&property.shape, components);
        if !property.required
            && let Some(ty) = it.get("type").cloned()
        {
            // What may be left out may also be null.
            let list = ty == "array";
            if !list {
                it["type"] = json!([ty, "null"]);
            }
            if let Some(words) = it.get_mut("enum").and_then(Value::as_array_mut) {
                words.push(Value::Null);
            }
        }
        if !property.doc.is_empty() {
            it["description"] = property.doc.into();
        }
        fields.insert(property.name.to_owned(), it);
    }
    let required: Vec<_> = properties.iter().filter(|it| it.required).map(|it| it.name).collect();
    let it = json!({
        "type": "object",
        "description": doc,
        "properties": fields,
        "required": required,
        "additionalProperties": false,
    });
    // Two objects of one name and different fields get names of their own.
    let mut named = name.to_owned();
    while components.get(&named).is_some_and(|known| *known != it) {
        named.push('_');
    }
    let reference = format!("#/components/schemas/{named}");
    components.insert(named, it);
    json!({ "$ref": reference })
}

/// An example of a shape: what a first try may send.
pub(crate) fn example(shape: &Shape, name: &str) -> Value {
    match shape {
        Shape::Text { format: Some("date-time"), .. } => "2030-01-01T09:00:00Z".into(),
        Shape::Text { format: Some("uuid"), .. } => "0190e2a4-0000-7000-8000-000000000001".into(),
        Shape::Text { format: Some("uri"), .. } => "https://example.org/".into(),
        Shape::Text { format: Some("password"), .. } => "a secret".into(),
        Shape::Text { .. } if name.is_empty() => "a word".into(),
        Shape::Text { .. } => format!("a {}", name.replace('_', " ")).into(),
        Shape::Word(words) => words.last().copied().unwrap_or_default().into(),
        Shape::Integer { min } => min.unwrap_or(1).max(1).into(),
        Shape::Boolean => true.into(),
        Shape::Json => json!({}),
        Shape::List { of, .. } => json!([example(of, "")]),
        Shape::Object { properties, .. } => {
            let required = properties.iter().filter(|it| it.required);
            required
                .map(|it| (it.name.to_owned(), example(&it.shape, it.name)))
                .collect::<Map<_, _>>()
                .into()
        }
    }
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn whole() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0 })
}

fn position() -> Value {
    json!({ "type": "string", "description": "Opaque; send it as `min_position` or `after`" })
}

#[expect(clippy::needless_pass_by_value, reason = "as `json!` gives it")]
fn of(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

/// An event as every page tells it.
fn event() -> Value {
    of(
        &[
            "id",
            "type",
            "stream",
            "version",
            "position",
            "recorded_at",
            "actor",
            "correlation_id",
            "data",
        ],
        json!({
            "id": uuid(), "type": text(), "stream": text(), "version": whole(), "position": position(),
            "lane": text(), "seq": whole(), "recorded_at": { "type": "string", "format": "date-time" },
            "actor": text(), "correlation_id": uuid(),
            "causation_id": { "type": ["string", "null"], "format": "uuid" },
            "trace_id": { "type": ["string", "null"] }, "data": { "type": "object", "description": "Sealed fields say `sealed`" },
        }),
    )
}

/// Components that answers and errors share.
pub(crate) fn shared() -> Map<String, Value> {
    let status = || json!({ "type": "string", "enum": ["ok", "warn", "fail"] });
    let event_ref = of(
        &["id", "type"],
        json!({ "id": uuid(), "type": { "type": "string", "example": "content.post.drafted.v1" } }),
    );
    let wrong = of(
        &["pointer", "code", "detail"],
        json!({
            "pointer": { "type": "string", "description": "JSON pointer (RFC 6901) into the body" }, "code": text(), "detail": text(),
        }),
    );
    let all = json!({
        "Accepted": of(&["stream", "id", "version", "position", "events"], json!({
            "stream": { "type": "string", "example": "post-0190e2a4-0000-7000-8000-000000000001" },
            "id": uuid(), "version": whole(), "position": position(),
            "events": { "type": "array", "items": { "$ref": "#/components/schemas/EventRef" } },
        })),
        "BatchAnswers": of(&["answers"], json!({
            "answers": { "type": "array", "items": { "$ref": "#/components/schemas/BatchAnswer" } },
        })),
        "BatchAnswer": of(&["status", "body"], json!({
            "status": { "type": "integer", "description": "As if the command had been asked alone" },
            "location": text(), "replayed": { "type": "boolean", "description": "The answer of an earlier call with the same key" },
            "retry_after_s": whole(),
            "body": { "anyOf": [{ "$ref": "#/components/schemas/Accepted" }, { "$ref": "#/components/schemas/Problem" }] },
        })),
        "EventRef": event_ref,
        "Event": event(),
        "EventPage": of(&["items", "next_cursor"], json!({
            "items": { "type": "array", "items": { "$ref": "#/components/schemas/Event" } },
            "next_cursor": { "type": ["string", "null"], "description": "Send it as `after`" },
        })),
        "Problem": of(&["type", "title", "status", "detail", "code"], json!({
            "type": { "type": "string", "format": "uri-reference", "description": "The page of this error", "example": "/docs/errors/RC0430" },
            "title": text(), "status": { "type": "integer" }, "detail": text(), "instance": { "type": "string", "format": "uri-reference" },
            "code": { "type": "string", "description": "Machine word; for a refusal the name of the rule" },
            "trace_id": text(), "errors": { "type": "array", "items": wrong },
            "stream": text(), "version": whole(), "position": position(), "reached": position(),
            "versions": { "type": "array", "items": text() },
        })),
        "Health": of(&["status"], json!({ "status": status() })),
        "HealthDetailed": of(&["status", "ready", "parts"], json!({
            "status": status(), "ready": { "type": "boolean" }, "requests_running": whole(), "live_connections": whole(),
            "parts": { "type": "array", "items": of(&["name", "status", "says"], json!({ "name": text(), "status": status(), "says": text(), "figures": {} })) },
        })),
        "RegistryError": of(&["error_code", "message"], json!({ "error_code": { "type": "integer" }, "message": text() })),
    });
    match all {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
