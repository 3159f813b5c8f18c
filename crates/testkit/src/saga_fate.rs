//! What becomes of a request in the lab: lost, late, done and not answered, answered twice, lied about.
//! Not the targets' ledger, which stands in `saga_world`.

use domain::Timestamp;
use domain::saga::{Kind, Saga, To};
use orchestrator::{Attempt, Direction, StepKey};

use crate::saga_lab::{Due, Lab};
use crate::saga_world::{Draw, Manners};

const HOUR_MS: u64 = 3_600_000;

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    Done,
    Refused,
    Transient,
    Unknown,
}

/// One request on its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) attempt: Attempt,
    pub(crate) key: StepKey,
    pub(crate) takes_back: Option<StepKey>,
    pub(crate) minor: i64,
    pub(crate) works: bool,
}

/// How mean a run is, drawn from its seed.
#[derive(Debug)]
pub(crate) struct Swarm {
    /// Faults of targets until the world is healed.
    pub(crate) faults: u64,
    /// Crashes until the world is healed.
    pub(crate) crashes: u64,
    /// The step that is refused.
    pub(crate) refuses: Option<u64>,
    /// Whether undos are refused for a while.
    pub(crate) refuses_undo: u64,
    pub(crate) honours_keys: bool,
    pub(crate) refuses_repeats: bool,
    pub(crate) tells: bool,
    pub(crate) fault_percent: u64,
    pub(crate) crash_percent: u64,
}

impl Swarm {
    pub(crate) fn draw(draw: &mut Draw, steps: u64) -> Self {
        Self {
            faults: draw.below(14),
            crashes: draw.below(6),
            refuses: draw.percent(50).then(|| draw.below(steps)),
            refuses_undo: if draw.percent(15) { draw.below(3) } else { 0 },
            honours_keys: draw.percent(75),
            refuses_repeats: draw.percent(20),
            tells: draw.percent(75),
            fault_percent: 10 + draw.below(70),
            crash_percent: 2 + draw.below(20),
        }
    }
}

impl<S: Saga> Lab<S> {
    pub(crate) fn call(
        &mut self,
        attempt: Attempt,
        key: StepKey,
        takes_back: Option<StepKey>,
        ask: &S::Ask,
        due_at: Timestamp,
    ) {
        let target = S::target(ask);
        let ours = matches!(target.to, To::Aggregate(_));
        let minor = target.money.map_or(1, |money| money.minor);
        self.given.entry(key).or_insert_with(|| (self.answer)(ask));
        let timeout = u64::try_from(due_at.ms_since(self.now)).unwrap_or(0).max(2);
        let mut request = Request { attempt, key, takes_back, minor, works: true };
        let (after, mut answers) = self.fate(&request, ours, timeout);
        if answers.iter().any(|(_, said)| *said == Said::Refused) {
            request.works = false;
        }
        if answers.first().is_some_and(|(ms, said)| *said == Said::Transient && *ms < 0) {
            // Not even tried.
            request.works = false;
            answers[0].0 = -answers[0].0;
        }
        self.later(after, Due::Arrives { request, answers });
    }

    /// When a request arrives, and which answers come how much later. A negative delay: the target
    /// says "not now" without doing anything.
    fn fate(&mut self, request: &Request, ours: bool, timeout: u64) -> (i64, Vec<(i64, Said)>) {
        let soon = self.draw.ms(800);
        let undo = request.attempt.direction == Direction::Undo;
        let place = self.is.steps.get(&request.attempt.step).map(|step| step.place);
        let nth = self.is.lines.iter().position(|line| line.step == request.attempt.step);
        let refused = self.swarm.refuses.is_some_and(|n| nth == usize::try_from(n).ok());
        if !undo && refused && place.is_some() && self.behind_pivot_is_far(request) {
            return (soon, vec![(self.draw.ms(500), Said::Refused)]);
        }
        if undo && self.swarm.refuses_undo > 0 {
            self.swarm.refuses_undo -= 1;
            return (soon, vec![(self.draw.ms(500), Said::Refused)]);
        }
        if self.swarm.faults == 0 || !self.draw.percent(self.swarm.fault_percent) {
            return (soon, vec![(self.draw.ms(900), Said::Done)]);
        }
        self.swarm.faults -= 1;
        let hours = self.draw.ms(6 * HOUR_MS);
        let reply = self.draw.ms(900) + 1;
        // A request lives as long as its answer is waited for, and a little longer.
        let long = self.draw.ms(timeout + 50_000);
        match self.draw.below(if ours { 6 } else { 9 }) {
            0 => (soon, vec![(-reply, Said::Transient)]),
            1 => (soon, vec![]),
            2 => (soon, vec![(reply, Said::Done), (reply + 400, Said::Done)]),
            3 => (soon, vec![(hours, Said::Done)]),
            4 => (soon, vec![(reply, Said::Unknown), (hours, Said::Done)]),
            5 => (soon, vec![(reply, Said::Done), (hours, Said::Done)]),
            6 => (long, vec![(reply, Said::Done)]),
            7 => (long, vec![]),
            _ => (soon, vec![(reply, Said::Transient)]),
        }
    }

    /// A step behind the pivot is refused only while there are faults left: somebody repairs it.
    fn behind_pivot_is_far(&mut self, request: &Request) -> bool {
        let kind = self.is.steps.get(&request.attempt.step).map(|step| step.kind);
        if kind != Some(Kind::Forward) {
            return true;
        }
        self.swarm.faults > 0 && {
            self.swarm.faults -= 1;
            true
        }
    }

    pub(crate) fn arrives(&mut self, request: &Request) -> bool {
        let ours = self.is.steps.get(&request.attempt.step).is_some_and(|step| step.ours);
        let honours_keys = ours || self.swarm.honours_keys;
        let refuses_repeats = !ours && self.swarm.refuses_repeats;
        let manners = Manners { honours_keys, refuses_repeats, fences: ours };
        if !request.works {
            return true;
        }
        if let Some(takes_back) = request.takes_back {
            self.world.undo(request.key, takes_back, manners);
            return true;
        }
        let changes = self.is.steps.get(&request.attempt.step);
        if changes.is_some_and(|step| step.kind == Kind::ReadOnly) {
            return true;
        }
        self.world.work(&request.attempt.step, request.key, request.minor, manners)
    }
}
