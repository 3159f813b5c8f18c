//! The page's one event stream: patches for elements that name themselves. It brings no row that
//! was not asked for; lists get a bar that counts what waits.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::Query;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use futures_util::{Stream, StreamExt, stream};
use maud::{Markup, html};

use crate::backend::Ticks;
use crate::cx::{Cx, Problem};
use crate::filter;
use crate::format;
use crate::frame;
use crate::live_sagas;
use crate::pages::projection_rows::{self, View};
use crate::pages::{audit, log, overview, projections, streams};
use crate::parts;
use crate::system::Projection;
use crate::view::{At, EventQuery, StreamQuery};

/// After a tick this long is waited for more of them, so that a burst is one patch.
const MERGE: Duration = Duration::from_millis(200);
/// Lag, rates and runs move without a tick; looked at so often.
const LOOK: Duration = Duration::from_secs(1);
/// The polite line for screen readers speaks at most so often, in milliseconds.
const SPEAK_EVERY_MS: i64 = 5_000;
/// New rows are counted up to here.
const COUNTED_MAX: usize = 500;

/// Which page listens, and what it has seen.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) view: String,
    pub(crate) q: String,
    pub(crate) id: String,
    pub(crate) seen: String,
}

struct Listener {
    cx: Cx,
    asked: Asked,
    ticks: Ticks,
    /// What was sent last: only what differs from it is sent.
    sent: Vec<String>,
    spoken: (u64, Timestamp),
    sagas: live_sagas::Seen,
}

/// `GET /console/live`: never ends by itself, but with the product.
pub(crate) async fn get(cx: Cx, Query(asked): Query<Asked>) -> Response {
    let ticks = cx.backend().live();
    let spoken = (0, Timestamp::default());
    let sagas = live_sagas::Seen::of(&asked);
    let listener = Listener { cx, asked, ticks, sent: Vec::new(), spoken, sagas };
    Sse::new(patches(listener)).keep_alive(KeepAlive::default()).into_response()
}

fn patches(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(listener, |mut listener| async move {
        loop {
            let moved = tokio::time::timeout(LOOK, listener.ticks.next()).await;
            match moved {
                Ok(None) => return None,
                Ok(Some(())) => tokio::time::sleep(MERGE).await,
                Err(_) => {}
            }
            listener.cx.now = listener.cx.backend().now();
            if !listener.sagas.due(&listener.asked, listener.cx.now, moved.is_ok()) {
                continue;
            }
            // What a page cannot learn now it learns with the next look; its age is on the page.
            let patch = patch(&listener.cx, &listener.asked, &mut listener.sagas).await;
            let Ok((patch, waiting)) = patch else { continue };
            let pieces: Vec<String> =
                patch.into_iter().map(|piece| piece.into_string().replace('\r', " ")).collect();
            let fresh: Vec<&str> = pieces
                .iter()
                .filter(|piece| !listener.sent.contains(piece))
                .map(String::as_str)
                .collect();
            let text = fresh.concat();
            listener.sent = pieces;
            if text.is_empty() {
                continue;
            }
            let said = listener.speak(waiting);
            let event = Event::default().event("patch").data(text + &said);
            return Some((Ok(event), listener));
        }
    })
}

impl Listener {
    /// The polite line, when there is something new to say and enough silence before it.
    fn speak(&mut self, waiting: u64) -> String {
        let (said, at) = self.spoken;
        if waiting == 0 || waiting == said || self.cx.now.ms_since(at) < SPEAK_EVERY_MS {
            return String::new();
        }
        self.spoken = (waiting, self.cx.now);
        let line = html! {
            p.vh id="status" role="status" hx-swap-oob="innerHTML" { (waiting) " new, press n to show" }
        };
        line.into_string()
    }
}

/// What a page shows that may differ by now, piece by piece, and how many rows wait.
async fn patch(
    cx: &Cx,
    asked: &Asked,
    sagas: &mut live_sagas::Seen,
) -> Result<(Vec<Markup>, u64), Problem> {
    let models = cx.backend().projections(&cx.who).await?;
    let mut pieces = vec![frame::fresh(&models, true)];
    if let Some((more, waiting)) = live_sagas::patch(cx, asked, &models, sagas).await? {
        pieces.extend(more);
        return Ok((pieces, waiting));
    }
    let (page, waiting) = match asked.view.as_str() {
        "log" => log_bar(cx, asked).await?,
        "streams" => streams_bar(cx, asked, "/console/streams").await?,
        "stream" => stream_bar(cx, asked).await?,
        "overview" => {
            let whole = overview::Whole::read(cx).await?;
            let (bar, waiting) = streams_bar(cx, asked, "/console").await?;
            let page = html! {
                (bar)
                (lede(&overview::lede(&whole)))
                (overview::tally(cx, &whole, true))
                div id="lanes-f" hx-swap-oob="innerHTML" { (overview::lanes(&whole.lanes)) }
                (rows(cx, &models, View::Brief))
            };
            (page, waiting)
        }
        "projections" => {
            (html! { (lede(&projections::lede(&models))) (rows(cx, &models, View::Whole)) }, 0)
        }
        "projection" => {
            let one = models.iter().filter(|one| one.name == asked.id);
            (
                html! { @for one in one {
                    div id="lanes-t" hx-swap-oob="innerHTML" { (projections::lane_table(one)) }
                    div id="facts-t" hx-swap-oob="innerHTML" { (projections::facts(cx, one)) }
                } },
                0,
            )
        }
        "audit" => (audit_patch(cx).await?, 0),
        _ => (html! {}, 0),
    };
    pieces.push(page);
    Ok((pieces, waiting))
}

pub(crate) fn lede(sentence: &Markup) -> Markup {
    html! { p.lede id="lede" hx-swap-oob="innerHTML" { (sentence) } }
}

/// Rows stand in a table of their own, because a lone `tr` is nothing to an HTML parser.
pub(crate) fn rows(cx: &Cx, models: &[Projection], view: View) -> Markup {
    html! {
        @for one in models {
            template { (projection_rows::row(cx, one, view, true)) }
        }
    }
}

async fn log_bar(cx: &Cx, asked: &Asked) -> Result<(Markup, u64), Problem> {
    let (_, query) = log::read(&asked.q, None);
    let after = (!asked.seen.is_empty()).then(|| asked.seen.clone());
    let query = EventQuery { after, limit: COUNTED_MAX, ..query };
    let waiting = cx.backend().events(&cx.who, &query).await?.rows.len();
    Ok(bar(waiting, "event", "/console/log", asked))
}

async fn streams_bar(cx: &Cx, asked: &Asked, at: &str) -> Result<(Markup, u64), Problem> {
    let (_, query) = streams::read(&asked.q, None);
    let seen = Timestamp::from_micros(asked.seen.parse().unwrap_or(0));
    let query = StreamQuery { limit: COUNTED_MAX, ..query };
    let found = cx.backend().streams(&cx.who, &query).await?;
    let waiting = found.rows.iter().filter(|row| row.last_at > seen).count();
    Ok(bar(waiting, "changed stream", at, asked))
}

async fn stream_bar(cx: &Cx, asked: &Asked) -> Result<(Markup, u64), Problem> {
    let id = asked.id.parse().map_err(|error: domain::NotAnId| Problem::bad(error.to_string()))?;
    let view = cx.backend().stream(&cx.who, &id, At::Head).await?;
    let seen: u64 = asked.seen.parse().unwrap_or(0);
    let waiting = view.map_or(0, |view| view.head.saturating_sub(seen));
    let href = format::stream_url(&id);
    let words = words(usize::try_from(waiting).unwrap_or(COUNTED_MAX), "event");
    Ok((parts::newbar(&words, &href, true), waiting))
}

fn bar(waiting: usize, what: &str, at: &str, asked: &Asked) -> (Markup, u64) {
    let href = at.to_owned() + &filter::query(&[("q", &asked.q), ("seen", &asked.seen)]);
    (parts::newbar(&words(waiting, what), &href, true), waiting as u64)
}

pub(crate) fn words(waiting: usize, what: &str) -> String {
    match waiting {
        0 => String::new(),
        COUNTED_MAX.. => format!("{COUNTED_MAX} or more new {what}s"),
        n => format!("+{}", format::count(n as u64, &format!("new {what}"))),
    }
}

async fn audit_patch(cx: &Cx) -> Result<Markup, Problem> {
    let lanes = cx.backend().lanes(&cx.who).await?;
    let run = cx.backend().verification(&cx.who).await?;
    Ok(html! {
        (lede(&audit::lede(cx, &lanes, run.as_ref())))
        div id="chains-t" hx-swap-oob="innerHTML" { (audit::table(cx, &lanes, run.as_ref())) }
        span id="verify" hx-swap-oob="innerHTML" { (audit::verify_button(cx, run.as_ref())) }
        (audit::receipt_panel(run.as_ref(), true))
    })
}
