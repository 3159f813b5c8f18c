//! Projections: how far each is behind, in events and in seconds, what is parked, what can be done.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::act::Act;
use super::projection_rows::{BEHIND_MS, View, actions, percent, rate, seconds, state, table};
use crate::cx::{Cx, Page, Problem};
use crate::format;
use crate::frame::Section;
use crate::parts::{self, icon};
use crate::sampler::{lag_events, lag_ms};
use crate::system::{Parked, Projection, ProjectionState};

/// What was just done, as the redirect after it says.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Done {
    did: String,
}

pub(crate) async fn list(cx: Cx) -> Response {
    let page = match cx.backend().projections(&cx.who).await {
        Ok(all) => Ok(page(&cx, &all)),
        Err(error) => Err(error.into()),
    };
    cx.answer(page).await
}

pub(crate) async fn one(cx: Cx, Path(name): Path<String>, Query(done): Query<Done>) -> Response {
    let page = find(&cx, &name).await.map(|one| detail(&cx, &one, &done));
    cx.answer(page).await
}

/// The projection of this name.
pub(crate) async fn find(cx: &Cx, name: &str) -> Result<Projection, Problem> {
    let all = cx.backend().projections(&cx.who).await?;
    let found = all.into_iter().find(|one| one.name == name);
    found.ok_or_else(|| Problem::not_found(format!("No projection is called {name}.")))
}

fn page(cx: &Cx, all: &[Projection]) -> Page {
    let parked: Vec<(&str, &Parked)> = all
        .iter()
        .flat_map(|one| one.parked.iter().map(|parked| (one.name.as_str(), parked)))
        .collect();
    let dim = format!("{}, lag in events and in seconds of log time", all.len());
    let models = html! {
        @if all.is_empty() { (parts::empty("This node folds no projection.")) }
        @else { (parts::scroll("Read models", &table(cx, all, View::Whole))) }
    };
    Page {
        title: "Projections".to_owned(),
        section: Section::Projections,
        head: html! { h1 { "Projections" } (checked(cx)) },
        lede: lede(all),
        body: html! {
            (parts::panel("all", "Read models", &dim, &html! {}, &models))
            @if !parked.is_empty() { (parked_panel(&parked)) }
        },
        live: Some("?view=projections".to_owned()),
        refresh_s: None,
        status: StatusCode::OK,
    }
}

fn checked(cx: &Cx) -> Markup {
    html! {
        span.asof id="asof" { (icon("dot")) "checkpoints read " (format::time(cx.now, cx.now)) }
    }
}

/// The sentence: what needs eyes first, else that all is well.
pub(crate) fn lede(all: &[Projection]) -> Markup {
    let waiting = all.iter().find_map(|one| match &one.state {
        ProjectionState::Waiting { why } => Some((one, why)),
        _ => None,
    });
    let of = |state: fn(&Projection) -> bool| all.iter().filter(|one| state(one)).count() as u64;
    let building = of(|one| matches!(one.state, ProjectionState::Rebuilding { .. }));
    let paused = of(|one| one.state == ProjectionState::Paused);
    let starting = of(|one| one.state == ProjectionState::Starting);
    let running = all.iter().filter(|one| one.state != ProjectionState::Paused);
    let slowest = running.max_by_key(|one| lag_ms(one));
    let parked = all.iter().map(|one| one.parked.len() as u64).sum::<u64>();
    html! {
        @if let Some((one, why)) = waiting {
            b { (one.name) " waits" } ": " (why) ". Queries go on, growing older. "
        } @else if starting > 0 {
            b { (format::count(starting, "projection")) " wait for the database." }
            " Commands do not. "
        } @else {
            @match slowest.map(|one| (one, lag_ms(one))) {
                None => "Nothing is folded here. ",
                Some((one, ms)) if ms >= BEHIND_MS => {
                    b { (one.name) " is " (format::span(ms)) " behind" } ", "
                    (format::count(lag_events(one), "event")) " to fold. "
                },
                Some((_, 0)) => { b { "Every read model is up to date." } " " },
                Some((_, ms)) => {
                    b { "Every read model follows the log" } ", the slowest " b { (format::span(ms)) }
                    " behind. "
                },
            }
        }
        @if building > 0 { (format::count(building, "table")) " being rebuilt beside the live one. " }
        @if paused > 0 { b { (format::num(paused)) " paused" } " by an operator. " }
        @if parked > 0 {
            b { (format::count(parked, "stream")) " parked" } "; nothing else waits for "
            @if parked == 1 { "it." } @else { "them." }
        }
    }
}

fn parked_panel(parked: &[(&str, &Parked)]) -> Markup {
    let table = html! {
        table.t.rows {
            thead {
                tr {
                    th scope="col" { "Stream" }
                    th scope="col" { "Cannot be folded, because" }
                    th.p2 scope="col" { "Projection" }
                    th scope="col" { span.vh { "Actions" } }
                }
            }
            tbody {
                @for (name, one) in parked {
                    tr data-row {
                        th.main scope="row" {
                            a.rowlink href=(format::stream_url(&one.stream)) { (format::stream_id(&one.stream)) }
                        }
                        td.why-cell { span.c.is-bad { (one.why) } }
                        td.p2 { (name) }
                        td.num { a.btn href=(format::stream_url(&one.stream)) { "Open" } }
                    }
                }
            }
        }
    };
    let body = html! {
        (parts::scroll("Parked streams", &table))
        footer { "A parked stream folds on by itself, in order, when a fixed build passes the event." }
    };
    let dim = "rows of these streams are stale; all others go on";
    parts::panel("parked", "Parked streams", dim, &html! {}, &body)
}

fn detail(cx: &Cx, one: &Projection, done: &Done) -> Page {
    let parked: Vec<(&str, &Parked)> =
        one.parked.iter().map(|parked| (one.name.as_str(), parked)).collect();
    let dim = format!("{}, {}", one.context, format::count(one.lanes.len() as u64, "lane"));
    let facts = html! { div id="facts-t" { (facts(cx, one)) } };
    Page {
        title: one.name.clone(),
        section: Section::Projections,
        head: html! {
            div {
                p.crumbs.dim { a href="/console/projections" { "Projections" } " / " (one.context) }
                h1 { (one.name) }
            }
            (checked(cx))
        },
        lede: html! {
            @if let Some(act) = Act::of_word(&done.did) { span.did role="status" { (icon("done")) (act.done()) } " " }
            (lede(std::slice::from_ref(one)))
        },
        body: html! {
            (parts::panel("facts", "Standing", &dim, &actions(cx, one), &facts))
            @if !parked.is_empty() { (parked_panel(&parked)) }
            (lanes(one))
            (parts::same_as(&[("CLI, folded from the log alone", &format!("recount replay --projection {}", one.name))]))
        },
        live: Some(crate::filter::query(&[("view", "projection"), ("id", &one.name)])),
        refresh_s: None,
        status: StatusCode::OK,
    }
}

/// How it stands; also sent as a patch.
pub(crate) fn facts(cx: &Cx, one: &Projection) -> Markup {
    let trend = cx.shell.sampler.trend(&one.name);
    html! {
        dl.kv.pad.facts2 {
            dt { "state" } dd { (state(one)) }
            dt { "table" } dd { code { (one.table) } }
            dt { "revision" } dd { (one.revision) }
            dt { "rate" } dd { (rate(&trend)) }
            dt { "folded" } dd { (format::count(one.folded, "event")) " since the start of this process" }
        }
        @if let ProjectionState::Rebuilding { done, of } = one.state {
            div.pad {
                progress.is-run max=(of) value=(done) aria-label="Rebuild" { (percent(done, of)) " %" }
                small { (format::num(done)) " of " (format::count(of, "record")) }
            }
        }
    }
}

fn lanes(one: &Projection) -> Markup {
    let body = html! { div id="lanes-t" { (lane_table(one)) } };
    parts::panel("lanes", "Lanes", "each folds by itself", &html! {}, &body)
}

/// Lag per lane; also sent as a patch.
pub(crate) fn lane_table(one: &Projection) -> Markup {
    let table = html! {
        table.t {
            thead {
                tr {
                    th scope="col" { "Lane" }
                    th.num scope="col" { "Folded up to" }
                    th.num scope="col" { "Events behind" }
                    th.num scope="col" { "Seconds behind" }
                }
            }
            tbody {
                @for lane in &one.lanes {
                    tr {
                        th scope="row" { span.id { (lane.lane) } }
                        td.num.dim[lane.seq == 0] { (format::num(lane.seq)) }
                        td.num.dim[lane.events == 0] { (format::num(lane.events)) }
                        td.num.dim[lane.ms == 0] { (seconds(lane.ms)) }
                    }
                }
            }
        }
    };
    parts::scroll("Lanes", &table)
}
