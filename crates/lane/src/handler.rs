//! Deciders without their types: how the runtime calls the rules of any context.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use codec::Schemas;
use domain::context::Aggregates;
use domain::{Aggregate, Context, Decider, EventData, Rejection, RejectionKind};
use log::Verdict;

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
    /// Nothing has happened.
    fn fresh(&self) -> AnyState;
    /// One more stored event.
    fn replay(&self, state: &mut AnyState, data: &EventData) -> Result<(), String>;
    /// Asks the rule; on success the state has moved on and the events are encoded.
    fn decide(
        &self,
        state: &mut AnyState,
        command: Box<dyn Any + Send>,
    ) -> Result<Vec<EventData>, NoEvent>;
    /// The state as lines, for readers of the history.
    fn show(&self, state: &AnyState) -> Vec<(&'static str, String)>;
}

/// The deciders of all registered contexts, by category.
#[derive(Clone)]
pub struct Deciders {
    schemas: Arc<Schemas>,
    all: HashMap<&'static str, Arc<dyn Handler>>,
}

impl std::fmt::Debug for Deciders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.all.keys()).finish()
    }
}

impl Deciders {
    /// None yet.
    pub fn new(schemas: Arc<Schemas>) -> Self {
        Self { schemas, all: HashMap::new() }
    }

    /// Takes the aggregates of a context in.
    pub fn add<C: Context>(&mut self) {
        C::aggregates(&mut Adding { to: self, context: C::NAME });
    }

    /// The decider of a category.
    pub fn of(&self, category: &str) -> Option<&Arc<dyn Handler>> {
        self.all.get(category)
    }

    /// Every category.
    pub fn categories(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.all.keys().copied()
    }

    /// The context that a category belongs to.
    pub fn context_of(&self, category: &str) -> Option<&'static str> {
        self.all.get(category).map(|handler| handler.context())
    }
}

struct Adding<'a> {
    to: &'a mut Deciders,
    context: &'static str,
}

impl Aggregates for Adding<'_> {
    fn aggregate<A: Aggregate>(&mut self) {
        let typed =
            Typed::<A> { context: self.context, schemas: self.to.schemas.clone(), of: PhantomData };
        let earlier = self.to.all.insert(A::CATEGORY, Arc::new(typed));
        assert!(earlier.is_none(), "two aggregates are called {}", A::CATEGORY);
    }
}

struct Typed<A: Aggregate> {
    context: &'static str,
    schemas: Arc<Schemas>,
    of: PhantomData<fn() -> A>,
}

impl<A: Aggregate> Typed<A> {
    fn state(state: &mut AnyState) -> &mut A::State {
        state.downcast_mut().expect("a state stays with the handler that made it")
    }
}

impl<A: Aggregate> Handler for Typed<A> {
    fn context(&self) -> &'static str {
        self.context
    }

    fn fresh(&self) -> AnyState {
        Box::<A::State>::default()
    }

    fn replay(&self, state: &mut AnyState, data: &EventData) -> Result<(), String> {
        let event: A::Event = self.schemas.decode(data).map_err(|error| error.to_string())?;
        let state = Self::state(state);
        let evolved = catch_unwind(AssertUnwindSafe(|| A::evolve(std::mem::take(state), &event)));
        *state = evolved.map_err(|_| format!("the state of {} panicked", A::CATEGORY))?;
        Ok(())
    }

    fn decide(
        &self,
        state: &mut AnyState,
        command: Box<dyn Any + Send>,
    ) -> Result<Vec<EventData>, NoEvent> {
        let state = Self::state(state);
        let command = *command
            .downcast::<<A as Decider>::Command>()
            .map_err(|_| NoEvent::Broken(format!("command is not one of {}", A::CATEGORY)))?;
        let decided = catch_unwind(AssertUnwindSafe(|| A::decide(state, command)))
            .map_err(|_| NoEvent::Broken(format!("a rule of {} panicked", A::CATEGORY)))?;
        let events = decided.map_err(|refusal| {
            let verdict = match refusal.kind() {
                RejectionKind::Conflict => Verdict::Conflict,
                RejectionKind::Invalid => Verdict::Invalid,
                RejectionKind::Absent => Verdict::Absent,
            };
            NoEvent::Refused(Refusal { verdict, rule: refusal.rule(), detail: refusal.to_string() })
        })?;
        if events.len() > FRAME_EVENTS_MAX {
            let why = format!(
                "command made {} events, at most {FRAME_EVENTS_MAX} are written",
                events.len()
            );
            return Err(NoEvent::Broken(why));
        }
        let encoded: Result<Vec<_>, _> =
            events.iter().map(|event| self.schemas.encode(event)).collect();
        let encoded = encoded.map_err(|error| NoEvent::Broken(error.to_string()))?;
        let evolved =
            catch_unwind(AssertUnwindSafe(|| events.iter().fold(std::mem::take(state), A::evolve)));
        *state = evolved
            .map_err(|_| NoEvent::Poisoned(format!("the state of {} panicked", A::CATEGORY)))?;
        Ok(encoded)
    }

    fn show(&self, state: &AnyState) -> Vec<(&'static str, String)> {
        state.downcast_ref::<A::State>().map(A::show).unwrap_or_default()
    }
}
