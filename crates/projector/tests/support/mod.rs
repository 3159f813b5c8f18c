//! What the tests of the projector and of the PostgreSQL sink share: a log in memory, a small context,
//! and a model of its read models that shares no code with the engine. Not a test.

#![allow(
    clippy::allow_attributes,
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    unused_imports,
    reason = "each test uses a part of it"
)]

mod shop;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use domain::{ActorId, EventId, LaneId, Meta, Position, StreamId, TenantId, Timestamp, TopicId};
use log::{
    Claim, Done, FrameBuilder, GrowthHook, Handover, Header, LaneState, Log, ReadError, Record,
    Sha256Chain, Stored, Topics,
};
use uuid::Uuid;

pub use shop::{
    BucketRow, Codec, Event, ItemRow, added, encode, items_only, next_revision, registry,
};

#[derive(Default)]
struct Inner {
    lanes: HashMap<LaneId, (LaneState<Sha256Chain>, Vec<Stored>)>,
    versions: HashMap<StreamId, u64>,
    /// Every event with its position, in order.
    written: Vec<(Position, StreamId, u64, Event)>,
    at: i64,
}

/// A log in memory.
pub struct MemLog {
    topics: Topics,
    inner: Mutex<Inner>,
    hooks: Mutex<Vec<GrowthHook>>,
}

pub const TENANT: TenantId = TenantId::from_static("acme");

impl MemLog {
    pub fn new(lanes: u16) -> Arc<Self> {
        let mut topics = Topics::new(Uuid::from_u128(7), Vec::new());
        topics.ensure("other.events", 2).unwrap();
        topics.ensure("shop.events", lanes).unwrap();
        let log = Self { topics, inner: Mutex::default(), hooks: Mutex::default() };
        let all: Vec<_> = log.topics.lanes().collect();
        for lane in all {
            let genesis = log.topics.genesis(lane);
            log.inner.lock().unwrap().lanes.insert(lane, (LaneState::new(genesis), Vec::new()));
            log.claim(lane);
        }
        Arc::new(log)
    }

    fn push(inner: &mut Inner, lane: LaneId, bytes: &[u8]) {
        let (state, stored) = inner.lanes.get_mut(&lane).unwrap();
        let prev = state.head;
        for (header, range) in log::headers(bytes).unwrap() {
            let bytes = bytes[range].to_vec();
            state.step(&header, &prev, &bytes);
            stored.push(Stored { offset: stored.len() as u64, prev, bytes });
        }
    }

    pub fn claim(&self, lane: LaneId) {
        let mut inner = self.inner.lock().unwrap();
        let epoch = inner.lanes[&lane].0.epoch + 1;
        let claim = Claim {
            id: Uuid::new_v4(),
            at: Timestamp::default(),
            node: "n".into(),
            url: String::new(),
        };
        Self::push(&mut inner, lane, &Record::claim(epoch, &claim));
    }

    /// One frame.
    pub fn write(&self, id: u128, events: &[Event]) -> Position {
        let stream = StreamId::new("item", Uuid::from_u128(id));
        let lane = self.topics.lane_for(self.shop(), &stream);
        let mut inner = self.inner.lock().unwrap();
        let (epoch, seq) = (inner.lanes[&lane].0.epoch, inner.lanes[&lane].0.seq);
        let mut frame = FrameBuilder::new(epoch, seq + 1, u16::try_from(events.len()).unwrap());
        let mut last = Position { lane, seq };
        for event in events {
            inner.at += 1_000;
            let version = inner.versions.entry(stream.clone()).or_default();
            *version += 1;
            let version = *version;
            last.seq += 1;
            let meta = Meta {
                id: EventId(Uuid::new_v4()),
                stream: stream.clone(),
                version,
                position: last,
                recorded_at: Timestamp::from_micros(1_700_000_000_000_000 + inner.at),
                tenant: TENANT,
                actor: ActorId::from_static("tester"),
                correlation: Uuid::nil(),
                causation: None,
                key: None,
                trace: None,
            };
            frame.event(&meta, &encode(event), None);
            inner.written.push((last, stream.clone(), version, event.clone()));
        }
        let bytes = frame.finish();
        Self::push(&mut inner, lane, &bytes);
        drop(inner);
        self.hooks.lock().unwrap().iter().for_each(|hook| hook(&[lane]));
        last
    }

    pub fn shop(&self) -> TopicId {
        self.topics.find("shop.events").unwrap()
    }

    pub fn ends(&self) -> Vec<(LaneId, u64)> {
        let inner = self.inner.lock().unwrap();
        self.topics.lanes_of(self.shop()).map(|lane| (lane, inner.lanes[&lane].0.seq)).collect()
    }

    /// The model: (name, count, version, stale) by item, at these positions. A stream with an event
    /// that `poison` names stops before it.
    pub fn items_at(
        &self,
        at: &[(LaneId, u64)],
        poison: impl Fn(&Event) -> bool,
    ) -> BTreeMap<Uuid, (String, i64, u64, bool)> {
        let inner = self.inner.lock().unwrap();
        let mut all: BTreeMap<Uuid, (String, i64, u64, bool)> = BTreeMap::new();
        let mut parked = std::collections::HashSet::new();
        for (position, stream, version, event) in &inner.written {
            let reached =
                at.iter().any(|(lane, seq)| *lane == position.lane && position.seq <= *seq);
            if !reached || parked.contains(stream) {
                continue;
            }
            let row = all.get_mut(&stream.id());
            if poison(event) {
                parked.insert(stream.clone());
                if let Some(row) = row {
                    row.3 = true;
                }
                continue;
            }
            match (row, event) {
                (_, Event::Added { name, .. }) => {
                    all.insert(stream.id(), (name.clone(), 0, *version, false));
                }
                (Some(row), Event::Counted { by } | Event::Cracked { by }) => {
                    (row.1, row.2) = (row.1 + by, *version);
                }
                (Some(_), Event::Removed {}) => drop(all.remove(&stream.id())),
                _ => {}
            }
        }
        all
    }

    /// The model of the buckets.
    pub fn buckets_at(&self, at: &[(LaneId, u64)]) -> BTreeMap<Uuid, i64> {
        let inner = self.inner.lock().unwrap();
        let mut all = BTreeMap::new();
        for (position, _, _, event) in &inner.written {
            let reached =
                at.iter().any(|(lane, seq)| *lane == position.lane && position.seq <= *seq);
            if let (true, Event::Added { bucket, .. }) = (reached, event) {
                *all.entry(Uuid::from_u128(u128::from(bucket.unsigned_abs()))).or_default() += 1;
            }
        }
        all
    }
}

impl Log for MemLog {
    fn topics(&self) -> &Topics {
        &self.topics
    }

    fn append(&self, _: Vec<Handover>, _: Done) {
        unreachable!("tests write frames themselves")
    }

    fn read(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        let inner = self.inner.lock().unwrap();
        let mut bytes = 0;
        let from = usize::try_from(from).unwrap().min(inner.lanes[&lane].1.len());
        let rest = inner.lanes[&lane].1[from..].iter();
        let within = |stored: &&Stored| {
            let take = bytes < bytes_max;
            bytes += stored.bytes.len();
            take
        };
        Ok(rest.take_while(within).cloned().collect())
    }

    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        let all = self.read(lane, from, usize::MAX)?;
        let of = |stored: &Stored| match Record::decode(lane, &stored.bytes).unwrap().body {
            log::Body::Event { meta, .. } => meta.stream == *stream,
            _ => false,
        };
        Ok(all
            .into_iter()
            .filter(|stored| Header::read(&stored.bytes).is_ok() && of(stored))
            .collect())
    }

    fn end(&self, lane: LaneId) -> u64 {
        self.inner.lock().unwrap().lanes[&lane].1.len() as u64
    }

    fn on_growth(&self, hook: GrowthHook) {
        self.hooks.lock().unwrap().push(hook);
    }

    fn failed(&self) -> Option<String> {
        None
    }
}

/// A small generator of random numbers with a seed, so that a failing run can be repeated.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Random frames over `streams` items.
pub fn random_frame(log: &MemLog, rng: &mut Rng, streams: u64) -> Position {
    let id = u128::from(rng.below(streams) + 1);
    let bucket = i64::try_from(rng.below(5)).unwrap();
    let by = i64::try_from(rng.below(9)).unwrap();
    let events = match rng.below(8) {
        0 | 1 => vec![added(&format!("n{by}"), bucket)],
        2 => vec![added("twice", bucket), Event::Counted { by }, Event::Counted { by: 1 }],
        3 => vec![Event::Removed {}],
        _ => vec![Event::Counted { by }],
    };
    log.write(id, &events)
}
