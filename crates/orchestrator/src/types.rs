//! The registered saga types without their types: what edges, runner and console ask of them. Not the
//! instances.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use codec::Schemas;
use domain::saga::{Kind, OnExpiry, Retry, Saga, SagaId, Sagas, Steps, Target, Unknown};
use domain::{Decider, EventSet, StreamId, TenantId, Timestamp};
use lane::{Deciders, Handler, Typed};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::advance::ask_of;
use crate::code::{Poison, guard, lived};
use crate::decide::{Input, NotTaken, decide};
use crate::event::Event;
use crate::handler::{SagaHandler, topic};
use crate::instance::Instance;
use crate::key::plan_hash;
use crate::marks::{Move, PumpMark};
use crate::order::Order;
use crate::plans::{Plans, ReadFrom, Register};
use crate::words::Direction;

/// Whose the plans and marks are: nobody's data, written by the program itself.
pub const SYSTEM: TenantId = TenantId::from_static("system");

/// A line of a plan, as data for readers.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Name of the step.
    pub name: &'static str,
    /// What can be done about it.
    pub kind: Kind,
    /// Whether it is there only sometimes.
    pub when: bool,
    /// Whether it is done for each of some items.
    pub each: bool,
    /// Whether it can be taken back.
    pub undo: bool,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// How long all attempts may take, in milliseconds, and what then.
    pub within: Option<(u64, OnExpiry)>,
    /// When it is tried again.
    pub retry: Retry,
    /// What is done when the answer never came.
    pub unknown: Unknown,
}

/// A saga type.
pub trait SagaType: Debug + Send + Sync {
    /// Its name, as `publish-post`.
    fn name(&self) -> &'static str;
    /// Its context, as `social`.
    fn context(&self) -> &'static str;
    /// The category of its streams, as `publish_post`.
    fn category(&self) -> &'static str;
    /// The version of its plan.
    fn version(&self) -> u32;
    /// The hash of its plan.
    fn hash(&self) -> &str;
    /// Its plan as text.
    fn text(&self) -> &str;
    /// The lines of its plan.
    fn lines(&self) -> &[Line];
    /// How long the whole may take, in milliseconds, and what then.
    fn deadline(&self) -> Option<(u64, OnExpiry)>;
    /// When an undo is tried again.
    fn undo_retry(&self) -> Retry;
    /// What a saga of it knows of its business in this state, as JSON.
    ///
    /// # Errors
    /// [`Poison`] when its own code fails on it.
    fn knows(&self, is: &Instance) -> Result<Value, Poison>;
    /// Whom a step asks in this state, and what; nothing is asked. `None`: it has no such step, or
    /// nothing takes it back.
    ///
    /// # Errors
    /// [`Poison`] when its own code fails on it.
    fn asks(&self, is: &Instance, step: &str, way: Direction) -> Result<Option<Target>, Poison>;
    /// The types of the events that reach it.
    fn triggers(&self) -> &'static [&'static str];
    /// The events that an order would append now: a dry run of the decision.
    fn preview(&self, is: &Instance, order: &Order, now: Timestamp)
    -> Result<Vec<Event>, NotTaken>;
    /// The command of an order, for the stream of its saga.
    fn command(&self, order: Order) -> Result<Box<dyn Any + Send>, NotTaken>;
    /// The handler of its streams.
    fn handler(&self, schemas: &Arc<Schemas>) -> Arc<dyn Handler>;
}

/// What follows from a type's names.
impl dyn SagaType {
    /// The topic that its streams, its plans and its marks stand in.
    pub fn topic(&self) -> String {
        topic(self.context())
    }

    /// The stream of a saga.
    pub fn stream(&self, saga: SagaId) -> StreamId {
        StreamId::new(self.category(), saga.0)
    }

    /// The category of its plans' stream, as `publish_post_plan`.
    pub fn plan_category(&self) -> String {
        format!("{}_{}", self.category(), Plans::CATEGORY)
    }

    /// The category of its marks' streams, as `publish_post_pump`.
    pub fn pump_category(&self) -> String {
        format!("{}_{}", self.category(), PumpMark::CATEGORY)
    }

    /// The stream of its plans; it takes [`Register`].
    pub fn plan_stream(&self) -> StreamId {
        stream(&self.plan_category(), &[self.name()])
    }

    /// The stream of its mark in a lane; it takes [`Move`].
    pub fn pump_stream(&self, topic: &str, lane: u16) -> StreamId {
        stream(&self.pump_category(), &[self.name(), topic, &lane.to_string()])
    }

    /// What it registers at start: its plan, and from where lanes are read that it does not read yet.
    pub fn register(&self, reads: Vec<ReadFrom>) -> Register {
        let (hash, text) = (self.hash().to_owned(), self.text().to_owned());
        Register { saga: self.name().to_owned(), version: self.version(), hash, text, reads }
    }

    /// What moves its mark in a lane.
    pub fn moved(&self, topic: &str, lane: u16, seq: u64) -> Move {
        Move { saga: self.name().to_owned(), topic: topic.to_owned(), lane, seq }
    }
}

/// The stream of a category whose id is derived from names.
fn stream(category: &str, names: &[&str]) -> StreamId {
    StreamId::parse_parts(category, derived(names)).expect("a saga's category is one")
}

/// A UUIDv8 from the SHA-256 of names.
fn derived(names: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for name in names {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// All registered saga types: a visitor of their registration, which then registers their handlers.
#[derive(Debug, Clone, Default)]
pub struct Types {
    by_category: BTreeMap<&'static str, Arc<dyn SagaType>>,
}

impl Sagas for Types {
    fn saga<S: Saga>(&mut self) {
        let earlier = self.by_category.insert(S::CATEGORY, Arc::new(Of::<S>::new()));
        assert!(earlier.is_none(), "two sagas are called {}", S::CATEGORY);
    }
}

impl Types {
    /// Every type, by category.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn SagaType>> + '_ {
        self.by_category.values()
    }

    /// The type of a category, as `publish_post`.
    pub fn of(&self, category: &str) -> Option<&Arc<dyn SagaType>> {
        self.by_category.get(category)
    }

    /// The type of a name, as `publish-post`.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn SagaType>> {
        self.all().find(|ty| ty.name() == name)
    }

    /// Registers the handlers of all types: of their sagas, their plans and their marks.
    pub fn handlers(&self, to: &mut Deciders) {
        let schemas = to.schemas().clone();
        for ty in self.all() {
            let (context, topic) = (ty.context(), ty.topic());
            to.handler(ty.category(), ty.handler(&schemas));
            let plans = Typed::<Plans>::new(context, schemas.clone()).in_topic(topic.clone());
            to.handler(ty.plan_category(), Arc::new(plans));
            let marks = Typed::<PumpMark>::new(context, schemas.clone()).in_topic(topic);
            to.handler(ty.pump_category(), Arc::new(marks));
        }
    }
}

struct Of<S: Saga> {
    plan: Steps<S>,
    text: String,
    hash: String,
    lines: Vec<Line>,
}

impl<S: Saga> Debug for Of<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SagaType")
            .field("name", &S::NAME)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl<S: Saga> Of<S> {
    fn new() -> Self {
        let plan = S::plan();
        let line = |step: &domain::saga::Step<S>| Line {
            name: step.name,
            kind: step.kind,
            when: step.when.is_some(),
            each: step.each.is_some(),
            undo: step.undo.is_some(),
            timeout_ms: step.timeout_ms,
            within: step.within,
            retry: step.retry,
            unknown: step.unknown,
        };
        let lines = plan.steps.iter().map(line).collect();
        Self { text: plan.text(), hash: plan_hash(&plan), lines, plan }
    }
}

impl<S: Saga> SagaType for Of<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }
    fn context(&self) -> &'static str {
        S::CONTEXT
    }
    fn category(&self) -> &'static str {
        S::CATEGORY
    }
    fn version(&self) -> u32 {
        self.plan.version
    }
    fn hash(&self) -> &str {
        &self.hash
    }
    fn text(&self) -> &str {
        &self.text
    }
    fn lines(&self) -> &[Line] {
        &self.lines
    }
    fn deadline(&self) -> Option<(u64, OnExpiry)> {
        self.plan.deadline
    }
    fn undo_retry(&self) -> Retry {
        self.plan.undo_retry
    }

    fn knows(&self, is: &Instance) -> Result<Value, Poison> {
        let state = lived::<S>(is)?;
        serde_json::to_value(state).map_err(|error| Poison(error.to_string()))
    }

    fn asks(&self, is: &Instance, step: &str, way: Direction) -> Result<Option<Target>, Poison> {
        let Some(line) = self.plan.line(step) else { return Ok(None) };
        if way == Direction::Undo && line.undo.is_none() {
            return Ok(None);
        }
        let ask = ask_of::<S>(is, line, step, way)?;
        guard(|| Some(S::target(&ask)))
    }

    fn triggers(&self) -> &'static [&'static str] {
        S::Trigger::TYPES
    }

    fn preview(
        &self,
        is: &Instance,
        order: &Order,
        now: Timestamp,
    ) -> Result<Vec<Event>, NotTaken> {
        decide(&self.plan, is, Input::Operate(order.clone().operation()?), now)
    }

    fn command(&self, order: Order) -> Result<Box<dyn Any + Send>, NotTaken> {
        Ok(Box::new(Input::<S>::Operate(order.operation()?)))
    }

    fn handler(&self, schemas: &Arc<Schemas>) -> Arc<dyn Handler> {
        Arc::new(SagaHandler::<S>::new(schemas.clone()))
    }
}
