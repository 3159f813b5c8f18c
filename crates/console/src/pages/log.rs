//! The log, newest first: filter by type, lane, tenant, actor, id. New rows wait behind a bar.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};

use super::{ListQuery, ROWS, as_of};
use crate::cx::{Cx, Page, Problem};
use crate::filter::{self, Filter};
use crate::format;
use crate::frame::Section;
use crate::parts;
use crate::view::{EventHead, EventPage, EventQuery};

const KEYS: &[&str] = &["type", "lane", "tenant", "actor", "id"];

/// The filter and the question it asks.
pub(crate) fn read(text: &str, before: Option<String>) -> (Filter, EventQuery) {
    let mut filter = Filter::parse(text, KEYS);
    let query = EventQuery {
        event_type: filter.get("type").map(str::to_owned),
        lane: filter.get("lane").map(str::to_owned),
        tenant: filter.word("tenant"),
        actor: filter.word("actor"),
        id: filter.get("id").map(str::to_owned),
        before,
        after: None,
        limit: ROWS,
    };
    (filter, query)
}

pub(crate) async fn get(cx: Cx, Query(asked): Query<ListQuery>) -> Response {
    let page = page(&cx, asked).await;
    cx.answer(page).await
}

async fn page(cx: &Cx, asked: ListQuery) -> Result<Page, Problem> {
    let (filter, query) = read(&asked.q, asked.before);
    let found = cx.backend().events(&cx.who, &query).await?;
    let fresh = match asked.seen {
        Some(seen) => {
            let newer = EventQuery { after: Some(seen), ..query.clone() };
            cx.backend().events(&cx.who, &newer).await?.rows.len()
        }
        None => 0,
    };
    let live = query
        .before
        .is_none()
        .then(|| filter::query(&[("view", "log"), ("q", &asked.q), ("seen", &found.newest)]));
    Ok(Page {
        title: "Log".to_owned(),
        section: Section::Log,
        head: html! { h1 { "Log" } (as_of("read from the log", &found.as_of)) },
        lede: lede(cx, &found, &filter),
        body: html! {
            (parts::filter("/console/log", &filter, "type:content.post.* lane:content.events/5 actor:owner or any id"))
            (list(cx, &found, &filter, fresh))
        },
        live,
        refresh_s: None,
        status: axum::http::StatusCode::OK,
    })
}

fn lede(cx: &Cx, found: &EventPage, filter: &Filter) -> Markup {
    let Some(first) = found.rows.first() else {
        return html! {
            @if filter.terms().is_empty() {
                b { "The log is empty." } " The first command writes the first event."
            } @else {
                b { "No event passes this filter." } " " (format::count(found.scanned, "record")) " read."
            }
        };
    };
    let at = first.meta.recorded_at;
    html! {
        "The newest event " @if !filter.terms().is_empty() { "that passes " }
        "is " b { (first.event_type) } " by " b { (first.meta.actor) } ", "
        span.ago data-at=(at.as_millis()) { (format::ago(cx.now, at)) } ". "
        @if !filter.terms().is_empty() { (format::count(found.scanned, "record")) " read to answer." }
    }
}

fn list(cx: &Cx, found: &EventPage, filter: &Filter, fresh: usize) -> Markup {
    let body = html! {
        (parts::newbar("", "", false))
        @if found.rows.is_empty() {
            (parts::empty("Nothing to list."))
        } @else {
            (parts::scroll("Events", &table(cx, &found.rows, fresh)))
        }
        footer.row {
            (parts::row_keys())
            @if let Some(next) = &found.next {
                a.push href={
                    "/console/log" (filter::query(&[("q", filter.text()), ("before", next)]))
                } { "Older" }
            }
        }
    };
    parts::panel("list", "Events", "newest first; nothing moves until you ask", &html! {}, &body)
}

fn table(cx: &Cx, rows: &[EventHead], fresh: usize) -> Markup {
    html! {
        table.t.rows {
            thead {
                tr {
                    th scope="col" { "Event" }
                    th.p2 scope="col" { "Stream" }
                    th.num.p2 scope="col" { "Version" }
                    th.p2 scope="col" { "By" }
                    th.p3 scope="col" { "Tenant" }
                    th.p2 scope="col" { "Position" }
                    th.num scope="col" { "Recorded" }
                }
            }
            tbody {
                @for (at, row) in rows.iter().enumerate() {
                    tr.fresh-row[at < fresh] id={ "e-" (row.meta.id) } data-row {
                        th.main scope="row" {
                            a.rowlink.light href=(format::event_url(&row.lane, row.meta.position.seq)) {
                                (typed(&row.event_type))
                            }
                            small.narrow { (format::stream_id(&row.meta.stream)) }
                        }
                        td.p2 {
                            a.plain href={ (format::stream_url(&row.meta.stream)) "?at=" (row.meta.version) } {
                                (format::stream_id(&row.meta.stream))
                            }
                        }
                        td.num.p2 { (format::num(row.meta.version)) }
                        td.p2 { (row.meta.actor) }
                        td.p3.dim { (row.meta.tenant) }
                        td.p2 { span.id.dim { (row.position()) } }
                        td.num.nowrap {
                            (format::time(cx.now, row.meta.recorded_at))
                            small.ago data-at=(row.meta.recorded_at.as_millis()) {
                                (format::ago(cx.now, row.meta.recorded_at))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A type with its verb in ink and the rest dim.
fn typed(event_type: &str) -> Markup {
    let verb = format::verb(event_type);
    let parts =
        event_type.rfind(verb).map(|at| (&event_type[..at], &event_type[at + verb.len()..]));
    html! {
        code {
            @match parts {
                Some((head, tail)) => { span.dim.opt { (head) } b { (verb) } span.dim { (tail) } },
                None => (event_type),
            }
        }
    }
}
