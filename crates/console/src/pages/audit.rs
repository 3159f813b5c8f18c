//! Audit: the chain of every lane, a run that recomputes them, its receipt, the way into the past of
//! any stream.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use domain::Role;
use maud::{Markup, html};
use serde_json::json;

use crate::cx::{Cx, Page, Problem};
use crate::format;
use crate::frame::Section;
use crate::parts::{self, chip, icon};
use crate::system::{Lane, LaneVerdict, Verification};

/// A browser without script asks again so often while a run is under way, in seconds.
const REFRESH_S: u32 = 2;

pub(crate) async fn get(cx: Cx) -> Response {
    let page = page(&cx).await;
    cx.answer(page).await
}

pub(crate) async fn verify(cx: Cx) -> Response {
    if !cx.who.has(&[Role::Auditor, Role::Operator]) {
        let says = "To verify the chains the role auditor or operator is needed.";
        return cx.answer(Err(Problem::forbidden(says))).await;
    }
    match cx.backend().verify(&cx.who).await {
        Ok(()) => Redirect::to("/console/audit").into_response(),
        Err(error) => cx.answer(Err(error.into())).await,
    }
}

async fn page(cx: &Cx) -> Result<Page, Problem> {
    let lanes = cx.backend().lanes(&cx.who).await?;
    let run = cx.backend().verification(&cx.who).await?;
    let running = run.as_ref().is_some_and(|run| run.finished_at.is_none());
    Ok(Page {
        title: "Audit".to_owned(),
        section: Section::Audit,
        head: html! {
            h1 { "Audit" }
            span.asof id="asof" { (icon("dot")) "heads read " (format::time(cx.now, cx.now)) }
        },
        lede: lede(cx, &lanes, run.as_ref()),
        body: html! {
            (travel())
            div.cols.side {
                (chains(cx, &lanes, run.as_ref()))
                (receipt_panel(run.as_ref(), false))
            }
        },
        live: Some("?view=audit".to_owned()),
        refresh_s: running.then_some(REFRESH_S),
        status: StatusCode::OK,
    })
}

/// The first lane of a run whose chain breaks.
fn broken(run: &Verification) -> Option<(&str, u64, &str)> {
    run.lanes.iter().find_map(|lane| match &lane.verdict {
        LaneVerdict::Broken { seq, why } => Some((lane.lane.as_str(), *seq, why.as_str())),
        _ => None,
    })
}

/// Records walked, records to walk.
fn walked(run: &Verification) -> (u64, u64) {
    (run.lanes.iter().map(|lane| lane.done).sum(), run.lanes.iter().map(|lane| lane.of).sum())
}

/// The sentence; also sent as a patch.
pub(crate) fn lede(cx: &Cx, lanes: &[Lane], run: Option<&Verification>) -> Markup {
    let void: u64 = lanes.iter().map(|lane| lane.void).sum();
    let records: u64 = lanes.iter().map(|lane| lane.records).sum();
    html! {
        @match run {
            None => {
                b { "Not verified since this process started." } " "
                (format::count(records, "record")) " in " (format::count(lanes.len() as u64, "lane"))
                " wait to be recomputed. "
            },
            Some(run) => {
                @let (done, of) = walked(run);
                @match (broken(run), run.finished_at) {
                    (Some((lane, seq, why)), _) => {
                        b.c.is-bad { "The history is broken at " (lane) "@" (seq) ": " } (why) ". "
                    },
                    (None, None) => {
                        b { "Being verified: " (format::num(done)) " of " (format::count(of, "record")) }
                        ", no break so far. "
                    },
                    (None, Some(at)) => {
                        b { "The history is whole." } " Every hash of " (format::count(of, "record"))
                        " was recomputed " span.ago data-at=(at.as_millis()) { (format::ago(cx.now, at)) }
                        @if records > of { "; " (format::num(records - of)) " came since. " } @else { ". " }
                    },
                }
            },
        }
        @if void > 0 {
            (format::count(void, "record")) " void by the reader rule; none took effect."
        }
    }
}

fn travel() -> Markup {
    let form = html! {
        form.row.pad.ttf action="/console/go" {
            label.dim for="sid" { "Stream" }
            input.mono id="sid" name="id" required autocomplete="off" spellcheck="false"
                placeholder="post-0190e2a4-… or any id of it";
            button.btn { "Open its history" }
        }
    };
    let dim = "any stream, at any event or instant, from the log alone";
    parts::panel("tt", "Time travel", dim, &html! {}, &form)
}

fn chains(cx: &Cx, lanes: &[Lane], run: Option<&Verification>) -> Markup {
    let body = html! { div id="chains-t" { (table(cx, lanes, run)) } };
    let dim = "SHA-256 over canonical bytes, one chain a lane";
    parts::panel(
        "chains",
        "Hash chains",
        dim,
        &html! { span id="verify" { (verify_button(cx, run)) } },
        &body,
    )
}

/// The button, or why there is none; also sent as a patch.
pub(crate) fn verify_button(cx: &Cx, run: Option<&Verification>) -> Markup {
    let may = cx.who.has(&[Role::Auditor, Role::Operator]);
    let running = run.is_some_and(|run| run.finished_at.is_none());
    html! {
        @if may && !running {
            form method="post" action="/console/audit/verify" {
                button.btn { (icon("verified")) "Verify from zero" }
            }
        } @else {
            button.btn type="button" aria-disabled="true"
                title=(if may { "A run is under way" } else { "Role needed: auditor or operator" }) {
                @if running { "Verifying…" } @else { "Verify from zero" }
            }
        }
    }
}

/// The lanes; also sent as a patch.
pub(crate) fn table(cx: &Cx, lanes: &[Lane], run: Option<&Verification>) -> Markup {
    let table = html! {
        table.t {
            thead {
                tr {
                    th scope="col" { "Lane" }
                    th scope="col" { "Chain" }
                    th.num scope="col" { "Records" }
                    th.p2 scope="col" { "Head" }
                    th.num.p2 scope="col" { "Epoch" }
                    th.num.p3 scope="col" { "Void" }
                    th.num.p2 scope="col" { "Last record" }
                }
            }
            tbody { @for lane in lanes {
                tr {
                    th scope="row" {
                        a.plain href={ "/console/log?q=lane:" (format::url(&lane.name)) } { span.id { (lane.name) } }
                    }
                    td { (verdict(lane, run)) }
                    td.num.dim[lane.records == 0] { (format::num(lane.records)) }
                    td.p2 { (format::hash(&lane.head)) }
                    td.num.p2.dim[lane.epoch == 0] { (lane.epoch) }
                    td.num.p3.dim[lane.void == 0] { (format::num(lane.void)) }
                    td.num.p2.nowrap {
                        @match lane.last_at {
                            Some(at) => (format::time(cx.now, at)),
                            None => span.dim { "none" },
                        }
                    }
                }
            } }
        }
    };
    parts::scroll("Hash chains by lane", &table)
}

fn verdict(lane: &Lane, run: Option<&Verification>) -> Markup {
    let found = run.and_then(|run| run.lanes.iter().find(|one| one.lane == lane.name));
    html! {
        @match found.map(|one| (&one.verdict, one)) {
            None => span.st.is-idle { (icon("ghost")) "not verified" },
            Some((LaneVerdict::Broken { seq, .. }, _)) => {
                (chip("is-bad", "broken", "broken")) small.c.is-bad { "at " (format::num(*seq)) }
            },
            Some((LaneVerdict::Whole, one)) if lane.records > one.of => {
                span.st.is-ok { (icon("verified")) "whole up to " (format::num(one.of)) }
            },
            Some((LaneVerdict::Whole, _)) => span.st.is-ok { (icon("verified")) "whole" },
            Some((LaneVerdict::Pending, one)) if one.done > 0 => {
                progress.is-run max=(one.of) value=(one.done) aria-label={ "Verifying " (lane.name) } {}
            },
            Some((LaneVerdict::Pending, _)) => span.st.is-idle { (icon("wait")) "waiting" },
        }
    }
}

/// The receipt of the last run; also sent as a patch.
pub(crate) fn receipt_panel(run: Option<&Verification>, patch: bool) -> Markup {
    html! {
        section.receipt id="receipt" aria-labelledby="h-receipt" hx-swap-oob=[patch.then_some("true")] {
            @match run {
                None => {
                    h2 id="h-receipt" { "No receipt yet" }
                    p.dim { "A run over all lanes writes one." }
                },
                Some(run) => (receipt_of(run)),
            }
            hr;
            p { "The same without this server, from the data directory:" }
            (parts::copyline("CLI", "recount audit verify"))
        }
    }
}

fn receipt_of(run: &Verification) -> Markup {
    let (done, of) = walked(run);
    let whole = run.lanes.iter().filter(|lane| lane.verdict == LaneVerdict::Whole).count();
    html! {
        p.row {
            @match (broken(run), run.finished_at) {
                (Some(_), _) => (chip("is-bad", "broken", "broken")),
                (None, Some(_)) => (chip("is-ok", "verified", "whole")),
                (None, None) => (chip("is-run", "run", "verifying")),
            }
        }
        h2.gapt id="h-receipt" { "Receipt" }
        @if run.finished_at.is_none() {
            progress.is-run.gapt max=(of) value=(done) aria-label="Verification" {}
        }
        hr;
        dl {
            dt { "run" } dd { (run.id) }
            dt { "asked by" } dd { (run.by.actor) }
            dt { "began" } dd { (run.started_at) }
            @if let Some(at) = run.finished_at {
                dt { "took" } dd { (format::span(u64::try_from(at.ms_since(run.started_at)).unwrap_or(0))) }
            }
            dt { "records" } dd { (format::num(done)) " of " (format::num(of)) }
            dt { "lanes" } dd { (whole) " of " (run.lanes.len()) " whole" }
            @if let Some((lane, seq, why)) = broken(run) {
                dt { "first break" } dd.c.is-bad { (lane) "@" (seq) ", " (why) }
            }
        }
        @if run.finished_at.is_some() {
            p.row.gapt { a.btn href="/console/audit/receipt.json" download { "Download" } span.dim { "with every head" } }
        }
    }
}

/// The last finished run as a file: what was walked, and the head that came out of each lane.
pub(crate) async fn receipt(cx: Cx) -> Response {
    let run = match cx.backend().verification(&cx.who).await {
        Ok(Some(run)) if run.finished_at.is_some() => run,
        Ok(_) => return cx.answer(Err(Problem::not_found("No run has finished yet."))).await,
        Err(error) => return cx.answer(Err(error.into())).await,
    };
    let lanes: Vec<_> = run
        .lanes
        .iter()
        .map(|lane| {
            let (verdict, at) = match &lane.verdict {
                LaneVerdict::Whole => ("whole", None),
                LaneVerdict::Pending => ("not reached", None),
                LaneVerdict::Broken { seq, why } => ("broken", Some(json!({"seq": seq, "why": why}))),
            };
            json!({"lane": lane.lane, "records": lane.done, "head": lane.head, "verdict": verdict, "break": at})
        })
        .collect();
    let body = json!({
        "run": run.id, "asked_by": run.by.actor.as_str(), "began": run.started_at.to_string(),
        "ended": run.finished_at.map(|at| at.to_string()), "lanes": lanes,
    });
    let named = format!("attachment; filename=\"receipt-{}.json\"", run.id);
    let text = format!("{body:#}\n");
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, named),
    ];
    (headers, text).into_response()
}
