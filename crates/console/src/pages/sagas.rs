//! The list of sagas: the filter language with what it was not understood for, facets, exact counts,
//! rows that are patched in place. New ones wait behind a bar.

use axum::extract::{Path, Query};
use axum::response::Response;
use domain::Timestamp;
use maud::{Markup, html};
use orchestrator::filter::{Filter, Group, Wrong};

use super::saga::desk;
use super::{ROWS, as_of, saga_rows};
use crate::cx::{Cx, Page, Problem};
use crate::desk::SagaList;
use crate::filter::query;
use crate::format;
use crate::frame::Section;
use crate::parts::{self, icon};
use crate::saga::SagaState;

/// What may stand behind the `?`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// The filter's text.
    pub(crate) filter: String,
    /// Where this page begins.
    pub(crate) after: String,
    /// What was seen before the reader asked for new rows: newer ones are marked.
    pub(crate) seen: String,
}

/// Filters that are asked for often.
const VIEWS: [(&str, &str); 5] = [
    ("All", ""),
    ("Need a human", "state:parked -state:held sort:-risk"),
    ("Undoing", "state:undoing"),
    ("Waiting for a retry", "waits:retry"),
    ("Under an hour left", "left<1h sort:due"),
];

/// Where the list is, with this filter.
pub(crate) fn address(filter: &str) -> String {
    format!("/console/sagas{}", query(&[("filter", filter)]))
}

pub(crate) async fn get(cx: Cx, Query(asked): Query<Asked>) -> Response {
    let page = page(&cx, &asked).await;
    cx.answer(page).await
}

/// `GET /console/sagas/{id}/peek`: a saga in a small box over the list.
pub(crate) async fn peek(cx: Cx, Path(id): Path<String>) -> Response {
    let page = saga_rows::peek(&cx, &id).await;
    cx.answer(page).await
}

async fn page(cx: &Cx, asked: &Asked) -> Result<Page, Problem> {
    let desk = desk(cx)?;
    let filter = Filter::parse(&asked.filter);
    let good = filter.clone().unwrap_or_default();
    let after = Some(asked.after.as_str()).filter(|after| !after.is_empty());
    let found = match &filter {
        Ok(filter) => desk.list(&cx.who, filter, after, ROWS).await?,
        Err(_) => SagaList::default(),
    };
    let facets = if filter.is_ok() { facets(cx, &good).await? } else { Vec::new() };
    let newest = newest(&found);
    let seen = asked.seen.parse().ok().map(Timestamp::from_micros);
    let live = (after.is_none() && filter.is_ok()).then(|| {
        let seen = newest.as_micros().to_string();
        query(&[("view", "sagas"), ("q", &asked.filter), ("seen", &seen)])
    });
    Ok(Page {
        title: "Sagas".to_owned(),
        section: Section::Sagas,
        head: html! { h1 { "Sagas" } (as_of("read model", &found.as_of)) },
        lede: lede(&found, &good, filter.is_ok()),
        body: html! {
            (views(&asked.filter))
            (filter_box(&asked.filter, &filter))
            div.cols.facet {
                (drawn(&facets))
                (list(cx, asked, &found, seen))
            }
        },
        live,
        refresh_s: None,
        status: axum::http::StatusCode::OK,
    })
}

/// When the newest saga of a page was started.
pub(crate) fn newest(found: &SagaList) -> Timestamp {
    found.rows.iter().map(|row| row.started_at).max().unwrap_or_default()
}

/// The sentence; also sent as a patch.
pub(crate) fn lede(found: &SagaList, filter: &Filter, understood: bool) -> Markup {
    let here = |state: fn(SagaState) -> bool| {
        found.rows.iter().filter(|row| state(crate::saga::state(&row.instance.0))).count() as u64
    };
    let human = here(SagaState::needs_a_human);
    html! {
        @if !understood { b { "The filter was not understood." } " Nothing is listed until it is." }
        @else if found.total == 0 {
            @if filter.terms.is_empty() { b { "No saga yet." } " One begins when an event asks for it." }
            @else { b { "No saga passes this filter." } }
        } @else {
            b { (format::count(found.total, "saga")) } @if !filter.terms.is_empty() { " pass the filter" } ". "
            @if human > 0 { b { (human) " of those shown" } " cannot go on without a human." }
            @else { "None of those shown waits for a human." }
        }
    }
}

fn views(text: &str) -> Markup {
    html! {
        nav.pills aria-label="Views" {
            @for (name, filter) in VIEWS {
                a.pill.on href=(address(filter)) aria-current=[(filter == text.trim()).then_some("true")] { (name) }
            }
        }
    }
}

fn filter_box(text: &str, filter: &Result<Filter, Wrong>) -> Markup {
    let hint = "type:publish-post state:parked age>2h error~\"timeout\" sort:-risk, or any id";
    html! {
        form.stack.tight role="search" aria-label="Filter sagas" action="/console/sagas" {
            div.filter {
                (icon("search"))
                input id="q" name="filter" value=(text) placeholder=(hint) aria-label="Filter" autocomplete="off"
                    spellcheck="false" maxlength="2000" data-focus="/" aria-describedby="reads"
                    aria-invalid=[filter.is_err().then_some("true")];
                kbd.opt { "/" }
                button.btn.only-small type="button" popovertarget="facets" { "Facets" }
                button.btn.go.tiny { "Filter" }
            }
            div.pills id="reads" {
                @match filter {
                    Ok(filter) => (read_as(filter)),
                    Err(wrong) => (not_understood(text, wrong)),
                }
            }
        }
    }
}

/// How the filter was read, each term to be taken away.
fn read_as(filter: &Filter) -> Markup {
    html! {
        @if !filter.terms.is_empty() || filter.sort.is_some() {
            span.dim { "read as" }
            @for (at, term) in filter.terms.iter().enumerate() {
                span.pill {
                    span.mono { (term) }
                    a.off href=(address(&filter.without(at).to_string())) aria-label={ "Remove " (term) } { (icon("x")) }
                }
            }
            @if let Some((sort, _)) = filter.sort { span.dim { "sorted by " (sort) } }
            @let text = filter.to_string();
            span.row.push.opt.js {
                button.btn.bare type="button" data-copy=(as_cli(&text)) { (icon("copy")) "CLI" }
                button.btn.bare type="button" data-copy={ "GET /api/sagas?filter=" (format::url(&text)) } { (icon("copy")) "API" }
            }
        }
    }
}

/// The list by the command line, where a hyphen in front would be an option.
fn as_cli(text: &str) -> String {
    let behind = if text.starts_with('-') { "-- " } else { "" };
    format!("recount saga list {behind}'{}'", text.replace('\'', r"'\''"))
}

/// The text with the place where it stops to be understood, and what could stand there.
fn not_understood(text: &str, wrong: &Wrong) -> Markup {
    let at = wrong.at.saturating_sub(1);
    let before: String = text.chars().take(at).collect();
    let from: String = text.chars().skip(at).collect();
    html! {
        p.st.is-bad role="alert" {
            (icon("warn"))
            span { code { (before) mark { (if from.is_empty() { " " } else { from.as_str() }) } } " " (wrong) }
        }
    }
}

/// A column with how many sagas have which value.
struct Facet {
    title: &'static str,
    key: &'static str,
    values: Vec<(String, u64)>,
    /// The filter without its terms of this key.
    rest: Filter,
    chosen: Vec<String>,
}

/// What the list could be narrowed by: each column counted as if it were not asked for.
async fn facets(cx: &Cx, filter: &Filter) -> Result<Vec<Facet>, Problem> {
    use orchestrator::filter::{Key, Says};
    let asked = [
        ("State", Key::State, Group::State),
        ("Cause", Key::Cause, Group::Cause),
        ("Waits for", Key::Waits, Group::Waits),
        ("Type", Key::Type, Group::Type),
        ("Step", Key::Step, Group::Step),
    ];
    let desk = desk(cx)?;
    let mut all = Vec::new();
    for (title, key, group) in asked {
        let mut rest = filter.clone();
        let mut chosen = Vec::new();
        rest.terms.retain(|term| match &term.says {
            Says::Is(of, values) if *of == key && !term.not => {
                chosen.extend(values.iter().map(|value| value.replace('_', "-")));
                false
            }
            _ => true,
        });
        let counts = desk.counts(&cx.who, &rest, group).await?;
        let values = counts.into_iter().filter(|(value, _)| !value.is_empty());
        let words = matches!(key, Key::State | Key::Cause | Key::Waits);
        let values =
            values.map(|(value, n)| (if words { value.replace('_', "-") } else { value }, n));
        let key = match key {
            Key::State => "state",
            Key::Cause => "cause",
            Key::Waits => "waits",
            Key::Type => "type",
            _ => "step",
        };
        all.push(Facet { title, key, values: values.take(12).collect(), rest, chosen });
    }
    Ok(all)
}

fn drawn(facets: &[Facet]) -> Markup {
    html! {
        aside.facets id="facets" popover aria-label="Facets" {
            @for facet in facets.iter().filter(|facet| !facet.values.is_empty()) {
                details open {
                    summary { (facet.title) }
                    ul { @for (value, count) in &facet.values { (one(facet, value, *count)) } }
                }
            }
        }
    }
}

fn one(facet: &Facet, value: &str, count: u64) -> Markup {
    let chosen = facet.chosen.iter().any(|known| known == value);
    let rest = facet.rest.to_string();
    let narrowed = format!("{}:{value} {rest}", facet.key);
    let href = address(if chosen { &rest } else { narrowed.trim() });
    let look = (facet.key == "state").then(|| saga_rows::state_word(value)).flatten();
    html! {
        li {
            a.choice href=(href) aria-current=[chosen.then_some("true")] {
                @match look {
                    Some(look) => (look.st()),
                    None => span { (value) },
                }
                span.num.dim { (format::num(count)) }
            }
        }
    }
}

fn list(cx: &Cx, asked: &Asked, found: &SagaList, seen: Option<Timestamp>) -> Markup {
    let body = html! {
        (parts::newbar("", "", false))
        @if found.rows.is_empty() { (parts::empty("Nothing to list.")) }
        @else { (parts::scroll("Sagas that match", &saga_rows::table(cx, &found.rows, seen))) }
        footer.row {
            span { (format::num(found.rows.len() as u64)) " of " span id="sg-total" { (format::num(found.total)) } }
            span.opt.js { kbd { "j" } " " kbd { "k" } " move · " kbd { "enter" } " open · " kbd { "space" } " peek" }
            @if let Some(next) = &found.next {
                a.push href={ "/console/sagas" (query(&[("filter", &asked.filter), ("after", next)])) } { "Next " (ROWS) }
            }
        }
    };
    html! { section.panel id="list" aria-label="Sagas" { (body) } }
}
