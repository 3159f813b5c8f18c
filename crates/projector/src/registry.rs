//! The projections of a program, with their types erased: how an event becomes a typed fold of a row
//! without the engine knowing either. Not the engine.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use domain::{
    Envelope, EventData, EventSet, LaneId, Meta, Projection, Projections, StreamId, Value,
};
use log::Topics;
use uuid::Uuid;

use crate::Table;
use crate::projector::lanes_of;

/// Why an event cannot be folded, in words.
pub(crate) type Poison = String;

/// Turns stored events into typed ones. Implemented by the schemas of the codec.
pub trait Decode: Send + Sync + 'static {
    /// The event, or what is wrong with it.
    fn decode<E: EventSet>(&self, data: &EventData) -> Result<E, String>;
}

impl Decode for codec::Schemas {
    fn decode<E: EventSet>(&self, data: &EventData) -> Result<E, String> {
        Self::decode(self, data).map_err(|error| error.to_string())
    }
}

/// An event of some projection, decoded.
pub(crate) type Event = Box<dyn Any + Send + Sync>;

/// A projection without its types.
pub(crate) trait Fold: Send + Sync {
    /// Decodes an event; gives the row it belongs to.
    fn decode(&self, meta: Meta, data: &EventData) -> Result<(Option<Uuid>, Event), Poison>;

    /// The key of the row that is a stream's own.
    fn own(&self, stream: &StreamId) -> Uuid;

    /// The row of these values, ready to be folded into.
    fn row(&self, values: Option<Vec<Value>>) -> Result<Box<dyn Fill>, Poison>;
}

/// A row while it is folded.
pub(crate) trait Fill: Send {
    /// Folds one more event; leaves the row as it was when that fails.
    fn fold(&mut self, event: &Event) -> Result<(), Poison>;

    /// Whether there is a row.
    fn is_there(&self) -> bool;

    /// Its values; `None`: there is no row.
    fn into_values(self: Box<Self>) -> Option<Vec<Value>>;
}

struct Typed<P, D> {
    decoder: Arc<D>,
    of: PhantomData<fn() -> P>,
}

struct Filling<P>(Option<P>);

/// Calls domain code; a panic there is a poison event, not the end of the worker.
fn guarded<T>(what: &str, call: impl FnOnce() -> T) -> Result<T, Poison> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
        format!("{what} panicked: {}", said.unwrap_or_else(|| "no message".to_owned()))
    })
}

impl<P: Projection, D: Decode> Fold for Typed<P, D> {
    fn decode(&self, meta: Meta, data: &EventData) -> Result<(Option<Uuid>, Event), Poison> {
        let payload = guarded("decoding", || self.decoder.decode::<P::Event>(data))??;
        let event = Envelope { meta, payload };
        let key = guarded("the key function", || P::key(&event))?;
        Ok((key, Box::new(event)))
    }

    fn own(&self, stream: &StreamId) -> Uuid {
        P::own(stream)
    }

    fn row(&self, values: Option<Vec<Value>>) -> Result<Box<dyn Fill>, Poison> {
        let row = match values {
            None => None,
            Some(values) => {
                Some(guarded("reading the row", || P::from_values(values))?.map_err(|error| {
                    format!("the stored row does not fit the projection: {error}")
                })?)
            }
        };
        Ok(Box::new(Filling(row)))
    }
}

impl<P: Projection> Fill for Filling<P> {
    fn fold(&mut self, event: &Event) -> Result<(), Poison> {
        let Some(event) = event.downcast_ref::<Envelope<P::Event>>() else {
            return Err("event of another projection".to_owned());
        };
        // The fold takes the row; if it panics, the row before it is still needed.
        let row = self.0.clone();
        self.0 = guarded("the fold", || P::fold(row, event))?;
        Ok(())
    }

    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    fn into_values(self: Box<Self>) -> Option<Vec<Value>> {
        self.0.map(P::into_values)
    }
}

/// One registered projection.
#[derive(Clone)]
pub struct Entry {
    /// Its table, first build.
    pub table: Table,
    /// The event types it reads.
    pub reads: &'static [&'static str],
    /// What can be asked of it.
    pub views: &'static [domain::query::View],
    /// Whether several streams may write one row: then lanes wait for each other on keys.
    pub(crate) shared: bool,
    pub(crate) fold: Arc<dyn Fold>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("table", &self.table).finish_non_exhaustive()
    }
}

impl Entry {
    /// The contexts whose events it reads: the first segments of their types.
    pub fn contexts(&self) -> Vec<&'static str> {
        self.segments(1)
    }

    fn segments(&self, dots: usize) -> Vec<&'static str> {
        let cut =
            |ty: &'static str| ty.match_indices('.').nth(dots - 1).map_or(ty, |(at, _)| &ty[..at]);
        let mut all: Vec<_> = self.reads.iter().map(|ty| cut(ty)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The projections of a program. A visitor: contexts register theirs with
/// [`domain::Projections::projection`].
#[derive(Debug)]
pub struct Registry<D> {
    decoder: Arc<D>,
    entries: Vec<Entry>,
}

impl<D: Decode> Registry<D> {
    /// Without projections; `decoder` reads the events of all of them.
    pub const fn new(decoder: Arc<D>) -> Self {
        Self { decoder, entries: Vec::new() }
    }
}

impl<D> Registry<D> {
    /// Every projection, in the order of registration.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The lanes of a log that each projection reads, by its name.
    pub fn lanes(&self, topics: &Topics) -> BTreeMap<&'static str, Vec<LaneId>> {
        let lanes = |entry: &Entry| (entry.table.projection, lanes_of(topics, entry));
        self.entries.iter().map(lanes).collect()
    }

    /// The projections without the decoder's type: what the engine takes.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

impl<D: Decode> Projections for Registry<D> {
    fn projection<P: Projection>(&mut self) {
        let mut entry = Entry {
            table: Table::of::<P>(),
            reads: P::Event::TYPES,
            views: P::views(),
            shared: false,
            fold: Arc::new(Typed::<P, D> { decoder: Arc::clone(&self.decoder), of: PhantomData }),
        };
        entry.shared = entry.segments(2).len() > 1;
        self.entries.push(entry);
    }
}
