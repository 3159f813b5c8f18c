//! The control that travels through the events of a saga, and what it knew there, line by line, with
//! what an event changed.

use maud::{Markup, html};
use orchestrator::{Direction, Instance, SagaType};
use serde_json::Value;

use super::saga::Shown;
use crate::diff::{self, Change};
use crate::format;
use crate::parts::{self, icon};
use crate::saga::{look, steps, url, words};
use crate::view::StateLine;

/// More lines than this are not drawn as ticks.
const TICKS_MAX: usize = 200;

/// The control.
pub(crate) fn travel(shown: &Shown<'_>) -> Markup {
    let (at, head) = (shown.at, shown.head());
    let last = at.checked_sub(1).and_then(|at| shown.view.events.get(at));
    let says =
        last.map(|one| (format::verb(&one.head.event_type), words::of(&one.event, shown.now)));
    let base = url(&shown.view.id);
    html! {
        section.panel.travel id="travel" aria-label="Time travel" {
            div.row.pad.scrubber {
                span.seg role="group" aria-label="Step" {
                    (link("Previous", "[", (at > 1).then(|| shown.address(at - 1))))
                    (link("Next", "]", (at < head).then(|| shown.address(at + 1))))
                    (link("Now", "", (at < head).then(|| shown.address(head))))
                }
                label.vh for="scrub" { "The saga after event" }
                div.slide.js {
                    (ticks(shown))
                    input.scrub id="scrub" type="range" min="1" max=(head.max(1)) value=(at.max(1))
                        data-key="t" data-base=(base) data-vs=(shown.asked.vs)
                        aria-valuetext={ "event " (at) " of " (head) };
                }
                span.nowrap { "event " b { (at) } " of " (head) }
                @if let Some((verb, line)) = says {
                    span.landed { (line.mark()) code.ty { (verb) } span.clip { (line.says) } }
                }
                button.btn.bare.js type="button" data-copy-link data-key="c" { (icon("link")) "Link" kbd.opt { "c" } }
            }
        }
    }
}

fn link(word: &str, key: &str, href: Option<String>) -> Markup {
    let hint = html! { @if !key.is_empty() { kbd.opt.js { (key) } } };
    let key = (!key.is_empty()).then_some(key);
    html! {
        @match href {
            Some(href) => {
                a href=(href) data-key=[key] hx-get=(href) hx-target="#main" hx-select="#main"
                    hx-swap="outerHTML show:none" hx-push-url="true" { (word) (hint) }
            },
            None => span.off aria-disabled="true" { (word) (hint) },
        }
    }
}

/// A tick for each event; what changed the course is higher.
fn ticks(shown: &Shown<'_>) -> Markup {
    let count = shown.head();
    // Over 984 of 1,000 units, from 8 on.
    let x = |n: usize| if count < 2 { 8 } else { 8 + 984 * n / (count - 1) };
    html! {
        @if count <= TICKS_MAX {
            svg.fig.ticks viewBox="0 0 1000 18" preserveAspectRatio="none" aria-hidden="true" {
                @for (n, one) in shown.view.events.iter().enumerate() {
                    @let line = words::of(&one.event, shown.now);
                    @let high = matches!(line.class, "is-bad" | "is-doubt" | "is-park") || one.event_is_turn();
                    path class={ (if n + 1 == shown.at { "cf2" } else if high { "cw thin" } else { "hair2" }) " " (line.class) }
                        d={ "M" (x(n)) " " (if high { 2 } else { 8 }) "V16" } {}
                }
            }
        }
    }
}

impl crate::desk::Recorded {
    /// Whether the saga changed its course with it.
    fn event_is_turn(&self) -> bool {
        use orchestrator::Event;
        matches!(
            self.event,
            Event::Started { .. }
                | Event::UndoStarted { .. }
                | Event::Ended { .. }
                | Event::Operated { .. }
        )
    }
}

/// What it knew.
pub(crate) fn panel(shown: &Shown<'_>) -> Markup {
    let plan = shown.plan();
    let is = lines(&shown.is, plan, shown);
    let now = shown.asked.vs == "now" && shown.past();
    let other =
        if now { lines(&shown.latest, plan, shown) } else { lines(&shown.before, plan, shown) };
    let changes = if now { diff::changes(&is, &other) } else { diff::changes(&other, &is) };
    let title = if now { "Different now" } else { "Changed by this event" };
    let with = |vs: &str| {
        let at = shown.at.to_string();
        url(&shown.view.id) + &crate::filter::query(&[("at", &at), ("vs", vs)]) + "#state"
    };
    let choose = html! {
        @if shown.past() {
            span.seg role="group" aria-label="Compare" {
                a href=(with("")) aria-current=[(!now).then_some("true")] { "This event" }
                a href=(with("now")) aria-current=[now.then_some("true")] { "Now" }
            }
        }
    };
    let body = html! {
        div.cols.pair.flush {
            (fields(&is, &changes, !now))
            div.pad {
                h3 { (title) }
                @if changes.is_empty() { p.empty { "Nothing in the state." } }
                @else { (diff::draw(&changes)) }
            }
        }
    };
    parts::panel("state", "State", &format!("after event {}", shown.at), &choose, &body)
}

fn fields(is: &[StateLine], changes: &[Change<'_>], mark: bool) -> Markup {
    let marked = |name: &str| mark && changes.iter().any(|c| c.name == name && c.is.is_some());
    html! {
        table.t.kvt {
            tbody {
                @for line in is {
                    tr.changed[marked(&line.name)] {
                        th scope="row" { code { (line.name) } }
                        td {
                            (diff::value(line))
                            @if marked(&line.name) { span.mark title="changed by this event" { "changed" } }
                        }
                    }
                }
            }
        }
    }
}

/// What a saga knows, a line each: its phase, its business, its steps, what holds it up.
fn lines(is: &Instance, plan: Option<&dyn SagaType>, shown: &Shown<'_>) -> Vec<StateLine> {
    let line = |name: String, value: String| StateLine { name, value, masked: false };
    let mut all = vec![line("phase".to_owned(), is.phase.to_string())];
    let business = plan.and_then(|plan| plan.knows(is).ok());
    // Without its code: what it began with, and below what it was given.
    let began =
        || serde_json::json!({"began": serde_json::from_str(&is.state).unwrap_or(Value::Null)});
    let business = business.unwrap_or_else(began);
    flatten("", &business, &mut |name, value| all.push(line(name, value)));
    for step in steps(is) {
        let Some(known) = step.is else { continue };
        all.push(line(step.id.to_owned(), look::forward(is, plan, &step).word));
        if known.undo.attempts > 0 || known.skipped == Some(Direction::Undo) {
            let undo = look::undo(is, plan, &step).map(|look| look.word).unwrap_or_default();
            all.push(line(format!("undo of {}", step.id), undo));
        }
        if let Some(output) = &known.output {
            all.push(line(format!("{} gave", step.id), output.clone()));
        }
    }
    for (step, park) in &is.parks {
        let name = if step.is_empty() { "parked".to_owned() } else { format!("parked at {step}") };
        all.push(line(name, format!("{}: {}", look::cause(park.cause).word, park.detail)));
    }
    for (number, timer) in &is.timers {
        let due = format::words(shown.now, timer.at);
        all.push(line(
            format!("timer {number}"),
            format!("{}, due {due}", words::purpose(timer.purpose, &timer.step)),
        ));
    }
    all
}

fn flatten(name: &str, value: &Value, put: &mut impl FnMut(String, String)) {
    let join =
        |field: &str| if name.is_empty() { field.to_owned() } else { format!("{name}.{field}") };
    match value {
        Value::Object(fields) => {
            for (field, item) in fields {
                flatten(&join(field), item, put);
            }
        }
        Value::Array(items) if items.is_empty() => put(name.to_owned(), "none".to_owned()),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&join(&at.to_string()), item, put);
            }
        }
        Value::String(text) => put(name.to_owned(), text.clone()),
        Value::Null => put(name.to_owned(), "none".to_owned()),
        other => put(name.to_owned(), other.to_string()),
    }
}
