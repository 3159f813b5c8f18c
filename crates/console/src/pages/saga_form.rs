//! The dialog of an action on a saga: the events it will append, by a dry run of the very decision,
//! what the call may answer, a mandatory reason, the revision it is meant for, the same by CLI and API.

use domain::saga::Unknown;
use maud::{Markup, html};
use orchestrator::{Direction, Event, Verb};

use super::saga::Shown;
use super::saga_orders::{Filled, title};
use crate::cx::Cx;
use crate::format;
use crate::parts::{self, icon};
use crate::saga::{line, risk, state, url, words};

/// A reason shorter than this says nothing to the auditor who reads it.
pub(crate) const REASON_CHARS_MIN: usize = 8;
/// Longer ones belong into a ticket.
pub(crate) const REASON_CHARS_MAX: usize = 500;

/// What a form that was overtaken says.
pub(crate) fn stale(seen: u64, is: u64) -> String {
    format!("The saga moved from revision {seen} to {is} since you looked; below is what changed.")
}

/// The form.
pub(crate) fn draw(
    cx: &Cx,
    shown: &Shown<'_>,
    verb: Verb,
    filled: &Filled,
    problems: &[String],
) -> Markup {
    let here = url(&shown.view.id);
    let action = format!("{here}/{verb}");
    let revision = shown.head();
    html! {
        form method="post" action=(action) hx-post=(action) hx-target="#act" hx-select="#act" hx-swap="outerHTML" {
            header {
                h2.dt id="act-t" tabindex="-1" autofocus { (title(verb)) @if !filled.step.is_empty() { " " code { (filled.step) } } }
                span.dim { (shown.latest.plan.0) " " (format::stream_id(&shown.view.id)) }
                a.btn.bare.push href=(here) data-close aria-label="Close" { (icon("x")) }
            }
            div.in {
                @for problem in problems {
                    p.why.is-bad.slim role="alert" { (icon("refused")) span { (problem) " Nothing was done." } }
                }
                (moved(shown, filled))
                @if verb == Verb::Resolve { (happened(filled)) }
                @if matches!(verb, Verb::Resolve | Verb::Skip) { (output(shown, filled)) }
                (preview(cx, shown, verb, filled))
                (fields(cx, filled, revision))
                (same_as(shown, verb, filled))
            }
            footer {
                span.dim.opt { "Role operator" }
                span.row.push {
                    a.btn href=(here) data-close { "Cancel" kbd.js { "esc" } }
                    @if matches!(verb, Verb::Resolve | Verb::Skip) {
                        button.btn name="preview" value="yes" formnovalidate { "Preview" }
                    }
                    button.btn.go data-key="ctrl-enter" { (title(verb)) kbd.js { "Ctrl ↵" } }
                }
            }
            input type="hidden" name="step" value=(filled.step);
            input type="hidden" name="revision" value=(revision);
        }
    }
}

/// What happened since the form was drawn.
fn moved(shown: &Shown<'_>, filled: &Filled) -> Markup {
    let seen = filled.revision.parse::<usize>().unwrap_or(shown.head());
    html! {
        @if seen < shown.head() {
            section.why.is-park.slim aria-labelledby="act-m" {
                (icon("stale"))
                div {
                    h3 id="act-m" { "Changed since revision " (seen) }
                    ol.next.events {
                        @for one in &shown.view.events[seen..] {
                            (step(&words::of(&one.event, shown.now), one.head.meta.version, format::verb(&one.head.event_type)))
                        }
                    }
                    p { "It is " b { (state(&shown.latest).look().word) } " now. The preview below is of revision " (shown.head()) "." }
                }
            }
        }
    }
}

fn step(line: &words::Line, number: u64, verb: &str) -> Markup {
    html! {
        li {
            span.num.dim { (number) }
            (line.mark())
            span { code.ty { (verb) } " " (line.says) }
        }
    }
}

fn happened(filled: &Filled) -> Markup {
    let choice = |value: &'static str,
                  class: &'static str,
                  word: &'static str,
                  means: &'static str| {
        let id = format!("happened-{value}");
        html! {
            li class=(class) {
                label.row.nowrap for=(id) {
                    span.hit { input id=(id) type="radio" name="happened" value=(value) required checked[filled.happened == value]; }
                    span { (word) }
                }
                small { (means) }
            }
        }
    };
    html! {
        fieldset {
            legend { "Did it happen? " span.dim { "what you know, not what you hope" } }
            ul.fork {
                (choice("yes", "is-ok", "It happened", "The target did the work, and it stands."))
                (choice("no", "is-bad", "It did not happen", "The target never did the work."))
            }
        }
    }
}

fn output(shown: &Shown<'_>, filled: &Filled) -> Markup {
    let like = shown.latest.steps.iter().find_map(|(id, step)| {
        let same =
            domain::saga::StepName::of(id).name == domain::saga::StepName::of(&filled.step).name;
        step.output.clone().filter(|_| same && *id != filled.step)
    });
    html! {
        div.field {
            label for="output" { "What it gave " span.dim { "as JSON; leave it empty when it gave nothing" } }
            textarea.mono id="output" name="output" rows="2" spellcheck="false" aria-describedby="output-h" { (filled.output) }
            small id="output-h" {
                @match &like {
                    Some(like) => { "Its sibling gave " code { (like) } },
                    None => "It is checked against what a step of this saga can give.",
                }
            }
        }
    }
}

/// The events that will be appended: a dry run.
fn preview(cx: &Cx, shown: &Shown<'_>, verb: Verb, filled: &Filled) -> Markup {
    let revision = shown.head() as u64;
    let both = verb == Verb::Resolve && !["yes", "no"].contains(&filled.happened.as_str());
    let forks: Vec<(&str, Filled)> = if both {
        let say = |happened: &str| Filled { happened: happened.to_owned(), ..filled.clone() };
        vec![("if it happened", say("yes")), ("if it did not", say("no"))]
    } else {
        vec![("", filled.clone())]
    };
    html! {
        section aria-labelledby="act-n" {
            h3 id="act-n" { "Will be appended " span.dim { "dry run on revision " (revision) } }
            @for (name, filled) in &forks {
                @if !name.is_empty() { h4.fork-name { (name) } }
                @match dry_run(cx, shown, verb, filled) {
                    Ok(events) => {
                        ol.next.events { @for (at, event) in (1..).zip(&events) {
                            (step(&words::of(event, shown.now), revision + at, format::verb(type_of(event))))
                        } }
                        (then(shown, &events))
                    },
                    Err(why) => p.why.is-park.slim { (icon("warn")) span { (why) } },
                }
            }
        }
    }
}

fn type_of(event: &Event) -> &'static str {
    domain::EventSet::event_type(event)
}

fn dry_run(cx: &Cx, shown: &Shown<'_>, verb: Verb, filled: &Filled) -> Result<Vec<Event>, String> {
    let Some(plan) = shown.plan() else {
        return Err(
            "This program has not got the plan of this saga, so it cannot say what comes of it."
                .to_owned(),
        );
    };
    let mut order = filled.order(cx, verb, shown.head() as u64)?;
    if order.reason.is_empty() {
        "your reason".clone_into(&mut order.reason);
    }
    plan.preview(&shown.latest, &order, cx.now).map_err(|error| format!("{error}."))
}

/// What is asked then, and what may be answered.
fn then(shown: &Shown<'_>, events: &[Event]) -> Markup {
    let asked = events.iter().find_map(|event| match event {
        Event::StepScheduled { step, direction, attempt, target, what, due_at, .. } => {
            Some((step, *direction, *attempt, target, what, *due_at))
        }
        _ => None,
    });
    let Some((step, direction, attempt, target, what, due_at)) = asked else {
        return html! {};
    };
    let limit = u64::try_from(due_at.ms_since(shown.now)).unwrap_or(0);
    let plan = shown.plan();
    let retry = match direction {
        Direction::Forward => line(plan, step).map(|line| line.retry),
        Direction::Undo => plan.map(orchestrator::SagaType::undo_retry),
    };
    let again = match retry.and_then(|retry| retry.attempts_max) {
        Some(max) if attempt >= max => "that was its last attempt".to_owned(),
        Some(max) => format!("try {} of {max} later", attempt + 1),
        None => format!("try {} later, until it is done", attempt + 1),
    };
    let unknown = match (direction, line(plan, step).map(|line| line.unknown)) {
        (Direction::Undo, _) => "asked again with the same key",
        (_, Some(Unknown::ProbeThenRepeat)) => "probed by key, then repeated",
        (_, Some(Unknown::ProbeThenUndo)) => "probed by key, then undone as if done",
        _ => "probed by key, then parked",
    };
    let done = if direction == Direction::Undo { "it is taken back" } else { "the plan goes on" };
    html! {
        h3.gapt { "Then it asks " span.dim { (words::short(target)) " to " (what) ", " (format::span(limit)) " limit" } }
        ul.fork {
            li.is-ok { span.st.is-ok { (icon("done")) "if done" } small { (done) } }
            li.is-park { span.st.is-park { (icon("retry")) "if not now" } small { (again) } }
            li.is-doubt { span.st.is-doubt { (icon("doubt")) "if no answer" } small { (unknown) } }
        }
    }
}

fn fields(cx: &Cx, filled: &Filled, revision: usize) -> Markup {
    html! {
        div.cols.half2 {
            div.field {
                label for="reason" { "Reason " span.dim { "required, kept in the history" } }
                textarea id="reason" name="reason" rows="3" required minlength=(REASON_CHARS_MIN)
                    maxlength=(REASON_CHARS_MAX) aria-describedby="reason-h" { (filled.reason) }
                small id="reason-h" { "Auditors see it with your name, " (cx.who.actor) "." }
            }
            div.field {
                label for="ticket" { "Ticket " span.dim { "if there is one" } }
                input id="ticket" name="ticket" value=(filled.ticket) maxlength="100" autocomplete="off";
                label.gapt for="rev" { "Expected revision" }
                input id="rev" value=(revision) readonly aria-describedby="rev-h";
                small id="rev-h" { "If the saga moves first, nothing is done and you see the difference." }
            }
        }
    }
}

fn same_as(shown: &Shown<'_>, verb: Verb, filled: &Filled) -> Markup {
    let id = &shown.view.id;
    let revision = shown.head();
    let output = filled.output.trim();
    let mut cli = vec![format!("recount saga {verb} {id}")];
    let mut body = serde_json::json!({"reason": "…", "revision": revision});
    if !filled.step.is_empty() {
        cli.push(filled.step.clone());
        body["step"] = filled.step.clone().into();
    }
    if verb == Verb::Resolve {
        let happened = filled.happened != "no";
        cli.push(if happened { "--happened" } else { "--did-not-happen" }.to_owned());
        body["happened"] = happened.into();
    }
    if !output.is_empty() {
        cli.push(format!("--output-json '{}'", output.replace('\'', r"'\''")));
        body["output"] = serde_json::from_str(output).unwrap_or_default();
    }
    cli.push(format!("--revision {revision} --reason \"…\""));
    let cli = cli.join(" ");
    let risk = risk::risk(&shown.latest);
    html! {
        details.asx {
            summary { "Same as by CLI and API" }
            (parts::copyline("CLI", &cli))
            (parts::copyline("API", &format!("POST /api/sagas/{id}/{verb} {body}")))
        }
        @if !risk.is_none() {
            p.dim { "Still out there now: " (risk.words()) "." }
        }
    }
}
