//! A log in memory: what the trait promises and nothing more. For tests of what stands on a log; it
//! forgets everything with its process, so it is no adapter of the product.

use std::sync::{Mutex, PoisonError};

use domain::{LaneId, StreamId};

use crate::{
    Delivery, Done, GrowthHook, Handover, Header, LaneState, Log, ReadError, Sha256Chain, Step,
    Stored, Topics, headers, is_of,
};

/// A [`Log`] in memory. Handovers are durable, and their `Done` is called, before `append` returns.
///
/// ```
/// # use recount_log as log;
/// use log::{Log, MemoryLog, Topic, Topics};
///
/// let topics = vec![Topic { name: "content.events".to_owned(), lanes: 2 }];
/// let log = MemoryLog::new(Topics::new(uuid::Uuid::nil(), topics));
/// assert_eq!(log.topics().lanes().count(), 2);
/// ```
pub struct MemoryLog {
    topics: Topics,
    lanes: Mutex<Vec<(LaneId, Vec<Stored>)>>,
    hooks: Mutex<Vec<GrowthHook>>,
}

impl MemoryLog {
    /// An empty log with these topics.
    pub fn new(topics: Topics) -> Self {
        let lanes = topics.lanes().map(|lane| (lane, Vec::new())).collect();
        Self { topics, lanes: Mutex::new(lanes), hooks: Mutex::default() }
    }

    fn with<T>(&self, lane: LaneId, look: impl FnOnce(&mut Vec<Stored>) -> T) -> Option<T> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter_mut().find(|(id, _)| *id == lane).map(|(_, records)| look(records))
    }

    /// Stores one handover; `None` when it is none of this log.
    fn store(&self, handover: &Handover) -> Option<u64> {
        let ranges = headers(&handover.bytes)
            .ok()
            .filter(|all| all.len() == usize::from(handover.records))?;
        self.with(handover.lane, |records| {
            let first = records.len() as u64;
            let new = ranges.into_iter().map(|(_, range)| &handover.bytes[range]);
            records.extend((first..).zip(new).map(|(offset, bytes)| Stored {
                offset,
                prev: handover.prev,
                bytes: bytes.to_vec(),
            }));
            first
        })
    }
}

impl Log for MemoryLog {
    fn topics(&self) -> &Topics {
        &self.topics
    }

    fn append(&self, handovers: Vec<Handover>, done: Done) {
        let deliveries = handovers.iter().map(|handover| match self.store(handover) {
            Some(first) => Delivery::At { first, contiguous: true },
            None => {
                Delivery::Unknown(format!("no records of a lane of this log: {:?}", handover.lane))
            }
        });
        done(deliveries.collect());
        let mut grown: Vec<LaneId> = handovers.iter().map(|handover| handover.lane).collect();
        grown.sort_unstable();
        grown.dedup();
        for hook in self.hooks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            hook(&grown);
        }
    }

    fn read(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        let page = self.with(lane, |records| {
            let mut size = 0;
            let from = usize::try_from(from).unwrap_or(usize::MAX).min(records.len());
            let page = records[from..].iter().take_while(|stored| {
                let more = size == 0 || size < bytes_max;
                size += stored.bytes.len();
                more
            });
            page.cloned().collect()
        });
        Ok(page.unwrap_or_default())
    }

    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        let genesis = self.topics.genesis(lane);
        let found = self.with(lane, |records| valid(genesis, records));
        let wanted = |stored: &Stored| stored.offset >= from && is_of(&stored.bytes, stream);
        Ok(found.unwrap_or_default().into_iter().filter(wanted).collect())
    }

    fn end(&self, lane: LaneId) -> u64 {
        self.with(lane, |records| records.len() as u64).unwrap_or_default()
    }

    fn on_growth(&self, hook: GrowthHook) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    fn failed(&self) -> Option<String> {
        None
    }
}

/// The valid ones of the records of a lane from its start.
pub(crate) fn valid(genesis: crate::Head, records: &[Stored]) -> Vec<Stored> {
    let mut state = LaneState::<Sha256Chain>::new(genesis);
    let (mut valid, mut partial) = (Vec::new(), Vec::new());
    for stored in records {
        let Ok((header, _)) = Header::read(&stored.bytes) else { continue };
        match state.step(&header, &stored.prev, &stored.bytes) {
            Step::Partial => partial.push(stored.clone()),
            Step::Whole { .. } => {
                valid.append(&mut partial);
                valid.push(stored.clone());
            }
            Step::Claimed => {
                partial.clear();
                valid.push(stored.clone());
            }
            Step::Void(_) | Step::Mismatch => {}
        }
    }
    valid
}

impl std::fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLog").field("topics", &self.topics).finish_non_exhaustive()
    }
}
