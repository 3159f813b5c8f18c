//! One saga: why it is where it is and what can be done about it, its plan, its time, its effects, its
//! events. At any event: the whole page is a fold, so it shows any moment as well as the present.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use domain::{StreamId, Timestamp};
use maud::{Markup, html};
use orchestrator::{Instance, SagaType, Types};

use super::{saga_events, saga_facts, saga_figures, saga_ledger, saga_orders, saga_state};
use crate::cx::{Cx, Page, Problem};
use crate::desk::{Desk, Recorded, SagaView};
use crate::filter;
use crate::format;
use crate::frame::Section;
use crate::parts::icon;
use crate::saga::history::History;
use crate::saga::risk::risk;
use crate::saga::sentence;
use crate::saga::{self, plan, state};

/// What may stand behind the `?` of a saga's page.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// The number of an event; nothing for the present.
    pub(crate) at: String,
    /// `now`: compare with the present; else with the event before.
    pub(crate) vs: String,
    /// `all`: every event, not only the last ones.
    pub(crate) events: String,
}

/// A saga at a moment of its history.
pub(crate) struct Shown<'a> {
    pub(crate) view: SagaView,
    types: &'a Types,
    /// After the event shown.
    pub(crate) is: Instance,
    /// After the event before it.
    pub(crate) before: Instance,
    /// After its last event.
    pub(crate) latest: Instance,
    pub(crate) history: History,
    /// The number of the event shown.
    pub(crate) at: usize,
    /// The clock of what is shown: this node's for the present, else the event's.
    pub(crate) now: Timestamp,
    pub(crate) asked: Asked,
}

impl<'a> Shown<'a> {
    /// Reads a saga at the place that was asked for.
    pub(crate) async fn read(cx: &'a Cx, id: &str, asked: &Asked) -> Result<Self, Problem> {
        let id: StreamId =
            id.parse().map_err(|error: domain::NotAnId| Problem::bad(error.to_string()))?;
        let desk = desk(cx)?;
        let view = desk.saga(&cx.who, &id).await?;
        let view = view.ok_or_else(|| Problem::not_found(format!("There is no saga {id}.")))?;
        let head = view.events.len();
        let at = match asked.at.trim() {
            "" | "head" => head,
            text => text.parse::<usize>().map(|at| at.min(head)).map_err(|_| {
                Problem::bad(format!("`{text}` is not the number of an event, as 7."))
            })?,
        };
        let fold = |events: &[Recorded]| {
            let begin = Instance::default();
            events.iter().fold(begin, |is, e| is.evolve(e.head.meta.recorded_at, &e.event))
        };
        let is = fold(&view.events[..at]);
        let before = fold(&view.events[..at.saturating_sub(1)]);
        let latest = if at == head { is.clone() } else { fold(&view.events) };
        let now = if at == head { cx.now } else { is.last_at };
        let history = History::of(&view.events[..at]);
        let types = desk.types();
        Ok(Self { view, types, is, before, latest, history, at, now, asked: asked.clone() })
    }

    /// The number of its last event.
    pub(crate) fn head(&self) -> usize {
        self.view.events.len()
    }

    /// Whether it is not the present that is shown.
    pub(crate) fn past(&self) -> bool {
        self.at < self.head()
    }

    /// Its type, when this program has its very plan.
    pub(crate) fn plan(&self) -> Option<&dyn SagaType> {
        plan(self.types, &self.latest)
    }

    /// The address of the same page at another event.
    pub(crate) fn address(&self, at: usize) -> String {
        let at = if at == self.head() { String::new() } else { at.to_string() };
        let rest = [("at", at.as_str()), ("vs", &self.asked.vs), ("events", &self.asked.events)];
        saga::url(&self.view.id) + &filter::query(&rest)
    }

    /// `publish-post`, `1`.
    pub(crate) fn name(&self) -> (&str, u32) {
        (&self.latest.plan.0, self.latest.plan.1)
    }
}

/// The sagas of the product, or a page that says that there are none.
pub(crate) fn desk(cx: &Cx) -> Result<&dyn Desk, Problem> {
    let says = "This installation runs no sagas.";
    cx.backend().desk().ok_or_else(|| Problem::not_found(says))
}

pub(crate) async fn get(cx: Cx, Path(id): Path<String>, Query(asked): Query<Asked>) -> Response {
    let page = match Shown::read(&cx, &id, &asked).await {
        Ok(shown) => Ok(page(&cx, &shown)),
        Err(problem) => Err(problem),
    };
    cx.answer(page).await
}

fn page(cx: &Cx, shown: &Shown<'_>) -> Page {
    let id = shown.view.id.to_string();
    let head = shown.head().to_string();
    let (name, _) = shown.name();
    let word = state(&shown.is).look().word;
    let view = if shown.past() { "saga-past" } else { "saga" };
    Page {
        title: format!("{word} · {name} {}", &id[id.len().saturating_sub(6)..]),
        section: Section::Sagas,
        head: heading(shown),
        lede: html! {},
        body: body(cx, shown),
        live: Some(filter::query(&[("view", view), ("id", &id), ("seen", &head)])),
        refresh_s: None,
        status: StatusCode::OK,
    }
}

fn heading(shown: &Shown<'_>) -> Markup {
    let (name, version) = shown.name();
    let view = &shown.view;
    html! {
        div {
            p.crumbs.dim {
                a href="/console/sagas" { "Sagas" } " / "
                a href={ "/console/sagas" (filter::query(&[("filter", &format!("type:{name}"))])) } { (name) }
            }
            h1.row {
                span { (name) span.dim { "@" (version) } }
                span id="sg-state" { (state_chip(&shown.is)) }
            }
        }
        (as_of(shown, false))
        p.sub.row {
            span.id.full { (view.id) }
            button.btn.bare.tiny.js type="button" data-copy=(view.id) aria-label="Copy the saga's id" { (icon("copy")) }
            span.dim {
                @if let Some(headline) = &view.headline { (headline) " · " }
                "lane " span.id { (view.lane) } " · tenant " (view.tenant)
            }
        }
    }
}

/// The chip of the state; also sent as a patch.
pub(crate) fn state_chip(is: &Instance) -> Markup {
    state(is).look().chip()
}

/// Where the page was read from; also sent as a patch.
pub(crate) fn as_of(shown: &Shown<'_>, patch: bool) -> Markup {
    html! {
        span.asof id="asof" hx-swap-oob=[patch.then_some("true")] {
            (icon("dot")) "read from the stream · revision " b { (shown.head()) }
        }
    }
}

fn body(cx: &Cx, shown: &Shown<'_>) -> Markup {
    html! {
        // Every step through history exchanges the page's content and keeps the rest: no flicker.
        div.stack.saga {
            div id="sg-why" { (why_box(cx, shown)) }
            div id="sg-scrub" { (saga_state::travel(shown)) }
            (saga_figures::plan(shown))
            (saga_figures::time_panel(shown))
            div id="sg-tabs" { (tabs(shown)) }
            div.cols.side {
                div.stack {
                    div id="sg-ledger" { (saga_ledger::panel(shown)) }
                    (saga_events::panel(shown))
                    div id="sg-fields" { (saga_state::panel(shown)) }
                }
                aside.stack.facts id="sg-facts" aria-label="Facts" { (saga_facts::panels(shown)) }
            }
        }
    }
}

/// Why it is where it is, what is still out there, what can be done; also sent as a patch.
pub(crate) fn why_box(cx: &Cx, shown: &Shown<'_>) -> Markup {
    let state = state(&shown.is);
    let look = state.look();
    let (first, rest) = sentence::draw(&shown.is, shown.now);
    let risk = risk(&shown.is);
    let out = !risk.is_none() && (shown.is.is_running() || state.needs_a_human());
    html! {
        div class={ "why " (look.class) } {
            (icon(look.icon))
            div {
                p {
                    @if shown.past() {
                        span.dim {
                            "As it was after event " (shown.at) " of " (shown.head()) ", "
                            (format::time(shown.now, shown.now)) ". "
                        }
                    }
                    b { (first) } " " (rest)
                    @if out { " Still out there: " a href="#ledger" { (risk.words()) } "." }
                }
                @if shown.past() {
                    p.row.acts { a.btn.go href=(saga::url(&shown.view.id)) { "Back to now" } }
                } @else if shown.is.is_running() { (saga_orders::buttons(cx, shown)) }
            }
        }
    }
}

/// The parts of the page below, with how much is in each; also sent as a patch.
pub(crate) fn tabs(shown: &Shown<'_>) -> Markup {
    let timers = shown.is.timers.len();
    let effects = orchestrator::ledger(&shown.is).len();
    let orders = saga_facts::orders(shown).count();
    let tab = |href: &str, word: &str, n: usize| {
        html! { a href=(href) { (word) @if n > 0 { " " sup { (n) } } } }
    };
    html! {
        nav.tabs aria-label="Parts of this saga" {
            (tab("#ledger", "Effects", effects))
            (tab("#events", "Events", shown.at))
            (tab("#state", "State", 0))
            (tab("#mailbox", "Mailbox, timers", timers))
            (tab("#related", "Related", 0))
            (tab("#operators", "Operators", orders))
        }
    }
}
