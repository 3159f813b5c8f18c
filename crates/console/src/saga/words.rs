//! The events of a saga in words, one line each. Not their content as JSON, which stands behind
//! each line.

use domain::saga::Money;
use domain::{EventSet as _, Timestamp};
use maud::{Markup, html};
use orchestrator::{Cause, Direction, End, Event, LateWord, Probed, Purpose};

use super::money;
use crate::format;
use crate::parts;

/// An event in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// `is-run` and so on.
    pub(crate) class: &'static str,
    /// Its icon.
    pub(crate) icon: &'static str,
    /// The sentence.
    pub(crate) says: String,
}

impl Line {
    /// Its icon in its colour; the words stand beside it.
    pub(crate) fn mark(&self) -> Markup {
        html! { span class={ "c " (self.class) } { (parts::icon(self.icon)) } }
    }
}

fn line(class: &'static str, icon: &'static str, says: String) -> Line {
    Line { class, icon, says }
}

/// `hold-quota`, `undo of hold-quota`.
fn way(step: &str, direction: Direction) -> String {
    match direction {
        Direction::Forward => step.to_owned(),
        Direction::Undo => format!("undo of {step}"),
    }
}

/// A target in a sentence: of a stream the category and the tail of its id.
pub(crate) fn short(target: &str) -> String {
    match target.parse::<domain::StreamId>() {
        Ok(stream) => format!("{} …{}", stream.category(), &stream.id().to_string()[24..]),
        Err(_) => target.to_owned(),
    }
}

/// What a timer is for, in words.
pub(crate) fn purpose(purpose: Purpose, step: &str) -> String {
    match purpose {
        Purpose::Attempt => format!("answer of {step}"),
        Purpose::Retry => format!("{step} again"),
        Purpose::UndoRetry => format!("undo of {step} again"),
        Purpose::Probe => format!("probe of {step}"),
        Purpose::Confirm => format!("probe behind the undo of {step}"),
        Purpose::StepDeadline => format!("deadline of {step}"),
        Purpose::SagaDeadline => "its deadline".to_owned(),
        Purpose::Begin => "it begins".to_owned(),
        Purpose::Held => "an event that it holds is dropped".to_owned(),
    }
}

fn whole(step: &str) -> String {
    if step.is_empty() { String::new() } else { format!("{step}: ") }
}

/// ` at 14:02:11`, with the day when it is another one.
fn due(now: Timestamp, at: Timestamp) -> String {
    format!("due {}", format::words(now, at))
}

/// An event in a line. `now` says how much of a time must be told.
pub(crate) fn of(event: &Event, now: Timestamp) -> Line {
    match event {
        Event::Started { plan, version, steps, .. } => {
            let steps = format::count(steps.len() as u64, "step");
            line("is-run", "start", format!("{plan} version {version}, {steps}"))
        }
        Event::TimerSet { purpose: what, step, at, .. } => {
            line("is-idle", "timer", format!("{}, {}", purpose(*what, step), due(now, *at)))
        }
        Event::TimerFired { timer } => line("is-idle", "timer", format!("timer {timer}")),
        Event::TimerIgnored { timer, why } => {
            line("is-idle", "timer", format!("timer {timer}: {why}"))
        }
        Event::UndoStarted { why, .. } => line("is-undo", "undo", why.clone()),
        Event::UndoFenced { step, generation, .. } => {
            let says = format!("{step}, generation {generation}: its forward key is dead");
            line("is-idle", "fence", says)
        }
        Event::Parked { cause, step, detail } => parked(*cause, step, detail),
        Event::Resumed { step, why } => line("is-run", "run", format!("{}{why}", whole(step))),
        Event::Operated { verb, step, actor, reason, .. } => {
            let of = if step.is_empty() { String::new() } else { format!(" {step}") };
            line("is-run", "human", format!("{verb}{of} by {actor}: {reason}"))
        }
        Event::LateEvent { policy, why, .. } => {
            let policy = match policy {
                LateWord::Buffered => "held:",
                LateWord::Taken => "taken:",
                LateWord::Dropped => "dropped:",
                LateWord::DeadLetter => "to the dead letters",
                LateWord::Ignored => "ignored:",
            };
            line("is-idle", "inbox", format!("{policy} {why}"))
        }
        Event::Ended { end: End::Done } => line("is-ok", "done", "everything was done".to_owned()),
        Event::Ended { end: End::Undone } => {
            line("is-undo", "undone", "everything was taken back".to_owned())
        }
        step => of_step(step),
    }
}

fn parked(cause: Cause, step: &str, detail: &str) -> Line {
    let look = super::look::cause(cause);
    line(look.class, look.icon, format!("{}{}: {detail}", whole(step), look.word))
}

fn of_step(event: &Event) -> Line {
    match event {
        Event::StepScheduled {
            step, direction, attempt, target, what, minor, currency, ..
        } => {
            let amount =
                minor.zip(currency.clone()).map_or_else(String::new, |(minor, currency)| {
                    format!(", {}", money::words(&Money { minor, currency }))
                });
            let class = if *direction == Direction::Undo { "is-undo" } else { "is-run" };
            let (way, whom) = (way(step, *direction), short(target));
            let says = format!("{way}, try {attempt}: asks {whom} to {what}{amount}");
            line(class, "intent", says)
        }
        Event::StepDone { step, direction, attempt, .. } => {
            let done = format!("{}, try {attempt}", way(step, *direction));
            match direction {
                Direction::Forward => line("is-ok", "done", done),
                Direction::Undo => line("is-undo", "undone", done),
            }
        }
        Event::StepRefused { step, direction, rule, detail, .. } => {
            let says = format!("{}: {detail} ({rule})", way(step, *direction));
            line("is-bad", "refused", says)
        }
        Event::StepDelayed { step, direction, attempt, detail, retry_after_ms } => {
            let after = retry_after_ms.map_or_else(String::new, |ms| {
                format!(", asked to come back in {}", format::span(ms))
            });
            let says = format!("{}, try {attempt}: {detail}{after}", way(step, *direction));
            line("is-park", "retry", says)
        }
        Event::StepUnknown { step, direction, attempt, detail } => {
            let says = format!("{}, try {attempt}: {detail}", way(step, *direction));
            line("is-doubt", "doubt", says)
        }
        Event::ProbeAnswered { step, behind_undo, answer, .. } => {
            let behind = if *behind_undo { " behind its undo" } else { "" };
            let says = match answer {
                Probed::Happened => "it happened and stands",
                Probed::NotHappened => "it did not happen",
                Probed::CannotTell => "the target cannot tell",
            };
            line("is-doubt", "probe", format!("{step}{behind}: {says}"))
        }
        Event::AnswerIgnored { step, direction, attempt, why, .. } => {
            let says = format!("{}, try {attempt}: {why}", way(step, *direction));
            line("is-idle", "stale", says)
        }
        Event::StepSkipped { step, direction, .. } => {
            let word = if *direction == Direction::Undo { "taken back" } else { "done" };
            line("is-park", "human", format!("{step} is taken for {word}"))
        }
        // Every event has its line above; a new one is named until it has.
        other => line("is-idle", "dot", other.event_type().to_owned()),
    }
}
