//! A saga as a row of a list, and as a small box over it.

use domain::Timestamp;
use maud::{Markup, html};
use orchestrator::{Instance, Line, SagaRow, State, why};

use super::saga::{Asked, Shown, desk};
use crate::cx::{Cx, Page, Problem};
use crate::format;
use crate::frame::Section;
use crate::parts::icon;
use crate::saga::look::Look;
use crate::saga::risk::risk;
use crate::saga::sentence;
use crate::saga::{SagaState, deadline, dots, line, plan, state, url};

/// The look of a state's word in a filter.
pub(crate) fn state_word(word: &str) -> Option<Look> {
    let all =
        [State::Waiting, State::Running, State::Undoing, State::Parked, State::Done, State::Undone];
    let state = all.into_iter().find(|state| state.to_string() == word)?;
    Some(SagaState::of(state, None).look())
}

/// The rows.
pub(crate) fn table(cx: &Cx, rows: &[SagaRow], seen: Option<Timestamp>) -> Markup {
    html! {
        table.t.cards.list.rows role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" { "State" }
                    th scope="col" { "Saga" }
                    th scope="col" { "Progress" }
                    th.p2 scope="col" { "Waits for" }
                    th.num scope="col" { "Age" }
                    th.num.p2 scope="col" { "Time left" }
                    th.num.p3 scope="col" { "Tries" }
                }
            }
            tbody role="rowgroup" {
                @for one in rows { (row(cx, one, seen.is_some_and(|seen| one.started_at > seen), false)) }
            }
        }
    }
}

/// One row; also sent as a patch.
pub(crate) fn row(cx: &Cx, one: &SagaRow, fresh: bool, patch: bool) -> Markup {
    let is = &one.instance.0;
    let look = state(is).look();
    let Some(stream) = one.stream.parse::<domain::StreamId>().ok() else { return html! {} };
    // What a patch brings differs only when something happened: the script counts on by itself.
    let now = if patch { is.last_at } else { cx.now };
    let waits = waits(is, now);
    let href = url(&stream);
    html! {
        tr.fresh-row[fresh] role="row" id={ "saga-" (stream) } data-row data-peek={ (href) "/peek" } hx-swap-oob=[patch.then_some("true")] {
            td.a-st role="cell" { (look.chip()) }
            td.a-main role="cell" {
                a.rowlink href=(href) { (one.plan) span.dim { "@" (one.plan_version) } }
                small { (format::uuid(stream.id())) @if let Some(step) = &one.step { " · " span.nowrap { (step) } } }
                small.narrow { (waits) }
            }
            td.a-foot role="cell" { (dots::draw(is)) }
            td.p2.wait role="cell" { (waits) }
            td.num.nowrap.a-age role="cell" { (age(is, now)) }
            td.num.nowrap.p2 role="cell" { (left(is, cx.now, now)) }
            td.num.nowrap.p3 role="cell" { (tries(cx, one)) }
        }
    }
}

/// `6 of 50`: attempts of its step.
fn tries(cx: &Cx, one: &SagaRow) -> Markup {
    let is = &one.instance.0;
    let types = desk(cx).ok().map(crate::desk::Desk::types);
    let plan = types.and_then(|types| plan(types, is));
    let max = match (is.phase, one.step.as_deref()) {
        (orchestrator::Phase::Undoing, Some(_)) => {
            plan.and_then(|plan| plan.undo_retry().attempts_max)
        }
        (_, Some(step)) => line(plan, step).and_then(|line: &Line| line.retry.attempts_max),
        _ => None,
    };
    html! {
        @if one.attempts > 0 { (one.attempts) @if let Some(max) = max { span.dim { " of " (max) } } }
        @else { span.dim { "0" } }
    }
}

/// Why it is where it is; of what is over, how it ended.
fn waits(is: &Instance, now: Timestamp) -> Markup {
    let (first, rest) = sentence::draw(is, now);
    html! {
        @if is.is_running() { (first) " " (rest) }
        @else {
            span.dim {
                (why(is, now).trim_end_matches('.')) ", " (format::words(now, is.last_at))
                @if state(is) == SagaState::Undone && risk(is).is_none() { ", nothing stands" }
            }
        }
    }
}

/// How long it runs, or ran.
fn age(is: &Instance, now: Timestamp) -> Markup {
    let until = if is.is_running() { now } else { is.last_at };
    sentence::since(until, is.started_at, is.is_running())
}

/// How much of its time is left; `drawn` is the time that it is written at, for the script to count on.
pub(crate) fn left(is: &Instance, now: Timestamp, drawn: Timestamp) -> Markup {
    let Some(at) = deadline(is) else {
        return html! { span.dim { @if is.is_running() { "no limit" } @else { "·" } } };
    };
    let ms = at.ms_since(now);
    html! {
        @if ms < 0 { span.c.is-bad { "over by " (sentence::since(drawn.max(at), at, true)) } }
        @else if ms < 3_600_000 { span.c.is-park { (sentence::until(drawn, at)) } }
        @else { span.dim { (sentence::until(drawn, at)) } }
    }
}

/// A saga in a small box: the sentence, the dots, what is out there.
pub(crate) async fn peek(cx: &Cx, id: &str) -> Result<Page, Problem> {
    let shown = Shown::read(cx, id, &Asked::default()).await?;
    let is = &shown.latest;
    let (name, version, _) = &is.plan;
    let look = state(is).look();
    let href = url(&shown.view.id);
    let body = html! {
        div.panel.act { div id="peek-c" {
            header {
                h2.dt id="peek-t" tabindex="-1" { (name) span.dim { "@" (version) } }
                (look.chip())
                a.btn.bare.push href=(href) data-close aria-label="Close" { (icon("x")) }
            }
            div.in {
                p { (waits(is, cx.now)) }
                dl.kv {
                    dt { "Progress" } dd { (dots::draw(is)) }
                    dt { "Out there" } dd { (risk(is).words()) }
                    dt { "Started" } dd { (format::time_ago(cx.now, is.started_at)) }
                    dt { "Time left" } dd { (left(is, cx.now, cx.now)) }
                    dt { "Events" } dd { (shown.head()) }
                    dt { "Stream" } dd { span.id.full { (shown.view.id) } }
                }
            }
            footer { span.row.push { a.btn.go href=(href) { "Open" kbd.js { "enter" } } } }
        } }
    };
    Ok(Page {
        title: format!("{name} · peek"),
        section: Section::Sagas,
        head: html! { h1 { (name) } },
        lede: html! {},
        body,
        live: None,
        refresh_s: None,
        status: axum::http::StatusCode::OK,
    })
}
