//! The timeline: a row for each way of a step, a bar for each attempt, pauses hatched, idle time
//! folded with its length written below. Not to scale across folds; the events carry exact times.

use domain::Timestamp;
use maud::{Markup, html};
use orchestrator::{Direction, Instance, Purpose};

use super::axis::{Axis, NAMES, Piece, TICK, WIDTH, marks};
use super::history::{Attempt, Ending, History, Pause};
use crate::format;

/// Height of a row.
const ROW: u64 = 24;
/// Characters of a fault that fit beside a bar.
const FAULT_CHARS: usize = 44;

/// What a timeline is drawn from.
pub(crate) struct Timeline<'a> {
    is: &'a Instance,
    history: &'a History,
    now: Timestamp,
    /// The instant that is looked at, when it is not the present.
    shown: Option<Timestamp>,
    axis: Axis,
}

impl<'a> Timeline<'a> {
    /// Of this saga; `shown` is the instant that is looked at, when it is not the present.
    pub(crate) fn of(
        is: &'a Instance,
        history: &'a History,
        now: Timestamp,
        shown: Option<Timestamp>,
    ) -> Self {
        let mut instants: Vec<i64> = vec![is.started_at.as_millis(), is.last_at.as_millis()];
        for attempt in &history.attempts {
            instants.push(attempt.from.as_millis());
            instants.extend(attempt.to.map(Timestamp::as_millis));
        }
        let waits = history.pauses.iter().filter(|pause| is_pause(pause.purpose));
        instants.extend(waits.map(|pause| pause.to.as_millis()));
        instants.extend(history.moments.iter().map(|moment| moment.at.as_millis()));
        if is.is_running() {
            instants.push(now.as_millis());
        }
        Self { is, history, now, shown, axis: Axis::of(instants) }
    }

    /// How much of it was folded.
    pub(crate) fn folds(&self) -> usize {
        self.axis.0.iter().filter(|piece| piece.folded).count()
    }

    /// Rows in the order in which they began, the undo's after the rest.
    fn rows(&self) -> Vec<(&str, Direction)> {
        let mut rows: Vec<(&str, Direction)> = Vec::new();
        let begins = self.history.pauses.iter().any(|pause| pause.purpose == Purpose::Begin);
        if begins {
            rows.push(("", Direction::Forward));
        }
        for direction in [Direction::Forward, Direction::Undo] {
            for attempt in self.history.attempts.iter().filter(|a| a.direction == direction) {
                if !rows.contains(&(attempt.step.as_str(), direction)) {
                    rows.push((&attempt.step, direction));
                }
            }
        }
        rows
    }

    /// The figure.
    pub(crate) fn draw(&self) -> Markup {
        let rows = self.rows();
        let bottom = 24 + ROW * rows.len() as u64 + 4;
        let undo = rows.iter().position(|(_, direction)| *direction == Direction::Undo);
        let running = self.is.is_running();
        let said = if self.history.moments.is_empty() { 0 } else { 28 };
        html! {
            svg.fig.gantt viewBox={ "0 0 " (WIDTH) " " (bottom + 22 + said) } role="img" aria-label=(self.words(&rows)) {
                defs { pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" { path.hair.hatch d="M0 0V5" {} } }
                @if let Some(at) = undo {
                    @let top = 24 + ROW * at as u64;
                    rect.lane x="0" y=(top) width=(WIDTH) height=(bottom - top) rx="6" {}
                }
                (self.ticks(bottom))
                @for piece in self.axis.0.iter().filter(|piece| piece.folded) { (fold(piece, bottom)) }
                @for (at, (step, direction)) in rows.iter().enumerate() {
                    (self.row(step, *direction, 24 + ROW * at as u64))
                }
                (self.moments(bottom))
                @if let Some(shown) = self.shown { (line(self.axis.x(shown), bottom, "shown")) }
                @else if running {
                    (line(self.axis.x(self.now), bottom, &format!("now {}", format::words(self.now, self.now))))
                }
            }
        }
    }

    /// The finding, for those who do not see it.
    fn words(&self, rows: &[(&str, Direction)]) -> String {
        let tries = format::count(self.history.attempts.len() as u64, "attempt");
        let folds = format::count(self.folds() as u64, "idle gap");
        let rows = format::count(rows.len() as u64, "row");
        format!("Timeline of {rows} and {tries}, {folds} folded; the events below carry the times")
    }

    fn ticks(&self, bottom: u64) -> Markup {
        let mut free = NAMES;
        let mut ticks: Vec<(u64, Option<String>)> = Vec::new();
        let marked = self.shown.or(self.is.is_running().then_some(self.now));
        let taken = marked.map(|at| self.axis.x(at));
        for piece in self.axis.0.iter().filter(|piece| !piece.folded) {
            for (ms, label) in marks(piece, self.now) {
                let x = self.axis.x(Timestamp::from_millis(ms));
                let clear = taken.is_none_or(|taken| x + 84 < taken || x > taken + 60);
                let label = (x >= free && clear && x + 60 < WIDTH).then_some(label);
                if label.is_some() {
                    free = x + TICK - 14;
                }
                ticks.push((x, label));
            }
        }
        html! {
            @for (x, label) in &ticks {
                path.hair d={ "M" (x) " 24V" (bottom) } {}
                @if let Some(label) = label { text.q x=(x) y="14" { (label) } }
            }
        }
    }

    fn row(&self, step: &str, direction: Direction, y: u64) -> Markup {
        let of = |a: &&Attempt| a.step == step && a.direction == direction;
        let attempts: Vec<&Attempt> = self.history.attempts.iter().filter(of).collect();
        let purposes: &[Purpose] = match (step, direction) {
            ("", _) => &[Purpose::Begin],
            (_, Direction::Forward) => &[Purpose::Retry, Purpose::Probe],
            (_, Direction::Undo) => &[Purpose::UndoRetry, Purpose::Confirm],
        };
        let pauses = self.history.pauses.iter();
        let pauses = pauses.filter(|p| p.step == step && purposes.contains(&p.purpose));
        let name = match direction {
            _ if step.is_empty() => "waits to begin".to_owned(),
            Direction::Forward => step.to_owned(),
            Direction::Undo => format!("undo {step}"),
        };
        html! {
            text.m x="4" y=(y + 16) { (clip(&name, 21)) }
            @for pause in pauses { (self.pause(pause.from, pause.to, step.is_empty(), y)) }
            @for attempt in &attempts { (self.bar(attempt, y)) }
            @if let Some(last) = attempts.last() { (self.beside(&attempts, last, y, purposes)) }
        }
    }

    fn pause(&self, from: Timestamp, to: Timestamp, thin: bool, y: u64) -> Markup {
        let (a, b) = (self.axis.x(from), self.axis.x(to));
        let width = b.saturating_sub(a);
        html! {
            @if thin { path.wire.thin d={ "M" (a) " " (y + 12) "h" (width) } {} }
            @else {
                rect x=(a) y=(y + 9) width=(width) height="7" fill="url(#hatch)" {}
                path.hair.bk d={ "M" (a) " " (y + 9) "h" (width) "M" (a) " " (y + 16) "h" (width) } {}
            }
            @if to > self.now && self.is.is_running() && !thin {
                g.is-idle { rect.node.ghost x=(b) y=(y + 6) width="26" height="12" rx="3" {} }
            }
        }
    }

    fn bar(&self, attempt: &Attempt, y: u64) -> Markup {
        let until = attempt.to.unwrap_or_else(|| self.now.max(attempt.from));
        let a = self.axis.x(attempt.from);
        let width = self.axis.x(until).saturating_sub(a).max(5);
        let class = class(attempt);
        html! {
            g class=(class) {
                rect.cf x=(a) y=(y + 6) width=(width) height="13" rx="3" {
                    title { "try " (attempt.number) ": " (word(attempt)) " " (attempt.detail) }
                }
            }
        }
    }

    /// What the row comes to, beside its last bar.
    fn beside(&self, attempts: &[&Attempt], last: &Attempt, y: u64, of: &[Purpose]) -> Markup {
        let until = last.to.unwrap_or_else(|| self.now.max(last.from));
        let took = u64::try_from(until.ms_since(last.from)).unwrap_or(0);
        let tries =
            if attempts.len() > 1 { format!("try {}: ", attempts.len()) } else { String::new() };
        let text = match last.ending {
            Ending::Done | Ending::Open => format!("{tries}{}", format::span(took)),
            _ => format!("{tries}{} {}", word(last), clip(&last.detail, FAULT_CHARS)),
        };
        let behind =
            |p: &&Pause| p.step == last.step && of.contains(&p.purpose) && p.from >= last.from;
        let paused = self.history.pauses.iter().filter(behind).map(|p| self.axis.x(p.to)).max();
        let end = self.axis.x(until).max(self.axis.x(last.from) + 5);
        let (from, to) = (self.axis.x(attempts[0].from), end.max(paused.unwrap_or(0)));
        // 6 pixels a character.
        let long = text.chars().count() as u64 * 6;
        let pending = self.is.timers.values().any(|t| t.step == last.step && t.at > self.now);
        let to = if pending { to + 30 } else { to };
        let right = to + long + 12 < WIDTH;
        html! {
            @if right { text.q2 x=(to + 6) y=(y + 16) { (text) } }
            @else if from > NAMES + long + 12 { text.q2 x=(from - 6) y=(y + 16) text-anchor="end" { (text) } }
        }
    }

    fn moments(&self, bottom: u64) -> Markup {
        let mut free = [0_u64; 2];
        html! {
            @for moment in &self.history.moments {
                @let x = self.axis.x(moment.at);
                @let long = moment.words.chars().count() as u64 * 7 + 8;
                @let lane = free.iter().position(|free| *free <= x);
                @let lane = lane.filter(|_| x + long < WIDTH);
                g class=(moment.class) {
                    path.cw.thin d={ "M" (x) " 22V" (bottom + lane.map_or(0, |lane| 30 + 14 * lane as u64)) } {}
                    @if let Some(lane) = lane {
                        @let () = free[lane] = x + long;
                        text.sc x=(x + 4) y=(bottom + 30 + 14 * lane as u64) { (moment.words) }
                    }
                }
            }
        }
    }
}

/// Pauses that a row shows; deadlines are facts beside it.
fn is_pause(purpose: Purpose) -> bool {
    matches!(
        purpose,
        Purpose::Begin | Purpose::Retry | Purpose::UndoRetry | Purpose::Probe | Purpose::Confirm
    )
}

fn class(attempt: &Attempt) -> &'static str {
    match (attempt.ending, attempt.direction) {
        (Ending::Open, Direction::Forward) => "is-run",
        (Ending::Done, Direction::Forward) => "is-ok",
        (Ending::Done | Ending::Open, Direction::Undo) => "is-undo",
        (Ending::Refused, _) => "is-bad",
        (Ending::Delayed, _) => "is-park",
        (Ending::Unknown, _) => "is-doubt",
    }
}

fn word(attempt: &Attempt) -> &'static str {
    match attempt.ending {
        Ending::Open => "asked",
        Ending::Done => "done",
        Ending::Refused => "refused:",
        Ending::Delayed => "not now:",
        Ending::Unknown => "unknown:",
    }
}

fn fold(piece: &Piece, bottom: u64) -> Markup {
    let zig = "l4 6l-4 6".repeat(usize::try_from((bottom - 24) / 12).unwrap_or(0));
    let (a, b) = (piece.x + piece.width / 2 - 6, piece.x + piece.width / 2 + 4);
    let long = u64::try_from(piece.to_ms - piece.from_ms).unwrap_or(0);
    html! {
        path.foldp d={ "M" (a) " 24" (zig) "h10V24z" } {}
        path.wire.fold d={ "M" (a) " 24" (zig) "M" (b) " 24" (zig) } {}
        text.q x=(piece.x + piece.width / 2) y=(bottom + 16) text-anchor="middle" { (format::span(long)) }
    }
}

fn line(x: u64, bottom: u64, words: &str) -> Markup {
    let end = x + 60 > WIDTH;
    html! {
        path.now d={ "M" (x) " 20V" (bottom) } {}
        text.q2.b x=(if end { WIDTH } else { x }) y="14" text-anchor=(if end { "end" } else { "middle" }) { (words) }
    }
}

/// A text that fits.
fn clip(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars - 1).chain(std::iter::once('…')).collect()
}
