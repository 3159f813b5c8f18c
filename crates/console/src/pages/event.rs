//! One event, whole: content, envelope, the way to its stream and its neighbours in the lane.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use super::as_of;
use crate::cx::{Cx, Page, Problem};
use crate::format;
use crate::frame::Section;
use crate::parts;
use crate::view::{AsOf, Event};

pub(crate) async fn get(cx: Cx, Path((topic, place)): Path<(String, String)>) -> Response {
    let page = page(&cx, &topic, &place).await;
    cx.answer(page).await
}

async fn page(cx: &Cx, topic: &str, place: &str) -> Result<Page, Problem> {
    let read = place.split_once('@').and_then(|(index, seq)| Some((index, seq.parse().ok()?)));
    let (index, seq): (&str, u64) = read.ok_or_else(|| {
        Problem::bad(format!("`{topic}/{place}` is not a position, as content.events/5@12."))
    })?;
    let lane = format!("{topic}/{index}");
    let event = cx.backend().event(&cx.who, &lane, seq).await?.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no event at {lane}@{seq}: the lane is shorter, or the record is a claim or an outcome."
        ))
    })?;
    let meta = &event.head.meta;
    let step = |to: u64| format::event_url(&lane, to);
    let (content, envelope) = panels(cx, &event);
    Ok(Page {
        title: format!("{} · {}", event.head.event_type, event.head.position()),
        section: Section::Log,
        head: html! {
            div {
                p.crumbs.dim {
                    a href="/console/log" { "Log" } " / "
                    a href={ "/console/log?q=lane:" (format::url(&lane)) } { (lane) }
                }
                h1 { (event.head.event_type) }
            }
            (as_of("read from the log", &AsOf { position: Some(event.head.position()), behind_ms: 0 }))
        },
        lede: html! {
            b { (format::verb(&event.head.event_type)) } " by " b { (meta.actor) } ", "
            (format::time_ago(cx.now, meta.recorded_at)) ": event " (meta.version) " of "
            a href={ (format::stream_url(&meta.stream)) "?at=" (meta.version) } {
                (format::stream_id(&meta.stream))
            } "."
        },
        body: html! {
            p.row {
                span.seg role="group" aria-label="Neighbours in the lane" {
                    @if seq > 1 { a href=(step(seq - 1)) data-key="[" { "Before" kbd.opt.js { "[" } } }
                    a href=(step(seq + 1)) data-key="]" { "After" kbd.opt.js { "]" } }
                }
                a.btn href={ (format::stream_url(&meta.stream)) "?at=" (meta.version) } {
                    "State after it"
                }
            }
            div.cols.pair { (content) (envelope) }
            (parts::same_as(&[("CLI", &format!("recount events get {}", event.head.position()))]))
        },
        live: None,
        refresh_s: None,
        status: axum::http::StatusCode::OK,
    })
}

/// Content and envelope; the stream's page puts its own panels between them.
pub(crate) fn panels(cx: &Cx, event: &Event) -> (Markup, Markup) {
    let copy = html! {
        button.btn.bare.js type="button" data-copy=(pretty(&event.json)) aria-label="Copy the JSON" {
            (parts::icon("copy")) "JSON"
        }
    };
    let content = html! {
        pre.code.flat tabindex="0" role="region" aria-label="Content as JSON" { (json(&event.json, 0)) }
    };
    let title = format!("Event {}", event.head.meta.version);
    let verb = format::verb(&event.head.event_type);
    (
        parts::panel("event", &title, verb, &copy, &content),
        parts::panel("envelope", "Envelope", "", &html! {}, &envelope(cx, event)),
    )
}

fn envelope(cx: &Cx, event: &Event) -> Markup {
    let head = &event.head;
    let meta = &head.meta;
    html! {
        dl.kv.pad {
            dt { "type" } dd { code { (head.event_type) } }
            dt { "event id" } dd { span.id.full { (meta.id) } }
            dt { "position" } dd { a.id.full href=(format::event_url(&head.lane, meta.position.seq)) { (head.position()) } }
            dt { "recorded" } dd { span.id.full { (meta.recorded_at) } " " span.dim { (format::ago(cx.now, meta.recorded_at)) } }
            dt { "actor" } dd { a href={ "/console/log?q=actor:" (format::url(meta.actor.as_str())) } { (meta.actor) } }
            dt { "tenant" } dd { (meta.tenant) }
            dt { "correlation" } dd { a href={ "/console/log?q=" (meta.correlation) } { (format::uuid(meta.correlation)) } }
            @if let Some(causation) = meta.causation {
                dt { "causation" } dd { a href={ "/console/go?id=" (causation) } { (format::uuid(causation)) } }
            }
            @if let Some(key) = meta.key { dt { "command" } dd { span.id.full { (format!("{key:?}")) } } }
            @if let Some(trace) = meta.trace { dt { "trace" } dd { span.id.full { (trace) } } }
            @if let Some(schema) = &event.schema { dt { "schema" } dd { span.id.full { (schema) } } }
            dt { "size" } dd { (format::num(event.bytes)) " bytes of Avro" }
            @if let Some(epoch) = event.epoch { dt { "epoch" } dd { (epoch) } }
            @if let Some(chain) = &event.chain { dt { "chain" } dd { (format::hash(chain)) } }
        }
    }
}

pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// JSON with dim names. Deeper than 32 levels it is left on one line: no page needs more.
fn json(value: &Value, depth: usize) -> Markup {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    html! {
        @match value {
            Value::Object(fields) if !fields.is_empty() && depth < 32 => {
                "{\n"
                @for (at, (name, field)) in fields.iter().enumerate() {
                    (inner) i { (Value::from(name.as_str())) } ": " (json(field, depth + 1))
                    @if at + 1 < fields.len() { "," } "\n"
                }
                (outer) "}"
            },
            Value::Array(items) if !items.is_empty() && depth < 32 => {
                "[\n"
                @for (at, item) in items.iter().enumerate() {
                    (inner) (json(item, depth + 1)) @if at + 1 < items.len() { "," } "\n"
                }
                (outer) "]"
            },
            plain => (plain),
        }
    }
}
