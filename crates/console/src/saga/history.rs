//! What the events of a saga tell of its time: attempts with how they ended, pauses, moments. Not
//! the events themselves, which `words` says one by one.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::saga::Money;
use orchestrator::{Direction, Event, Purpose};

use crate::desk::Recorded;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Not yet.
    Open,
    /// It was done.
    Done,
    /// No.
    Refused,
    /// Not now.
    Delayed,
    /// Nobody knows.
    Unknown,
}

/// One attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) step: String,
    pub(crate) direction: Direction,
    pub(crate) number: u32,
    pub(crate) from: Timestamp,
    /// When its answer came.
    pub(crate) to: Option<Timestamp>,
    pub(crate) ending: Ending,
    /// What went wrong.
    pub(crate) detail: String,
}

/// A pause, and what it was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) step: String,
    pub(crate) purpose: Purpose,
    pub(crate) from: Timestamp,
    /// When it is to end, or ended.
    pub(crate) to: Timestamp,
}

/// A moment that is not an attempt's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    pub(crate) class: &'static str,
    pub(crate) words: String,
}

/// What was asked to take a step back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) what: String,
    pub(crate) money: Option<Money>,
}

/// The time of a saga.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Attempts in the order in which they began.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) pauses: Vec<Pause>,
    pub(crate) moments: Vec<Moment>,
    /// What the undo of a step asked last.
    pub(crate) undo_asked: BTreeMap<String, Asked>,
    /// When a step was fenced.
    pub(crate) fenced: BTreeMap<String, Timestamp>,
    /// Timers that are set, by number, with their place in `pauses`.
    timers: BTreeMap<u32, usize>,
}

impl History {
    /// Reads the events of a saga.
    pub(crate) fn of(events: &[Recorded]) -> Self {
        let mut history = Self::default();
        for one in events {
            history.take(one.head.meta.recorded_at, &one.event);
        }
        history
    }

    /// How long a way of a step took from its first attempt to its last answer, in milliseconds.
    pub(crate) fn took_ms(&self, step: &str, direction: Direction) -> Option<u64> {
        let mut of = self.attempts.iter().filter(|a| a.step == step && a.direction == direction);
        let first = of.next()?;
        let last = of.next_back().unwrap_or(first);
        u64::try_from(last.to?.ms_since(first.from)).ok()
    }

    fn take(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::StepScheduled { step, direction, attempt, what, minor, currency, .. } => {
                if *direction == Direction::Undo {
                    let money = minor.zip(currency.clone());
                    let money = money.map(|(minor, currency)| Money { minor, currency });
                    self.undo_asked.insert(step.clone(), Asked { what: what.clone(), money });
                }
                self.attempts.push(Attempt {
                    step: step.clone(),
                    direction: *direction,
                    number: *attempt,
                    from: at,
                    to: None,
                    ending: Ending::Open,
                    detail: String::new(),
                });
            }
            Event::StepDone { step, direction, attempt, .. } => {
                self.end(at, (step, *direction, *attempt), Ending::Done, "");
            }
            Event::StepRefused { step, direction, attempt, detail, .. } => {
                self.end(at, (step, *direction, *attempt), Ending::Refused, detail);
            }
            Event::StepDelayed { step, direction, attempt, detail, .. } => {
                self.end(at, (step, *direction, *attempt), Ending::Delayed, detail);
            }
            Event::StepUnknown { step, direction, attempt, detail, .. } => {
                self.end(at, (step, *direction, *attempt), Ending::Unknown, detail);
            }
            Event::TimerSet { timer, purpose, step, at: to } => {
                self.timers.insert(*timer, self.pauses.len());
                let (step, purpose, to) = (step.clone(), *purpose, *to);
                self.pauses.push(Pause { step, purpose, from: at, to });
            }
            Event::TimerFired { timer } => {
                if let Some(place) = self.timers.remove(timer) {
                    self.pauses[place].to = at;
                }
            }
            Event::UndoFenced { step, .. } => {
                self.fenced.entry(step.clone()).or_insert(at);
            }
            other => self.moment(at, other),
        }
        if matches!(event, Event::UndoStarted { .. } | Event::Ended { .. }) {
            // Timers end with what they were for.
            for place in std::mem::take(&mut self.timers).into_values() {
                let pause = &mut self.pauses[place];
                pause.to = pause.to.min(at);
            }
        }
    }

    fn moment(&mut self, at: Timestamp, event: &Event) {
        let (class, words) = match event {
            Event::UndoStarted { .. } => ("is-undo", "undo starts".to_owned()),
            Event::Parked { cause, .. } => {
                let look = super::look::cause(*cause);
                (look.class, look.word)
            }
            Event::Operated { verb, actor, .. } => ("is-run", format!("{verb} by {actor}")),
            _ => return,
        };
        self.moments.push(Moment { at, class, words });
    }

    fn end(&mut self, at: Timestamp, of: (&str, Direction, u32), ending: Ending, detail: &str) {
        let (step, direction, number) = of;
        let mut open = self.attempts.iter_mut().rev();
        let open = open.find(|a| {
            a.step == step && a.direction == direction && a.number == number && a.to.is_none()
        });
        if let Some(attempt) = open {
            attempt.to = Some(at);
            attempt.ending = ending;
            detail.clone_into(&mut attempt.detail);
        }
    }
}
