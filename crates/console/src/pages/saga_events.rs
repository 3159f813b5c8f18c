//! The events of a saga, newest first: a line each, the content behind it.

use maud::{Markup, html};
use serde_json::Value;

use super::saga::Shown;
use crate::desk::Recorded;
use crate::format;
use crate::pages::event::pretty;
use crate::saga::words;
use domain::EventSet as _;

/// Events shown unless all are asked for.
const LAST: usize = 40;

/// The panel.
pub(crate) fn panel(shown: &Shown<'_>) -> Markup {
    let every = shown.asked.events == "all";
    let from = if every { 0 } else { shown.at.saturating_sub(LAST) };
    let whole = crate::saga::url(&shown.view.id)
        + &crate::filter::query(&[("at", &shown.asked.at), ("events", "all")]);
    html! {
        section.panel id="events" aria-labelledby="h-events" {
            header {
                h2 id="h-events" { "Events" }
                span.dim { "newest first, from the stream alone" }
                a.push href=(format::stream_url(&shown.view.id)) { "As a stream" }
            }
            ol.ev id="sg-events" {
                @for one in shown.view.events[from..shown.at].iter().rev() { (line(shown, one)) }
            }
            @if from > 0 {
                p.foot { a href={ (whole) "#events" } { (format::count(from as u64, "older event")) } }
            }
        }
    }
}

/// Events newer than `seen`, newest first; sent as a patch to stand before the others.
pub(crate) fn newer(shown: &Shown<'_>, seen: usize) -> Markup {
    let from = seen.min(shown.head()).max(shown.head().saturating_sub(LAST));
    html! {
        ol hx-swap-oob="afterbegin:#sg-events" {
            @for one in shown.view.events[from..].iter().rev() { (line(shown, one)) }
        }
    }
}

fn line(shown: &Shown<'_>, one: &Recorded) -> Markup {
    let meta = &one.head.meta;
    let number = usize::try_from(meta.version).unwrap_or(usize::MAX);
    let line = words::of(&one.event, shown.now);
    html! {
        li id={ "ev-" (number) } data-once {
            details {
                summary {
                    span.num.dim { (number) }
                    (line.mark())
                    span.what { code.ty { (format::verb(&one.head.event_type)) } " " (line.says) }
                    (format::time(shown.now, meta.recorded_at))
                }
                div.body {
                    p.row {
                        a.btn.tiny href=(shown.address(number)) { "State after it" }
                        a.id href=(format::event_url(&one.head.lane, meta.position.seq)) { (one.head.position()) }
                        span.dim { "by " (meta.actor) }
                    }
                    pre.code tabindex="0" role="region" aria-label={ "Content of event " (number) } {
                        (pretty(&json(one)))
                    }
                }
            }
        }
    }
}

/// The content of an event.
fn json(one: &Recorded) -> Value {
    // Words, numbers and times are always JSON.
    one.event.serialize_data(serde_json::value::Serializer).unwrap_or_default()
}
