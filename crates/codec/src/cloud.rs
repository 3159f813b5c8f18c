//! CloudEvents 1.0: the attributes of an event from its metadata, as headers and as JSON. The log
//! does not store them: they are another spelling of the envelope.

use domain::Meta;
use serde_json::{Map, Value, json};

use crate::Schema;

/// Content type of an event's value in the log and in Kafka.
pub const CONTENT_TYPE: &str = "application/avro";

/// How much of the envelope is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// What CloudEvents requires, the content type, and the trace when there is one.
    Required,
    /// The rest of the envelope too, as extensions.
    Full,
}

/// The attributes of an event in a fixed order, by their CloudEvents names (without prefix).
pub fn attributes(meta: &Meta, schema: &Schema, detail: Detail) -> Vec<(&'static str, String)> {
    let mut out = vec![
        ("specversion", "1.0".to_owned()),
        ("id", meta.id.to_string()),
        ("source", format!("/api/{}", schema.context())),
        ("type", schema.event_type().to_owned()),
        ("time", meta.recorded_at.to_string()),
        ("datacontenttype", CONTENT_TYPE.to_owned()),
    ];
    if let Some(trace) = &meta.trace {
        out.push(("traceparent", trace.to_string()));
    }
    if detail == Detail::Required {
        return out;
    }
    out.extend([
        ("subject", meta.stream.to_string()),
        ("dataschema", format!("/registry/schemas/ids/{}", schema.id())),
        ("partitionkey", meta.stream.to_string()),
        ("streamversion", meta.version.to_string()),
        ("lane", meta.position.lane.index.to_string()),
        ("sequence", meta.position.seq.to_string()),
        ("tenantid", meta.tenant.to_string()),
        ("actorid", meta.actor.to_string()),
        ("correlationid", meta.correlation.to_string()),
    ]);
    out.extend(meta.causation.map(|causation| ("causationid", causation.to_string())));
    out.extend(meta.key.map(|key| ("commandkey", format!("{key:?}"))));
    out
}

/// The attributes as headers of the Kafka protocol binding, binary mode.
pub fn headers(meta: &Meta, schema: &Schema, detail: Detail) -> Vec<(String, String)> {
    let header = |(name, value): (&str, String)| match name {
        "datacontenttype" => ("content-type".to_owned(), value),
        "traceparent" => (name.to_owned(), value),
        _ => (format!("ce_{name}"), value),
    };
    attributes(meta, schema, detail).into_iter().map(header).collect()
}

/// The event in the JSON event format (structured mode), with all attributes. `data` is what
/// [`Schemas::to_json`](crate::Schemas::to_json) made, so nothing sealed is in it.
pub fn structured(meta: &Meta, schema: &Schema, data: Value) -> Value {
    let mut out = Map::new();
    for (name, value) in attributes(meta, schema, Detail::Full) {
        let value = match name {
            "datacontenttype" => json!("application/json"),
            "streamversion" => json!(meta.version),
            "lane" => json!(meta.position.lane.index),
            _ => value.into(),
        };
        out.insert(name.to_owned(), value);
    }
    out.insert("data".to_owned(), data);
    out.into()
}
