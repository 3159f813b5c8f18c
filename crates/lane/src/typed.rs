//! An aggregate as a handler: its types go in here and are not seen outside. Not its rules.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use codec::Schemas;
use domain::{Aggregate, Decider, EventData, Rejection, RejectionKind, Timestamp};
use log::Verdict;

use crate::handler::{AnyState, FRAME_EVENTS_MAX, Handler, NoEvent, Refusal};

/// The handler of an aggregate.
pub struct Typed<A: Aggregate> {
    context: &'static str,
    topic: String,
    schemas: Arc<Schemas>,
    of: PhantomData<fn() -> A>,
}

impl<A: Aggregate> std::fmt::Debug for Typed<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Typed").field("of", &A::CATEGORY).finish_non_exhaustive()
    }
}

impl<A: Aggregate> Typed<A> {
    /// Of a context; its streams stand among the context's facts.
    pub fn new(context: &'static str, schemas: Arc<Schemas>) -> Self {
        Self { context, topic: format!("{context}.events"), schemas, of: PhantomData }
    }

    /// The same with its streams in another topic of the context.
    #[must_use]
    pub fn in_topic(self, topic: String) -> Self {
        Self { topic, ..self }
    }

    fn state(state: &mut AnyState) -> &mut A::State {
        state.downcast_mut().expect("a state stays with the handler that made it")
    }
}

impl<A: Aggregate> Handler for Typed<A> {
    fn context(&self) -> &'static str {
        self.context
    }

    fn topic(&self) -> String {
        self.topic.clone()
    }

    fn fresh(&self) -> AnyState {
        Box::<A::State>::default()
    }

    fn replay(&self, state: &mut AnyState, data: &EventData, _: Timestamp) -> Result<(), String> {
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
        _: Timestamp,
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

    fn save(&self, state: &AnyState) -> Option<Vec<u8>> {
        codec::state_to_bytes(state.downcast_ref::<A::State>()?)
    }

    fn restore(&self, bytes: &[u8]) -> Option<AnyState> {
        Some(Box::new(codec::state_from_bytes::<A::State>(bytes)?))
    }

    fn show(&self, state: &AnyState) -> Vec<(&'static str, String)> {
        state.downcast_ref::<A::State>().map(A::show).unwrap_or_default()
    }
}
