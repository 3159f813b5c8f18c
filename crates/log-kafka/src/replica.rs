//! The local replica: every record of the lanes at its own offset, in an embedded log, which reads it,
//! finds streams in it and keeps it over a restart. A cache: what does not fit the cluster is thrown
//! away and read again.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use domain::{LaneId, StreamId};
use log::{Delivery, GrowthHook, Handover, Log, ReadError, Stored, Topics};
use log_embedded::{EmbeddedLog, Options as StoreOptions};

use crate::OpenError;

/// What may wait to be written: then the one who consumes waits too.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// The replica of all lanes.
pub(crate) struct Replica {
    store: EmbeddedLog,
    /// The offset that each lane takes next. Held while the store is handed records, so that they come
    /// in order from whoever has them first.
    next: Mutex<Vec<Vec<u64>>>,
    progress: Arc<Progress>,
}

/// What the store's thread tells.
#[derive(Debug, Default)]
struct Progress {
    waiting_bytes: Mutex<usize>,
    moved: Condvar,
    failed: OnceLock<String>,
}

impl Replica {
    /// Opens the replica in a directory. One of another log, or a damaged one, is emptied.
    pub(crate) fn open(dir: &Path, topics: &Topics) -> Result<Self, OpenError> {
        let store = match Self::open_store(dir, topics) {
            Ok(store) if store.topics() == topics => store,
            Err(error @ log_embedded::OpenError::InUse { .. }) => {
                return Err(OpenError::Replica(error));
            }
            Ok(_) => Self::empty(dir, topics, "its topics are in another order")?,
            Err(error) => Self::empty(dir, topics, &error.to_string())?,
        };
        let next = topics.all().iter().map(|topic| vec![0; usize::from(topic.lanes)]);
        let mut next: Vec<Vec<u64>> = next.collect();
        for lane in topics.lanes() {
            next[usize::from(lane.topic.0)][usize::from(lane.index)] = store.end(lane);
        }
        Ok(Self { store, next: Mutex::new(next), progress: Arc::default() })
    }

    /// The same, with nothing in it.
    pub(crate) fn open_empty(dir: &Path, topics: &Topics, why: &str) -> Result<Self, OpenError> {
        drop(Self::empty(dir, topics, why)?);
        Self::open(dir, topics)
    }

    fn open_store(dir: &Path, topics: &Topics) -> Result<EmbeddedLog, log_embedded::OpenError> {
        let mut options = StoreOptions::new(dir);
        for topic in topics.all() {
            options = options.topic(topic.name.as_str(), topic.lanes);
        }
        options.log = Some(topics.log());
        // The cluster has it: after a power cut it is read again.
        options.sync = false;
        EmbeddedLog::open(&options).map(|(store, _)| store)
    }

    fn empty(dir: &Path, topics: &Topics, why: &str) -> Result<EmbeddedLog, OpenError> {
        tracing::info!(dir = %dir.display(), why, "local replica is read again from the cluster");
        let removed = std::fs::remove_dir_all(dir);
        if let Err(error) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let why = error.to_string();
            return Err(OpenError::Refused { attempt: format!("removing {}", dir.display()), why });
        }
        Self::open_store(dir, topics).map_err(OpenError::Replica)
    }

    /// Takes handovers in whose first records have these offsets, as far as they are the next ones.
    pub(crate) fn take(&self, records: Vec<(u64, Handover)>) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut handovers, mut firsts, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (first, handover) in records {
            let lane = handover.lane;
            let at = next
                .get_mut(usize::from(lane.topic.0))
                .and_then(|lanes| lanes.get_mut(usize::from(lane.index)));
            let Some(at) = at else { continue };
            if let Some((first, handover)) = behind(*at, first, handover) {
                *at += u64::from(handover.records);
                bytes += handover.bytes.len();
                firsts.push(first);
                handovers.push(handover);
            }
        }
        if handovers.is_empty() {
            return;
        }
        *self.progress.waiting() += bytes;
        let progress = Arc::clone(&self.progress);
        self.store.append(
            handovers,
            Box::new(move |deliveries| {
                let wrong = deliveries.iter().zip(&firsts).find(|(delivery, first)| {
                    **delivery != Delivery::At { first: **first, contiguous: true }
                });
                if let Some((delivery, first)) = wrong {
                    let why = format!("local replica took offset {first} as {delivery:?}");
                    let _ = progress.failed.set(why);
                }
                *progress.waiting() -= bytes;
                progress.moved.notify_all();
            }),
        );
        drop(next);
    }

    /// The offset that each lane takes next, by topic.
    pub(crate) fn next(&self) -> Vec<Vec<u64>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until little enough is waiting to be written.
    pub(crate) fn wait_room(&self) {
        let waiting = self.progress.waiting();
        let full = |waiting: &mut usize| *waiting > WAITING_BYTES_MAX;
        drop(self.progress.moved.wait_while(waiting, full));
    }

    /// Whether it can take a little more without anybody waiting.
    pub(crate) fn has_room(&self) -> bool {
        *self.progress.waiting() < WAITING_BYTES_MAX
    }

    /// Waits until a lane holds everything before an offset, but no longer than until `deadline`.
    pub(crate) fn wait_for(&self, lane: LaneId, end: u64, deadline: Instant) -> bool {
        let mut waiting = self.progress.waiting();
        while self.store.end(lane) < end {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.failed().is_some() {
                return false;
            }
            // Looks again by itself: what is visible is told a moment later.
            let pause = left.min(Duration::from_millis(50));
            let woken = self.progress.moved.wait_timeout(waiting, pause);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(crate) fn read(
        &self,
        lane: LaneId,
        from: u64,
        bytes_max: usize,
    ) -> Result<Vec<Stored>, ReadError> {
        self.store.read(lane, from, bytes_max)
    }

    pub(crate) fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        self.store.read_stream(lane, stream, from)
    }

    /// The offset behind the last record it holds.
    pub(crate) fn end(&self, lane: LaneId) -> u64 {
        self.store.end(lane)
    }

    pub(crate) fn on_growth(&self, hook: GrowthHook) {
        self.store.on_growth(hook);
    }

    pub(crate) fn store(&self) -> &EmbeddedLog {
        &self.store
    }

    pub(crate) fn failed(&self) -> Option<String> {
        self.progress.failed.get().cloned().or_else(|| self.store.failed())
    }
}

/// What of a handover lies at `next` and behind it: the rest may be here already, from a writer of this
/// node (the claims of two rivals lie side by side and have one head before them). `None`: nothing of
/// it, or not yet.
fn behind(next: u64, first: u64, handover: Handover) -> Option<(u64, Handover)> {
    let here = usize::try_from(next.checked_sub(first)?).ok()?;
    if here == 0 {
        return Some((first, handover));
    }
    if here >= usize::from(handover.records) {
        return None;
    }
    let (_, range) = log::headers(&handover.bytes).ok()?.into_iter().nth(here)?;
    let records = handover.records - u16::try_from(here).ok()?;
    let bytes = handover.bytes[range.start..].to_vec();
    Some((next, Handover { records, bytes, after: None, ..handover }))
}

impl Progress {
    fn waiting(&self) -> std::sync::MutexGuard<'_, usize> {
        self.waiting_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::{Timestamp, TopicId};
    use log::{Claim, Head, Record, Topic};
    use uuid::Uuid;

    use super::*;

    fn claims(count: u16) -> Handover {
        let claim = |n: u16| Claim {
            id: Uuid::from_u128(u128::from(n)),
            at: Timestamp::default(),
            node: "a".to_owned(),
            url: String::new(),
        };
        let bytes: Vec<u8> = (0..count).flat_map(|n| Record::claim(1, &claim(n))).collect();
        let lane = LaneId { topic: TopicId(0), index: 0 };
        Handover { lane, prev: Head::default(), records: count, bytes, after: None }
    }

    #[test]
    fn what_was_here_already_keeps_nothing_behind_it_out() {
        let dir = tempfile::tempdir().unwrap();
        let topics = vec![Topic { name: "kit.events".to_owned(), lanes: 1 }];
        let replica = Replica::open(dir.path(), &Topics::new(Uuid::nil(), topics)).unwrap();
        let lane = claims(1).lane;
        // Its own claim, by the report of the cluster; then that and a rival's, as they were consumed.
        replica.take(vec![(0, claims(1))]);
        replica.take(vec![(0, claims(2))]);
        assert!(replica.wait_for(lane, 2, Instant::now() + Duration::from_secs(20)));
        let both = log::headers(&claims(2).bytes).unwrap();
        let stored = replica.read(lane, 0, 1 << 20).unwrap();
        assert_eq!(stored.len(), 2);
        assert_eq!(stored[1].bytes, claims(2).bytes[both[1].1.clone()]);
        replica.take(vec![(0, claims(2)), (1, claims(1))]);
        replica.take(vec![(3, claims(1))]);
        assert_eq!(replica.end(lane), 2, "neither twice nor with a hole");
    }
}
