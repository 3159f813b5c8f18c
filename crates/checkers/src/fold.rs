//! The reference fold: what streams and rows must be after a history of events, by the plainest code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chain::Lane;
use crate::record::Body;

/// A stream after all its events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// Whose it is.
    pub tenant: String,
    /// Its version.
    pub version: u64,
    /// The id of its last event.
    pub last: String,
}

/// Every stream of these lanes.
pub fn fold(lanes: &[Lane]) -> BTreeMap<String, Stream> {
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    for record in lanes.iter().flat_map(|lane| &lane.frames).flat_map(|frame| &frame.records) {
        if let Body::Event(event) = &record.body {
            let stream = streams.entry(event.stream.clone()).or_default();
            if stream.version == 0 {
                stream.tenant.clone_from(&event.tenant);
            }
            stream.version = event.version;
            stream.last.clone_from(&event.id);
        }
    }
    streams
}

/// An event as `recount events export -o jsonl` writes it, as far as rows need it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JsonEvent {
    /// Its id.
    pub id: String,
    /// Its stream.
    pub stream: String,
    /// Its version.
    pub version: u64,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its data.
    pub data: Map<String, Value>,
}

/// What is last known of a stream: the version, and the newest value of every field of its events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// The version.
    pub version: u64,
    /// Type of the last event.
    pub event_type: String,
    /// By field.
    pub fields: BTreeMap<String, Value>,
}

/// The rows after these events, which may come in any order.
pub fn rows(events: &[JsonEvent]) -> BTreeMap<String, Row> {
    let mut ordered: Vec<&JsonEvent> = events.iter().collect();
    ordered.sort_by_key(|event| (&event.stream, event.version));
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for event in ordered {
        let row = rows.entry(event.stream.clone()).or_default();
        row.version = event.version;
        row.event_type.clone_from(&event.event_type);
        row.fields.extend(event.data.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    rows
}
