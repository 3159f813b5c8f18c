//! The read model of sagas: one row for each, folded by the engine's own fold. Not the page of a saga,
//! which reads its stream; both say the same, because both say what the [`Instance`] says.
//!
//! Owns table `saga.instances`. Its events stand in the `<context>.sagas` topic of every context. Sagas
//! of several types may share a number, as the one that publishes and the one that tells of it do: so
//! the key is derived from the whole name of the stream.

use std::collections::BTreeMap;

use domain::saga::Kind;
use domain::{
    Envelope, Field, FieldError, Projection, Row, StreamId, Timestamp, Value, Word, derived_id,
};
use uuid::Uuid;

use crate::event::Event;
use crate::instance::{Confirm, Instance, Park, Phase, Status, StepState};
use crate::ledger::{Standing, ledger};
use crate::words::{Cause, Direction, Purpose};

/// Where a saga stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum State {
    /// Its time to begin has not come.
    Waiting,
    /// It does what its plan says.
    Running,
    /// It takes back what it did.
    Undoing,
    /// It, or a step of it, waits for a human.
    Parked,
    /// Everything was done.
    Done,
    /// Everything that was begun was taken back.
    Undone,
}

/// What a saga waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum Waits {
    /// Its time to begin.
    Begin,
    /// The answer of a target.
    Answer,
    /// The next attempt.
    Retry,
    /// Whether an attempt without an answer happened.
    Probe,
    /// Whether anything arrived behind an undo.
    Confirm,
    /// An operator.
    Human,
}

/// One saga.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(
    table = "saga.instances",
    key = "key",
    index = "started_at",
    index = "last_at",
    index = "ended_at",
    index = "due_at",
    index = "at_risk",
    index = "attempts",
    index = "plan",
    index = "state, started_at"
)]
pub struct SagaRow {
    /// Derived from its stream: no other saga has it
    pub key: Uuid,
    /// The saga: the id of its stream
    pub saga_id: Uuid,
    /// Its stream
    pub stream: String,
    /// Whose it is
    pub tenant: String,
    /// Its type: the name of its plan
    pub plan: String,
    /// The version of its plan
    pub plan_version: i64,
    /// Where it stands
    pub state: State,
    /// Which way it goes: a parked saga goes one too
    pub phase: Phase,
    /// The step it is at
    pub step: Option<String>,
    /// Whom that step asks: a stream, or a port
    pub target: Option<String>,
    /// Steps that are done; while it is undone, that are taken back
    pub done: i64,
    /// Steps it has; while it is undone, that must be taken back
    pub total: i64,
    /// What it waits for
    pub waits: Option<Waits>,
    /// The cause it is parked for; of several, the one that leaves most at stake
    pub cause: Option<Cause>,
    /// All causes it is parked for
    pub causes: Vec<String>,
    /// What went wrong last where it stands
    pub error: Option<String>,
    /// What failures of one kind have in common: type, step, direction, and the error without its numbers
    pub failure: Option<String>,
    /// Attempts of its step so far
    pub attempts: i64,
    /// The most money in one currency that stands or may stand while it is not done, in minor units
    pub at_risk: i64,
    /// Its currency
    pub currency: Option<String>,
    /// When it was started
    pub started_at: Timestamp,
    /// When something happened last
    pub last_at: Timestamp,
    /// When it was over
    pub ended_at: Option<Timestamp>,
    /// When it must be over
    pub due_at: Option<Timestamp>,
    /// When its next timer fires
    pub wakes_at: Option<Timestamp>,
    /// What the engine knows of it, as JSON
    pub instance: Kept,
}

/// An [`Instance`] as a column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept(pub Instance);

impl Field for Kept {
    const TYPE: domain::ColumnType = domain::ColumnType::Text;

    fn into_value(self) -> Value {
        // Names, numbers, times and texts are always JSON.
        Value::Text(serde_json::to_string(&self.0).unwrap_or_default())
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let text = String::from_value(value)?;
        let kept = serde_json::from_str(&text);
        kept.map(Self).map_err(|error| FieldError(format!("the kept saga: {error}")))
    }
}

impl Projection for SagaRow {
    const NAME: &'static str = "sagas";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        Some(Self::own(&event.meta.stream))
    }

    fn own(stream: &StreamId) -> Uuid {
        derived_id(&["saga", &stream.to_string()])
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        let (stream, tenant) = (event.meta.stream.to_string(), event.meta.tenant.to_string());
        let before = row.map(|row| row.instance.0).unwrap_or_default();
        let is = before.evolve(event.meta.recorded_at, &event.payload);
        Some(Self::of(event.meta.stream.id(), stream, tenant, is))
    }
}

impl SagaRow {
    /// The row of a saga.
    pub fn of(saga_id: Uuid, stream: String, tenant: String, is: Instance) -> Self {
        let at = Place::of(&is);
        let park = gravest(&is).filter(|_| is.is_running());
        let error = at.error(&is, park).map(|text| text.replace('\0', "\u{fffd}"));
        let (at_risk, currency) = at_risk(&is);
        let (done, total) = progress(&is);
        let over = matches!(is.phase, Phase::Done | Phase::Undone);
        let due = is.timers.values().find(|timer| timer.purpose == Purpose::SagaDeadline);
        let parks = is.parks.values().filter(|_| is.is_running());
        let mut causes: Vec<_> = parks.map(|park| park.cause.to_string()).collect();
        causes.sort_unstable();
        causes.dedup();
        Self {
            key: derived_id(&["saga", &stream]),
            saga_id,
            stream,
            tenant,
            plan: is.plan.0.clone(),
            plan_version: i64::from(is.plan.1),
            state: State::of(&is),
            phase: is.phase,
            step: at.step.map(|(id, _)| id.clone()),
            target: at.step.map(|(_, step)| step.target.clone()),
            done,
            total,
            waits: at.waits,
            cause: park.map(|park| park.cause),
            causes,
            failure: error.as_deref().map(|error| at.failure(&is, error)),
            error,
            attempts: at.step.map_or(0, |(_, step)| i64::from(step.way(at.direction).attempts)),
            at_risk,
            currency,
            started_at: is.started_at,
            last_at: is.last_at,
            ended_at: over.then_some(is.last_at),
            due_at: due.map(|timer| timer.at),
            wakes_at: is.timers.values().map(|timer| timer.at).min(),
            instance: Kept(is),
        }
    }
}

impl State {
    /// The state of a saga.
    pub fn of(is: &Instance) -> Self {
        match is.phase {
            Phase::Done => Self::Done,
            Phase::Undone => Self::Undone,
            _ if is.is_parked() => Self::Parked,
            Phase::Undoing => Self::Undoing,
            Phase::Absent => Self::Waiting,
            Phase::Forward if is.waits_to_begin() => Self::Waiting,
            Phase::Forward => Self::Running,
        }
    }
}

/// Where in its plan a saga is.
struct Place<'a> {
    direction: Direction,
    step: Option<(&'a String, &'a StepState)>,
    waits: Option<Waits>,
}

impl<'a> Place<'a> {
    fn of(is: &'a Instance) -> Self {
        let undoing = matches!(is.phase, Phase::Undoing | Phase::Undone);
        let direction = if undoing { Direction::Undo } else { Direction::Forward };
        let mut steps: Vec<_> = is.steps.iter().collect();
        steps.sort_by_key(|(_, step)| step.place);
        if undoing {
            steps.reverse();
        }
        let busy = |step: &&(&String, &StepState)| waiting(step.1, direction).is_some();
        let parked = |step: &&(&String, &StepState)| is.parks.contains_key(step.0);
        let step = match is.phase {
            Phase::Forward | Phase::Undoing if is.is_blocked() => steps.iter().find(parked),
            Phase::Forward | Phase::Undoing => {
                steps.iter().find(busy).or_else(|| steps.iter().find(parked))
            }
            _ => None,
        };
        let step = step.copied();
        let waits = if !is.is_running() {
            None
        } else if is.is_blocked() {
            Some(Waits::Human)
        } else if is.waits_to_begin() {
            Some(Waits::Begin)
        } else {
            let busy = step.and_then(|(_, step)| waiting(step, direction));
            busy.or_else(|| is.is_parked().then_some(Waits::Human))
        };
        Self { direction, step, waits }
    }

    fn error(&self, is: &Instance, park: Option<&Park>) -> Option<String> {
        let fault = self.step.and_then(|(_, step)| step.way(self.direction).fault.clone());
        match (park, fault) {
            (Some(park), Some(fault)) if !park.detail.contains(&fault) => {
                Some(format!("{}: {fault}", park.detail))
            }
            (Some(park), _) => Some(park.detail.clone()),
            (None, Some(fault)) => Some(fault),
            (None, None) => is.undo_why.clone(),
        }
    }

    fn failure(&self, is: &Instance, error: &str) -> String {
        let step = self.step.map_or("", |(id, _)| id.as_str());
        let way = if self.direction == Direction::Undo { "the undo of " } else { "" };
        let at = if step.is_empty() { String::new() } else { format!(", {way}{step}") };
        format!("{}{at}: {}", is.plan.0, without_numbers(error))
    }
}

/// What a step waits for.
fn waiting(step: &StepState, direction: Direction) -> Option<Waits> {
    match step.way(direction).status {
        Status::InFlight => Some(Waits::Answer),
        Status::Waiting => Some(Waits::Retry),
        Status::Probing | Status::ProbeWaiting => Some(Waits::Probe),
        _ if direction == Direction::Undo
            && matches!(step.confirm, Confirm::Waiting | Confirm::Probing) =>
        {
            Some(Waits::Confirm)
        }
        _ => None,
    }
}

/// The park that leaves most at stake.
fn gravest(is: &Instance) -> Option<&Park> {
    let weight = |park: &&Park| match park.cause {
        Cause::UndoFailed => 0,
        Cause::InDoubt => 1,
        Cause::Refused => 2,
        Cause::Poison => 3,
        Cause::RetriesExhausted => 4,
        Cause::DeadlinePassed => 5,
        Cause::LockTimeout => 6,
        Cause::NoExecutor => 7,
        Cause::OperatorHold => 8,
    };
    is.parks.values().min_by_key(weight)
}

/// Steps that are done, and steps there are.
fn progress(is: &Instance) -> (i64, i64) {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let all = is.lines.len().max(is.steps.len());
    if !matches!(is.phase, Phase::Undoing | Phase::Undone) {
        let done = is.steps.values().filter(|step| step.forward.status == Status::Done).count();
        return (count(done), count(all));
    }
    let must = is.steps.values().filter(|step| step.must_be_undone());
    let taken_back =
        |step: &&StepState| step.undo.status == Status::Done && step.confirm == Confirm::Settled;
    (count(must.clone().filter(taken_back).count()), count(must.count()))
}

/// Money that stands, or may, in the currency in which it is most. Once everything is done it is
/// where it should be.
fn at_risk(is: &Instance) -> (i64, Option<String>) {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    if is.phase != Phase::Done {
        for entry in ledger(is) {
            let gone = matches!(
                entry.standing,
                Standing::NotDone | Standing::Undone | Standing::Skipped(Direction::Undo)
            );
            let read_only = is.steps.get(&entry.step).is_some_and(|it| it.kind == Kind::ReadOnly);
            let Some(money) = entry.money.filter(|_| !gone && !read_only) else { continue };
            let sum = sums.entry(money.currency).or_default();
            *sum = sum.saturating_add(money.minor);
        }
    }
    let most = sums.into_iter().max_by_key(|(_, sum)| *sum);
    most.map_or((0, None), |(currency, sum)| (sum, Some(currency)))
}

/// An error without what differs from case to case: words with a digit in them become `#`.
fn without_numbers(error: &str) -> String {
    let mut out = String::with_capacity(error.len());
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let number = word.bytes().any(|byte| byte.is_ascii_digit());
        out.push_str(if number { "#" } else { word });
        word.clear();
    };
    for c in error.chars() {
        if c.is_alphanumeric() || c == '_' || c == '-' {
            word.push(c);
        } else {
            end(&mut word, &mut out);
            out.push(c);
        }
    }
    end(&mut word, &mut out);
    out
}
