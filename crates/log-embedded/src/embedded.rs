//! The embedded log itself: [`Log`] with the segment store as the medium.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{LaneId, StreamId};
use log::{
    Body, Claim, Done, GrowthHook, Handover, Head, LaneState, Log, ReadError, Recall, Record,
    Sha256Chain, Stored, Topics, VisitRecord,
};
use segment::{CloseError, Location, Reader, Scan, Store};

use crate::fetch::{read_places, read_wanted, take_recent};
use crate::keeper::{Keeper, Work};
use crate::lanes::{Batch, Found, Lanes};
use crate::open::{self, Opened, Options};
use crate::shared::{Shared, unknown};
use crate::{OpenError, entry};

/// Handovers that one read takes from the store at most: bounds the time of a lookup.
const PLACES_MAX: usize = 1024;

/// A log in one directory.
///
/// Dropping the last owner closes it too, without saying how that went.
pub struct EmbeddedLog {
    topics: Topics,
    shared: Arc<Shared>,
    reader: Reader,
    medium: Medium,
}

enum Medium {
    /// In this order they end: the last checkpoint is taken while nobody else can open the log.
    Writer(Keeper, Store),
    /// Another process may write: what it has written since is looked for when a reader asks.
    Observer(PathBuf, Mutex<Scan>),
}

impl EmbeddedLog {
    /// Opens the log for writing, and makes it when there is none. Reads all of it once, or what is
    /// behind its checkpoint.
    pub fn open(options: &Options) -> Result<(Self, Opened), OpenError> {
        open::open(options)
    }

    /// Opens an existing log for reading, also beside the process that writes it, and changes
    /// nothing. [`Log::append`] answers `Unknown`; [`Log::read`] at the end of a lane looks for what
    /// was written since, [`Log::end`] does not.
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<(Self, Opened), OpenError> {
        open::open_read_only(dir.as_ref())
    }

    /// Waits for everything handed over, and says whether it became durable.
    pub fn close(self) -> Result<(), CloseError> {
        match self.medium {
            Medium::Writer(keeper, store) => {
                drop(keeper);
                store.close()
            }
            Medium::Observer(..) => Ok(()),
        }
    }

    /// What the reader rule knows of a lane at its end, which opening and appending found; spares a
    /// fold. `None`: no such lane.
    pub fn state(&self, lane: LaneId) -> Option<LaneState<Sha256Chain>> {
        let lanes = self.shared.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.get(lane).map(|lane| lane.streams.state().clone())
    }

    pub(crate) fn writing(lanes: Lanes, store: Store, work: Work) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::new(lanes));
        let (topics, reader, dir) = (work.topics.clone(), work.reader.clone(), work.dir.clone());
        let keeper = Keeper::start(&shared, work)
            .map_err(OpenError::io("starting a thread for checkpoints of", &dir))?;
        Ok(Self { topics, shared, reader, medium: Medium::Writer(keeper, store) })
    }

    pub(crate) fn observing(
        dir: PathBuf,
        topics: Topics,
        lanes: Lanes,
        reader: Reader,
        scan: Scan,
    ) -> Self {
        let shared = Shared::new(lanes);
        let _ = shared.failed.set("log is opened read-only".to_owned());
        let medium = Medium::Observer(dir, Mutex::new(scan));
        Self { topics, shared: Arc::new(shared), reader, medium }
    }

    /// Looks for what another process has written since; whether that may have been anything.
    fn refresh(&self) -> Result<bool, ReadError> {
        let Medium::Observer(dir, scan) = &self.medium else { return Ok(false) };
        let mut scan = scan.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.reader.durable_end();
        let end =
            self.reader.refresh().map_err(|error| ReadError::Unavailable(error.to_string()))?;
        if end == before {
            return Ok(false);
        }
        let mut lanes = self.shared.lanes.write().unwrap_or_else(PoisonError::into_inner);
        open::walk(dir, &mut scan, &mut lanes).map_err(|error| match error {
            OpenError::Read(error) => error,
            other => ReadError::Damaged(other.to_string()),
        })?;
        Ok(true)
    }

    fn find(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Found, ReadError> {
        let lanes = self.shared.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let found = lanes.find(lane, from, bytes_max, PLACES_MAX);
        drop(lanes);
        if !matches!(found, Found::Apart) {
            return Ok(found);
        }
        Ok(self.shared.indexed(lane)?.find(lane, from, bytes_max, PLACES_MAX))
    }
}

impl Log for EmbeddedLog {
    fn topics(&self) -> &Topics {
        &self.topics
    }

    fn append(&self, handovers: Vec<Handover>, done: Done) {
        let Medium::Writer(_, store) = &self.medium else {
            return done(unknown(handovers.len(), "log is opened read-only"));
        };
        if let Some(wrong) = handovers.iter().find(|handover| !self.is_whole(handover)) {
            let (lane, records) = (wrong.lane, wrong.records);
            let why =
                format!("handover to {lane:?} is not {records} records of a lane of this log");
            return done(unknown(handovers.len(), &why));
        }
        let batch: Batch = Arc::new(handovers);
        let entries: Vec<_> = batch.iter().map(entry::encode).collect();
        let (shared, handovers) = (Arc::clone(&self.shared), Arc::clone(&batch));
        let done = move |outcome: Result<Vec<Location>, _>| match outcome {
            Ok(locations) => shared.committed(&handovers, &locations, done),
            Err(error) => shared.refused(handovers.len(), &error, done),
        };
        // Whoever comes with one alone is nearly always alone, and would only wait for the other thread.
        match entries.as_slice() {
            [_] => store.append_here(&entries, done),
            _ => store.append_parts(&entries, done),
        }
    }

    fn read(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        let mut found = self.find(lane, from, bytes_max)?;
        if matches!(found, Found::Nothing) && self.refresh()? {
            found = self.find(lane, from, bytes_max)?;
        }
        match found {
            // Of an index that is here, the second is never said.
            Found::Nothing | Found::Apart => Ok(Vec::new()),
            Found::Memory(recent) => {
                let mut out = Vec::new();
                for handover in &recent {
                    take_recent(lane, handover, from, &mut out)?;
                }
                Ok(out)
            }
            Found::Store(places) => read_places(&self.reader, lane, from, bytes_max, &places),
        }
    }

    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        let mut out = Vec::new();
        self.visit_stream(lane, stream, from, &mut |offset, prev, bytes| {
            out.push(Stored { offset, prev: *prev, bytes: bytes.to_vec() });
        })?;
        Ok(out)
    }

    fn visit_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
        each: VisitRecord<'_>,
    ) -> Result<(), ReadError> {
        self.refresh()?;
        let lanes = self.shared.indexed(lane)?;
        let Some(known) = lanes.get(lane) else { return Ok(()) };
        let mut offsets: Vec<u64> = known.streams.index.of(stream.id(), from).collect();
        offsets.reverse();
        // What is in memory is newer than what is only in the store.
        let (mut stored, mut recent) = (Vec::with_capacity(offsets.len()), Vec::new());
        for offset in offsets {
            match lanes.one(lane, offset) {
                None => {}
                Some(Ok(found)) => recent.push((offset, found)),
                Some(Err(place)) => stored.push((offset, place)),
            }
        }
        drop(lanes);
        // Two categories may share an id.
        let mut of_it = |offset, prev: &Head, bytes: &[u8]| {
            if log::is_of(bytes, stream) {
                each(offset, prev, bytes);
            }
        };
        read_wanted(&self.reader, lane, &stored, &mut of_it)?;
        let mut one = Vec::new();
        for (offset, handover) in recent {
            one.clear();
            take_recent(lane, &handover, offset, &mut one)?;
            if let Some(Stored { prev, bytes, .. }) = one.first() {
                of_it(offset, prev, bytes);
            }
        }
        Ok(())
    }

    fn end(&self, lane: LaneId) -> u64 {
        let lanes = self.shared.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.get(lane).map_or(0, |lane| lane.end)
    }

    fn recall(&self, lane: LaneId) -> Result<Option<Recall>, ReadError> {
        let lanes = self.shared.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = lanes.get(lane) else { return Ok(None) };
        let Some(kept) = known.streams.kept.snapshot() else { return Ok(None) };
        let (state, next_offset) = known.streams.resume(known.end);
        if known.streams.index.apart().is_some() {
            self.shared.due.soon(lane);
        }
        drop(lanes);
        let keys = match kept.keys() {
            Ok(keys) => keys,
            Err(why) => {
                tracing::warn!(why, "checkpoint of the log is passed over by the owner of a lane");
                return Ok(None);
            }
        };
        let claim = match kept.claim {
            Some(offset) => match claim_at(lane, &self.read(lane, offset, 1)?) {
                Some(claim) => Some(claim),
                None => return Ok(None),
            },
            None => None,
        };
        Ok(Some(Recall { state, next_offset, log_time: kept.log_time, claim, keys }))
    }

    fn on_growth(&self, hook: GrowthHook) {
        let mut hooks = self.shared.hooks.write().unwrap_or_else(PoisonError::into_inner);
        *hooks = hooks.iter().cloned().chain([Arc::new(hook)]).collect();
    }

    fn failed(&self) -> Option<String> {
        self.shared.failed.get().cloned()
    }
}

/// The claim that was read first.
fn claim_at(lane: LaneId, stored: &[Stored]) -> Option<Claim> {
    match Record::decode(lane, &stored.first()?.bytes).ok()?.body {
        Body::Claim(claim) => Some(claim),
        _ => None,
    }
}

impl EmbeddedLog {
    fn is_whole(&self, handover: &Handover) -> bool {
        let lane = handover.lane;
        let topic = self.topics.all().get(usize::from(lane.topic.0));
        topic.is_some_and(|topic| lane.index < topic.lanes)
            && entry::count(&handover.bytes) == Ok(handover.records)
    }
}

impl std::fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedLog").field("topics", &self.topics).finish_non_exhaustive()
    }
}
