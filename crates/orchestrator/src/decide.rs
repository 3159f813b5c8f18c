//! The decision: what happens when something comes in. Pure: what it says depends on the plan, the
//! state, the input and the given time. Not the doing, which `next` lists.

use domain::saga::{Late, Outcome, Planned, Probe, Saga, SagaId, Steps};
use domain::{ActorId, EventId, Timestamp};

use crate::code::{Poison, guard, ms};
use crate::event::Event;
use crate::instance::{Instance, Park, Phase};
use crate::key::plan_hash;
use crate::words::{Cause, Direction, PlanLine, Purpose, Verb};

/// Most bytes of state, as JSON, and names of steps that a saga begins with: a quarter of what an event
/// can hold.
const BEGINS_BYTES_MAX: usize = 256 * 1024;

/// What comes in.
#[derive(Debug, Clone)]
pub enum Input<S: Saga> {
    /// An event that starts it.
    Trigger {
        /// The event.
        event: EventId,
        /// The saga it starts.
        saga: SagaId,
        /// What the saga begins with.
        state: S::State,
        /// When it begins, if not at once.
        at: Option<Timestamp>,
    },
    /// An event that asks to take everything back.
    Cancel {
        /// The event.
        event: EventId,
        /// Why.
        why: &'static str,
    },
    /// An event that nothing waits for.
    Late {
        /// The event.
        event: EventId,
        /// What becomes of it.
        late: Late,
    },
    /// The answer to an attempt.
    Answer {
        /// To which.
        attempt: Attempt,
        /// What it is; an undo gives nothing.
        outcome: Outcome<Option<S::Answer>>,
    },
    /// The answer to a probe.
    Probed {
        /// Of which step.
        step: String,
        /// Whether it was asked behind the undo.
        behind_undo: bool,
        /// What it is.
        probe: Probe<Option<S::Answer>>,
    },
    /// A timer fired.
    Timer(u32),
    /// A new owner has the saga: nobody waits for the answers of attempts under way any more.
    Recovered,
    /// An operator acts.
    Operate(Operation<S>),
    /// Nothing came; what can go on goes on. Asked when a plan is registered.
    Look,
    /// Its own code failed when it was asked what to do.
    Poisoned(String),
}

/// One attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// Which step.
    pub step: String,
    /// Which way.
    pub direction: Direction,
    /// Which one.
    pub number: u32,
}

/// What an operator does.
#[derive(Debug, Clone)]
pub struct Operation<S: Saga> {
    /// What.
    pub verb: Verb,
    /// To which step; empty for the whole saga.
    pub step: String,
    /// Who.
    pub actor: ActorId,
    /// Why; never empty.
    pub reason: String,
    /// The revision he has seen.
    pub revision: u64,
    /// For `Resolve`, whether it happened.
    pub happened: bool,
    /// For `Resolve` and `Skip`, what the step gave.
    pub output: Option<S::Answer>,
    /// The ticket it is done for, when there is one.
    pub ticket: Option<String>,
    /// Who approved it, when somebody had to.
    pub approver: Option<ActorId>,
}

/// Why an operator's action is not taken; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Something happened since he looked.
    #[error("the saga is at event {is}, the action was meant for {seen}; look again")]
    Stale {
        /// The revision he has seen.
        seen: u64,
        /// The revision it has.
        is: u64,
    },
    /// An action has a reason.
    #[error("an action needs a reason")]
    NoReason,
    /// Not in this state.
    #[error("{verb} is not possible: {why}")]
    NotNow {
        /// What.
        verb: Verb,
        /// Why not.
        why: &'static str,
    },
    /// The output is not one that a step of this saga gives.
    #[error("the output is not one of this saga: {0}")]
    WrongOutput(String),
}

impl NotTaken {
    /// The name of the rule, as a rejection of the command runtime tells it.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Stale { .. } => "stale_revision",
            Self::NoReason => "no_reason",
            Self::NotNow { .. } => "not_now",
            Self::WrongOutput(_) => "wrong_output",
        }
    }
}

/// What happens when something comes in at this time. The preview of an operator's action is this
/// very function, its events not appended.
pub fn decide<S: Saga>(
    plan: &Steps<S>,
    instance: &Instance,
    input: Input<S>,
    now: Timestamp,
) -> Result<Vec<Event>, NotTaken> {
    let mut deciding = Deciding { plan, is: instance.clone(), now, events: Vec::new() };
    deciding.take(input)?;
    deciding.go_on();
    Ok(deciding.events)
}

/// A decision under way: the state moves on with each event.
pub(crate) struct Deciding<'a, S: Saga> {
    pub(crate) plan: &'a Steps<S>,
    pub(crate) is: Instance,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Event>,
}

impl<S: Saga> Deciding<'_, S> {
    pub(crate) fn emit(&mut self, event: Event) {
        self.is = std::mem::take(&mut self.is).evolve(self.now, &event);
        self.events.push(event);
    }

    fn take(&mut self, input: Input<S>) -> Result<(), NotTaken> {
        match input {
            Input::Trigger { event, saga, state, at } => self.start(event, saga, &state, at),
            Input::Operate(operation) => self.operate(operation)?,
            // What is not there yet, or any more, has nobody to tell.
            _ if self.is.phase == Phase::Absent => {}
            Input::Cancel { event, why } => self.cancel(event, why),
            Input::Late { event, late } => self.late(event, late),
            Input::Answer { attempt, outcome } => self.answer(attempt, outcome),
            Input::Probed { step, behind_undo, probe } => self.probed(&step, behind_undo, probe),
            Input::Timer(number) => self.timer(number),
            Input::Recovered => self.recover(),
            Input::Look => {}
            Input::Poisoned(why) => self.poisoned(Poison(why)),
        }
        Ok(())
    }

    fn start(&mut self, trigger: EventId, saga: SagaId, state: &S::State, at: Option<Timestamp>) {
        if self.is.phase != Phase::Absent {
            return;
        }
        let (known, wrong) = match self.begins_with(state) {
            Ok(known) => (known, None),
            Err(poison) => ((String::new(), Vec::new()), Some(poison)),
        };
        let (state, steps) = known;
        let hash = plan_hash(self.plan);
        let (plan, version) = (S::NAME.to_owned(), self.plan.version);
        self.emit(Event::Started { saga, plan, version, hash, trigger, state, steps });
        let begins = at.filter(|at| *at > self.now);
        if let Some(at) = begins {
            self.set_timer(Purpose::Begin, "", at);
        }
        if let Some((within_ms, _)) = self.plan.deadline {
            let at = begins.unwrap_or(self.now).plus_ms(ms(within_ms));
            self.set_timer(Purpose::SagaDeadline, "", at);
        }
        if let Some(poison) = wrong {
            self.poisoned(poison);
        }
    }

    /// The state as JSON, and the steps that the plan has in it.
    fn begins_with(&self, state: &S::State) -> Result<(String, Vec<PlanLine>), Poison> {
        let json = serde_json::to_string(state).map_err(|error| Poison(error.to_string()))?;
        let line = |step: Planned<'_, S>| PlanLine { kind: step.step.kind, step: step.id };
        let steps: Vec<_> = guard(|| self.plan.steps_of(state))?.into_iter().map(line).collect();
        let bytes = json.len() + steps.iter().map(|line| line.step.len()).sum::<usize>();
        if bytes > BEGINS_BYTES_MAX {
            let why = format!("it begins with {bytes} bytes, at most {BEGINS_BYTES_MAX} are kept");
            return Err(Poison(why));
        }
        Ok((json, steps))
    }

    pub(crate) fn set_timer(&mut self, purpose: Purpose, step: &str, at: Timestamp) {
        let timer = self.is.next_timer;
        self.emit(Event::TimerSet { timer, purpose, step: step.to_owned(), at });
    }

    pub(crate) fn park(&mut self, cause: Cause, step: &str, detail: impl Into<String>) {
        self.emit(Event::Parked { cause, step: step.to_owned(), detail: detail.into() });
    }

    /// From here on everything is taken back; what waited for a human in the other direction does not
    /// any more.
    pub(crate) fn start_undo(&mut self, why: impl Into<String>) {
        self.undo_for(why, None);
    }

    /// The same because of an event.
    pub(crate) fn undo_for(&mut self, why: impl Into<String>, event: Option<EventId>) {
        if self.is.phase != Phase::Forward {
            return;
        }
        let moot = |(step, park): (&String, &Park)| {
            (!step.is_empty() || park.cause == Cause::DeadlinePassed).then(|| step.clone())
        };
        let moot: Vec<_> = self.is.parks.iter().filter_map(moot).collect();
        for step in moot {
            self.emit(Event::Resumed { step, why: "everything is taken back".to_owned() });
        }
        self.emit(Event::UndoStarted { why: why.into(), event });
    }

    /// Parks the whole saga, once.
    pub(crate) fn poisoned(&mut self, Poison(detail): Poison) {
        if self.is.is_running() && !self.is.parks.contains_key("") {
            self.park(Cause::Poison, "", detail);
        }
    }

    /// Goes on as far as it can without an answer.
    fn go_on(&mut self) {
        if !self.is.is_running() || !self.knows_the_plan() {
            return;
        }
        self.open_mailbox();
        let before = self.is.clone();
        let kept = self.events.len();
        if let Err(poison) = self.advance() {
            // What came in stands; what was concluded from it does not.
            self.is = before;
            self.events.truncate(kept);
            self.poisoned(poison);
        }
    }

    /// A saga is pinned to its plan: without it it waits, with it it goes on by itself.
    fn knows_the_plan(&mut self) -> bool {
        let (name, version, hash) = &self.is.plan;
        let known =
            name == S::NAME && *version == self.plan.version && *hash == plan_hash(self.plan);
        let waits = self.is.parks.get("").is_some_and(|park| park.cause == Cause::NoExecutor);
        if known && waits {
            self.emit(Event::Resumed { step: String::new(), why: "its plan is here".to_owned() });
        } else if !known && !self.is.parks.contains_key("") {
            let detail = format!("{name} version {version} ({hash}) is not registered");
            self.park(Cause::NoExecutor, "", detail);
        }
        known
    }
}
