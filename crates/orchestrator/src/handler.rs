//! A saga as a handler of the command runtime: its stream is decided as an aggregate's is. Not the
//! decision, which is `decide`.

use std::any::Any;
use std::sync::Arc;

use codec::{EncodeError, Schemas};
use domain::saga::{Saga, Steps};
use domain::{EventData, Timestamp};
use lane::{AnyState, Handler, NoEvent, Refusal};
use log::Verdict;

use crate::code::{Poison, guard};
use crate::decide::{Input, NotTaken, decide};
use crate::event::Event;
use crate::folded::Folded;
use crate::next::{poison, unreadable};
use crate::why::why;

/// The topic of the running work of a context.
pub fn topic(context: &str) -> String {
    format!("{context}.sagas")
}

/// The handler of a saga's streams. Its command type is [`Input<S>`]; when something was decided is
/// the log time.
pub struct SagaHandler<S: Saga> {
    plan: Steps<S>,
    schemas: Arc<Schemas>,
}

impl<S: Saga> std::fmt::Debug for SagaHandler<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SagaHandler").field("of", &S::NAME).finish_non_exhaustive()
    }
}

impl<S: Saga> SagaHandler<S> {
    /// With the schemas that its events are stored by.
    pub fn new(schemas: Arc<Schemas>) -> Self {
        Self { plan: S::plan(), schemas }
    }

    fn events(
        &self,
        folded: &Folded,
        input: Input<S>,
        at: Timestamp,
    ) -> Result<Vec<Event>, NoEvent> {
        if let Some(poison) = &folded.unreadable {
            return Ok(unreadable(&self.plan, &folded.is, poison, input, at)?);
        }
        match guard(|| decide(&self.plan, &folded.is, input, at)) {
            Ok(decided) => Ok(decided?),
            // The saga's own code is guarded within; this is the engine's.
            Err(Poison(why)) => self.parked(folded, why, at),
        }
    }

    /// A decision that failed parks its saga; one that is parked already, or over, cannot be told.
    fn parked(&self, folded: &Folded, why: String, at: Timestamp) -> Result<Vec<Event>, NoEvent> {
        let events = poison(&self.plan, &folded.is, Poison(why.clone()), at);
        if events.is_empty() { Err(NoEvent::Broken(why)) } else { Ok(events) }
    }

    fn encode(&self, events: &[Event]) -> Result<Vec<EventData>, EncodeError> {
        events.iter().map(|event| self.schemas.encode(event)).collect()
    }
}

impl From<NotTaken> for NoEvent {
    fn from(not: NotTaken) -> Self {
        let verdict = match not {
            NotTaken::Stale { .. } | NotTaken::NotNow { .. } => Verdict::Conflict,
            NotTaken::NoReason | NotTaken::WrongOutput(_) => Verdict::Invalid,
        };
        Self::Refused(Refusal { verdict, rule: not.rule(), detail: not.to_string() })
    }
}

impl<S: Saga> Handler for SagaHandler<S> {
    fn context(&self) -> &'static str {
        S::CONTEXT
    }

    fn topic(&self) -> String {
        topic(S::CONTEXT)
    }

    fn fresh(&self) -> AnyState {
        Box::<Folded>::default()
    }

    /// Never an error: what cannot be read parks its saga with the next command.
    fn replay(&self, state: &mut AnyState, data: &EventData, at: Timestamp) -> Result<(), String> {
        folded(state).take(&self.schemas, data, at);
        Ok(())
    }

    fn decide(
        &self,
        state: &mut AnyState,
        command: Box<dyn Any + Send>,
        at: Timestamp,
    ) -> Result<Vec<EventData>, NoEvent> {
        let folded = folded(state);
        let input = *command
            .downcast::<Input<S>>()
            .map_err(|_| NoEvent::Broken(format!("command is not one of {}", S::NAME)))?;
        let mut events = self.events(folded, input, at)?;
        let encoded = match self.encode(&events) {
            Ok(encoded) => encoded,
            Err(error) => {
                let why = format!("what came of it cannot be stored: {error}");
                events = self.parked(folded, why, at)?;
                self.encode(&events).map_err(|error| NoEvent::Broken(error.to_string()))?
            }
        };
        for event in &events {
            folded.is = std::mem::take(&mut folded.is).evolve(at, event);
        }
        Ok(encoded)
    }

    fn show(&self, state: &AnyState) -> Vec<(&'static str, String)> {
        let Some(Folded { is, unreadable }) = state.downcast_ref() else { return Vec::new() };
        let (name, version, _) = &is.plan;
        let mut lines = vec![
            ("saga", format!("{name} version {version}")),
            ("phase", format!("{:?}", is.phase).to_lowercase()),
            ("why", why(is, is.last_at)),
        ];
        lines.extend(unreadable.as_ref().map(|Poison(why)| ("unreadable", why.clone())));
        lines
    }
}

fn folded(state: &mut AnyState) -> &mut Folded {
    state.downcast_mut().expect("a state stays with the handler that made it")
}
