//! Any id, pasted: lands on what it means, or lists what it may mean.

use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use domain::StreamId;
use maud::{Markup, html};

use crate::cx::{Cx, Page, Problem};
use crate::format;
use crate::frame::Section;
use crate::parts;
use crate::view::{Found, Lookup};

/// What was pasted.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    id: String,
}

/// Longer than any id, a trace header or a URL of ours.
const CHARS_MAX: usize = 300;

pub(crate) async fn get(cx: Cx, Query(asked): Query<Asked>) -> Response {
    let text = asked.id.trim();
    if text.is_empty() || text.chars().count() > CHARS_MAX {
        let says = format!("An id of 1 to {CHARS_MAX} characters is needed.");
        return cx.answer(Err(Problem::bad(says))).await;
    }
    let found = cx.backend().find(&cx.who, &read(text)).await;
    match found {
        Ok(found) if found.len() == 1 => Redirect::to(&address(&cx, &found[0])).into_response(),
        Ok(found) => {
            let page = page(&cx, text, &found);
            cx.answer(Ok(page)).await
        }
        Err(error) => cx.answer(Err(error.into())).await,
    }
}

/// What the form of an id tells.
fn read(text: &str) -> Lookup {
    if let Ok(id) = text.parse() {
        return Lookup::Uuid(id);
    }
    if let Ok(stream) = text.parse() {
        return Lookup::Stream(stream);
    }
    let position = text.split_once('@').and_then(|(lane, seq)| Some((lane, seq.parse().ok()?)));
    match position {
        Some((lane, seq)) if lane.contains('/') => Lookup::Position { lane: lane.to_owned(), seq },
        _ => Lookup::Text(text.to_owned()),
    }
}

/// Whether a stream is a saga's.
fn is_saga(cx: &Cx, id: &StreamId) -> bool {
    cx.backend().desk().is_some_and(|desk| desk.types().of(id.category()).is_some())
}

fn address(cx: &Cx, found: &Found) -> String {
    match found {
        Found::Stream(id) if is_saga(cx, id) => crate::saga::url(id),
        Found::Stream(id) => format::stream_url(id),
        Found::Event { stream, version, .. } => {
            format!("{}?at={version}", format::stream_url(stream))
        }
        Found::Conversation { id, .. } => format!("/console/log?q={id}"),
    }
}

fn page(cx: &Cx, text: &str, found: &[Found]) -> Page {
    Page {
        title: format!("{text} · id"),
        section: Section::Elsewhere,
        head: html! { h1.break { (text) } },
        lede: html! {
            @if found.is_empty() {
                b { "Nothing has this id." } " It was read as " (reading(&read(text)))
                ". Whole ids of streams, events, commands and conversations are found, and positions, as content.events/5@12."
            } @else {
                b { (format::num(found.len() as u64)) " things have this id." }
            }
        },
        body: html! { @if !found.is_empty() {
            (parts::panel("found", "Found", "most likely first", &html! {}, &html! {
                ul.versions.rows { @for one in found { li data-row { (line(cx, one)) } } }
            }))
        } },
        live: None,
        refresh_s: None,
        status: if found.is_empty() {
            axum::http::StatusCode::NOT_FOUND
        } else {
            axum::http::StatusCode::OK
        },
    }
}

fn reading(lookup: &Lookup) -> &'static str {
    match lookup {
        Lookup::Stream(_) => "a stream",
        Lookup::Position { .. } => "a position in the log",
        Lookup::Uuid(_) => "a UUID",
        Lookup::Text(_) => "part of an id",
    }
}

fn line(cx: &Cx, found: &Found) -> Markup {
    html! {
        a href=(address(cx, found)) {
            @match found {
                Found::Stream(id) => { span.dim { @if is_saga(cx, id) { "saga" } @else { "stream" } } span.id { (id) } },
                Found::Event { stream, version, event_type, .. } => {
                    span.dim { "event" }
                    span { code { (event_type) } small { (format::stream_id(stream)) ", event " (version) } }
                },
                Found::Conversation { id, events } => {
                    span.dim { "conversation" }
                    span { (format::uuid(*id)) small { (format::count(*events, "event")) } }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_id_tells_what_it_is() {
        let stream = "post-0190e2a4-0000-7000-8000-000000000001";
        assert_eq!(read(stream), Lookup::Stream(stream.parse().unwrap()));
        assert!(matches!(read("0190e2a4-0000-7000-8000-000000000001"), Lookup::Uuid(_)));
        let position = Lookup::Position { lane: "content.events/5".to_owned(), seq: 12 };
        assert_eq!(read("content.events/5@12"), position);
        assert_eq!(read("ida@example.org"), Lookup::Text("ida@example.org".to_owned()));
    }
}
