//! Deciders without their types: how the runtime calls the rules of any context. Not the rules.

use std::any::Any;
use std::sync::Arc;

use codec::Schemas;
use domain::context::Aggregates;
use domain::{Aggregate, Context, EventData, Timestamp};
use log::Verdict;

use crate::maps::Map;
use crate::snapshots::Snapshots;
use crate::typed::Typed;

/// Most events of one command: a frame is read and written whole.
pub const FRAME_EVENTS_MAX: usize = 512;

/// The state of some aggregate; the handler that made it knows its type.
pub type AnyState = Box<dyn Any + Send>;

/// Why a command leaves no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoEvent {
    /// A rule said no.
    Refused(Refusal),
    /// The program is wrong: the rule panicked or its event does not fit its schema. Nothing is kept.
    Broken(String),
    /// The program is wrong, and the state in memory with it.
    Poisoned(String),
}

/// A rule's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How it is told.
    pub verdict: Verdict,
    /// The rule.
    pub rule: &'static str,
    /// The sentence.
    pub detail: String,
}

/// A decider, called without its types.
pub trait Handler: Send + Sync {
    /// The context it belongs to.
    fn context(&self) -> &'static str;
    /// The topic that its streams stand in: facts, unless it says otherwise.
    fn topic(&self) -> String {
        format!("{}.events", self.context())
    }
    /// Nothing has happened.
    fn fresh(&self) -> AnyState;
    /// One more stored event, with the log time it was recorded at. An error keeps the stream from
    /// taking commands, and no other.
    fn replay(&self, state: &mut AnyState, data: &EventData, at: Timestamp) -> Result<(), String>;
    /// Asks the rule; on success the state has moved on and the events are encoded. They will be
    /// recorded at this log time: what is decided now and what is replayed later are the same.
    fn decide(
        &self,
        state: &mut AnyState,
        command: Box<dyn Any + Send>,
        at: Timestamp,
    ) -> Result<Vec<EventData>, NoEvent>;
    /// The state as lines, for readers of the history.
    fn show(&self, state: &AnyState) -> Vec<(&'static str, String)>;
    /// The state as bytes, for a snapshot. `None`: there are no snapshots of it.
    fn save(&self, _state: &AnyState) -> Option<Vec<u8>> {
        None
    }
    /// The state that [`Self::save`] made these bytes of, in the same program. `None`: it cannot be read.
    fn restore(&self, _bytes: &[u8]) -> Option<AnyState> {
        None
    }
}

/// The deciders of all registered contexts, by category.
#[derive(Clone)]
pub struct Deciders {
    schemas: Arc<Schemas>,
    all: Map<String, Registered>,
    snapshots: Option<Arc<Snapshots>>,
}

#[derive(Clone)]
struct Registered {
    handler: Arc<dyn Handler>,
    topic: String,
}

impl std::fmt::Debug for Deciders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.all.keys()).finish()
    }
}

impl Deciders {
    /// None yet.
    pub fn new(schemas: Arc<Schemas>) -> Self {
        Self { schemas, all: Map::default(), snapshots: None }
    }

    /// Takes the aggregates of a context in.
    pub fn add<C: Context>(&mut self) {
        C::aggregates(&mut Adding { to: self, context: C::NAME });
    }

    /// Takes a handler in that is no aggregate of a context.
    ///
    /// # Panics
    /// When the category is taken.
    pub fn handler(&mut self, category: impl Into<String>, handler: Arc<dyn Handler>) {
        let category = category.into();
        let topic = handler.topic();
        assert!(!self.all.contains_key(&category), "two aggregates are called {category}");
        self.all.insert(category, Registered { handler, topic });
    }

    /// Their states are kept in snapshots too; without this they are made from their events alone.
    #[must_use]
    pub fn with_snapshots(self, snapshots: Snapshots) -> Self {
        Self { snapshots: Some(Arc::new(snapshots)), ..self }
    }

    /// Where the snapshots of their states are.
    pub fn snapshots(&self) -> Option<&Snapshots> {
        self.snapshots.as_deref()
    }

    /// The schemas that events are encoded with.
    pub fn schemas(&self) -> &Arc<Schemas> {
        &self.schemas
    }

    /// The decider of a category.
    pub fn of(&self, category: &str) -> Option<&Arc<dyn Handler>> {
        self.all.get(category).map(|registered| &registered.handler)
    }

    /// Every category.
    pub fn categories(&self) -> impl Iterator<Item = &str> + '_ {
        self.all.keys().map(String::as_str)
    }

    /// The topic that the streams of a category stand in.
    pub fn topic_of(&self, category: &str) -> Option<&str> {
        self.all.get(category).map(|registered| registered.topic.as_str())
    }
}

struct Adding<'a> {
    to: &'a mut Deciders,
    context: &'static str,
}

impl Aggregates for Adding<'_> {
    fn aggregate<A: Aggregate>(&mut self) {
        let schemas = self.to.schemas.clone();
        let typed = Typed::<A>::new(self.context, schemas);
        self.to.handler(A::CATEGORY, Arc::new(typed));
    }
}
