//! Streams by last change: find one by id, headline, category, tenant.

use axum::extract::Query;
use axum::response::Response;
use domain::Timestamp;
use maud::{Markup, html};

use super::{ListQuery, ROWS, as_of};
use crate::cx::{Cx, Page, Problem};
use crate::filter::{self, Filter};
use crate::format;
use crate::frame::Section;
use crate::parts;
use crate::view::{StreamPage, StreamQuery, StreamRow};

const KEYS: &[&str] = &["category", "tenant", "id"];

/// The filter and the question it asks.
pub(crate) fn read(text: &str, before: Option<String>) -> (Filter, StreamQuery) {
    let mut filter = Filter::parse(text, KEYS);
    let query = StreamQuery {
        category: filter.get("category").map(str::to_owned),
        tenant: filter.word("tenant"),
        text: filter.get("id").map(str::to_owned),
        before,
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
    let found = cx.backend().streams(&cx.who, &query).await?;
    let newest = found.rows.first().map_or(0, |row| row.last_at.as_micros());
    let seen = asked.seen.and_then(|seen| seen.parse().ok()).map(Timestamp::from_micros);
    let live = query.before.is_none().then(|| {
        filter::query(&[("view", "streams"), ("q", &asked.q), ("seen", &newest.to_string())])
    });
    Ok(Page {
        title: "Streams".to_owned(),
        section: Section::Streams,
        head: html! { h1 { "Streams" } (as_of("read from the log", &found.as_of)) },
        lede: lede(cx, &found, &filter),
        body: html! {
            (parts::filter("/console/streams", &filter, "category:post tenant:local text or tail of an id"))
            (list(cx, &found, &filter, seen))
        },
        live,
        refresh_s: None,
        status: axum::http::StatusCode::OK,
    })
}

fn lede(cx: &Cx, found: &StreamPage, filter: &Filter) -> Markup {
    let Some(first) = found.rows.first() else {
        return html! {
            @if filter.terms().is_empty() {
                b { "No stream yet." } " The first command makes one."
            } @else {
                b { "No stream passes this filter." }
            }
        };
    };
    html! {
        @match found.total {
            Some(total) => b { (format::count(total, "stream")) },
            None => b { (format::num(found.rows.len() as u64)) "+ streams" },
        }
        @if filter.terms().is_empty() { "." } @else { " pass the filter." }
        " The last change was " b { (format::verb(&first.last_type)) } " by " (first.last_actor)
        ", " span.ago data-at=(first.last_at.as_millis()) { (format::ago(cx.now, first.last_at)) }
        "."
    }
}

fn list(cx: &Cx, found: &StreamPage, filter: &Filter, seen: Option<Timestamp>) -> Markup {
    let table = html! {
        (parts::newbar("", "", false))
        @if found.rows.is_empty() {
            (parts::empty("Nothing to list."))
        } @else {
            (parts::scroll("Streams", &table(cx, &found.rows, seen)))
        }
        footer.row {
            (parts::row_keys())
            @if let Some(next) = &found.next {
                a.push href={
                    "/console/streams" (filter::query(&[("q", filter.text()), ("before", next)]))
                } { "Older" }
            }
        }
    };
    parts::panel("list", "Last changed", "newest first", &html! {}, &table)
}

/// The first few in a narrow box: what, and when.
pub(crate) fn brief(cx: &Cx, rows: &[StreamRow]) -> Markup {
    html! {
        table.t.rows {
            thead {
                tr {
                    th scope="col" { "Stream" }
                    th scope="col" { "Last event" }
                    th.num scope="col" { "Changed" }
                }
            }
            tbody { @for row in rows {
                tr id={ "s-" (row.id) } data-row {
                    (named(row))
                    td { (format::verb(&row.last_type)) small { "by " (row.last_actor) } }
                    td.num.nowrap { (format::time(cx.now, row.last_at))
                        small.ago data-at=(row.last_at.as_millis()) { (format::ago(cx.now, row.last_at)) }
                    }
                }
            } }
        }
    }
}

fn table(cx: &Cx, rows: &[StreamRow], seen: Option<Timestamp>) -> Markup {
    html! {
        table.t.rows {
            thead {
                tr {
                    th scope="col" { "Stream" }
                    th scope="col" { "Last event" }
                    th.num.p2 scope="col" { "Version" }
                    th.p2 scope="col" { "By" }
                    th.p3 scope="col" { "Tenant" }
                    th.num.p2 scope="col" { "Changed" }
                }
            }
            tbody { @for row in rows { (line(cx, row, seen)) } }
        }
    }
}

fn line(cx: &Cx, row: &StreamRow, seen: Option<Timestamp>) -> Markup {
    let fresh = seen.is_some_and(|seen| row.last_at > seen);
    html! {
        tr.fresh-row[fresh] id={ "s-" (row.id) } data-row {
            (named(row))
            td {
                (format::verb(&row.last_type))
                small.p3 { code { (row.last_type) } }
                small.narrow { (format::time(cx.now, row.last_at)) }
            }
            td.num.p2 { (format::num(row.version)) }
            td.p2 { (row.last_actor) }
            td.p3.dim { (row.tenant) }
            td.num.nowrap.p2 { (format::time_ago(cx.now, row.last_at)) }
        }
    }
}

fn named(row: &StreamRow) -> Markup {
    html! {
        th.main scope="row" {
            a.rowlink href=(format::stream_url(&row.id)) {
                @match &row.headline {
                    Some(headline) => span.clip { (headline) },
                    None => (format::stream_id(&row.id)),
                }
            }
            @if row.headline.is_some() { small { (format::stream_id(&row.id)) } }
        }
    }
}
