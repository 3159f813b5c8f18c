//! The patches of the pages about sagas: each panel is a piece, sent when it differs; rows are patched
//! in place, also those that do not pass the filter any more. Not the stream that carries them.

use domain::{StreamId, Timestamp};
use maud::{Markup, html};
use orchestrator::SagaRow;
use orchestrator::filter::{Filter, Key, Says, Term, Than};

use crate::cx::{Cx, Problem};
use crate::filter;
use crate::live::{self, Asked};
use crate::pages::projection_rows::View;
use crate::pages::saga::{self, Shown, desk};
use crate::pages::{
    ROWS, pulse, pulse_panels, saga_events, saga_facts, saga_figures, saga_ledger, saga_rows,
    saga_state, sagas,
};
use crate::parts;
use crate::system::Projection;

/// Lists look again so often when nothing was committed, in milliseconds: countdowns of rows.
const LIST_LOOK_MS: i64 = 5_000;
/// So long after a commit they look every time, in milliseconds: the read model follows.
const FOLLOW_MS: i64 = 3_000;
/// A timeline moves on so often while nothing happens, in milliseconds.
const TIMELINE_MS: i64 = 10_000;

/// What a page has seen, and when it was looked at.
pub(crate) struct Seen {
    /// Events of the saga that are on the page.
    events: usize,
    /// Rows that are on the page; `None` before the first look.
    rows: Option<Vec<StreamId>>,
    looked_at: Timestamp,
    moved_at: Timestamp,
}

impl Seen {
    /// What a page says that it has seen.
    pub(crate) fn of(asked: &Asked) -> Self {
        let events = asked.seen.parse().unwrap_or(0);
        let never = Timestamp::default();
        Self { events, rows: None, looked_at: never, moved_at: never }
    }

    /// Whether it is time to look: lists are costly, so they rest while nothing is committed.
    pub(crate) fn due(&mut self, asked: &Asked, now: Timestamp, moved: bool) -> bool {
        if moved {
            self.moved_at = now;
        }
        let list = matches!(asked.view.as_str(), "sagas" | "pulse");
        let rests =
            now.ms_since(self.moved_at) > FOLLOW_MS && now.ms_since(self.looked_at) < LIST_LOOK_MS;
        if list && rests {
            return false;
        }
        self.looked_at = now;
        true
    }
}

/// The pieces of a page about sagas, and how many rows wait; `None` for another page.
pub(crate) async fn patch(
    cx: &Cx,
    asked: &Asked,
    models: &[Projection],
    seen: &mut Seen,
) -> Result<Option<(Vec<Markup>, u64)>, Problem> {
    Ok(match asked.view.as_str() {
        "pulse" => Some((of_pulse(cx, models).await?, 0)),
        "sagas" => Some(of_list(cx, asked, seen).await?),
        "saga" => Some((of_saga(cx, asked, seen).await?, 0)),
        "saga-past" => {
            let shown = Shown::read(cx, &asked.id, &saga::Asked::default()).await?;
            Some((vec![saga::as_of(&shown, true)], 0))
        }
        _ => None,
    })
}

/// The content of an element.
fn inner(id: &str, content: &Markup) -> Markup {
    html! { div id=(id) hx-swap-oob="innerHTML" { (content) } }
}

async fn of_pulse(cx: &Cx, models: &[Projection]) -> Result<Vec<Markup>, Problem> {
    let whole = pulse::Pulse::read(cx).await?;
    Ok(vec![
        live::lede(&pulse::lede(cx, &whole)),
        inner("pl-queue", &pulse_panels::queue(cx, &whole)),
        inner("pl-heat", &pulse_panels::heat(&whole)),
        inner("pl-targets", &pulse_panels::targets(cx, &whole)),
        inner("pl-due", &pulse_panels::due(cx, &whole)),
        live::rows(cx, models, View::Brief),
    ])
}

async fn of_list(cx: &Cx, asked: &Asked, seen: &mut Seen) -> Result<(Vec<Markup>, u64), Problem> {
    let desk = desk(cx)?;
    let filter = Filter::parse(&asked.q).map_err(|wrong| Problem::bad(wrong.to_string()))?;
    let newest = Timestamp::from_micros(asked.seen.parse().unwrap_or(0));
    let found = desk.list(&cx.who, &filter, None, ROWS).await?;
    let known = |row: &&SagaRow| row.started_at <= newest;
    let id = |row: &SagaRow| row.stream.parse::<StreamId>().ok();
    let rows =
        seen.rows.get_or_insert_with(|| found.rows.iter().filter(known).filter_map(id).collect());
    let mut pieces = vec![live::lede(&sagas::lede(&found, &filter, true))];
    for stream in rows.iter() {
        let name = stream.to_string();
        let row = match found.rows.iter().find(|row| row.stream == name) {
            Some(row) => Some(row.clone()),
            // It passes the filter no more, but stands there until the reader asks for the list.
            None => desk.saga(&cx.who, stream).await?.map(|view| {
                let is = view.events.iter().fold(orchestrator::Instance::default(), |is, one| {
                    is.evolve(one.head.meta.recorded_at, &one.event)
                });
                SagaRow::of(stream.id(), name, view.tenant.to_string(), is)
            }),
        };
        if let Some(row) = row {
            // A lone `tr` is nothing to an HTML parser.
            pieces.push(html! { template { (saga_rows::row(cx, &row, false, true)) } });
        }
    }
    let waiting = newer(cx, &filter, newest).await?;
    let href =
        format!("/console/sagas{}", filter::query(&[("filter", &asked.q), ("seen", &asked.seen)]));
    let words = live::words(usize::try_from(waiting).unwrap_or(usize::MAX), "saga");
    pieces.push(parts::newbar(&words, &href, true));
    pieces.push(inner("sg-total", &html! { (crate::format::num(found.total)) }));
    Ok((pieces, waiting))
}

/// How many sagas pass the filter that were started since the page was drawn.
async fn newer(cx: &Cx, filter: &Filter, since: Timestamp) -> Result<u64, Problem> {
    let mut filter = filter.clone();
    let age = u64::try_from(cx.now.ms_since(since)).unwrap_or(0);
    filter.terms.push(Term { not: false, says: Says::Time(Key::Age, Than::Less, age) });
    Ok(desk(cx)?.list(&cx.who, &filter, None, 1).await?.total)
}

async fn of_saga(cx: &Cx, asked: &Asked, seen: &mut Seen) -> Result<Vec<Markup>, Problem> {
    let mut shown = Shown::read(cx, &asked.id, &saga::Asked::default()).await?;
    let mut pieces = vec![
        inner("sg-state", &saga::state_chip(&shown.is)),
        saga::as_of(&shown, true),
        inner("sg-scrub", &saga_state::travel(&shown)),
        inner("sg-tabs", &saga::tabs(&shown)),
        inner("sg-ledger", &saga_ledger::panel(&shown)),
        inner("sg-fields", &saga_state::panel(&shown)),
    ];
    if shown.head() > seen.events {
        pieces.push(saga_events::newer(&shown, seen.events));
        seen.events = shown.head();
    }
    // The script counts down by itself: these differ only when something happened.
    let now = shown.now;
    shown.now = shown.is.last_at;
    pieces.push(inner("sg-why", &saga::why_box(cx, &shown)));
    pieces.push(inner("sg-map", &saga_figures::map(&shown)));
    pieces.push(inner("sg-steps", &saga_ledger::steps(&shown)));
    pieces.push(inner("sg-facts", &saga_facts::panels(&shown)));
    shown.now =
        Timestamp::from_millis(now.as_millis() / TIMELINE_MS * TIMELINE_MS).max(shown.is.last_at);
    pieces.push(inner("sg-time", &saga_figures::timeline(&shown)));
    pieces.push(inner("sg-took", &saga_figures::took(&shown)));
    Ok(pieces)
}
