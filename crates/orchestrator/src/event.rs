//! What can happen to a saga: one set of events for all sagas. Not what a saga knows of its
//! business: that is a fold of the outputs in here.

use domain::saga::{Kind, SagaId};
use domain::{ActorId, EventId, EventSet, Timestamp};

use crate::words::{Cause, Direction, End, LateWord, PlanLine, Probed, Purpose, StepKey, Verb};

/// What can happen to a saga. Names and fields are the stored format: they never change, a new
/// meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "saga.instance")]
pub enum Event {
    /// It was started.
    #[event("started.v1")]
    Started {
        /// Its id: the stream's.
        saga: SagaId,
        /// Name of the plan.
        plan: String,
        /// Its version.
        version: u32,
        /// The first 16 digits of the SHA-256 of the plan's text.
        hash: String,
        /// The event that started it.
        trigger: EventId,
        /// What it begins with, as JSON.
        state: String,
        /// The steps that the plan has in this state.
        steps: Vec<PlanLine>,
    },
    /// A timer was set.
    #[event("timer_set.v1")]
    TimerSet {
        /// Its number in the saga.
        timer: u32,
        /// What it is for.
        purpose: Purpose,
        /// The step it is for; empty for the saga.
        step: String,
        /// When it fires.
        at: Timestamp,
    },
    /// A timer fired.
    #[event("timer_fired.v1")]
    TimerFired {
        /// Its number.
        timer: u32,
    },
    /// A timer fired that nothing waits for.
    #[event("timer_ignored.v1")]
    TimerIgnored {
        /// Its number.
        timer: u32,
        /// Why it means nothing.
        why: String,
    },
    /// The intent of an attempt: it stands before anything is asked.
    #[event("step_scheduled.v1")]
    StepScheduled {
        /// Which step.
        step: String,
        /// Which way.
        direction: Direction,
        /// Which round of keys.
        generation: u32,
        /// Which attempt, from 1.
        attempt: u32,
        /// The idempotency key.
        key: StepKey,
        /// Its line in the plan, from 0.
        line: u32,
        /// Its item in the line, from 0.
        item: u32,
        /// What can be done about it.
        kind: Kind,
        /// Whom it asks: a stream, or a port.
        target: String,
        /// Whether that is an aggregate of ours: exactly once by key, and fenced.
        ours: bool,
        /// What it asks, in a few words.
        what: String,
        /// The money it moves, in minor units.
        minor: Option<i64>,
        /// Of which currency.
        currency: Option<String>,
        /// The timer of the attempt.
        timer: u32,
        /// Until when an answer is waited for.
        due_at: Timestamp,
    },
    /// The target did it.
    #[event("step_done.v1")]
    StepDone {
        /// Which step.
        step: String,
        /// Which way.
        direction: Direction,
        /// Which attempt.
        attempt: u32,
        /// What came back, as JSON; nothing for an undo.
        output: Option<String>,
    },
    /// The target refused.
    #[event("step_refused.v1")]
    StepRefused {
        /// Which step.
        step: String,
        /// Which way.
        direction: Direction,
        /// Which attempt.
        attempt: u32,
        /// By which rule.
        rule: String,
        /// Its sentence.
        detail: String,
    },
    /// Not now.
    #[event("step_delayed.v1")]
    StepDelayed {
        /// Which step.
        step: String,
        /// Which way.
        direction: Direction,
        /// Which attempt.
        attempt: u32,
        /// What went wrong.
        detail: String,
        /// When the target wants to be asked again, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// No answer: it may have been done.
    #[event("step_unknown.v1")]
    StepUnknown {
        /// Which step.
        step: String,
        /// Which way.
        direction: Direction,
        /// Which attempt.
        attempt: u32,
        /// What went wrong.
        detail: String,
    },
    /// The target was asked whether it was done.
    #[event("probe_answered.v1")]
    ProbeAnswered {
        /// Which step.
        step: String,
        /// Whether it was asked behind the undo.
        behind_undo: bool,
        /// What it says.
        answer: Probed,
        /// What the step gave, as JSON.
        output: Option<String>,
    },
    /// An answer came that nothing waits for.
    #[event("answer_ignored.v1")]
    AnswerIgnored {
        /// Which step.
        step: String,
        /// Which way.
        direction: Direction,
        /// Which attempt.
        attempt: u32,
        /// What came back, as JSON.
        output: Option<String>,
        /// Why it changes nothing.
        why: String,
    },
    /// From here on everything that was begun is taken back.
    #[event("undo_started.v1")]
    UndoStarted {
        /// Why.
        why: String,
        /// The event that asked for it, when one did.
        event: Option<EventId>,
    },
    /// The forward key of a step is dead: no call under it may begin any more.
    #[event("undo_fenced.v1")]
    UndoFenced {
        /// Which step.
        step: String,
        /// Its forward key.
        key: StepKey,
        /// The round of keys of the undo.
        generation: u32,
    },
    /// It cannot go on by itself.
    #[event("parked.v1")]
    Parked {
        /// Why.
        cause: Cause,
        /// Which step; empty for the whole saga.
        step: String,
        /// The sentence.
        detail: String,
    },
    /// It goes on.
    #[event("resumed.v1")]
    Resumed {
        /// Which step; empty for the whole saga.
        step: String,
        /// Why.
        why: String,
    },
    /// A step is taken for done, or for taken back, on an operator's word.
    #[event("step_skipped.v1")]
    StepSkipped {
        /// Which step.
        step: String,
        /// Which way.
        direction: Direction,
        /// What it is taken to have given, as JSON.
        output: Option<String>,
    },
    /// An operator acted; what follows in the frame is what came of it.
    #[event("operated.v1")]
    Operated {
        /// What he did.
        verb: Verb,
        /// To which step; empty for the whole saga.
        step: String,
        /// Who.
        actor: ActorId,
        /// Why.
        reason: String,
        /// The revision he had seen.
        revision: u64,
        /// The ticket it was done for, when there is one.
        ticket: Option<String>,
        /// Who approved it, when somebody had to.
        approver: Option<ActorId>,
    },
    /// An event came that nothing waits for, or something became of one that was held.
    #[event("late_event.v1")]
    LateEvent {
        /// Its id.
        event: EventId,
        /// What becomes of it.
        policy: LateWord,
        /// Why.
        why: String,
        /// When buffered, until when; `None`: as long as it takes.
        until: Option<Timestamp>,
        /// When buffered, why everything is to be taken back; `None`: that is not asked for.
        cancel: Option<String>,
    },
    /// It is over.
    #[event("ended.v1")]
    Ended {
        /// How.
        end: End,
    },
}

/// The Avro schemas of all that is written about sagas. They have no topic of their own: the codec
/// takes them with `shared("saga", <topics>, SCHEMAS)`, where the topics are the `<context>.sagas`.
pub const SCHEMAS: &[&str] = &[
    include_str!("../../../schemas/saga/saga.instance.started.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.timer_set.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.timer_fired.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.timer_ignored.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.step_scheduled.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.step_done.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.step_refused.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.step_delayed.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.step_unknown.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.probe_answered.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.answer_ignored.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.undo_started.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.undo_fenced.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.parked.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.resumed.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.step_skipped.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.operated.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.late_event.v1.avsc"),
    include_str!("../../../schemas/saga/saga.instance.ended.v1.avsc"),
    include_str!("../../../schemas/saga/saga.plan.registered.v1.avsc"),
    include_str!("../../../schemas/saga/saga.pump.moved.v1.avsc"),
];
