//! The first page: one sentence on the whole, what changed last, how the read models and the lanes
//! stand. The pulse of sagas will stand above this.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::projection_rows::{self, View};
use super::{as_of, streams};
use crate::cx::{Cx, Page, Problem};
use crate::filter;
use crate::format;
use crate::frame::Section;
use crate::parts::{self, icon};
use crate::sampler::lag_ms;
use crate::system::{Lane, LaneVerdict, Projection, ProjectionState, Verification};
use crate::view::StreamQuery;

/// Streams shown here; the rest is one click away.
const ROWS: usize = 8;

/// What the page is computed from.
pub(crate) struct Whole {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) projections: Vec<Projection>,
    pub(crate) run: Option<Verification>,
}

impl Whole {
    pub(crate) async fn read(cx: &Cx) -> Result<Self, Problem> {
        Ok(Self {
            lanes: cx.backend().lanes(&cx.who).await?,
            projections: cx.backend().projections(&cx.who).await?,
            run: cx.backend().verification(&cx.who).await?,
        })
    }

    fn records(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.records).sum()
    }

    fn parked(&self) -> u64 {
        self.projections.iter().map(|one| one.parked.len() as u64).sum()
    }

    fn lag_ms(&self) -> u64 {
        let running = self.projections.iter().filter(|one| one.state != ProjectionState::Paused);
        running.map(lag_ms).max().unwrap_or(0)
    }

    fn broken(&self) -> bool {
        let lanes = self.run.iter().flat_map(|run| &run.lanes);
        lanes.into_iter().any(|lane| matches!(lane.verdict, LaneVerdict::Broken { .. }))
    }
}

pub(crate) async fn get(cx: Cx) -> Response {
    let page = page(&cx).await;
    cx.answer(page).await
}

async fn page(cx: &Cx) -> Result<Page, Problem> {
    let whole = Whole::read(cx).await?;
    let query = StreamQuery { limit: ROWS, ..StreamQuery::default() };
    let recent = cx.backend().streams(&cx.who, &query).await?;
    let newest = recent.rows.first().map_or(0, |row| row.last_at.as_micros());
    let more = html! { a href="/console/streams" { "All streams" } };
    let list = html! {
        (parts::newbar("", "", false))
        @if recent.rows.is_empty() { (parts::empty("No stream yet. The first command makes one.")) }
        @else { (parts::scroll("Streams", &streams::brief(cx, &recent.rows))) }
        footer.row { (parts::row_keys()) span.push { (more) } }
    };
    let models =
        parts::scroll("Read models", &projection_rows::table(cx, &whole.projections, View::Brief));
    Ok(Page {
        title: "Overview".to_owned(),
        section: Section::Overview,
        head: html! { h1 { "Overview" } (as_of("read from the log", &recent.as_of)) },
        lede: lede(&whole),
        body: html! {
            (tally(cx, &whole, false))
            div.cols.even {
                (parts::panel("list", "Last changed", "streams, newest first", &html! {}, &list))
                div.stack {
                    (parts::panel("models", "Read models", "", &html! {}, &models))
                    (parts::panel("lanes", "Lanes", "records, one bar a lane", &html! {}, &html! {
                        div id="lanes-f" { (lanes(&whole.lanes)) }
                    }))
                }
            }
        },
        live: Some(filter::query(&[("view", "overview"), ("seen", &newest.to_string())])),
        refresh_s: None,
        status: StatusCode::OK,
    })
}

/// The sentence: what needs eyes, else that all is well. Also sent as a patch.
pub(crate) fn lede(whole: &Whole) -> Markup {
    let waiting = whole.projections.iter().find(|one| {
        matches!(one.state, ProjectionState::Waiting { .. } | ProjectionState::Starting)
    });
    html! {
        @if whole.broken() {
            b.c.is-bad { "The history is broken." } " " a href="/console/audit" { "The audit says where." } " "
        } @else if let Some(one) = waiting {
            b { (one.name) " waits for the database." } " Commands are taken; its rows grow older. "
        } @else if whole.parked() > 0 {
            b { (format::count(whole.parked(), "stream")) " parked" } " in the "
            a href="/console/projections" { "read models" } "; everything else moves. "
        } @else if whole.records() == 0 {
            b { "Ready and empty." } " The first command writes the first event. "
        } @else {
            b { "Everything moves by itself." } " "
        }
        @if whole.records() > 0 {
            b { (format::count(whole.records(), "record")) } " in "
            (format::count(whole.lanes.len() as u64, "lane")) "; "
            @if whole.projections.is_empty() { "no read model is folded here." }
            @else if whole.lag_ms() == 0 { "every read model is up to date." }
            @else { "read models are " b { (format::span(whole.lag_ms())) } " behind at most." }
        }
    }
}

/// The four numbers; also sent as a patch.
pub(crate) fn tally(cx: &Cx, whole: &Whole, patch: bool) -> Markup {
    let used = whole.lanes.iter().filter(|lane| lane.records > 0).count();
    let live = whole.projections.iter().filter(|one| one.state == ProjectionState::Live).count();
    let parked = whole.parked();
    html! {
        section.panel id="tally" aria-label="In numbers" hx-swap-oob=[patch.then_some("true")] {
            ul.tally {
                li {
                    a href="/console/log" { span.dim { "Log" } b { (format::num(whole.records())) } }
                    small { "records in " (used) " of " (whole.lanes.len()) " lanes" }
                }
                li {
                    a href="/console/projections" { span.dim { "Read models behind" } b { (format::span(whole.lag_ms())) } }
                    small { (live) " of " (whole.projections.len()) " live" }
                }
                li {
                    a.is-park[parked > 0] href="/console/projections" {
                        span.dim { "Parked streams" } b.c[parked > 0].quiet[parked == 0] { (parked) }
                    }
                    small { @if parked == 0 { "nothing waits for a human" } @else { "a human is asked" } }
                }
                li {
                    a href="/console/audit" { span.dim { "History" } (proven(whole)) }
                    small { (since(cx, whole)) }
                }
            }
        }
    }
}

fn proven(whole: &Whole) -> Markup {
    let finished = whole.run.as_ref().and_then(|run| run.finished_at);
    html! {
        @if whole.broken() { b.big.c.is-bad { (icon("broken")) "broken" } }
        @else if finished.is_some() { b.big { span.c.is-ok { (icon("verified")) } "whole" } }
        @else { b.quiet { "not verified" } }
    }
}

fn since(cx: &Cx, whole: &Whole) -> Markup {
    html! {
        @match whole.run.as_ref().map(|run| run.finished_at) {
            None => "since this process started",
            Some(None) => "a run is under way",
            Some(Some(at)) => {
                "every hash, " span.ago data-at=(at.as_millis()) { (format::ago(cx.now, at)) }
            },
        }
    }
}

/// The lanes as bars beside their numbers; empty ones are only counted. Also sent as a patch.
pub(crate) fn lanes(lanes: &[Lane]) -> Markup {
    let most = lanes.iter().map(|lane| lane.records).max().unwrap_or(0).max(1);
    let (used, empty): (Vec<&Lane>, Vec<&Lane>) = lanes.iter().partition(|lane| lane.records > 0);
    html! {
        @if !used.is_empty() {
            ul.lanes.pad {
                @for lane in &used {
                    li {
                        a href={ "/console/log?q=lane:" (format::url(&lane.name)) } {
                            span.id { (lane.name) }
                            progress max=(most) value=(lane.records) aria-label={ "Records of " (lane.name) } {}
                            span.num { (format::num(lane.records)) }
                        }
                    }
                }
            }
        }
        p.foot { a href="/console/audit" {
            @if empty.is_empty() { "Heads and chains" }
            @else { (format::count(empty.len() as u64, "lane")) " empty; heads and chains of all" }
        } }
    }
}
