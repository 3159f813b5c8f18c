//! What must hold for every saga, in every run of the lab. Not the lab.

use std::collections::BTreeSet;

use domain::ActorId;
use domain::saga::{Kind, Saga};
use orchestrator::{
    Attempt, Cause, Direction, Event, Input, LateWord, NotTaken, Operation, Phase, Standing,
    StepKey, Verb, decide, ledger, why,
};

use crate::saga::begun;
use crate::saga_lab::Lab;

/// Runs of the lab unless told otherwise: some seconds.
const RUNS: u64 = 2_000;
/// Sets the number of runs.
const RUNS_VARIABLE: &str = "RECOUNT_SAGA_RUNS";
/// Sets the one seed that is run; a failure prints it.
const SEED_VARIABLE: &str = "RECOUNT_SEED";

/// Makes a test of [`saga_laws`](fn@saga_laws): `saga_laws!(PublishPost, post_due(), answer)`, where
/// `post_due()` is an event that starts it, and `answer` what a target gives to an ask.
#[macro_export]
macro_rules! saga_laws {
    ($saga:ty, $trigger:expr, $answer:expr) => {
        #[test]
        fn the_laws_of_a_saga_hold() {
            $crate::saga_laws::<$saga>(&$trigger, $answer);
        }
    };
}

/// What came about in many runs: a campaign in which one of these stays at zero has not tried it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Campaign {
    /// How many runs.
    pub runs: u64,
    /// Ended done.
    pub done: u64,
    /// Ended undone.
    pub undone: u64,
    /// Ended parked, in sight.
    pub parked: u64,
    /// Runs in which an operator acted.
    pub operated: u64,
    /// Runs in which an answer was unknown.
    pub unknown: u64,
    /// Runs in which something arrived behind its undo, and was taken back again.
    pub undone_again: u64,
    /// Runs in which an answer came that nothing waited for.
    pub late: u64,
    /// Runs that were cancelled before they began.
    pub never_begun: u64,
    /// Runs in which an event was held, and heard of later.
    pub held: u64,
}

/// Tries what holds for every saga, over seeded runs (2,000; `RECOUNT_SAGA_RUNS` sets another number,
/// `RECOUNT_SEED` one seed):
/// - it ends done, undone, or parked in sight;
/// - undone, nothing stands; done, what stands is what its ledger says;
/// - it undoes in reverse order of its plan, and begins no forward call behind its fence;
/// - no step is done under two keys; an intent stands in the log before its call;
/// - charges less refunds is what stands, at every moment;
/// - an event from outside is heard once; cancelled, it is never done, and nothing was asked when it had
///   not begun;
/// - a timer fires once; the state rebuilt from the log is the state lived.
///
/// # Panics
/// When a law does not hold; the message has the seed and the log of the run.
pub fn saga_laws<S: Saga>(trigger: &S::Trigger, answer: fn(&S::Ask) -> S::Answer) -> Campaign {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    let seeds = match number(SEED_VARIABLE) {
        Some(seed) => seed..seed + 1,
        None => 1..number(RUNS_VARIABLE).unwrap_or(RUNS) + 1,
    };
    let mut campaign = Campaign::default();
    for seed in seeds {
        saga_run::<S>(trigger, answer, seed, &mut campaign);
    }
    campaign
}

/// One run of the laws, for a seed that once found something.
///
/// # Panics
/// When a law does not hold.
pub fn saga_run<S: Saga>(
    trigger: &S::Trigger,
    answer: fn(&S::Ask) -> S::Answer,
    seed: u64,
    campaign: &mut Campaign,
) {
    let mut lab = Lab::<S>::new(seed, begun::<S>(trigger.clone()), answer);
    if let Err(broken) = lab.run().and_then(|()| lab.holds()) {
        let log: Vec<_> = lab.log.iter().map(|(at, event)| format!("{at} {event:?}")).collect();
        panic!("{broken}\n{}\n{SEED_VARIABLE}={seed} runs it again", log.join("\n"));
    }
    lab.count(campaign);
}

impl<S: Saga> Lab<S> {
    fn count(&self, campaign: &mut Campaign) {
        let any = |is: fn(&Event) -> bool| u64::from(self.log.iter().any(|(_, event)| is(event)));
        campaign.runs += 1;
        campaign.done += u64::from(self.is.phase == Phase::Done);
        campaign.undone += u64::from(self.is.phase == Phase::Undone);
        campaign.parked += u64::from(self.is.is_parked());
        campaign.operated += any(|event| matches!(event, Event::Operated { .. }));
        campaign.unknown += any(|event| matches!(event, Event::StepUnknown { .. }));
        campaign.late += any(|event| matches!(event, Event::AnswerIgnored { .. }));
        campaign.never_begun += u64::from(self.cancelled_before_it_began());
        let held = |word| {
            self.log.iter().any(
                |(_, event)| matches!(event, Event::LateEvent { policy, .. } if *policy == word),
            )
        };
        campaign.held += u64::from(held(LateWord::Buffered) && held(LateWord::Taken));
        campaign.undone_again += any(|event| {
            matches!(
                event,
                Event::StepScheduled { direction: Direction::Undo, generation: 2.., .. }
            )
        });
    }

    /// Before a call begins.
    pub(crate) fn may_begin(&self, attempt: &Attempt, asked: StepKey) -> Result<(), String> {
        let step = &attempt.step;
        let intent = self.log.iter().any(|(_, event)| {
            matches!(event, Event::StepScheduled { key, attempt: number, .. }
                if *key == asked && *number == attempt.number)
        });
        if !intent {
            return Err(format!("{step} is asked and its intent is not in the log"));
        }
        let fenced = self
            .log
            .iter()
            .any(|(_, event)| matches!(event, Event::UndoFenced { key, .. } if *key == asked));
        if fenced { Err(format!("{step} is asked behind its fence")) } else { Ok(()) }
    }

    /// At the end of a run.
    fn holds(&self) -> Result<(), String> {
        let parked = self.is.is_running() && self.is.is_parked();
        if self.is.is_running() && !parked {
            return Err(format!("it stands still: {}", why(&self.is, self.now)));
        }
        if why(&self.is, self.now).is_empty() {
            return Err("nothing says why it is where it is".to_owned());
        }
        if !self.world.doubled.is_empty() {
            return Err(format!("done under two keys: {:?}", self.world.doubled));
        }
        self.stands_as_the_ledger_says()?;
        self.undone_in_reverse()?;
        self.events_are_heard_once()?;
        self.timers_fire_once()?;
        self.world.balances()
    }

    fn stands_as_the_ledger_says(&self) -> Result<(), String> {
        let entries = ledger(&self.is);
        for key in self.world.standing() {
            let entry = entries.iter().find(|entry| entry.key == Some(key));
            let hidden = entry
                .is_none_or(|entry| matches!(entry.standing, Standing::Undone | Standing::NotDone));
            if hidden {
                return Err(format!("something stands and the ledger does not say so: {entry:?}"));
            }
            let kept = entry.map(|entry| entry.standing);
            let excused = matches!(kept, Some(Standing::Skipped(_)));
            if self.is.phase == Phase::Undone && !excused {
                return Err(format!("it is undone, and this stands: {entry:?}"));
            }
        }
        for entry in entries.iter().filter(|entry| entry.standing == Standing::Stands) {
            if !entry.key.is_some_and(|key| self.world.stands(key)) {
                return Err(format!("the ledger says that it stands: {entry:?}"));
            }
        }
        Ok(())
    }

    /// The first time that each step is taken back; a second time is for what arrived late.
    fn undone_in_reverse(&self) -> Result<(), String> {
        let mut last: Option<u32> = None;
        let mut seen = BTreeSet::new();
        for (_, event) in &self.log {
            let (Event::StepDone { step, direction: Direction::Undo, .. }
            | Event::StepSkipped { step, direction: Direction::Undo, .. }) = event
            else {
                continue;
            };
            let line = self.is.steps.get(step).map_or(0, |step| step.place.0);
            if !seen.insert(step) {
                continue;
            }
            if last.is_some_and(|last| line > last) {
                return Err(format!("{step} is undone after what was done before it"));
            }
            last = Some(line);
        }
        Ok(())
    }

    fn timers_fire_once(&self) -> Result<(), String> {
        let mut fired = BTreeSet::new();
        for (_, event) in &self.log {
            if let Event::TimerFired { timer } = event
                && !fired.insert(*timer)
            {
                return Err(format!("timer {timer} fired twice"));
            }
        }
        Ok(())
    }

    /// An operator who knows the truth, and now and then looks at an old screen.
    pub(crate) fn operate(&mut self) -> Result<(), String> {
        self.operated += 1;
        let Some(operation) = self.chosen() else { return Ok(()) };
        let mut stale = operation.clone();
        stale.revision += 1;
        let refused = decide(&self.plan, &self.is, Input::Operate(stale), self.now);
        if !matches!(refused, Err(NotTaken::Stale { .. })) {
            return Err("an action on an old screen was taken".to_owned());
        }
        match decide(&self.plan, &self.is, Input::Operate(operation.clone()), self.now) {
            Ok(events) => self.append(events),
            Err(NotTaken::NotNow { .. }) if !self.is.is_parked() => Ok(()),
            Err(error) => Err(format!("{operation:?}: {error}")),
        }
    }

    fn chosen(&mut self) -> Option<Operation<S>> {
        let parks = self.is.parks.iter().map(|(step, park)| (step.clone(), park.cause));
        let parks: Vec<_> = parks.collect();
        let pick = usize::try_from(self.draw.below(parks.len() as u64)).unwrap_or(0);
        let (verb, step, happened) = match parks.get(pick) {
            None if self.draw.percent(50) => (Verb::Hold, String::new(), false),
            None => (Verb::Undo, String::new(), false),
            // Some stay parked, in sight.
            Some(_) if self.draw.percent(5) => return None,
            Some((step, Cause::InDoubt)) => {
                let key = self.is.steps.get(step).and_then(|step| step.forward.key);
                let stands = key.is_some_and(|key| self.world.stands(key));
                (Verb::Resolve, step.clone(), stands)
            }
            Some((_, Cause::OperatorHold | Cause::DeadlinePassed))
                if self.is.parks.contains_key("") =>
            {
                (Verb::Release, String::new(), false)
            }
            Some((step, _)) => {
                let kind = self.is.steps.get(step).map(|step| step.kind);
                let undo = self.is.can_be_undone() && kind != Some(Kind::Forward);
                let verb = if undo && self.draw.percent(50) { Verb::Undo } else { Verb::Retry };
                (verb, if verb == Verb::Undo { String::new() } else { step.clone() }, false)
            }
        };
        Some(Operation {
            verb,
            step,
            actor: ActorId::from_static("operator"),
            reason: "the lab".to_owned(),
            revision: self.is.revision,
            happened,
            output: None,
            ticket: None,
            approver: None,
        })
    }
}
