//! The control that travels through a stream's history: a line of events, a slider, previous, next,
//! a field for a version or a time. Works as links and a form.

use maud::{Markup, html};

use super::stream::address;
use crate::cx::Cx;
use crate::format;
use crate::parts;
use crate::view::{EventHead, StreamView};

/// Most events that are drawn as dots with their names; more become a plain slider.
const DRAWN_MAX: usize = 14;

/// The panel.
pub(crate) fn travel(cx: &Cx, view: &StreamView, at: &str, vs: &str) -> Markup {
    let step = |to: u64| address(view, &to.to_string(), vs);
    let body = html! {
        @if view.versions.len() as u64 == view.head && view.versions.len() <= DRAWN_MAX {
            (parts::scroll("Events of the stream", &line(cx, view, vs)))
        }
        form.row.pad.scrubber action=(format::stream_url(&view.id)) {
            @if !vs.is_empty() { input type="hidden" name="vs" value=(vs); }
            span.seg role="group" aria-label="Step" {
                (link("Previous", "[", (view.shown > 0).then(|| step(view.shown.saturating_sub(1)))))
                (link("Next", "]", (view.shown < view.head).then(|| step(view.shown + 1))))
                (link("Now", "", (view.shown < view.head).then(|| address(view, "", vs))))
            }
            label.vh for="scrub" { "State after event" }
            input.scrub.js id="scrub" type="range" min="0" max=(view.head) value=(view.shown)
                data-key="t" data-base=(format::stream_url(&view.id)) data-vs=(vs)
                aria-valuetext={ "after event " (view.shown) " of " (view.head) };
            span.row.nowrap {
                label.dim for="at" { "at" }
                input.mono id="at" name="at" value=(at) placeholder="7 or 2026-11-21T08:30:00Z"
                    autocomplete="off" spellcheck="false";
                button.btn { "Show" }
            }
        }
    };
    let dim = "any event, any instant; the address keeps the place";
    let copy = html! {
        button.btn.bare.js type="button" data-copy-link data-key="c" {
            (parts::icon("link")) "Link" kbd.opt { "c" }
        }
    };
    parts::panel("travel", "Time travel", dim, &copy, &body)
}

fn link(word: &str, key: &str, href: Option<String>) -> Markup {
    let hint = html! { @if !key.is_empty() { kbd.opt.js { (key) } } };
    html! {
        @match href {
            Some(href) => a href=(href) data-key=[(!key.is_empty()).then_some(key)] { (word) (hint) },
            None => span.off aria-disabled="true" { (word) (hint) },
        }
    }
}

/// The line of events: equal steps, because order is what counts; the times stand with the names.
fn line(cx: &Cx, view: &StreamView, vs: &str) -> Markup {
    let count = view.versions.len();
    let gap = 72;
    let width = 96 + gap * count;
    let place = |version: u64| 48 + gap * usize::try_from(version).unwrap_or(0);
    let now = place(view.shown);
    html! {
        svg.fig.tt viewBox={ "0 0 " (width) " 76" } width=(width) height="76" role="group"
            aria-label={ "Events 1 to " (view.head) ", shown after " (view.shown) } {
            path.wire d={ "M24 38H" (now) } {}
            path.wire.ghost d={ "M" (now) " 38H" (width - 24) } {}
            (dot(view, 0, place(0), "before", "", vs))
            @for head in &view.versions { (named(cx, view, head, place(head.meta.version), vs)) }
        }
    }
}

fn named(cx: &Cx, view: &StreamView, head: &EventHead, x: usize, vs: &str) -> Markup {
    let time = format::time(cx.now, head.meta.recorded_at).into_string();
    let words = time.split_once('>').and_then(|(_, rest)| rest.split_once('<')).map_or("", |w| w.0);
    dot(view, head.meta.version, x, format::verb(&head.event_type), words, vs)
}

fn dot(view: &StreamView, version: u64, x: usize, word: &str, time: &str, vs: &str) -> Markup {
    let here = version == view.shown;
    let above = version.is_multiple_of(2);
    let (name, when) = if above { (22, 9) } else { (60, 72) };
    html! {
        a href=(address(view, &version.to_string(), vs)) aria-current=[here.then_some("true")]
            aria-label={ "Event " (version) ", " (word) } .is-run[here] .is-idle[!here] {
            rect.target x=(x - 34) y="4" width="68" height="70" rx="6" {}
            @if here { circle.cf cx=(x) cy="38" r="7" {} }
            @else { circle.node cx=(x) cy="38" r="5" {} }
            text.q2.b[here] x=(x) y=(name) text-anchor="middle" {
                @if version > 0 { (version) " " } (word)
            }
            text.q x=(x) y=(when) text-anchor="middle" { (time) }
        }
    }
}
