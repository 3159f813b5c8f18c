//! The breaker of one target: after faults in a row nobody asks it for a while, then one does. Pure:
//! it is told the time. Not the calls, and not how many may run at once.

use domain::{Timestamp, Word};

/// Faults in a row that open it: above what one lost connection causes, below what hurts a target that
/// is down.
const FAULTS_MAX: u32 = 5;
/// How long it stays open first, in milliseconds.
const PAUSE_MS: i64 = 5_000;
/// How long it stays open at most, in milliseconds: a target that is back is noticed in minutes.
const PAUSE_MAX_MS: i64 = 300_000;
/// When to come back while somebody tries the target, in milliseconds.
const TRIAL_MS: i64 = 1_000;

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum BreakerState {
    /// Asked as usual.
    Closed,
    /// Not asked.
    Open,
    /// One call tries whether it is back.
    HalfOpen,
}

/// Not asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shut {
    /// When it opened.
    pub opened_at: Timestamp,
    /// When to come back, in milliseconds.
    pub retry_after_ms: u64,
}

impl Shut {
    /// What a saga that waits for it says.
    ///
    /// ```
    /// let opened_at = "2026-11-21T14:02:31Z".parse().unwrap();
    /// let shut = orchestrator::run::Shut { opened_at, retry_after_ms: 1_000 };
    /// assert_eq!(shut.sentence("bluesky"), "waiting for breaker: bluesky, opened 14:02");
    /// ```
    pub fn sentence(&self, target: &str) -> String {
        let at = self.opened_at.to_string();
        format!("{WAITING}{target}{OPENED}{}", at.get(11..16).unwrap_or(&at))
    }

    /// The target of such a sentence.
    pub(crate) fn target_of(sentence: &str) -> Option<&str> {
        Some(sentence.strip_prefix(WAITING)?.rsplit_once(OPENED)?.0)
    }
}

const WAITING: &str = "waiting for breaker: ";
const OPENED: &str = ", opened ";

/// Leave to ask; what became of it is told with [`Breaker::good`] or [`Breaker::fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leave {
    /// Whether this call tries the target for all others.
    trial: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { faults: u32 },
    Open { until: Timestamp, pause_ms: i64 },
    Trial { pause_ms: i64 },
}

/// The breaker of one target.
#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    state: State,
    since: Timestamp,
    last_fault: Option<(Timestamp, String)>,
}

impl Breaker {
    /// Closed from this time on.
    pub(crate) const fn closed(since: Timestamp) -> Self {
        Self { state: State::Closed { faults: 0 }, since, last_fault: None }
    }

    /// Asks for leave.
    pub(crate) fn ask(&mut self, now: Timestamp) -> Result<Leave, Shut> {
        match self.state {
            State::Closed { .. } => Ok(Leave { trial: false }),
            State::Open { until, pause_ms } if now >= until => {
                self.state = State::Trial { pause_ms };
                Ok(Leave { trial: true })
            }
            State::Open { until, .. } => Err(shut(self.since, until.ms_since(now))),
            State::Trial { .. } => Err(shut(self.since, TRIAL_MS)),
        }
    }

    /// The target answered, with a yes or a no.
    pub(crate) const fn good(&mut self, leave: Leave, now: Timestamp) {
        if leave.trial {
            self.since = now;
        }
        if leave.trial || matches!(self.state, State::Closed { .. }) {
            self.state = State::Closed { faults: 0 };
        }
    }

    /// It did not answer, or not now.
    pub(crate) fn fault(
        &mut self,
        leave: Leave,
        now: Timestamp,
        why: &str,
        retry_after_ms: Option<u64>,
    ) {
        self.last_fault = Some((now, why.to_owned()));
        let wanted = retry_after_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let wanted = wanted.min(PAUSE_MAX_MS);
        self.state = match self.state {
            State::Closed { faults } if faults + 1 < FAULTS_MAX => {
                State::Closed { faults: faults + 1 }
            }
            State::Closed { .. } => {
                let until = now.plus_ms(PAUSE_MS.max(wanted));
                self.since = now;
                State::Open { until, pause_ms: PAUSE_MS }
            }
            State::Trial { pause_ms } if leave.trial => {
                let pause_ms = (pause_ms * 2).min(PAUSE_MAX_MS);
                State::Open { until: now.plus_ms(pause_ms.max(wanted)), pause_ms }
            }
            // Calls that began before it opened say nothing new.
            other => other,
        };
    }

    /// The call never took place, or nobody waited for its end.
    pub(crate) const fn gave_up(&mut self, leave: Leave, now: Timestamp) {
        if let State::Trial { pause_ms } = self.state
            && leave.trial
        {
            self.state = State::Open { until: now, pause_ms };
        }
    }

    pub(crate) const fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Trial { .. } => BreakerState::HalfOpen,
        }
    }

    /// Since when it is closed, or not.
    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }

    /// When the next call tries, while it is open.
    pub(crate) const fn until(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } | State::Trial { .. } => None,
        }
    }

    pub(crate) const fn last_fault(&self) -> Option<&(Timestamp, String)> {
        self.last_fault.as_ref()
    }
}

fn shut(opened_at: Timestamp, ms: i64) -> Shut {
    Shut { opened_at, retry_after_ms: u64::try_from(ms.max(1)).unwrap_or(1) }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, BreakerState, FAULTS_MAX, Leave, PAUSE_MS, Shut, shut};
    use domain::Timestamp;

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::closed(at(0));
        for n in 0..FAULTS_MAX {
            let leave = breaker.ask(at(n.into())).expect("closed");
            breaker.fault(leave, at(n.into()), "503", None);
        }
        breaker
    }

    const LAST: i64 = FAULTS_MAX as i64 - 1;

    #[test]
    fn faults_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let mut breaker = Breaker::closed(at(0));
        for n in 0..3 * FAULTS_MAX {
            let leave = breaker.ask(at(0)).expect("an answer came in between");
            if n % FAULTS_MAX == 0 {
                breaker.good(leave, at(0));
            } else {
                breaker.fault(leave, at(0), "503", None);
            }
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
        let mut breaker = opened();
        assert_eq!(breaker.state(), BreakerState::Open);
        let shut = breaker.ask(at(LAST + 1)).expect_err("it is open");
        assert_eq!(shut.opened_at, at(LAST));
        assert_eq!(i64::try_from(shut.retry_after_ms), Ok(PAUSE_MS - 1));
    }

    #[test]
    fn after_the_pause_one_call_tries_and_decides_for_all() {
        let mut breaker = opened();
        let later = at(LAST + PAUSE_MS);
        let trial = breaker.ask(later).expect("the pause is over");
        assert!(breaker.ask(later).is_err(), "one is enough");
        breaker.fault(trial, later, "503", None);
        let shut = breaker.ask(later).expect_err("it is still down");
        assert_eq!(i64::try_from(shut.retry_after_ms), Ok(2 * PAUSE_MS), "the pause grows");
        assert_eq!(shut.opened_at, at(LAST), "it has been open all the time");
        let trial = breaker.ask(later.plus_ms(2 * PAUSE_MS)).expect("the pause is over");
        breaker.good(trial, later);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_trial_that_nobody_ends_leaves_the_next_one_to_try() {
        let mut breaker = opened();
        let later = at(LAST + PAUSE_MS);
        let trial = breaker.ask(later).expect("the pause is over");
        breaker.gave_up(trial, later);
        assert!(breaker.ask(later).is_ok());
    }

    #[test]
    fn an_answer_to_a_call_from_before_does_not_close_it() {
        let mut breaker = opened();
        breaker.good(Leave { trial: false }, at(0));
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn its_sentence_tells_the_target() {
        let sentence = shut(at(0), 1).sentence("platform/a, opened");
        assert_eq!(Shut::target_of(&sentence), Some("platform/a, opened"));
        assert_eq!(Shut::target_of("503"), None);
    }

    #[test]
    fn what_the_target_asks_for_is_waited_for() {
        let mut breaker = opened();
        let later = at(LAST + PAUSE_MS);
        let trial = breaker.ask(later).expect("the pause is over");
        breaker.fault(trial, later, "429", Some(60_000));
        assert_eq!(breaker.ask(later).expect_err("open").retry_after_ms, 60_000);
    }
}
