//! What is remembered of all lanes: offsets, streams, and the newest records themselves. Pure memory;
//! not the reading of the store.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::LaneId;
use log::{Handover, Head, Stored, Topics};
use segment::Location;

use crate::bytes::{Put as _, Take};
use crate::entry::{NotRecords, Records};
use crate::index::Index;
use crate::offsets::Place;
use crate::piece::Piece;
use crate::streams::{Heads, Streams};

/// What a cached handover costs beside its bytes.
const HANDOVER_BYTES: usize = 160;

/// All lanes of a log.
#[derive(Debug)]
pub(crate) struct Lanes {
    topics: Vec<Vec<Lane>>,
    /// Calls whose handovers are in memory, oldest first, with what they cost.
    cached: VecDeque<(Batch, usize)>,
    cached_bytes: usize,
    cache_bytes_max: usize,
    /// Where the newest handover lies: all before it are taken in.
    taken: Location,
}

/// The handovers of one call.
pub(crate) type Batch = Arc<Vec<Handover>>;

/// One lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) streams: Streams,
    /// Offset behind the last record.
    pub(crate) end: u64,
    /// Handovers.
    pub(crate) handovers: u64,
    tail: VecDeque<Recent>,
    /// Handovers up to here came from a checkpoint.
    held: Location,
}

/// A handover in memory.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    first: u64,
    batch: Batch,
    at: usize,
}

impl Recent {
    /// Adds its records from an offset on to `out`, and gives their size.
    pub(crate) fn push_to(&self, from: u64, out: &mut Vec<Stored>) -> Result<usize, NotRecords> {
        let handover = &self.batch[self.at];
        push_records(self.first, &handover.prev, &handover.bytes, from, out)
    }
}

/// Adds the records of a handover that begins at `first`, from the offset `from` on, to `out`.
pub(crate) fn push_records(
    first: u64,
    prev: &Head,
    records: &[u8],
    from: u64,
    out: &mut Vec<Stored>,
) -> Result<usize, NotRecords> {
    let mut size = 0;
    for (offset, record) in (first..).zip(Records(records)) {
        let bytes = record?;
        if offset >= from {
            size += bytes.len();
            out.push(Stored { offset, prev: *prev, bytes: bytes.to_vec() });
        }
    }
    Ok(size)
}

/// Where the records from an offset on are to be had.
#[derive(Debug)]
pub(crate) enum Found {
    /// The end, or no such lane.
    Nothing,
    /// Here.
    Memory(Vec<Recent>),
    /// In the store.
    Store(Vec<Place>),
    /// In the store, and where exactly is in the index that is not here.
    Apart,
}

impl Lanes {
    pub(crate) fn new(topics: &Topics, cache_bytes_max: usize) -> Self {
        let lane = |id| Lane::new(topics.genesis(id));
        let ids = (0_u16..).take(topics.all().len()).map(domain::TopicId);
        let topics = ids.map(|topic| topics.lanes_of(topic).map(lane).collect()).collect();
        let (cached, taken) = (VecDeque::new(), Location(0));
        Self { topics, cached, cached_bytes: 0, cache_bytes_max, taken }
    }

    pub(crate) fn get(&self, lane: LaneId) -> Option<&Lane> {
        self.topics.get(usize::from(lane.topic.0))?.get(usize::from(lane.index))
    }

    fn get_mut(&mut self, lane: LaneId) -> Option<&mut Lane> {
        self.topics.get_mut(usize::from(lane.topic.0))?.get_mut(usize::from(lane.index))
    }

    /// Every lane with its id.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Lane> {
        self.topics.iter().flatten()
    }

    /// Takes a durable handover in; gives the offset of its first record. `None`: no such lane.
    pub(crate) fn take(
        &mut self,
        lane: LaneId,
        location: Location,
        heads: Heads<'_>,
        records: &[u8],
    ) -> Option<Result<u64, NotRecords>> {
        let first = self.get_mut(lane)?.take(location, heads, records);
        self.taken = self.taken.max(location);
        Some(first)
    }

    /// Keeps nothing for owners: there will be none.
    pub(crate) fn without_owners(mut self) -> Self {
        self.topics.iter_mut().flatten().for_each(|lane| lane.streams.kept.turn_off());
        self
    }

    /// Keys of each lane are in a file now, up to an offset.
    pub(crate) fn moved(&mut self, rows: Vec<(LaneId, Piece, Option<u64>)>) {
        for (lane, older, upto) in rows {
            if let Some(lane) = self.get_mut(lane) {
                lane.streams.kept.moved(older, upto);
            }
        }
    }

    /// Where the newest handover lies that was taken in; all before it were too.
    pub(crate) const fn taken(&self) -> Location {
        self.taken
    }

    /// Whether a checkpoint brought the handover at this place.
    pub(crate) fn holds(&self, lane: LaneId, location: Location) -> bool {
        self.get(lane).is_some_and(|lane| location <= lane.held)
    }

    /// Takes in the older part of an index.
    pub(crate) fn complete(&mut self, lane: LaneId, older: Index) {
        if let Some(lane) = self.get_mut(lane) {
            lane.streams.index.complete(older);
        }
    }

    /// Puts a lane of a checkpoint in the place of an empty one.
    pub(crate) fn put(&mut self, id: LaneId, lane: Lane) {
        self.taken = self.taken.max(lane.held);
        if let Some(place) = self.get_mut(id) {
            *place = lane;
        }
    }

    /// Keeps the handovers of a call in memory, whose first offsets are `firsts`, and forgets the
    /// oldest for them.
    pub(crate) fn keep(&mut self, batch: &Batch, firsts: &[u64]) {
        for (at, (handover, first)) in batch.iter().zip(firsts).enumerate() {
            if let Some(lane) = self.get_mut(handover.lane) {
                lane.tail.push_back(Recent { first: *first, batch: Arc::clone(batch), at });
            }
        }
        let cost = batch.iter().map(|handover| handover.bytes.len() + HANDOVER_BYTES).sum();
        self.cached_bytes += cost;
        self.cached.push_back((Arc::clone(batch), cost));
        while self.cached_bytes > self.cache_bytes_max {
            let Some((oldest, cost)) = self.cached.pop_front() else { break };
            self.cached_bytes -= cost;
            for handover in oldest.iter() {
                if let Some(lane) = self.get_mut(handover.lane) {
                    lane.tail.pop_front();
                }
            }
        }
    }

    /// Where one record of a lane is: the handover that holds it, in memory or in the store.
    pub(crate) fn one(&self, lane: LaneId, offset: u64) -> Option<Result<Recent, Place>> {
        let lane = self.get(lane).filter(|lane| offset < lane.end)?;
        if lane.tail.front().is_none_or(|oldest| oldest.first > offset) {
            return lane.streams.index.from(offset).next().map(Err);
        }
        let at = lane.tail.partition_point(|recent| recent.first <= offset).saturating_sub(1);
        lane.tail.get(at).cloned().map(Ok)
    }

    /// Where the records of a lane from an offset on are: about `bytes_max` of those in memory, or
    /// the places of the next `places_max` handovers.
    pub(crate) fn find(
        &self,
        lane: LaneId,
        from: u64,
        bytes_max: usize,
        places_max: usize,
    ) -> Found {
        let Some(lane) = self.get(lane).filter(|lane| from < lane.end) else {
            return Found::Nothing;
        };
        if lane.tail.front().is_none_or(|oldest| oldest.first > from) {
            if lane.streams.index.apart().is_some() {
                return Found::Apart;
            }
            return Found::Store(lane.streams.index.from(from).take(places_max).collect());
        }
        let at = lane.tail.partition_point(|recent| recent.first <= from).saturating_sub(1);
        let mut left = bytes_max.max(1);
        let wanted = lane.tail.range(at..).take_while(|recent| {
            let more = left > 0;
            left = left.saturating_sub(recent.batch[recent.at].bytes.len());
            more
        });
        Found::Memory(wanted.cloned().collect())
    }
}

impl Lane {
    /// One without a record.
    pub(crate) fn new(genesis: Head) -> Self {
        let (streams, tail) = (Streams::new(genesis), VecDeque::new());
        Self { streams, end: 0, handovers: 0, tail, held: Location(0) }
    }

    /// For a checkpoint, without the index and what is in memory only.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put(self.end);
        out.put(self.handovers);
        self.streams.write(out);
    }

    /// What [`Self::write`] wrote when handovers up to `held` were taken in; `index` is made for so many
    /// records.
    pub(crate) fn read(
        mut from: Take<'_>,
        held: Location,
        index: impl FnOnce(u64) -> Index,
    ) -> Option<Self> {
        let (end, handovers) = (from.u64()?, from.u64()?);
        let streams = Streams::read(&mut from, end, index(end))?;
        from.end()?;
        Some(Self { streams, end, handovers, tail: VecDeque::new(), held })
    }

    /// Takes a durable handover in; gives the offset of its first record.
    pub(crate) fn take(
        &mut self,
        location: Location,
        heads: Heads<'_>,
        records: &[u8],
    ) -> Result<u64, NotRecords> {
        let first = self.end;
        for record in Records(records) {
            self.streams.take(self.end, heads, record?);
            self.end += 1;
        }
        if first < self.end {
            self.streams.index.push(first, location);
        }
        self.handovers += 1;
        Ok(first)
    }
}

/// The offset behind the last record of every lane, and nothing else.
#[derive(Debug)]
pub(crate) struct Ends(Vec<Vec<u64>>);

impl Ends {
    pub(crate) fn new(topics: &Topics) -> Self {
        Self(topics.all().iter().map(|topic| vec![0; usize::from(topic.lanes)]).collect())
    }

    pub(crate) fn of(&mut self, lane: LaneId) -> Option<&mut u64> {
        self.0.get_mut(usize::from(lane.topic.0))?.get_mut(usize::from(lane.index))
    }
}
