//! The table of projections: state, lag, trend, what may be done. Not the pages around it.

use domain::Role;
use maud::{Markup, html};

use super::act::Act;
use crate::cx::Cx;
use crate::format;
use crate::parts::chip;
use crate::sampler::{Trend, lag_events, lag_ms};
use crate::system::{Projection, ProjectionState};

/// From here on a projection counts as behind, in milliseconds.
pub(crate) const BEHIND_MS: u64 = 5_000;

/// How much of a row is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Everything, with actions.
    Whole,
    /// What fits beside other things, on the overview.
    Brief,
}

/// The table.
pub(crate) fn table(cx: &Cx, all: &[Projection], view: View) -> Markup {
    let whole = view == View::Whole;
    html! {
        table.t.rows {
            thead {
                tr {
                    th scope="col" { "Name" }
                    th scope="col" { "State" }
                    @if whole { th.p2 scope="col" { "Lag, last hour" } }
                    th.num.p2 scope="col" { "Events" }
                    th.num scope="col" { "Seconds" }
                    @if whole {
                        th.p3 scope="col" { "Trend" }
                        th.num.p3 scope="col" { "Rate" }
                        th scope="col" { span.vh { "Actions" } }
                    }
                }
            }
            tbody { @for one in all { (row(cx, one, view, false)) } }
        }
    }
}

/// One row; also sent as a patch for the row that is there.
pub(crate) fn row(cx: &Cx, one: &Projection, view: View, patch: bool) -> Markup {
    let trend = cx.shell.sampler.trend(&one.name);
    let (events, ms) = (lag_events(one), lag_ms(one));
    let whole = view == View::Whole;
    let hot = ms >= BEHIND_MS && one.state != ProjectionState::Paused;
    html! {
        tr id={ "p-" (one.name) } data-row hx-swap-oob=[patch.then_some("true")] {
            th.main scope="row" {
                a.rowlink href={ "/console/projections/" (format::url(&one.name)) } { (one.name) }
                small { (one.context) ", " (format::count(one.lanes.len() as u64, "lane")) }
            }
            td { (state(one)) }
            @if whole { td.p2 { (spark(one, &trend)) } }
            td.num.p2.dim[events == 0] { (format::num(events)) }
            td.num.nowrap.dim[ms == 0] {
                @if hot { b.c.is-park { (format::span(ms)) } } @else { (seconds(ms)) }
            }
            @if whole {
                td.p3.dim { (trend.words) }
                td.num.p3.dim[trend.rate.unwrap_or(0) == 0] { (rate(&trend)) }
                td.num.acts { (actions(cx, one)) }
            }
        }
    }
}

pub(crate) fn seconds(ms: u64) -> String {
    if ms < 10_000 { format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10) } else { format::span(ms) }
}

pub(crate) fn rate(trend: &Trend) -> String {
    trend.rate.map_or_else(|| "not yet known".to_owned(), |rate| format!("{}/s", format::num(rate)))
}

pub(crate) fn state(one: &Projection) -> Markup {
    html! {
        @match &one.state {
            ProjectionState::Starting => (chip("is-idle", "wait", "starting")),
            ProjectionState::Paused => (chip("is-idle", "hold", "paused")),
            ProjectionState::Waiting { .. } => (chip("is-park", "wait", "waiting")),
            ProjectionState::Rebuilding { done, of } => {
                (chip("is-run", "run", "building"))
                small.p2 { "revision " (one.revision) ", " (percent(*done, *of)) " %" }
            },
            ProjectionState::Live if !one.parked.is_empty() => {
                (chip("is-park", "park", "parked"))
                small.p2 { (format::count(one.parked.len() as u64, "stream")) }
            },
            ProjectionState::Live if lag_ms(one) >= BEHIND_MS => (chip("is-park", "wait", "behind")),
            ProjectionState::Live => (chip("is-ok", "done", "live")),
        }
    }
}

pub(crate) fn percent(done: u64, of: u64) -> u64 {
    (done.saturating_mul(100) / of.max(1)).min(100)
}

fn spark(one: &Projection, trend: &Trend) -> Markup {
    let class = if lag_ms(one) >= BEHIND_MS { "spark is-park" } else { "spark" };
    let says = format!("{}: lag while this console watched, {}", one.name, trend.words);
    html! {
        svg class=(class) viewBox="0 0 120 24" preserveAspectRatio="none" role="img" aria-label=(says) {
            path.base d="M0 22H120" {}
            path.ln d=(trend.line) {}
        }
    }
}

/// What may be done, or why not.
pub(crate) fn actions(cx: &Cx, one: &Projection) -> Markup {
    let may = cx.who.has(&[Role::Operator]);
    let building = matches!(one.state, ProjectionState::Rebuilding { .. });
    let pause = if one.state == ProjectionState::Paused { Act::Resume } else { Act::Pause };
    html! {
        span.row.end {
            (button(one, pause, may, ""))
            (button(one, Act::Rebuild, may, if building { "It is being rebuilt" } else { "" }))
        }
    }
}

fn button(one: &Projection, act: Act, may: bool, not_now: &str) -> Markup {
    let why = if may { not_now } else { "Role needed: operator" };
    let href = format!("/console/projections/{}/{}", format::url(&one.name), act.word());
    html! {
        @if why.is_empty() {
            a.btn href=(href) data-dialog aria-label={ (act.title()) " " (one.name) } { (act.title()) "…" }
        } @else {
            a.btn role="link" aria-disabled="true" title=(why)
                aria-label={ (act.title()) " " (one.name) ": " (why) } { (act.title()) }
        }
    }
}
