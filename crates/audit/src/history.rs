//! Questions to a log: one stream, one event, many events. Not the typed state of an aggregate: the
//! assembly folds it from what is given here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use codec::Schemas;
use domain::{EventId, LaneId, Position, StreamId};
use log::{Body, Chain, DecodeError, Header, Log, ReadError, Record, Sha256Chain, Stored, Topics};
use serde_json::Value;

use crate::{At, Filter, Recorded, Timeline};

/// Records that one look for a position reads.
const PAGE_BYTES: usize = 64 << 10;

/// The log gives no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record that is valid cannot be decoded.
    #[error("valid record at offset {offset} of {lane} cannot be read: {source}")]
    Record {
        /// Name of the lane.
        lane: String,
        /// Where in it.
        offset: u64,
        /// Why.
        source: DecodeError,
    },
}

/// Answers from a log.
#[derive(Clone)]
pub struct History {
    log: Arc<dyn Log>,
    schemas: Arc<Schemas>,
    topics_of: HashMap<String, String>,
}

impl History {
    /// Over a log; `schemas` render events as JSON.
    pub fn new(log: Arc<dyn Log>, schemas: Arc<Schemas>) -> Self {
        Self { log, schemas, topics_of: HashMap::new() }
    }

    /// Says in which topic the streams of a category lie; without it every topic is looked at.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>, topic: impl Into<String>) -> Self {
        self.topics_of.insert(category.into(), topic.into());
        self
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// An event as JSON.
    pub fn json(&self, event: &Recorded) -> Value {
        event.to_json(self.log.topics(), &self.schemas)
    }

    /// Lanes in which a stream may lie; the first is right when its category was named.
    fn lanes(&self, stream: &StreamId) -> Vec<LaneId> {
        let topics = self.log.topics();
        let known = self.topics_of.get(stream.category()).and_then(|name| topics.find(name));
        let all = (0_u16..).take(topics.all().len()).map(domain::TopicId);
        let of = |topic| topics.lane_for(topic, stream);
        known.map_or_else(|| all.map(of).collect(), |topic| vec![of(topic)])
    }

    /// All events of a stream, oldest first; empty when there is none.
    pub fn stream(&self, stream: &StreamId) -> Result<Vec<Recorded>, HistoryError> {
        self.stream_at(stream, At::Head)
    }

    /// The events of a stream up to a point, oldest first.
    pub fn stream_at(&self, stream: &StreamId, at: At) -> Result<Vec<Recorded>, HistoryError> {
        for lane in self.lanes(stream) {
            let stored = self.log.read_stream(lane, stream, 0)?;
            if !stored.is_empty() {
                let mut events = self.decode(lane, &stored)?;
                events.retain(|event| at.includes(event.meta.version, event.meta.recorded_at));
                return Ok(events);
            }
        }
        Ok(Vec::new())
    }

    /// Events that pass a filter, in the order of time, at most `limit`.
    pub fn events(&self, filter: Filter, limit: usize) -> Result<Vec<Recorded>, HistoryError> {
        let all = self.timeline(filter).take(limit);
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// The last `limit` events that pass a filter, in the order of time. Reads the whole lanes.
    pub fn latest(&self, filter: Filter, limit: usize) -> Result<Vec<Recorded>, HistoryError> {
        let mut last = VecDeque::new();
        for event in self.timeline(filter) {
            last.push_back(event?);
            if last.len() > limit {
                last.pop_front();
            }
        }
        Ok(last.into())
    }

    /// The same without a bound, one by one; for exports and for following.
    pub fn timeline(&self, filter: Filter) -> Timeline {
        Timeline::new(Arc::clone(&self.log), filter)
    }

    /// The event at a position; `None` when there is no record, or it is not an event.
    pub fn event(&self, at: Position) -> Result<Option<Recorded>, HistoryError> {
        // A record has at least `seq - 1` records before it; void ones push it further back.
        let mut offset = at.seq.saturating_sub(1);
        loop {
            let page = self.log.read(at.lane, offset, PAGE_BYTES)?;
            for stored in &page {
                let Ok((header, _)) = Header::read(&stored.bytes) else { continue };
                if header.seq < at.seq || !self.is_valid(at.lane, stored)? {
                    continue;
                }
                let hit = header.seq == at.seq;
                let found = if hit {
                    self.decode(at.lane, std::slice::from_ref(stored))?.pop()
                } else {
                    None
                };
                return found
                    .map(|event| self.with_head(at.lane, event, stored, header))
                    .transpose();
            }
            match page.last() {
                Some(last) => offset = last.offset + 1,
                None => return Ok(None),
            }
        }
    }

    /// The event with this id. Reads lanes until it is found.
    pub fn event_by_id(&self, id: EventId) -> Result<Option<Recorded>, HistoryError> {
        Ok(self.events(Filter { id: Some(id), ..Filter::default() }, 1)?.pop())
    }

    fn is_valid(&self, lane: LaneId, stored: &Stored) -> Result<bool, HistoryError> {
        let Ok(Some((category, id))) = log::stream_of(&stored.bytes) else { return Ok(false) };
        let Ok(stream) = StreamId::parse_parts(category, id) else { return Ok(false) };
        let valid = self.log.read_stream(lane, &stream, stored.offset)?;
        Ok(valid.first() == Some(stored))
    }

    /// Fills in the head after the frame of one record.
    fn with_head(
        &self,
        lane: LaneId,
        mut event: Recorded,
        stored: &Stored,
        header: Header,
    ) -> Result<Recorded, HistoryError> {
        if event.head.is_none() {
            let from = stored.offset.saturating_sub(u64::from(header.place));
            let frame = self.log.read_stream(lane, &event.meta.stream, from)?;
            let whole = self.decode(lane, &frame)?;
            event.head =
                whole.iter().find(|one| one.offset == stored.offset).and_then(|one| one.head);
        }
        Ok(event)
    }

    /// Decodes valid records and keeps the events among them. The records of a frame follow one
    /// another, because all are of one stream.
    fn decode(&self, lane: LaneId, stored: &[Stored]) -> Result<Vec<Recorded>, HistoryError> {
        let mut events: Vec<Recorded> = Vec::with_capacity(stored.len());
        let mut frame = Vec::new();
        for one in stored {
            let record = Record::decode(lane, &one.bytes).map_err(|source| {
                let lane = self.log.topics().lane_name(lane);
                HistoryError::Record { lane, offset: one.offset, source }
            })?;
            let header = record.header;
            if header.place == 0 {
                frame.clear();
            }
            frame.push(one.bytes.as_slice());
            if let Body::Event { meta, data, fingerprint } = record.body {
                let (epoch, offset) = (header.epoch, one.offset);
                let event = Recorded { meta: *meta, data, fingerprint, epoch, offset, head: None };
                events.push(event);
            }
            if frame.len() == usize::from(header.of) && header.place + 1 == header.of {
                let head = Sha256Chain::extend(&one.prev, &frame.concat());
                let last = events.len().saturating_sub(frame.len());
                for event in
                    events[last..].iter_mut().filter(|event| event.meta.position.seq <= header.seq)
                {
                    event.head.get_or_insert(head);
                }
            }
        }
        Ok(events)
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("topics_of", &self.topics_of).finish_non_exhaustive()
    }
}

/// A position as people write it: `content.events/5@12`.
pub fn position_text(topics: &Topics, at: Position) -> String {
    format!("{}@{}", topics.lane_name(at.lane), at.seq)
}

/// The position that people write `content.events/5@12`.
pub fn parse_position(topics: &Topics, text: &str) -> Option<Position> {
    let (lane, seq) = text.rsplit_once('@')?;
    let seq = seq.parse().ok().filter(|seq| *seq > 0)?;
    Some(Position { lane: topics.parse_lane(lane)?, seq })
}
