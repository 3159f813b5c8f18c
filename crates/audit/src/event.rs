//! One event as the log has it, with everything that is known about it. Not its typed form: that
//! needs the context's own code.

use codec::Schemas;
use domain::{EventData, Meta};
use log::{Fingerprint, Head, Topics};
use serde_json::{Map, Value, json};

use crate::position_text;

/// An event, where it lies, and what vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// All but the content.
    pub meta: Meta,
    /// The content, as stored.
    pub data: EventData,
    /// On the first event of a command: the keyed hash of the command.
    pub fingerprint: Option<Fingerprint>,
    /// Epoch of the owner who wrote it.
    pub epoch: u64,
    /// Its place among all records of the lane, as this log counts.
    pub offset: u64,
    /// Head of the lane after its frame; `None` when the frame was not read whole.
    pub head: Option<Head>,
}

impl Recorded {
    /// For people and tools. Sealed fields stay sealed; an event whose schema this program does not
    /// know has `"data": null` and says why in `"error"`.
    pub fn to_json(&self, topics: &Topics, schemas: &Schemas) -> Value {
        let meta = &self.meta;
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
        put("position", position_text(topics, meta.position).into());
        put("id", meta.id.to_string().into());
        put("type", self.data.event_type.as_ref().into());
        put("stream", meta.stream.to_string().into());
        put("version", meta.version.into());
        put("recorded_at", meta.recorded_at.to_string().into());
        put("tenant", meta.tenant.as_str().into());
        put("actor", meta.actor.as_str().into());
        put("correlation", meta.correlation.to_string().into());
        put("causation", meta.causation.map(|id| id.to_string()).into());
        put("trace", meta.trace.map(|trace| trace.to_string()).into());
        put("epoch", self.epoch.into());
        put("offset", self.offset.into());
        put("head", self.head.map(|head| head.to_string()).into());
        match schemas.data_to_json(&self.data) {
            Ok(data) => put("data", data),
            Err(error) => {
                put("data", Value::Null);
                put("error", error.to_string().into());
            }
        }
        out.into()
    }

    /// As a CloudEvents document (structured mode).
    pub fn to_cloud_event(&self, schemas: &Schemas) -> Result<Value, codec::DecodeError> {
        let data = schemas.data_to_json(&self.data)?;
        let schema = schemas.by_fingerprint(self.data.fingerprint);
        Ok(schema.map_or_else(|| json!(null), |schema| codec::structured(&self.meta, schema, data)))
    }
}
