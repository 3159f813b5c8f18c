//! Folding a batch in memory: events and rows in, changes out. A pure function; not the engine, which
//! reads the rows before and writes the changes after.

use std::collections::HashMap;

use domain::{Meta, StreamId, TenantId, Timestamp};
use log::{Body, Frame, Mutant};
use uuid::Uuid;

use crate::registry::{Entry, Event, Fill, Poison};
use crate::sink::{Changes, Checkpoint, Parked, StoredRow};

/// An event that the projection reads.
pub(crate) struct Item {
    pub(crate) stream: StreamId,
    pub(crate) version: u64,
    pub(crate) tenant: TenantId,
    pub(crate) recorded_at: Timestamp,
    /// Where its frame begins, or earlier.
    pub(crate) offset: u64,
    /// The key of the row that is its stream's own.
    pub(crate) own: Uuid,
    /// Its row and the typed event; or why it cannot be folded.
    pub(crate) event: Result<(Option<Uuid>, Event), Poison>,
}

impl Item {
    /// Decodes one event.
    pub(crate) fn new(entry: &Entry, meta: Meta, data: &domain::EventData, offset: u64) -> Self {
        Self {
            stream: meta.stream.clone(),
            version: meta.version,
            tenant: meta.tenant.clone(),
            recorded_at: meta.recorded_at,
            offset,
            own: entry.fold.own(&meta.stream),
            event: entry.fold.decode(meta, data),
        }
    }

    /// The row it changes, or the one that is marked when it cannot.
    fn key(&self) -> Option<Uuid> {
        match &self.event {
            Ok((key, _)) => *key,
            Err(_) => Some(self.own),
        }
    }
}

/// What one frame (or claim) means to the projection, and the checkpoint behind it.
pub(crate) struct Piece {
    pub(crate) items: Vec<Item>,
    pub(crate) records: u64,
    pub(crate) after: Checkpoint,
    /// Log time of its first event.
    pub(crate) recorded_at: Option<Timestamp>,
}

impl Piece {
    /// Decodes the events of a frame that the projection reads.
    pub(crate) fn new(entry: &Entry, frame: Frame, before: u64) -> Self {
        let after = Checkpoint {
            seq: if Mutant::CheckpointBehindFrame.is_on() { frame.first } else { frame.last() },
            epoch: frame.epoch,
            head: frame.head,
            offset_hint: frame.next_offset,
        };
        let records = frame.records.len() as u64;
        let (mut items, mut recorded_at) = (Vec::new(), None);
        for record in frame.records {
            let Body::Event { meta, data, .. } = record.body else { continue };
            recorded_at = recorded_at.or(Some(meta.recorded_at));
            if entry.reads.contains(&&*data.event_type) {
                items.push(Item::new(entry, *meta, &data, before));
            }
        }
        Self { items, records, after, recorded_at }
    }
}

/// The parked streams of a lane.
pub(crate) type ParkedStreams = HashMap<StreamId, Parked>;

/// The keys of the rows that these events touch, sorted, each once.
pub(crate) fn keys<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<Uuid> {
    let mut keys: Vec<Uuid> = items.filter_map(Item::key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether another lane may write one of these rows.
pub(crate) fn shared<'a>(entry: &Entry, mut items: impl Iterator<Item = &'a Item>) -> bool {
    entry.shared || items.any(|item| item.key().is_some_and(|key| key != item.own))
}

struct Cell {
    fill: Box<dyn Fill>,
    tenant: TenantId,
    version: u64,
    stale: bool,
    existed: bool,
}

/// A fold under way: rows by key, and the streams that are parked.
pub(crate) struct Folding<'a> {
    entry: &'a Entry,
    rows: HashMap<Uuid, StoredRow>,
    cells: HashMap<Uuid, Cell>,
    parked: &'a ParkedStreams,
    touched: ParkedStreams,
    /// Events folded.
    pub(crate) applied: u64,
    /// Events held back.
    pub(crate) held: u64,
}

impl<'a> Folding<'a> {
    /// `rows` are all rows of the batch's keys that exist.
    pub(crate) fn new(
        entry: &'a Entry,
        parked: &'a ParkedStreams,
        rows: HashMap<Uuid, StoredRow>,
    ) -> Self {
        let (cells, touched) = (HashMap::with_capacity(rows.len()), HashMap::new());
        Self { entry, rows, cells, parked, touched, applied: 0, held: 0 }
    }

    /// Folds the next event of the lane.
    pub(crate) fn take(&mut self, item: &Item) {
        if let Some(parked) = self.parked_mut(&item.stream) {
            parked.held += 1;
            if !Mutant::ParkedGoesOn.is_on() {
                self.held += 1;
                return;
            }
        }
        let done = match &item.event {
            Ok((None, _)) => Ok(()),
            Ok((Some(key), event)) => self.fold(*key, event, item),
            Err(why) => Err(why.clone()),
        };
        match done {
            Ok(()) => self.applied += 1,
            Err(why) => self.park(item, why),
        }
    }

    fn parked_mut(&mut self, stream: &StreamId) -> Option<&mut Parked> {
        if !self.touched.contains_key(stream) {
            self.touched.insert(stream.clone(), self.parked.get(stream)?.clone());
        }
        self.touched.get_mut(stream)
    }

    fn fold(&mut self, key: Uuid, event: &Event, item: &Item) -> Result<(), Poison> {
        let cell = self.cell(key, &item.tenant)?;
        cell.fill.fold(event)?;
        cell.tenant.clone_from(&item.tenant);
        // Of the row's own stream only: what other streams do to it comes in no order.
        if key == item.own || Mutant::VersionOfOthers.is_on() {
            cell.version = item.version;
        }
        if !cell.fill.is_there() {
            cell.version = 0;
        }
        Ok(())
    }

    fn cell(&mut self, key: Uuid, tenant: &TenantId) -> Result<&mut Cell, Poison> {
        use std::collections::hash_map::Entry;
        match self.cells.entry(key) {
            Entry::Occupied(cell) => Ok(cell.into_mut()),
            Entry::Vacant(place) => {
                let found = self.rows.get(&key);
                let fill = self.entry.fold.row(found.map(|row| row.values.clone()))?;
                Ok(place.insert(Cell {
                    fill,
                    tenant: found.map_or_else(|| tenant.clone(), |row| row.tenant.clone()),
                    version: found.map_or(0, |row| row.stream_version),
                    stale: found.is_some_and(|row| row.stale),
                    existed: found.is_some(),
                }))
            }
        }
    }

    fn park(&mut self, item: &Item, why: Poison) {
        let key = item.key().unwrap_or(item.own);
        self.held += 1;
        if let Ok(cell) = self.cell(key, &item.tenant) {
            cell.stale = !Mutant::ParkedNotMarked.is_on();
        } else if let Some(row) = self.rows.get_mut(&key) {
            row.stale = true;
        }
        let parked = Parked {
            stream: item.stream.clone(),
            key,
            version: item.version,
            offset: item.offset,
            held: 1,
            why,
            since: item.recorded_at,
        };
        self.touched.insert(item.stream.clone(), parked);
    }

    /// Takes the mark off the row of a stream that is about to be folded again.
    pub(crate) fn unmark(&mut self, parked: &Parked) {
        let Some(tenant) = self.rows.get(&parked.key).map(|row| row.tenant.clone()) else { return };
        if let Ok(cell) = self.cell(parked.key, &tenant) {
            cell.stale = false;
        }
    }

    /// What the batch does to the table. Rows that were loaded but not folded are written only for
    /// their mark.
    pub(crate) fn finish(self) -> Changes {
        let mut changes =
            Changes { park: self.touched.into_values().collect(), ..Changes::default() };
        changes.park.sort_unstable_by(|a, b| a.stream.cmp(&b.stream));
        let marked = self.rows.into_values().filter(|row| !self.cells.contains_key(&row.key));
        changes.put.extend(marked.filter(|row| row.stale));
        for (key, cell) in self.cells {
            match cell.fill.into_values() {
                Some(values) => changes.put.push(StoredRow {
                    key,
                    tenant: cell.tenant,
                    stream_version: cell.version,
                    stale: cell.stale,
                    values,
                }),
                None if cell.existed && !Mutant::RowNotRemoved.is_on() => changes.remove.push(key),
                None => {}
            }
        }
        changes.put.sort_unstable_by_key(|row| row.key);
        changes.remove.sort_unstable();
        changes
    }
}
