//! The effects of a saga with money and references, and its steps as a table. Not an account.

use domain::Timestamp;
use maud::{Markup, html};
use orchestrator::{Direction, Entry, Standing, ledger};

use super::saga::Shown;
use crate::format;
use crate::parts::{self, icon};
use crate::saga::look::{self, Look};
use crate::saga::sentence::until;
use crate::saga::{risk, steps as all};

/// What is still out there.
pub(crate) fn panel(shown: &Shown<'_>) -> Markup {
    let entries = ledger(&shown.is);
    let body = html! {
        @if entries.is_empty() { (parts::empty("Nothing was asked of anybody yet.")) }
        @else { (parts::scroll("Effects ledger", &table(shown, &entries))) }
    };
    parts::panel("ledger", "Effects", "what is still out there", &counted(&entries), &body)
}

/// `2 stand`, `1 unknown`: with their looks.
fn counted(entries: &[Entry]) -> Markup {
    let mut said: Vec<(Look, usize)> = Vec::new();
    for entry in entries {
        let look = look::standing(entry.standing);
        match said.iter_mut().find(|(known, _)| known.word == look.word) {
            Some((_, count)) => *count += 1,
            None => said.push((look, 1)),
        }
    }
    html! {
        @for (look, count) in &said {
            span class={ "st " (look.class) } { (icon(look.icon)) (count) " " (look.word) }
        }
    }
}

fn table(shown: &Shown<'_>, entries: &[Entry]) -> Markup {
    html! {
        table.t {
            thead {
                tr {
                    th scope="col" { "Step" }
                    th scope="col" { "Status" }
                    th scope="col" { "Target" }
                    th.p2 scope="col" { "Their reference" }
                    th.p3 scope="col" { "Key" }
                    th.num scope="col" { "Tries" }
                }
            }
            tbody { @for entry in entries { (line(shown, entry)) } }
        }
    }
}

fn line(shown: &Shown<'_>, entry: &Entry) -> Markup {
    let step = shown.is.steps.get(&entry.step);
    let tries = step.map_or(0, |step| step.forward.attempts + step.undo.attempts);
    let fault = step.and_then(|step| match entry.standing {
        Standing::Undoing | Standing::UndoFailed => step.undo.fault.as_deref(),
        Standing::Unknown | Standing::NotDone | Standing::Asked => step.forward.fault.as_deref(),
        _ => None,
    });
    html! {
        tr {
            th scope="row" { code { (entry.step) } }
            td { (look::standing(entry.standing).chip()) }
            td.what-cell {
                (target(&entry.target))
                small { (entry.what) @if let Some(amount) = risk::amount(entry) { ", " b { (amount) } } }
                @if let Some(fault) = fault { small.fault { (fault) } }
            }
            td.p2 { (reference(entry.output.as_deref())) }
            td.p3 { @if let Some(key) = entry.key { span title="the idempotency key, same for every try" { (format::uuid(key.0)) } } }
            td.num.nowrap { (tries) }
        }
    }
}

/// Whom it asked: a stream is a link.
pub(crate) fn target(target: &str) -> Markup {
    html! {
        @match target.parse::<domain::StreamId>() {
            Ok(stream) => a href=(format::stream_url(&stream)) { (format::stream_id(&stream)) },
            Err(_) => (target),
        }
    }
}

/// What the target gave, in a short form: links are links.
fn reference(output: Option<&str>) -> Markup {
    let texts = output.and_then(|json| serde_json::from_str(json).ok()).map(|v| texts(&v));
    html! {
        @match texts {
            None => span.dim { "none" },
            Some(texts) => {
                @for text in texts.iter().take(3) {
                    @if text.starts_with("https://") || text.starts_with("http://") {
                        a.id.ref href=(text) rel="noreferrer noopener" title=(text) { (text.split_once("//").map_or(text.as_str(), |(_, rest)| rest)) }
                    } @else { span.id.ref title=(text) { (text) } }
                }
                @if texts.is_empty() { span.dim { "nothing" } }
            },
        }
    }
}

/// The texts and numbers in an answer.
fn texts(value: &serde_json::Value) -> Vec<String> {
    use serde_json::Value;
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// The steps in words, for those who do not see the map; also sent as a patch.
pub(crate) fn steps(shown: &Shown<'_>) -> Markup {
    let plan = shown.plan();
    html! {
        table.t {
            thead { tr { th scope="col" { "Step" } th.p2 scope="col" { "Kind" } th scope="col" { "Forward" } th scope="col" { "Undo" } } }
            tbody {
                @for step in &all(&shown.is) {
                    tr {
                        th scope="row" { code { (step.id) } }
                        td.p2.dim { (step.kind) }
                        td { (cell(shown, &look::forward(&shown.is, plan, step), step.id, Direction::Forward)) }
                        td {
                            @match look::undo(&shown.is, plan, step) {
                                Some(look) => (cell(shown, &look, step.id, Direction::Undo)),
                                None => span.dim { "no undo" },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(shown: &Shown<'_>, look: &Look, step: &str, way: Direction) -> Markup {
    let next: Option<Timestamp> =
        look::next_try(&shown.is, step, way).filter(|_| shown.is.is_running());
    let took = shown.history.took_ms(step, way);
    html! {
        (look.st())
        @if let Some(at) = next {
            " " span.dim { (until(shown.now, at)) }
        } @else if let Some(ms) = took { " " span.dim { (format::span(ms)) } }
    }
}
