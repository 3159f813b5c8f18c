//! The pages, one file each: how it reads its address, the sentence it opens with, its panels.

pub(crate) mod act;
pub(crate) mod audit;
pub(crate) mod event;
pub(crate) mod go;
pub(crate) mod help;
pub(crate) mod log;
pub(crate) mod overview;
pub(crate) mod projection_rows;
pub(crate) mod projections;
pub(crate) mod pulse;
pub(crate) mod pulse_panels;
pub(crate) mod saga;
pub(crate) mod saga_events;
pub(crate) mod saga_facts;
pub(crate) mod saga_figures;
pub(crate) mod saga_form;
pub(crate) mod saga_ledger;
pub(crate) mod saga_orders;
pub(crate) mod saga_rows;
pub(crate) mod saga_state;
pub(crate) mod sagas;
pub(crate) mod stream;
pub(crate) mod stream_figure;
pub(crate) mod streams;

use maud::{Markup, html};

use crate::format;
use crate::parts::icon;
use crate::view::AsOf;

/// The line that says how fresh a page is; `how` as `read from the log`.
pub(crate) fn as_of(how: &str, as_of: &AsOf) -> Markup {
    html! {
        span.asof id="asof" {
            (icon("dot")) (how)
            @if let Some(position) = &as_of.position { " as of " span.id { (position) } }
            @if as_of.behind_ms > 0 { ", " (format::span(as_of.behind_ms)) " behind" }
        }
    }
}

/// The answer to a list's query: a list of at most this many rows a page.
pub(crate) const ROWS: usize = 50;

/// The choices of the time-and-place query parts that several pages share.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    /// The filter's text.
    pub(crate) q: String,
    /// Where this page begins.
    pub(crate) before: Option<String>,
    /// What was seen before the reader asked for new rows: newer ones are marked.
    pub(crate) seen: Option<String>,
}
