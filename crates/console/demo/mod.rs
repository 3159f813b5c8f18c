//! A backend in memory, with a small product behind it: for looking at the pages and for the tests
//! of this crate. Not shipped: the library does not contain it.

#![allow(dead_code, unreachable_pub, reason = "each test and the example use their part of it")]

mod backend;
mod data;
mod desk;
mod models;
pub mod play;
pub mod publish;
pub mod sagas;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::{Event, EventHead, Recorded, StateLine, Verification};
use domain::{
    ActorId, CommandKey, EventId, EventSet, LaneId, Meta, Position, StreamId, TenantId, Timestamp,
    TopicId,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::broadcast;
use uuid::Uuid;

/// Topics of the log.
const TOPICS: [&str; 4] =
    ["content.events", "social.events", "social.sagas", "notifications.sagas"];
/// Lanes of each topic.
const LANES: u16 = 8;

/// What is to be appended.
pub struct Fact<'a> {
    pub topic: &'static str,
    pub category: &'static str,
    pub id: Uuid,
    pub verb: &'a str,
    pub actor: &'a str,
    pub at: Timestamp,
    pub json: Value,
}

#[derive(Default)]
struct Inner {
    events: Vec<Event>,
    /// Places in `events` of each lane, in order.
    lanes: BTreeMap<String, Vec<usize>>,
    streams: BTreeMap<StreamId, Vec<usize>>,
    sagas: BTreeMap<StreamId, Vec<Recorded>>,
    run: Option<Verification>,
    paused: Vec<String>,
    rebuilding: Option<(String, Timestamp)>,
}

/// The whole product.
#[derive(Clone)]
pub struct Demo {
    inner: Arc<Mutex<Inner>>,
    ticks: broadcast::Sender<()>,
}

impl Demo {
    /// An empty log.
    pub fn empty() -> Self {
        let mut inner = Inner::default();
        for topic in TOPICS {
            for lane in 0..LANES {
                inner.lanes.insert(format!("{topic}/{lane}"), Vec::new());
            }
        }
        Self { inner: Arc::new(Mutex::new(inner)), ticks: broadcast::channel(64).0 }
    }

    /// Some days of work of a few people.
    pub fn seeded() -> Self {
        let demo = Self::empty();
        data::seed(&demo);
        sagas::seed(&demo);
        demo
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one event and tells the listeners.
    pub fn append(&self, fact: &Fact<'_>) -> EventHead {
        let context = fact.topic.split('.').next().unwrap_or_default();
        let event_type = format!("{context}.{}.{}.v1", fact.category, fact.verb);
        self.put(fact, event_type)
    }

    /// Appends an event of a saga, by the saga itself.
    pub fn record(
        &self,
        id: Uuid,
        context: &str,
        category: &'static str,
        at: Timestamp,
        event: &orchestrator::Event,
    ) {
        self.record_by(id, context, category, at, event, "saga");
    }

    fn record_by(
        &self,
        id: Uuid,
        context: &str,
        category: &'static str,
        at: Timestamp,
        event: &orchestrator::Event,
        actor: &str,
    ) {
        let topic = format!("{context}.sagas");
        let topic = TOPICS.into_iter().find(|known| *known == topic).unwrap_or(TOPICS[2]);
        let json = event.serialize_data(serde_json::value::Serializer).unwrap_or_default();
        let fact = Fact { topic, category, id, verb: "", actor, at, json };
        let head = self.put(&fact, event.event_type().to_owned());
        let recorded = Recorded { head: head.clone(), event: event.clone() };
        self.lock().sagas.entry(head.meta.stream).or_default().push(recorded);
        let _ = self.ticks.send(());
    }

    fn put(&self, fact: &Fact<'_>, event_type: String) -> EventHead {
        let mut inner = self.lock();
        let stream = StreamId::new(fact.category, fact.id);
        let index = u16::from(fact.id.as_bytes()[15]) % LANES;
        let lane = format!("{}/{index}", fact.topic);
        let place = inner.events.len();
        let seq = inner.lanes.get(&lane).map_or(0, Vec::len) as u64 + 1;
        let version = inner.streams.get(&stream).map_or(0, Vec::len) as u64 + 1;
        let topic = TOPICS.iter().position(|topic| *topic == fact.topic).unwrap_or(0);
        let topic = TopicId(u16::try_from(topic).unwrap_or(0));
        let meta = Meta {
            id: EventId(Uuid::now_v7()),
            stream: stream.clone(),
            version,
            position: Position { lane: LaneId { topic, index }, seq },
            recorded_at: fact.at,
            tenant: TenantId::from_static("local"),
            actor: fact.actor.parse().unwrap_or(ActorId::from_static("owner")),
            correlation: Uuid::now_v7(),
            causation: Some(Uuid::now_v7()),
            key: Some(CommandKey(*Uuid::now_v7().as_bytes())),
            trace: None,
        };
        let head = EventHead { meta, lane: lane.clone(), event_type };
        let bytes = fact.json.to_string().len() as u64 / 2;
        inner.events.push(Event {
            head: head.clone(),
            json: fact.json.clone(),
            schema: Some("7c1f0a2be5d94410".to_owned()),
            bytes,
            epoch: Some(3),
            chain: Some(hash(&[lane.as_bytes(), &seq.to_be_bytes()])),
        });
        inner.lanes.entry(lane).or_default().push(place);
        inner.streams.entry(stream).or_default().push(place);
        drop(inner);
        // Nobody listening is fine.
        let _ = self.ticks.send(());
        head
    }
}

/// SHA-256 over the parts, hexadecimal.
fn hash(parts: &[&[u8]]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part);
    }
    let digest: [u8; 32] = sha.finalize().into();
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The state after these events: fields as they were last said, and a status.
fn fold<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<StateLine> {
    let mut state: BTreeMap<String, String> = BTreeMap::new();
    for event in events {
        let verb = event.head.event_type.rsplit('.').nth(1).unwrap_or_default();
        let status = match verb {
            "drafted" | "edited" => "draft",
            verb => verb,
        };
        if verb != "edited" || !state.contains_key("status") {
            state.insert("status".to_owned(), status.to_owned());
        }
        if let Value::Object(fields) = &event.json {
            for (name, value) in fields {
                state.retain(|known, _| known != name && !known.starts_with(&format!("{name}.")));
                flatten(name, value, &mut state);
            }
        }
    }
    let line =
        |(name, value): (String, String)| StateLine { masked: value == "sealed", name, value };
    state.into_iter().map(line).collect()
}

fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{name}.{at}"), item, into);
            }
        }
        Value::Object(fields) => {
            for (field, item) in fields {
                flatten(&format!("{name}.{field}"), item, into);
            }
        }
        Value::String(text) => {
            into.insert(name.to_owned(), text.clone());
        }
        other => {
            into.insert(name.to_owned(), other.to_string());
        }
    }
}
