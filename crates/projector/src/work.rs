//! The events of one transaction and what they do to the rows; not the transaction itself.

use std::collections::HashMap;

use domain::LaneId;
use log::{Body, Log, Record};
use uuid::Uuid;

use crate::batch::{Folding, Item, ParkedStreams};
use crate::cell::ProjectionCell;
use crate::registry::Entry;
use crate::sink::{Changes, Parked, StoredRow};
use crate::worker::Fault;

/// The events of one transaction.
pub(crate) struct Work<'a> {
    pub(crate) items: Vec<&'a Item>,
    pub(crate) parked: &'a ParkedStreams,
    /// The stream that is tried again.
    pub(crate) drained: Option<&'a Parked>,
}

impl Work<'_> {
    /// The changes, and how many events were folded.
    pub(crate) fn fold(&self, entry: &Entry, rows: HashMap<Uuid, StoredRow>) -> (Changes, u64) {
        let mut folding = Folding::new(entry, self.parked, rows);
        if let Some(parked) = self.drained {
            folding.unmark(parked);
        }
        self.items.iter().for_each(|item| folding.take(item));
        let applied = folding.applied;
        let mut changes = folding.finish();
        if let Some(parked) = self.drained
            && !changes.park.iter().any(|again| again.stream == parked.stream)
        {
            changes.unpark.push(parked.stream.clone());
        }
        (changes, applied)
    }
}

/// The events of a parked stream up to `seq`, decoded by this program.
pub(crate) fn held_items(
    log: &dyn Log,
    projection: &ProjectionCell,
    lane: LaneId,
    parked: &Parked,
    seq: u64,
) -> Result<Vec<Item>, String> {
    // From the beginning: in a copy of the log the offset is another one.
    let stored = log.read_stream(lane, &parked.stream, 0).map_err(|error| error.to_string())?;
    let mut items = Vec::new();
    for record in stored {
        let decoded = Record::decode(lane, &record.bytes).map_err(|error| error.to_string())?;
        let Body::Event { meta, data, .. } = decoded.body else { continue };
        let held = meta.version >= parked.version && meta.position.seq <= seq;
        if held
            && meta.stream == parked.stream
            && projection.entry.reads.contains(&&*data.event_type)
        {
            items.push(Item::new(&projection.entry, *meta, &data, parked.offset));
        }
    }
    Ok(items)
}

/// Runs what may block on the medium.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Fault> {
    if ambient::is_made_up() {
        return call().map_err(Fault::Wait);
    }
    match tokio::task::spawn_blocking(call).await {
        Ok(done) => done.map_err(Fault::Wait),
        Err(panic) => Err(Fault::Wait(format!("reading the log panicked: {panic}"))),
    }
}
