//! A saga without its types: what the runner of a lane, which holds sagas of any type, asks of them.
//! Not the carrying itself, which is in `carry`.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use codec::Schemas;
use domain::saga::{Meets, Saga, SagaId, Steps};
use domain::{Envelope, EventData, EventId, Meta, StreamId, TenantId, Timestamp, Trace};
use ports::Carrier;
use uuid::Uuid;

use crate::code::guard;
use crate::run::carry::Carried;
use crate::run::means::Means;
use crate::run::wanted::Wanted;
use crate::{Attempt, Effect, Input, Instance, Poison, decide};

/// An input of some saga, to be given to the handler of its category as often as it is asked for.
#[derive(Clone)]
pub(crate) struct AnyInput(Arc<dyn Fn() -> Box<dyn Any + Send> + Send + Sync>);

impl AnyInput {
    pub(crate) fn of<S: Saga>(input: Input<S>) -> Self {
        Self(Arc::new(move || Box::new(input.clone())))
    }

    /// The command for the handler.
    pub(crate) fn command(&self) -> Box<dyn Any + Send> {
        (self.0)()
    }
}

impl std::fmt::Debug for AnyInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyInput")
    }
}

/// What the runtime itself has to tell a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// This node has it now.
    Recovered,
    /// A timer fired.
    Timer(u32),
    /// Its own code failed when it was asked what to do.
    Poisoned(String),
}

/// Names something that is begun once, and dropped when the saga lists it no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doing {
    /// An attempt.
    Perform(Attempt),
    /// A probe.
    Probe {
        /// Of which step.
        step: String,
        /// Whether behind the undo.
        behind_undo: bool,
    },
    /// A timer.
    Wake {
        /// Its number.
        timer: u32,
        /// When it fires.
        at: Timestamp,
    },
}

/// Something to do.
pub(crate) struct Todo {
    pub(crate) doing: Doing,
    /// How; nothing for a timer.
    pub(crate) job: Option<Box<dyn Job>>,
}

/// Whose work it is.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) saga: &'static str,
    pub(crate) stream: StreamId,
    pub(crate) tenant: TenantId,
    pub(crate) correlation: Uuid,
    pub(crate) trace: Option<Trace>,
    /// The event that wants it.
    pub(crate) intent: Option<EventId>,
}

/// Work that was not begun.
#[async_trait]
pub(crate) trait Job: Send {
    /// Does it; `None`: it was not wanted any more, or nobody answered in time, which the attempt's own
    /// timer tells.
    async fn carry(
        self: Box<Self>,
        with: Arc<Means>,
        about: &About,
        wanted: &Wanted,
    ) -> Option<AnyInput>;
}

/// A saga type.
pub(crate) trait AnySaga: Send + Sync {
    fn name(&self) -> &'static str;
    fn category(&self) -> &'static str;
    /// Whether it has anything to say when it is told that this node has it now: nothing was under
    /// way when it is silent.
    fn is_lost(&self, is: &Instance) -> bool;
    /// What is to be done in this state.
    fn todo(&self, is: &Instance) -> Result<Vec<Todo>, Poison>;
    fn input(&self, news: News) -> AnyInput;
    /// The command of an ask, which another node sent as JSON.
    fn ask(&self, ask: serde_json::Value, at: Timestamp) -> Result<Box<dyn Any + Send>, String>;
    /// What an event means to sagas of this type: which are told what, in this order.
    fn meet(
        &self,
        schemas: &Schemas,
        meta: &Meta,
        data: &EventData,
    ) -> Result<Vec<(StreamId, AnyInput)>, String>;
}

/// A saga type with its plan and who carries its asks.
pub(crate) struct Typed<S: Saga> {
    pub(crate) plan: Steps<S>,
    pub(crate) carrier: Arc<dyn Carrier<S>>,
}

/// The shared part of every piece of work of a type.
pub(crate) struct Shared<S: Saga>(pub(crate) Arc<Typed<S>>);

impl<S: Saga> Shared<S> {
    pub(crate) fn new(carrier: Arc<dyn Carrier<S>>) -> Self {
        Self(Arc::new(Typed { plan: S::plan(), carrier }))
    }
}

impl<S: Saga> AnySaga for Shared<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn category(&self) -> &'static str {
        S::CATEGORY
    }

    fn is_lost(&self, is: &Instance) -> bool {
        let said = guard(|| decide(&self.0.plan, is, Input::Recovered, is.last_at));
        !matches!(said, Ok(Ok(events)) if events.is_empty())
    }

    fn todo(&self, is: &Instance) -> Result<Vec<Todo>, Poison> {
        let effects = crate::next(&self.0.plan, is)?;
        Ok(effects.into_iter().filter_map(|effect| self.one(is, effect)).collect())
    }

    fn ask(&self, ask: serde_json::Value, at: Timestamp) -> Result<Box<dyn Any + Send>, String> {
        let ask: S::Ask = serde_json::from_value(ask).map_err(|error| error.to_string())?;
        let command = guard(|| S::command(&ask, at)).map_err(|Poison(why)| why)?;
        Ok(command.ok_or("the ask is no command")?.0)
    }

    fn input(&self, news: News) -> AnyInput {
        AnyInput::of::<S>(match news {
            News::Recovered => Input::Recovered,
            News::Timer(timer) => Input::Timer(timer),
            News::Poisoned(why) => Input::Poisoned(why),
        })
    }

    fn meet(
        &self,
        schemas: &Schemas,
        meta: &Meta,
        data: &EventData,
    ) -> Result<Vec<(StreamId, AnyInput)>, String> {
        let payload = schemas.decode::<S::Trigger>(data).map_err(|error| error.to_string())?;
        let event = Envelope { meta: meta.clone(), payload };
        let met = guard(|| S::meet(&event)).map_err(|Poison(why)| why)?;
        let event = meta.id;
        let input = |met| match met {
            Meets::Start { saga, state, at } => (saga, Input::Trigger { event, saga, state, at }),
            Meets::Cancel { saga, why } => (saga, Input::Cancel { event, why }),
            Meets::Late { saga, late } => (saga, Input::Late { event, late }),
        };
        let told = met.into_iter().map(input);
        Ok(told.map(|(saga, input)| (stream_of::<S>(saga), AnyInput::of::<S>(input))).collect())
    }
}

fn stream_of<S: Saga>(saga: SagaId) -> StreamId {
    StreamId::new(S::CATEGORY, saga.0)
}

impl<S: Saga> Shared<S> {
    fn one(&self, is: &Instance, effect: Effect<S>) -> Option<Todo> {
        let (doing, step) = match &effect {
            Effect::Wake { timer, at } => {
                return Some(Todo { doing: Doing::Wake { timer: *timer, at: *at }, job: None });
            }
            Effect::Perform { attempt, .. } => {
                (Doing::Perform(attempt.clone()), attempt.step.clone())
            }
            Effect::Probe { step, behind_undo, .. } => {
                let doing = Doing::Probe { step: step.clone(), behind_undo: *behind_undo };
                (doing, step.clone())
            }
        };
        let (known, line) = (is.steps.get(&step)?, self.0.plan.line(&step)?);
        let direction = match &effect {
            Effect::Perform { attempt, .. } => attempt.direction,
            _ => crate::Direction::Forward,
        };
        let job = Carried {
            of: Arc::clone(&self.0),
            saga: is.id?,
            asked_at: known.way(direction).asked_at,
            forward_at: known.forward.asked_at,
            forward: known.ours.then(|| known.target.parse().ok()).flatten(),
            breaker: line.retry.breaker,
            timeout_ms: line.timeout_ms,
            effect,
        };
        Some(Todo { doing, job: Some(Box::new(job)) })
    }
}
