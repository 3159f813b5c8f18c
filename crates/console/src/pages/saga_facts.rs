//! The facts beside a saga: its clocks, its timers and mailbox, what caused it, who acted on it.

use domain::Timestamp;
use maud::{Markup, html};
use orchestrator::{Event, LateWord, Purpose};

use super::saga::Shown;
use super::saga_ledger::target;
use crate::desk::Recorded;
use crate::format;
use crate::parts;
use crate::saga::sentence::until;
use crate::saga::{deadline, words};

/// All of them; also sent as a patch.
pub(crate) fn panels(shown: &Shown<'_>) -> Markup {
    html! {
        (clocks(shown))
        (mailbox(shown))
        (related(shown))
        (operators(shown))
    }
}

fn clocks(shown: &Shown<'_>) -> Markup {
    let is = &shown.is;
    let deadline = deadline(is);
    let policy = shown.plan().and_then(orchestrator::SagaType::deadline);
    let span = |from: Timestamp, to: Timestamp| u64::try_from(to.ms_since(from)).unwrap_or(0);
    let body = html! {
        dl.kv.pad {
            @match (deadline, is.is_running()) {
                (Some(at), true) => {
                    dt { "Deadline" }
                    dd { (sla(shown, at)) @if let Some((_, then)) = policy { ", then " (format!("{then:?}").to_lowercase()) }
                        progress max=(span(is.started_at, at).max(1)) value=(span(is.started_at, shown.now).min(span(is.started_at, at))) aria-label="Time used of its deadline" {}
                    }
                },
                (None, true) => { dt { "Deadline" } dd.dim { "none" } },
                (_, false) => { dt { "Took" } dd { b { (format::span(span(is.started_at, is.last_at))) } } },
            }
            @for (number, timer) in is.timers.iter().filter(|(_, timer)| timer.purpose == Purpose::StepDeadline) {
                dt { "Step" } dd id={ "clk-" (number) } { code { (timer.step) } " "
                    @if is.frozen.is_some() { span.dim { "its clock stands still while it is parked" } }
                    @else { b { (until(shown.now, timer.at)) } " left" }
                }
            }
            dt { "Started" } dd { (format::time_ago(shown.now, is.started_at)) }
            dt { "Last event" } dd { (format::time_ago(shown.now, is.last_at)) }
            dt { "Owner" } dd {
                span.id { (shown.view.lane) }
                @if let Some(owner) = &shown.view.owner { ", " (owner) }
            }
        }
    };
    parts::panel("clocks", "Clocks", "", &html! {}, &body)
}

/// How much of its time is left, or by how much it is over.
pub(crate) fn sla(shown: &Shown<'_>, at: Timestamp) -> Markup {
    let left = at.ms_since(shown.now);
    let span = format::span(left.unsigned_abs());
    html! {
        @if left >= 0 { b { (until(shown.now, at)) } " left" } @else { b.c.is-bad { "over by " (span) } }
    }
}

fn mailbox(shown: &Shown<'_>) -> Markup {
    let mut timers: Vec<_> = shown.is.timers.iter().collect();
    timers.sort_by_key(|(_, timer)| timer.at);
    let late: Vec<(&Recorded, &LateWord, &str)> = shown.view.events[..shown.at]
        .iter()
        .filter_map(|one| match &one.event {
            Event::LateEvent { policy, why, .. } => Some((one, policy, why.as_str())),
            _ => None,
        })
        .collect();
    let body = html! {
        @if timers.is_empty() && late.is_empty() && shown.is.mailbox.is_empty() { (parts::empty("No timer is set, no event is held.")) }
        @else {
            dl.kv.pad {
                @for (_, timer) in timers {
                    dt { "Timer" }
                    dd { (words::purpose(timer.purpose, &timer.step)) ", " (format::time(shown.now, timer.at))
                        " " span.dim { "in " (until(shown.now, timer.at)) }
                    }
                }
                @for held in &shown.is.mailbox {
                    dt { "Held" }
                    dd { a href={ "/console/go?id=" (held.event) } { (format::uuid(held.event.0)) } " "
                        span.dim {
                            @match &held.cancel {
                                Some(why) => { "asks to take everything back: " (why) },
                                None => "until it goes on",
                            }
                            @if let Some(until) = held.until { ", until " (format::time(shown.now, until)) }
                        }
                    }
                }
                @for (one, policy, why) in late {
                    dt { "Event" }
                    dd { a href={ "/console/go?id=" (event_of(one)) } { "late event" } " "
                        span.dim { (policy) @if !why.is_empty() { ": " (why) } }
                    }
                }
            }
        }
    };
    parts::panel("mailbox", "Mailbox, timers", "", &html! {}, &body)
}

fn event_of(one: &Recorded) -> String {
    match &one.event {
        Event::LateEvent { event, .. } => event.to_string(),
        _ => one.head.meta.id.to_string(),
    }
}

fn related(shown: &Shown<'_>) -> Markup {
    let correlation = shown.view.events.first().map(|one| one.head.meta.correlation);
    let mut asked: Vec<&str> = shown.is.steps.values().map(|step| step.target.as_str()).collect();
    asked.sort_unstable();
    asked.dedup();
    let body = html! {
        dl.kv.pad {
            @if let Some(trigger) = shown.is.trigger {
                dt { "Caused by" } dd { a href={ "/console/go?id=" (trigger) } { (format::uuid(trigger.0)) } }
            }
            @if let Some(correlation) = correlation {
                dt { "Together" } dd { a href={ "/console/log?q=" (correlation) } { "all events of this conversation" } }
            }
            @if !asked.is_empty() {
                dt { "Asks" }
                dd { ul { @for one in asked { li { (target(one)) } } } }
            }
        }
    };
    parts::panel("related", "Caused by, asks", "", &html! {}, &body)
}

/// What operators did, oldest first.
pub(crate) fn orders<'a>(shown: &'a Shown<'_>) -> impl Iterator<Item = &'a Recorded> {
    let events = shown.view.events[..shown.at].iter();
    events.filter(|one| matches!(one.event, Event::Operated { .. }))
}

fn operators(shown: &Shown<'_>) -> Markup {
    let body = html! {
        @if orders(shown).next().is_none() { (parts::empty("Nobody acted on it.")) }
        @else {
            ul.pad.stack.tight { @for one in orders(shown) { (order(shown, one)) } }
        }
    };
    parts::panel("operators", "Operators", "", &html! {}, &body)
}

fn order(shown: &Shown<'_>, one: &Recorded) -> Markup {
    let Event::Operated { verb, step, actor, reason, ticket, approver, .. } = &one.event else {
        return html! {};
    };
    html! {
        li {
            p { b { (actor) } " " (verb) @if !step.is_empty() { " " code { (step) } }
                ", " a href={ "#ev-" (one.head.meta.version) } { "event " (one.head.meta.version) } " "
                span.dim { (format::time_ago(shown.now, one.head.meta.recorded_at)) }
            }
            p.up { (reason) }
            @if let Some(ticket) = ticket { p.dim { "ticket " (ticket) } }
            @if let Some(approver) = approver { p.dim { "approved by " (approver) } }
        }
    }
}
