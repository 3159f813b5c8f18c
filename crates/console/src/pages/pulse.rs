//! The pulse: what needs a human first, with its age and what is at risk; then how everything stands,
//! what is behind, what is broken outside, what fires soon.

use axum::response::Response;
use domain::Timestamp;
use maud::{Markup, html};
use orchestrator::SagaRow;
use orchestrator::filter::{Filter, Group};

use super::as_of;
use super::projection_rows::{self, View};
use super::pulse_panels as panels;
use super::saga::desk;
use crate::cx::{Cx, Page, Problem};
use crate::desk::{SagaList, Target};
use crate::format;
use crate::frame::Section;
use crate::parts;
use crate::saga::risk::{Risk, risk};
use crate::saga::{SagaState, parked_since, state};
use crate::system::Projection;

/// Parked sagas that are read to order them by risk; more are only counted.
const READ_MAX: usize = 200;
/// Rows of the queue.
pub(crate) const QUEUE_ROWS: usize = 12;
/// What waits for a human.
pub(crate) const HUMAN: &str = "state:parked sort:-risk";

/// Counts of one version of a type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heat {
    pub(crate) name: String,
    pub(crate) version: String,
    /// By state, in the order of [`SagaState::ALL`].
    pub(crate) counts: [u64; 9],
}

impl Heat {
    /// How many stand there.
    pub(crate) fn count(&self, state: SagaState) -> u64 {
        SagaState::ALL.iter().position(|one| *one == state).map_or(0, |at| self.counts[at])
    }

    fn add(&mut self, state: SagaState, count: u64) {
        if let Some(at) = SagaState::ALL.iter().position(|one| *one == state) {
            self.counts[at] += count;
        }
    }
}

/// What the page is computed from.
pub(crate) struct Pulse {
    /// Parked sagas, those with most at risk first; at most [`READ_MAX`].
    pub(crate) parked: SagaList,
    pub(crate) heat: Vec<Heat>,
    pub(crate) due: Vec<u64>,
    pub(crate) targets: Vec<Target>,
    pub(crate) projections: Vec<Projection>,
}

/// Steps of the timers' chart.
pub(crate) const DUE_STEP_MS: i64 = 300_000;
/// How many of them: an hour.
const DUE_STEPS: i64 = 12;

impl Pulse {
    pub(crate) async fn read(cx: &Cx) -> Result<Self, Problem> {
        let desk = desk(cx)?;
        let filter = parsed(HUMAN);
        let mut parked = desk.list(&cx.who, &filter, None, READ_MAX).await?;
        parked.rows.sort_by_key(|row| {
            let since = parked_since(&row.instance.0);
            (
                state(&row.instance.0) == SagaState::Held,
                std::cmp::Reverse(risk(&row.instance.0).weight()),
                since,
            )
        });
        // Whole steps of the clock, so that the chart stands still between them.
        let begin = cx.now.as_millis() / DUE_STEP_MS * DUE_STEP_MS;
        let edge = |n: i64| Timestamp::from_millis(begin + n * DUE_STEP_MS);
        let edges: Vec<Timestamp> = (0..=DUE_STEPS).map(edge).collect();
        Ok(Self {
            parked,
            heat: heat(cx).await?,
            due: desk.due(&cx.who, &edges).await?,
            targets: desk.targets(&cx.who).await?,
            projections: cx.backend().projections(&cx.who).await?,
        })
    }

    /// Rows in a state.
    pub(crate) fn rows(&self, of: SagaState) -> impl Iterator<Item = &SagaRow> {
        self.parked.rows.iter().filter(move |row| state(&row.instance.0) == of)
    }

    /// How many stand in a state, whatever their type.
    pub(crate) fn count(&self, state: SagaState) -> u64 {
        self.heat.iter().map(|heat| heat.count(state)).sum()
    }

    fn human(&self) -> u64 {
        SagaState::ALL.into_iter().filter(|s| s.needs_a_human()).map(|s| self.count(s)).sum()
    }
}

/// A filter of our own.
fn parsed(text: &str) -> Filter {
    // Tried by a test: what is written here is understood.
    Filter::parse(text).unwrap_or_default()
}

async fn heat(cx: &Cx) -> Result<Vec<Heat>, Problem> {
    let desk = desk(cx)?;
    let mut all = Vec::new();
    let mut types = desk.counts(&cx.who, &Filter::default(), Group::Type).await?;
    types.sort();
    for (name, _) in types {
        let of_type = parsed(&format!("type:{name}"));
        let mut versions = desk.counts(&cx.who, &of_type, Group::Version).await?;
        versions.sort();
        for (version, _) in versions.into_iter().rev() {
            let of = parsed(&format!("type:{name} version:{version}"));
            let parked = parsed(&format!("type:{name} version:{version} state:parked"));
            let mut heat = Heat { name: name.clone(), version, ..Heat::default() };
            for (word, count) in desk.counts(&cx.who, &of, Group::State).await? {
                if let Some(state) = word.parse().ok().filter(|s| *s != orchestrator::State::Parked)
                {
                    heat.add(SagaState::of(state, None), count);
                }
            }
            for (word, count) in desk.counts(&cx.who, &parked, Group::Cause).await? {
                let cause = word.parse().ok();
                heat.add(SagaState::of(orchestrator::State::Parked, cause), count);
            }
            all.push(heat);
        }
    }
    Ok(all)
}

pub(crate) async fn get(cx: Cx) -> Response {
    let page = page(&cx).await;
    cx.answer(page).await
}

async fn page(cx: &Cx) -> Result<Page, Problem> {
    let pulse = Pulse::read(cx).await?;
    let lag =
        parts::scroll("Read models", &projection_rows::table(cx, &pulse.projections, View::Brief));
    let all = html! { a href="/console/projections" { "All " (pulse.projections.len()) } };
    Ok(Page {
        title: "Pulse".to_owned(),
        section: Section::Pulse,
        head: html! { h1 { "Pulse" } (as_of("read model", &pulse.parked.as_of)) },
        lede: lede(cx, &pulse),
        body: html! {
            div id="pl-queue" { (panels::queue(cx, &pulse)) }
            div id="pl-heat" { (panels::heat(&pulse)) }
            div.cols.side {
                div.stack { (parts::panel("models", "Read models", "lag in events and seconds", &all, &lag)) }
                div.stack.facts {
                    div id="pl-targets" { (panels::targets(cx, &pulse)) }
                    div id="pl-due" { (panels::due(cx, &pulse)) }
                }
            }
        },
        live: Some("?view=pulse".to_owned()),
        refresh_s: None,
        status: axum::http::StatusCode::OK,
    })
}

/// The sentence; also sent as a patch.
pub(crate) fn lede(cx: &Cx, pulse: &Pulse) -> Markup {
    let human = pulse.human();
    let flight: u64 = [SagaState::Running, SagaState::Waiting, SagaState::Undoing]
        .into_iter()
        .map(|state| pulse.count(state))
        .sum();
    let waiting = pulse.parked.rows.iter().filter(|row| state(&row.instance.0).needs_a_human());
    let mut at_risk = Risk::default();
    let mut oldest: Option<Timestamp> = None;
    for row in waiting {
        at_risk.all(&risk(&row.instance.0));
        oldest = oldest.into_iter().chain(parked_since(&row.instance.0)).min();
    }
    html! {
        @if pulse.heat.is_empty() { b { "No saga yet." } " One begins when an event asks for it. " }
        @else if human == 0 {
            b { "Nothing needs a human." } " " (moves(flight, ""))
        } @else {
            b { (format::count(human, "saga")) @if human == 1 { " needs a human" } @else { " need a human" } }
            @if let Some(oldest) = oldest {
                ", the oldest for " (format::span(u64::try_from(cx.now.ms_since(oldest)).unwrap_or(0)))
            }
            ". "
            @if !at_risk.is_none() {
                b { @if pulse.parked.rows.len() >= READ_MAX { "At least " } (at_risk.words()) } " outside their saga’s intent. "
            }
            (moves(flight, "other "))
        }
    }
}

fn moves(flight: u64, other: &str) -> Markup {
    html! {
        @match flight {
            0 => "None is in flight.",
            1 => { "The " (other) "one in flight moves by itself." },
            n => { "The " (other) (format::num(n)) " in flight move by themselves." },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_the_pages_ask_by_are_understood() {
        let states = SagaState::ALL.map(SagaState::filter);
        for text in states.into_iter().chain([HUMAN, crate::cx::NEED_A_HUMAN]) {
            let filter = Filter::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert!(!filter.terms.is_empty());
        }
    }
}
