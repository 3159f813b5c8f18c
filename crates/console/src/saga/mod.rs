//! A saga as people see it: its state in a word, its steps both ways, what stands. Pure, over the
//! engine's own fold. Not the pages, which put it into boxes.

pub(crate) mod axis;
pub(crate) mod dots;
pub(crate) mod history;
pub(crate) mod look;
pub(crate) mod map;
pub(crate) mod map_parts;
pub(crate) mod money;
pub(crate) mod risk;
pub(crate) mod sentence;
pub(crate) mod timeline;
pub(crate) mod words;

use domain::saga::{Kind, StepName};
use domain::{StreamId, Timestamp};
use orchestrator::{
    Cause, Instance, Line, Phase, Purpose, SagaType, State, Status, StepState, Types,
};

/// Where a saga stands: the read model's word, and of what is parked why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SagaState {
    /// Something stands that should not, and could not be taken back.
    UndoFailed,
    /// Nobody can tell whether a step was done.
    InDoubt,
    /// It cannot go on by itself for another reason.
    Parked,
    /// An operator holds it.
    Held,
    /// It takes back what it did.
    Undoing,
    /// It does what its plan says.
    Running,
    /// Its time to begin has not come.
    Waiting,
    /// Everything was taken back.
    Undone,
    /// Everything was done.
    Done,
}

impl SagaState {
    /// All of them, those that need a human first.
    pub(crate) const ALL: [Self; 9] = [
        Self::UndoFailed,
        Self::InDoubt,
        Self::Parked,
        Self::Held,
        Self::Undoing,
        Self::Running,
        Self::Waiting,
        Self::Undone,
        Self::Done,
    ];

    /// From the read model's word, and the cause of what is parked.
    pub(crate) const fn of(state: State, cause: Option<Cause>) -> Self {
        match (state, cause) {
            (State::Parked, Some(Cause::UndoFailed)) => Self::UndoFailed,
            (State::Parked, Some(Cause::InDoubt)) => Self::InDoubt,
            (State::Parked, Some(Cause::OperatorHold)) => Self::Held,
            (State::Parked, _) => Self::Parked,
            (State::Undoing, _) => Self::Undoing,
            (State::Running, _) => Self::Running,
            (State::Waiting, _) => Self::Waiting,
            (State::Undone, _) => Self::Undone,
            (State::Done, _) => Self::Done,
        }
    }

    /// What a filter asks for it by.
    pub(crate) const fn filter(self) -> &'static str {
        match self {
            Self::UndoFailed => "state:undo-failed",
            Self::InDoubt => "state:in-doubt",
            Self::Parked => "state:parked -state:undo-failed,in-doubt,held",
            Self::Held => "state:held",
            Self::Undoing => "state:undoing",
            Self::Running => "state:running",
            Self::Waiting => "state:waiting",
            Self::Undone => "state:undone",
            Self::Done => "state:done",
        }
    }

    /// Whether a human is needed.
    pub(crate) const fn needs_a_human(self) -> bool {
        matches!(self, Self::InDoubt | Self::UndoFailed | Self::Parked)
    }
}

/// Where a saga stands. Of several parks the one that leaves most at stake.
pub(crate) fn state(is: &Instance) -> SagaState {
    let worst = [Cause::UndoFailed, Cause::InDoubt];
    let parked = |cause: Cause| is.parks.values().any(|park| park.cause == cause);
    let other = || is.parks.values().map(|park| park.cause).find(|c| *c != Cause::OperatorHold);
    let cause = worst.into_iter().find(|cause| parked(*cause)).or_else(other);
    let cause = cause.or(is.is_parked().then_some(Cause::OperatorHold));
    SagaState::of(State::of(is), cause)
}

/// A step of a saga, begun or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepAt<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// What can be done about it.
    pub(crate) kind: Kind,
    /// What is known of it; `None`: not begun.
    pub(crate) is: Option<&'a StepState>,
}

/// Its steps in the order of the plan: those that it had when it was started, and those that were
/// begun since and were not among them.
pub(crate) fn steps(is: &Instance) -> Vec<StepAt<'_>> {
    let mut all: Vec<StepAt<'_>> = is
        .lines
        .iter()
        .map(|line| StepAt { id: &line.step, kind: line.kind, is: is.steps.get(&line.step) })
        .collect();
    let mut more: Vec<_> =
        is.steps.iter().filter(|(id, _)| !is.lines.iter().any(|line| line.step == **id)).collect();
    more.sort_by_key(|(_, step)| step.place);
    for (id, step) in more {
        let behind = |known: &StepAt<'_>| known.is.is_some_and(|known| known.place > step.place);
        let at = all.iter().position(behind).unwrap_or(all.len());
        all.insert(at, StepAt { id, kind: step.kind, is: Some(step) });
    }
    all
}

/// The type of a saga, when this program has the very plan that it is pinned to.
pub(crate) fn plan<'a>(types: &'a Types, is: &Instance) -> Option<&'a dyn SagaType> {
    let (name, version, hash) = &is.plan;
    let ty = types.named(name)?;
    (ty.version() == *version && ty.hash() == hash).then_some(&**ty)
}

/// The line of the plan of a step.
pub(crate) fn line<'a>(plan: Option<&'a dyn SagaType>, step: &str) -> Option<&'a Line> {
    let name = StepName::of(step).name;
    plan?.lines().iter().find(|line| line.name == name)
}

/// When a timer of this purpose fires for a step; empty for the saga.
pub(crate) fn timer(is: &Instance, step: &str, purposes: &[Purpose]) -> Option<Timestamp> {
    let mut timers = is.timers.values();
    timers
        .find(|timer| timer.step == step && purposes.contains(&timer.purpose))
        .map(|timer| timer.at)
}

/// When its time is up.
pub(crate) fn deadline(is: &Instance) -> Option<Timestamp> {
    timer(is, "", &[Purpose::SagaDeadline])
}

/// Since when it waits for a human.
pub(crate) fn parked_since(is: &Instance) -> Option<Timestamp> {
    is.parks.values().map(|park| park.since).min()
}

/// The step that it is at: parked, asked, or waiting, the last one in its way first; empty when it
/// is at none.
pub(crate) fn at_step(is: &Instance) -> &str {
    if let Some(step) = is.parks.keys().find(|step| !step.is_empty()) {
        return step;
    }
    let undoing = is.phase == Phase::Undoing;
    let busy = [Status::InFlight, Status::Waiting, Status::Probing, Status::ProbeWaiting];
    let at = |step: &StepState| {
        let way = if undoing { &step.undo } else { &step.forward };
        busy.contains(&way.status)
    };
    steps(is).iter().find(|step| step.is.is_some_and(at)).map_or("", |step| step.id)
}

/// Where its page is.
pub(crate) fn url(id: &StreamId) -> String {
    format!("/console/sagas/{id}")
}
