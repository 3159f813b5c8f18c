//! One stream through time: what it was after any event or at any instant, what that event changed,
//! what is different now.

use axum::extract::{Path, Query};
use axum::response::Response;
use domain::StreamId;
use maud::{Markup, html};

use super::{as_of, event, stream_figure as figure};
use crate::cx::{Cx, Page, Problem};
use crate::diff::{self, Change};
use crate::filter;
use crate::format;
use crate::frame::Section;
use crate::parts;
use crate::view::{At, EventHead, StreamView};

/// What may stand behind the `?` of a stream's page.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// A version, or a time in RFC 3339; nothing or `head` for the present.
    at: String,
    /// `now`: compare with the present; else with the event before.
    vs: String,
}

pub(crate) async fn get(cx: Cx, Path(id): Path<String>, Query(asked): Query<Asked>) -> Response {
    let page = page(&cx, &id, &asked).await;
    cx.answer(page).await
}

/// Reads the text of a place in history.
fn read_at(text: &str) -> Result<At, Problem> {
    let text = text.trim();
    if text.is_empty() || text == "head" {
        return Ok(At::Head);
    }
    if let Ok(version) = text.parse() {
        return Ok(At::Version(version));
    }
    // A plus sign in a query is a space to the browser's form.
    text.replace(' ', "+").parse().map(At::Time).map_err(|_| {
        Problem::bad(format!(
            "`{text}` is neither a version, as 7, nor a time, as 2026-11-21T08:30:00Z."
        ))
    })
}

async fn page(cx: &Cx, id: &str, asked: &Asked) -> Result<Page, Problem> {
    let id: StreamId =
        id.parse().map_err(|error: domain::NotAnId| Problem::bad(error.to_string()))?;
    let at = read_at(&asked.at)?;
    let view = cx.backend().stream(&cx.who, &id, at).await?;
    let view = view.ok_or_else(|| Problem::not_found(format!("No event is of stream {id}.")))?;
    let head = view.head.to_string();
    let name = view.headline.clone().unwrap_or_else(|| view.id.category().to_owned());
    Ok(Page {
        title: format!(
            "{name} · {}",
            if view.shown == view.head { "now".into() } else { format!("version {}", view.shown) }
        ),
        section: Section::Streams,
        head: heading(&view, &name),
        lede: lede(cx, &view, at),
        body: body(cx, &view, asked),
        live: Some(filter::query(&[("view", "stream"), ("id", &id.to_string()), ("seen", &head)])),
        refresh_s: None,
        status: axum::http::StatusCode::OK,
    })
}

fn heading(view: &StreamView, name: &str) -> Markup {
    html! {
        div {
            p.crumbs.dim {
                a href="/console/streams" { "Streams" } " / "
                a href={ "/console/streams?q=category:" (view.id.category()) } { (view.id.category()) }
            }
            h1 { (name) }
        }
        (as_of("read from the log", &view.as_of))
        p.sub.row {
            span.id.full { (view.id) }
            button.btn.bare.tiny.js type="button" data-copy=(view.id) aria-label="Copy the stream id" {
                (parts::icon("copy"))
            }
            span.dim { "lane " span.id { (view.lane) } " · tenant " (view.tenant) }
        }
    }
}

fn lede(cx: &Cx, view: &StreamView, at: At) -> Markup {
    let kind = view.id.category();
    let later = view.head - view.shown;
    html! {
        @match &view.event {
            None => {
                "As it was " b { "before its first event" } ": there was no " (kind) ". "
                b { (format::count(later, "event")) } " came later."
            },
            Some(event) if later == 0 => {
                "This is the " (kind) " " b { "now" } ", after " b { (format::count(view.head, "event")) }
                "; the last one, " b { (format::verb(&event.head.event_type)) } ", was by "
                (event.head.meta.actor) ", " (format::time_ago(cx.now, event.head.meta.recorded_at)) "."
            },
            Some(event) => {
                "As it was "
                @if let At::Time(time) = at { "at " b { (format::time(cx.now, time)) } ", " }
                b { "after event " (view.shown) " of " (view.head) } ", "
                b { (format::verb(&event.head.event_type)) } " by " (event.head.meta.actor) ", "
                (format::time_ago(cx.now, event.head.meta.recorded_at)) ". "
                (format::count(later, "event")) " came later."
            },
        }
    }
}

/// The address of the same page at another place.
pub(crate) fn address(view: &StreamView, at: &str, vs: &str) -> String {
    format::stream_url(&view.id) + &filter::query(&[("at", at), ("vs", vs)])
}

fn body(cx: &Cx, view: &StreamView, asked: &Asked) -> Markup {
    let vs = if asked.vs == "now" { "now" } else { "" };
    let (content, envelope) =
        view.event.as_ref().map(|event| event::panels(cx, event)).unwrap_or_default();
    html! {
        // Every link in here exchanges the page's content and keeps the rest: no flicker.
        div.stack hx-boost="true" hx-target="#main" hx-select="#main" hx-swap="outerHTML show:none" {
            (figure::travel(cx, view, &asked.at, vs))
            div.cols.side.travel {
                div.stack {
                    div.cols.pair {
                        div.stack.flows { (state(view)) (content) }
                        div.stack.flows { (compared(view, &asked.at, vs)) (envelope) }
                    }
                    (parts::same_as(&[
                        ("CLI", &format!("recount stream show {} --at {}", view.id, view.shown)),
                        ("API", &format!("GET /api/streams/{}/events", view.id)),
                    ]))
                }
                (versions(cx, view, vs))
            }
        }
    }
}

fn state(view: &StreamView) -> Markup {
    let changes = diff::changes(&view.before, &view.state);
    let marked =
        |name: &str| changes.iter().any(|change| change.name == name && change.is.is_some());
    let after = match view.shown {
        0 => "before event 1".to_owned(),
        n => format!("after event {n}"),
    };
    let body = html! {
        @if view.state.is_empty() {
            (parts::empty("Nothing: it does not exist here."))
        } @else {
            table.t.kvt {
                caption.vh { "Fields of the state " (after) }
                tbody {
                    @for line in &view.state {
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
    };
    parts::panel("state", "State", &after, &html! {}, &body)
}

fn compared(view: &StreamView, at: &str, vs: &str) -> Markup {
    let now = vs == "now";
    let (changes, title): (Vec<Change<'_>>, String) = if now {
        (diff::changes(&view.state, &view.latest), "Different now".to_owned())
    } else {
        (diff::changes(&view.before, &view.state), format!("Changed by event {}", view.shown))
    };
    let dim =
        if now { format!("event {} against {}", view.shown, view.head) } else { String::new() };
    let choose = html! {
        span.seg role="group" aria-label="Compare" {
            a href=(address(view, at, "")) aria-current=[(!now).then_some("true")] { "This event" }
            a href=(address(view, at, "now")) aria-current=[now.then_some("true")] { "Now" }
        }
    };
    let body = html! {
        @if changes.is_empty() {
            (parts::empty(if now { "Nothing is different now." } else { "Nothing in the state." }))
        } @else {
            div.pad { (diff::draw(&changes)) }
        }
    };
    parts::panel("compared", &title, &dim, &choose, &body)
}

fn versions(cx: &Cx, view: &StreamView, vs: &str) -> Markup {
    let body = html! {
        (parts::newbar("", "", false))
        ol.versions.rows {
            @for head in view.versions.iter().rev() { (version(cx, view, head, vs)) }
        }
        footer { (parts::row_keys()) }
    };
    let dim = format!("{}, newest first", format::num(view.head));
    parts::panel("versions", "Events", &dim, &html! {}, &body)
}

fn version(cx: &Cx, view: &StreamView, head: &EventHead, vs: &str) -> Markup {
    let number = head.meta.version;
    let here = number == view.shown;
    html! {
        li id={ "v-" (number) } data-row .later[number > view.shown] {
            a href=(address(view, &number.to_string(), vs)) aria-current=[here.then_some("true")] {
                span.num.dim { (number) }
                span { b { (format::verb(&head.event_type)) } small { (head.meta.actor) } }
                span.num { (format::time(cx.now, head.meta.recorded_at))
                    small.ago data-at=(head.meta.recorded_at.as_millis()) {
                        (format::ago(cx.now, head.meta.recorded_at))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_history_is_a_version_or_a_time() {
        assert_eq!(read_at("").ok(), Some(At::Head));
        assert_eq!(read_at("7").ok(), Some(At::Version(7)));
        let time = "2026-11-19T09:00:00+01:00".parse().unwrap();
        assert_eq!(read_at("2026-11-19T09:00:00 01:00").ok(), Some(At::Time(time)));
        assert!(read_at("<b>").is_err());
    }
}
