//! The two figures of a saga: its plan and its time, in their panels. Not how they are drawn.

use maud::{Markup, html};

use super::saga::Shown;
use super::saga_ledger;
use crate::format;
use crate::parts::{self, icon};
use crate::saga::map::Map;
use crate::saga::timeline::Timeline;

/// The plan with its map and the same as a table.
pub(crate) fn plan(shown: &Shown<'_>) -> Markup {
    let (_, version) = shown.name();
    let hash = &shown.latest.plan.2;
    html! {
        section.panel id="map" aria-labelledby="h-map" {
            header {
                h2 id="h-map" { "Plan" }
                span.dim { "version " (version) ", hash " (format::hash(hash)) }
                @if shown.plan().is_none() { span.st.is-park { (icon("warn")) "not the plan of this program" } }
            }
            (parts::scroll("Plan map", &html! { div.pad id="sg-map" { (map(shown)) } }))
            details.foot { summary { "Steps as a table" } (parts::scroll("Steps", &html! { div id="sg-steps" { (saga_ledger::steps(shown)) } })) }
        }
    }
}

/// The map; also sent as a patch.
pub(crate) fn map(shown: &Shown<'_>) -> Markup {
    let Shown { is, history, now, .. } = shown;
    Map::of(is, shown.plan(), history, *now).draw()
}

/// The timeline with its legend.
pub(crate) fn time_panel(shown: &Shown<'_>) -> Markup {
    html! {
        section.panel id="timeline" aria-labelledby="h-time" {
            header { h2 id="h-time" { "Timeline" } span.dim id="sg-took" { (took(shown)) } }
            (parts::scroll("Timeline chart", &html! { div.pad id="sg-time" { (timeline(shown)) } }))
            footer { (legend()) }
        }
    }
}

/// How long it took, and how much of it is folded; also sent as a patch.
pub(crate) fn took(shown: &Shown<'_>) -> Markup {
    let until = if shown.is.is_running() { shown.now } else { shown.is.last_at };
    let ms = u64::try_from(until.ms_since(shown.is.started_at)).unwrap_or(0);
    let folds = time(shown).folds() as u64;
    html! {
        (format::span(ms))
        @if folds > 0 { ", " (format::count(folds, "idle gap")) " folded" }
        ", times are UTC"
    }
}

fn time<'a>(shown: &'a Shown<'_>) -> Timeline<'a> {
    let at = shown.past().then_some(shown.now);
    Timeline::of(&shown.is, &shown.history, shown.now, at)
}

/// The timeline; also sent as a patch.
pub(crate) fn timeline(shown: &Shown<'_>) -> Markup {
    time(shown).draw()
}

fn legend() -> Markup {
    let bars = [
        ("is-ok", "done"),
        ("is-undo", "undone"),
        ("is-run", "asked"),
        ("is-park", "not now"),
        ("is-doubt", "unknown"),
        ("is-bad", "refused"),
    ];
    html! {
        div.legend {
            @for (class, word) in bars {
                span { svg viewBox="0 0 20 10" aria-hidden="true" { rect class={ "lf " (class) } width="20" height="10" rx="2" {} } (word) }
            }
            span { svg viewBox="0 0 20 10" aria-hidden="true" {
                rect y="2" width="20" height="6" fill="url(#hatch)" {} path.lw d="M0 2h20M0 8h20" {}
            } "pause" }
            span { svg viewBox="0 0 20 10" aria-hidden="true" {
                path.lw d="M6 0l4 3-4 4 4 3M12 0l4 3-4 4 4 3" {}
            } "folded" }
        }
    }
}
