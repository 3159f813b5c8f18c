//! The log as one start of one node sees it. Not the log itself.

use std::sync::Arc;

use domain::{LaneId, StreamId};
use log::{Done, GrowthHook, Handover, Log, ReadError, Recall, Stored, Topics};

use crate::broker::Broker;
use crate::faults::Fault;
use crate::planted::Planted;
use crate::world::lock;

/// A [`Log`] for one start of a node.
pub(crate) struct NodeLog {
    pub(crate) broker: Arc<Broker>,
    pub(crate) node: usize,
    pub(crate) generation: u64,
}

impl NodeLog {
    /// How far it sees, or why it cannot.
    fn end_or(&self, lane: LaneId) -> Result<u64, ReadError> {
        let no = |why: &str| ReadError::Unavailable(why.to_owned());
        if self.broker.world.strikes(Fault::ReadFails) {
            return Err(no("no file handles"));
        }
        match self.broker.view(self.node, self.generation, lane) {
            (end, true) => Ok(end),
            (_, false) => Err(no("cut off")),
        }
    }
}

impl Log for NodeLog {
    fn topics(&self) -> &Topics {
        &self.broker.topics
    }

    fn append(&self, handovers: Vec<Handover>, done: Done) {
        self.broker.append((self.node, self.generation), handovers, done);
    }

    fn read(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        let end = self.end_or(lane)?;
        let state = lock(&self.broker.state);
        let Some(lane) = state.lanes.get(&lane) else { return Ok(Vec::new()) };
        // A planted lie may have told of records that are not there.
        let all = &lane.records[..usize::try_from(end).unwrap_or(0).min(lane.records.len())];
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(all.len());
        let mut bytes = 0;
        let page = all[from..].iter().take_while(|stored| {
            let more = bytes == 0 || bytes < bytes_max;
            bytes += stored.bytes.len();
            more
        });
        let mut page: Vec<_> = page.cloned().collect();
        let world = &self.broker.world;
        if page.len() > 1 && world.plants(Planted::StaleRead) && world.chance().percent(3) {
            page.remove(page.len() - 2);
        }
        Ok(page)
    }

    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        let end = self.end_or(lane)?;
        let state = lock(&self.broker.state);
        let Some(lane) = state.lanes.get(&lane) else { return Ok(Vec::new()) };
        let offsets = lane.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        // A frame is seen whole or not at all.
        let wanted = offsets.iter().filter(|(at, last)| *at >= from && *last < end);
        let found = wanted.filter_map(|(at, _)| lane.records.get(usize::try_from(*at).ok()?));
        Ok(found.cloned().collect())
    }

    fn end(&self, lane: LaneId) -> u64 {
        self.broker.view(self.node, self.generation, lane).0
    }

    fn recall(&self, lane: LaneId) -> Result<Option<Recall>, ReadError> {
        let world = &self.broker.world;
        if !world.remembers {
            return Ok(None);
        }
        let (end, _) = self.broker.view(self.node, self.generation, lane);
        let mut recall = lock(&self.broker.state).lanes.get(&lane).and_then(|it| it.recall(end));
        if let Some(it) = recall.as_mut().filter(|it| !it.keys.is_empty()) {
            world.sometimes("owner began with keys that the log remembers");
            if world.plants(Planted::RecallWithoutKeys) {
                it.keys.clear();
            }
        }
        Ok(recall)
    }

    fn on_growth(&self, hook: GrowthHook) {
        self.broker.hook(self.node, self.generation, hook);
    }

    fn failed(&self) -> Option<String> {
        None
    }
}
