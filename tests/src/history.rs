//! What clients did and were told, and the check of it against the log. Shares no code with the
//! product: it reads answers and exported events as any outsider would.

mod recorder;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use recorder::Recorder;

/// One call with its key, over all its repetitions.
#[derive(Debug, Clone)]
pub struct Call {
    /// The idempotency key.
    pub key: String,
    /// `draft` or `edit`.
    pub what: &'static str,
    /// The text that was asked for.
    pub body: String,
    /// Answers that said it happened: stream, version, event ids.
    pub told: Vec<(String, u64, Vec<String>)>,
}

impl Call {
    /// A call that was not made yet.
    pub fn new(key: String, what: &'static str, body: String) -> Self {
        Self { key, what, body, told: Vec::new() }
    }

    /// Takes an answer in.
    pub fn heard(&mut self, answer: &Value) {
        let ids = answer["events"].as_array().into_iter().flatten();
        let ids = ids.filter_map(|event| event["id"].as_str().map(str::to_owned)).collect();
        let stream = answer["stream"].as_str().unwrap_or_default().to_owned();
        self.told.push((stream, answer["version"].as_u64().unwrap_or_default(), ids));
    }
}

/// An exported event, as far as the check looks at it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its stream.
    pub stream: String,
    /// Its version.
    pub version: u64,
    /// Its type.
    pub event_type: String,
    /// Its data.
    pub data: Value,
}

impl Event {
    /// From a line of `recount events export -o jsonl`.
    pub fn parse(line: &str) -> Self {
        let json: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let version = json["version"].as_u64().unwrap_or_default();
        Self {
            id: text("id"),
            stream: text("stream"),
            version,
            event_type: text("type"),
            data: json["data"].clone(),
        }
    }
}

/// Checks calls against the log; gives every violation found. Invariants I1 (durable), I2 (no ghosts),
/// I3 (once) and I4 (contiguous).
pub fn check(calls: &[Call], events: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut by_stream: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events {
        by_stream.entry(&event.stream).or_default().push(event.version);
        *by_id.entry(&event.id).or_default() += 1;
    }
    for (id, times) in &by_id {
        if *times != 1 {
            wrong.push(format!("I3: event {id} is in the log {times} times"));
        }
    }
    for (stream, versions) in &by_stream {
        let expected: Vec<u64> = (1..=versions.len() as u64).collect();
        if *versions != expected {
            wrong.push(format!("I4: versions of {stream} are {versions:?}"));
        }
    }
    let bodies: BTreeMap<&str, usize> = events.iter().fold(BTreeMap::new(), |mut all, event| {
        if let Some(body) = event.data["body"].as_str() {
            *all.entry(body).or_default() += 1;
        }
        all
    });
    for call in calls {
        let answers: BTreeSet<_> = call.told.iter().collect();
        if answers.len() > 1 {
            wrong.push(format!("I3: {} was answered differently: {answers:?}", call.key));
        }
        if let Some((stream, version, ids)) = call.told.first() {
            for id in ids {
                if !by_id.contains_key(id.as_str()) {
                    wrong.push(format!(
                        "I1: {} was acknowledged ({stream} {version}), {id} is lost",
                        call.key
                    ));
                }
            }
            if !events.iter().any(|e| e.stream == *stream && e.version == *version) {
                wrong.push(format!(
                    "I1: {} was acknowledged at {stream} {version}, which is not there",
                    call.key
                ));
            }
        }
        let times = bodies.get(call.body.as_str()).copied().unwrap_or_default();
        if times > 1 || (times == 0 && !call.told.is_empty()) {
            wrong.push(format!("I3: {} ({}) happened {times} times", call.key, call.what));
        }
    }
    let asked: BTreeSet<&str> = calls.iter().map(|call| call.body.as_str()).collect();
    for event in events {
        if let Some(body) = event.data["body"].as_str().filter(|body| !asked.contains(body)) {
            wrong.push(format!("I2: nobody asked for `{body}` ({})", event.stream));
        }
    }
    wrong
}

/// What the read model must say of each post: (body, version), folded from the events alone.
pub fn fold(events: &[Event]) -> BTreeMap<String, (String, u64)> {
    let mut posts = BTreeMap::new();
    for event in events {
        if let Some(body) = event.data["body"].as_str() {
            posts.insert(event.stream.clone(), (body.to_owned(), event.version));
        }
    }
    posts
}
