//! A small context for tests: events, two read models, a codec that can be a broken build. Not a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::{Envelope, EventData, EventSet, Projections, Timestamp};
use projector::{Decode, Registry};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, domain::EventSet)]
#[event(namespace = "shop.item")]
pub enum Event {
    #[event("added.v1")]
    Added { name: String, tags: Vec<String>, bucket: i64 },
    #[event("counted.v1")]
    Counted { by: i64 },
    /// Cannot be decoded by a broken build.
    #[event("cracked.v1")]
    Cracked { by: i64 },
    /// Makes the fold panic.
    #[event("burst.v1")]
    Burst {},
    #[event("removed.v1")]
    Removed {},
}

#[derive(Debug, Clone, PartialEq, domain::Row)]
#[row(table = "shop.items", key = "item_id", index = "count", index = "name")]
pub struct ItemRow {
    /// It's the item.
    pub item_id: Uuid,
    pub name: String,
    pub note: Option<String>,
    pub count: i64,
    pub odd: bool,
    pub changed_at: Timestamp,
    pub tags: Vec<String>,
    pub more: Option<Vec<String>>,
}

impl domain::Projection for ItemRow {
    const NAME: &'static str = "items";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        match &event.payload {
            Event::Added { name, tags, .. } => Some(Self {
                item_id: event.id(),
                name: name.clone(),
                note: None,
                count: 0,
                odd: false,
                changed_at: event.meta.recorded_at,
                tags: tags.clone(),
                more: None,
            }),
            Event::Counted { by } | Event::Cracked { by } => row.map(|row| Self {
                count: row.count + by,
                odd: (row.count + by) % 2 != 0,
                note: Some(format!("by {by}")),
                more: Some(vec![by.to_string()]),
                changed_at: event.meta.recorded_at,
                ..row
            }),
            Event::Burst {} => panic!("burst on purpose"),
            Event::Removed {} => None,
        }
    }
}

/// Counts over all streams: a row that every lane writes.
#[derive(Debug, Clone, PartialEq, domain::Row)]
#[row(table = "shop.buckets", key = "bucket")]
pub struct BucketRow {
    pub bucket: Uuid,
    pub added: i64,
}

impl domain::Projection for BucketRow {
    const NAME: &'static str = "buckets";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        match &event.payload {
            Event::Added { bucket, .. } => Some(Uuid::from_u128(u128::from(bucket.unsigned_abs()))),
            _ => None,
        }
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        let added = row.map_or(0, |row| row.added) + 1;
        Self::key(event).map(|bucket| Self { bucket, added })
    }
}

/// Items as a later build of the program sees them.
#[derive(Debug, Clone, PartialEq, domain::Row)]
#[row(table = "shop.items", key = "item_id")]
pub struct NextItemRow {
    pub item_id: Uuid,
    pub doubled: i64,
}

impl domain::Projection for NextItemRow {
    const NAME: &'static str = "items";
    const REVISION: u32 = 2;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        match &event.payload {
            Event::Added { .. } => Some(Self { item_id: event.id(), doubled: 0 }),
            Event::Counted { by } => row.map(|row| Self { doubled: row.doubled + 2 * by, ..row }),
            _ => row,
        }
    }
}

pub fn next_revision() -> Registry<Codec> {
    let mut registry = Registry::new(Arc::new(Codec::default()));
    registry.projection::<NextItemRow>();
    registry
}

/// Events as JSON; `broken` cannot read `Cracked`.
#[derive(Debug, Default)]
pub struct Codec {
    pub broken: AtomicBool,
}

impl Decode for Codec {
    fn decode<E: EventSet>(&self, data: &EventData) -> Result<E, String> {
        if self.broken.load(Ordering::Relaxed) && data.event_type == "shop.item.cracked.v1" {
            return Err("cracked".to_owned());
        }
        let json =
            serde_json::from_slice::<serde_json::Value>(&data.datum).map_err(|e| e.to_string())?;
        E::deserialize_data(&data.event_type, json).ok_or("unknown")?.map_err(|e| e.to_string())
    }
}

pub fn encode(event: &Event) -> EventData {
    let mut datum = Vec::new();
    event.serialize_data(&mut serde_json::Serializer::new(&mut datum)).unwrap();
    EventData { event_type: event.event_type().into(), fingerprint: 1, datum }
}

pub fn registry(broken: bool) -> Registry<Codec> {
    let mut registry = Registry::new(Arc::new(Codec { broken: AtomicBool::new(broken) }));
    registry.projection::<ItemRow>();
    registry.projection::<BucketRow>();
    registry
}

pub fn items_only(broken: bool) -> Registry<Codec> {
    let mut registry = Registry::new(Arc::new(Codec { broken: AtomicBool::new(broken) }));
    registry.projection::<ItemRow>();
    registry
}

pub fn added(name: &str, bucket: i64) -> Event {
    Event::Added { name: name.to_owned(), tags: vec!["a".into(), "b, \"c\"".into()], bucket }
}
