//! A log in memory whose deliveries a test decides, and shorthand for commands. Not the simulator.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use codec::Schemas;
use content::Content;
use content::post::{Command, Text};
use domain::{ActorId, CommandKey, LaneId, StreamId, TenantId};
use lane::{Deciders, Submit};
use log::{
    Body, Delivery, Done, Fingerprint, Follower, GrowthHook, Handover, Log, ReadError, Stored,
    Topics,
};
use uuid::Uuid;

/// What becomes of one handover.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// Written, and said so.
    Fine,
    /// Written, and nobody is told.
    WrittenInSilence,
    /// Lost, and nobody is told.
    Lost,
}

/// Records in memory; what is not planned is fine.
pub(crate) struct TestLog {
    topics: Topics,
    lanes: Mutex<BTreeMap<LaneId, Vec<Stored>>>,
    plan: Mutex<VecDeque<Fate>>,
    /// Reports are kept back while this is set, until [`TestLog::report`].
    pub(crate) holds: AtomicBool,
    held: Mutex<Vec<(Done, Vec<Delivery>)>>,
    /// What becomes of handovers behind the plan.
    pub(crate) refuses: AtomicBool,
    pub(crate) unreadable: AtomicBool,
    largest: AtomicUsize,
}

impl TestLog {
    pub(crate) fn new() -> Arc<Self> {
        let mut topics = Topics::new(Uuid::from_u128(1), Vec::new());
        topics.ensure("content.events", 1).unwrap();
        Arc::new(Self {
            topics,
            lanes: Mutex::default(),
            plan: Mutex::default(),
            holds: AtomicBool::default(),
            held: Mutex::default(),
            refuses: AtomicBool::default(),
            unreadable: AtomicBool::default(),
            largest: AtomicUsize::default(),
        })
    }

    pub(crate) fn plan(&self, fates: impl IntoIterator<Item = Fate>) {
        self.plan.lock().unwrap().extend(fates);
    }

    /// Reports what was kept back, and keeps nothing back any more.
    pub(crate) fn report(&self) {
        self.holds.store(false, Ordering::Relaxed);
        for (done, deliveries) in std::mem::take(&mut *self.held.lock().unwrap()) {
            done(deliveries);
        }
    }

    /// Bytes of the largest call to `append`.
    pub(crate) fn largest_call(&self) -> usize {
        self.largest.load(Ordering::Relaxed)
    }

    /// The valid frames of the lane: how many events each has, 0 for a claim or an outcome.
    pub(crate) fn frames(&self) -> Vec<usize> {
        let lane = self.topics.lanes().next().unwrap();
        let mut follower = Follower::from_start(self, lane);
        let mut all = Vec::new();
        loop {
            let frames = follower.poll(self).unwrap();
            if frames.is_empty() {
                return all;
            }
            let events = |f: &log::Frame| {
                f.records.iter().filter(|r| matches!(r.body, Body::Event { .. })).count()
            };
            all.extend(frames.iter().map(events));
        }
    }
}

impl Log for TestLog {
    fn topics(&self) -> &Topics {
        &self.topics
    }

    fn append(&self, handovers: Vec<Handover>, done: Done) {
        let bytes = handovers.iter().map(|handover| handover.bytes.len()).sum();
        self.largest.fetch_max(bytes, Ordering::Relaxed);
        let mut deliveries = Vec::new();
        let mut lanes = self.lanes.lock().unwrap();
        for handover in handovers {
            let fate = self.plan.lock().unwrap().pop_front();
            let refuses = self.refuses.load(Ordering::Relaxed);
            let fate = fate.unwrap_or(if refuses { Fate::Lost } else { Fate::Fine });
            let records = lanes.entry(handover.lane).or_default();
            let first = records.len() as u64;
            if !matches!(fate, Fate::Lost) {
                for (_, range) in log::headers(&handover.bytes).unwrap() {
                    let offset = records.len() as u64;
                    records.push(Stored {
                        offset,
                        prev: handover.prev,
                        bytes: handover.bytes[range].to_vec(),
                    });
                }
            }
            deliveries.push(match fate {
                Fate::Fine => Delivery::At { first, contiguous: true },
                Fate::WrittenInSilence | Fate::Lost => Delivery::Unknown("no answer".to_owned()),
            });
        }
        drop(lanes);
        if self.holds.load(Ordering::Relaxed) {
            return self.held.lock().unwrap().push((done, deliveries));
        }
        done(deliveries);
    }

    fn read(&self, lane: LaneId, from: u64, _: usize) -> Result<Vec<Stored>, ReadError> {
        if self.unreadable.load(Ordering::Relaxed) {
            return Err(ReadError::Unavailable("no file handles".to_owned()));
        }
        let lanes = self.lanes.lock().unwrap();
        let records =
            lanes.get(&lane).map(|all| all.iter().filter(|r| r.offset >= from).cloned().collect());
        Ok(records.unwrap_or_default())
    }

    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        let mut follower = Follower::from_start(self, lane);
        let mut offsets = Vec::new();
        loop {
            let frames = follower.poll(self)?;
            if frames.is_empty() {
                break;
            }
            for frame in frames {
                let first = frame.next_offset - frame.records.len() as u64;
                for (offset, record) in (first..).zip(&frame.records) {
                    let of = match &record.body {
                        Body::Event { meta, .. } => &meta.stream,
                        Body::Outcome(outcome) => &outcome.stream,
                        Body::Claim(_) => continue,
                    };
                    if of == stream {
                        offsets.push(offset);
                    }
                }
            }
        }
        let stored = self.read(lane, from, 0)?;
        Ok(stored.into_iter().filter(|record| offsets.contains(&record.offset)).collect())
    }

    fn end(&self, lane: LaneId) -> u64 {
        self.lanes.lock().unwrap().get(&lane).map_or(0, |all| all.len() as u64)
    }

    fn on_growth(&self, _: GrowthHook) {}

    fn failed(&self) -> Option<String> {
        None
    }
}

pub(crate) fn deciders() -> Deciders {
    let schemas = Schemas::builder().register::<Content>().build().unwrap();
    let mut deciders = Deciders::new(Arc::new(schemas));
    deciders.add::<Content>();
    deciders
}

pub(crate) fn post(n: u128) -> StreamId {
    StreamId::new("post", Uuid::from_u128(n))
}

pub(crate) fn draft(body: &str) -> Command {
    Command::Draft { text: Text { title: None, body: body.to_owned(), tags: Vec::new() } }
}

pub(crate) fn edit(body: &str) -> Command {
    Command::Edit { text: Text { title: None, body: body.to_owned(), tags: Vec::new() } }
}

/// A command under a key; the fingerprint is that of the key unless the test says otherwise.
pub(crate) fn ask(stream: StreamId, command: Command, key: u8) -> Submit {
    Submit {
        stream,
        command: Box::new(command),
        key: (key != 0).then_some(CommandKey([key; 16])),
        fingerprint: Fingerprint([key; 16]),
        expected: None,
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("owner"),
        correlation: Uuid::nil(),
        causation: None,
        trace: None,
        fence: false,
        asked_at: None,
    }
}
