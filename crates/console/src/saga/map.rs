//! The plan map: the forward lane from left to right, the undo lane mirrored below, what stands
//! written between them, the pivot as a gate. Wraps into rows, so that a long plan is seen whole. The
//! table of steps beside it says the same in words.

use domain::Timestamp;
use domain::saga::Kind;
use maud::{Markup, html};
use orchestrator::{Direction, Entry, Instance, Phase, SagaType, Standing, Status, ledger};

use super::history::History;
use super::look::{self, Look};
use super::{StepAt, risk, steps};
use crate::assets;
use crate::format;

/// Most steps in a row.
const ROW_MAX: usize = 7;
/// Room for the label at the left of a row.
const LEFT: usize = 106;
const NODE: usize = 132;
const STEP: usize = 150;
/// Height of a row with both lanes, and of one with the forward lane only.
const BOTH: usize = 252;
const ONE: usize = 148;
/// Characters of a step's name that fit.
const NAME_CHARS: usize = 16;

/// What a map is drawn from.
pub(crate) struct Map<'a> {
    pub(crate) is: &'a Instance,
    pub(crate) plan: Option<&'a dyn SagaType>,
    pub(crate) history: &'a History,
    pub(crate) now: Timestamp,
}

/// A row of the map.
struct Row<'a> {
    steps: Vec<StepAt<'a>>,
    /// Columns with an undo, from the left.
    undoable: usize,
    y: usize,
    height: usize,
    last: bool,
}

impl Map<'_> {
    /// The figure.
    pub(crate) fn draw(&self) -> Markup {
        let rows = self.rows();
        let columns = rows.iter().map(|row| row.steps.len()).max().unwrap_or(1);
        let width = LEFT + columns * STEP;
        let height: usize = rows.iter().map(|row| row.height).sum();
        let entries = ledger(self.is);
        html! {
            svg.fig.map viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
                role="img" aria-label=(self.words()) {
                @for (at, row) in rows.iter().enumerate() {
                    g transform={ "translate(0 " (row.y) ")" } { (self.row(row, at == 0, width, &entries)) }
                }
            }
        }
    }

    /// Rows of about the same length.
    fn rows(&self) -> Vec<Row<'_>> {
        let all = steps(self.is);
        let count = all.len().div_ceil(ROW_MAX).max(1);
        let each = all.len().div_ceil(count).max(1);
        let mut rows = Vec::new();
        let mut y = 0;
        for (at, part) in all.chunks(each).enumerate() {
            let undoable = part.iter().rposition(|step| step.kind == Kind::Undoable);
            let undoable = undoable.filter(|_| self.takes_back()).map_or(0, |at| at + 1);
            let pivot = part.iter().any(|step| step.kind == Kind::Pivot);
            let height = if undoable > 0 || pivot { BOTH } else { ONE };
            let last = (at + 1) * each >= all.len();
            rows.push(Row { steps: part.to_vec(), undoable, y, height, last });
            y += height;
        }
        rows
    }

    /// Whether an undo is to be spoken of: it runs, or may still come.
    fn takes_back(&self) -> bool {
        match self.is.phase {
            Phase::Absent | Phase::Forward => self.is.can_be_undone(),
            Phase::Undoing | Phase::Undone => true,
            Phase::Done => false,
        }
    }

    /// The finding, for those who do not see it.
    pub(crate) fn words(&self) -> String {
        let all = steps(self.is);
        let said = |step: &StepAt<'_>| {
            let undo = matches!(self.is.phase, Phase::Undoing | Phase::Undone)
                .then(|| look::undo(self.is, self.plan, step))
                .flatten();
            let undo = undo.map_or_else(String::new, |look| format!(", its undo: {}", look.word));
            format!("{} {}{undo}", step.id, look::forward(self.is, self.plan, step).word)
        };
        let begun = all.iter().filter(|step| step.is.is_some());
        let begun: Vec<String> = begun.map(said).collect();
        let rest = all.len() - begun.len();
        format!("Plan: {}; {} not reached", begun.join("; "), format::count(rest as u64, "step"))
    }

    fn row(&self, row: &Row<'_>, first: bool, width: usize, entries: &[Entry]) -> Markup {
        let low = row.height == BOTH;
        html! {
            rect.lane x="0" y="2" width=(width) height="106" rx="8" {}
            text.q x="12" y="18" { "forward" }
            @if row.undoable > 0 {
                rect.lane x="0" y="140" width=(LEFT + row.undoable * STEP - 8) height="106" rx="8" {}
                text.q x="12" y="156" { "undo" }
            }
            (self.left(row, first))
            @for (at, step) in row.steps.iter().enumerate() {
                @let x = LEFT + at * STEP;
                (self.wire(row, at, x))
                @if step.kind == Kind::Pivot { (self.gate(step, x, low)) }
                @else {
                    (self.forward(step, x))
                    @if at < row.undoable { (self.undo(row, at, x, entries)) }
                    @else { (stands(entries, step.id, x)) }
                }
            }
        }
    }

    /// What stands at the left: what began it, and where its undo leads.
    fn left(&self, row: &Row<'_>, first: bool) -> Markup {
        let reached = row.steps.first().is_some_and(|step| step.is.is_some());
        let undone = self.is.phase == Phase::Undone;
        html! {
            @if first {
                text.q2 x="12" y="52" { "started" }
                text.q x="12" y="68" { (format::words(self.now, self.is.started_at)) }
            } @else { text.q2 x="12" y="60" { "goes on" } }
            path.wire.ghost[!reached] d={ "M76 55H" (LEFT - 8) } {}
            path.tip d={ "M" (LEFT - 2) " 55l-7 -3.500v7z" } {}
            @if row.undoable > 0 {
                text.q2 x="12" y="194" { @if first { "undone" } @else { "goes on" } }
                path.wire.ghost[!undone] d={ "M" (LEFT) " 193H83" } {}
                path.tip d="M76 193l7 -3.500v7z" {}
            }
        }
    }

    /// The wire to the next column, or out of the row.
    fn wire(&self, row: &Row<'_>, at: usize, x: usize) -> Markup {
        let from = x + if row.steps[at].kind == Kind::Pivot { 77 } else { NODE };
        let next = row.steps.get(at + 1);
        let to_pivot = next.is_some_and(|next| next.kind == Kind::Pivot);
        let to = match next {
            None if row.last => return html! {},
            None => x + STEP - 6,
            Some(_) => x + STEP + if to_pivot { 55 } else { 0 },
        };
        let reached = next.is_some_and(|next| next.is.is_some());
        html! {
            path.wire.ghost[!reached] d={ "M" (from) " 55H" (to - 7) } {}
            @if !to_pivot { path.tip d={ "M" (to - 2) " 55l-7 -3.500v7z" } {} }
        }
    }

    fn forward(&self, step: &StepAt<'_>, x: usize) -> Markup {
        let look = look::forward(self.is, self.plan, step);
        let at = self.at(step, Direction::Forward);
        let what = step.is.map_or_else(String::new, |known| format!(": {}", known.what));
        let title = format!("{}{what}. {}", step.id, look.word);
        node(&Node {
            x,
            y: 26,
            name: step.id,
            title: &title,
            look: &look,
            at: &at,
            on: self.on(step, Direction::Forward),
        })
    }

    /// Time at the right of a node: until its next try, else how long it took. The script counts the
    /// first one down.
    fn at(&self, step: &StepAt<'_>, direction: Direction) -> (String, Option<i64>) {
        let next = look::next_try(self.is, step.id, direction).filter(|_| self.is.is_running());
        if let Some(at) = next {
            return (clock(self.now, at), Some(at.as_millis()));
        }
        let took = self.history.took_ms(step.id, direction);
        (took.filter(|_| step.is.is_some()).map_or_else(String::new, format::span), None)
    }

    /// Whether this is where it is.
    fn on(&self, step: &StepAt<'_>, direction: Direction) -> bool {
        let undoing = self.is.phase == Phase::Undoing;
        let parked = self.is.parks.contains_key(step.id);
        let here = undoing == (direction == Direction::Undo);
        let way = step.is.map(|known| known.way(direction).status);
        let busy = [
            Status::InFlight,
            Status::Waiting,
            Status::Probing,
            Status::ProbeWaiting,
            Status::Failed,
        ];
        let busy = way.is_some_and(|way| busy.contains(&way));
        let refused = way == Some(Status::Refused) && direction == Direction::Forward;
        refused || (self.is.is_running() && here && (busy || parked))
    }

    fn undo(&self, row: &Row<'_>, at: usize, x: usize, entries: &[Entry]) -> Markup {
        let step = &row.steps[at];
        let Some(look) = look::undo(self.is, self.plan, step) else {
            return html! { path.wire.ghost d={ "M" (x + STEP) " 193H" (x - 7 ) } {} };
        };
        let what = self.takes(step.id);
        let what = what.as_deref().unwrap_or("take it back");
        let title = format!("undo of {}: {what}. {}", step.id, look.word);
        let name = if what.chars().count() <= NAME_CHARS { what } else { step.id };
        let time = self.at(step, Direction::Undo);
        let on = self.on(step, Direction::Undo);
        let done = look.class == "is-undo";
        let from_right = at + 1 < row.undoable || !row.last && at + 1 == row.steps.len();
        html! {
            (between(self, entries, step, x))
            (node(&Node { x, y: 164, name, title: &title, look: &look, at: &time, on }))
            @if from_right {
                g.is-undo[done] {
                    path class=(if done { "cw" } else { "wire ghost" }) d={ "M" (x + STEP) " 193H" (x + NODE + 7) } {}
                    path.tip.c[done] d={ "M" (x + NODE + 2) " 193l7 -3.500v7z" } {}
                }
            }
        }
    }

    /// What its undo asks: as it was asked, else as it would be.
    fn takes(&self, step: &str) -> Option<String> {
        if let Some(asked) = self.history.undo_asked.get(step) {
            return Some(asked.what.clone());
        }
        self.is.steps.get(step)?;
        let asks = self.plan?.asks(self.is, step, Direction::Undo).ok()??;
        Some(asks.what)
    }

    /// The pivot: a gate, with what it means below.
    fn gate(&self, step: &StepAt<'_>, x: usize, low: bool) -> Markup {
        let look = look::forward(self.is, self.plan, step);
        let passed = step.is.is_some_and(|known| known.forward.status == Status::Done);
        let mid = x + 66;
        let text = mid + 14;
        html! {
            g class=(look.class) {
                path.wire d={ "M" (mid - 3) " 2V" (if low { 246 } else { 108 }) "M" (mid + 3) " 2V" (if low { 246 } else { 108 }) } {}
                path.paper d={ "M" (mid) " 44l11 11-11 11-11-11z" } {}
                path.cw d={ "M" (mid) " 44l11 11-11 11-11-11z" } {}
                @if step.is.is_some() { (symbol(look.icon, mid - 6, 49, 12)) }
                text.q2.b x=(text) y="150" { "pivot: " (short(step.id)) }
                text.sc x=(text) y="167" { (look.word) " " (self.at(step, Direction::Forward).0) }
                @if passed {
                    text.q x=(text) y="184" { "From here on" }
                    text.q x=(text) y="199" { "nothing is undone." }
                } @else {
                    text.q x=(text) y="184" { "Right of this gate" }
                    text.q x=(text) y="199" { "a step is retried until" }
                    text.q x=(text) y="214" { "done, never undone." }
                }
            }
        }
    }
}

/// What stands of a step, between its two nodes.
fn between(map: &Map<'_>, entries: &[Entry], step: &StepAt<'_>, x: usize) -> Markup {
    let mid = x + NODE / 2;
    let entry = entries.iter().find(|entry| entry.step == step.id);
    let fenced = map.history.fenced.get(step.id);
    let back = map.is.phase == Phase::Undoing && entry.is_some();
    let words = entry.map(|entry| (look::standing(entry.standing), said(entry)));
    html! {
        path.wire.ghost[!back] d={ "M" (mid) " 88V160" } {}
        @if let Some((look, words)) = words {
            (label(&look, &words, mid))
        } @else if fenced.is_some() {
            (label(&Look { class: "is-idle", icon: "fence", word: String::new() }, "fenced", mid))
        }
    }
}

/// What stands of a step that is not undone.
fn stands(entries: &[Entry], step: &str, x: usize) -> Markup {
    let entry = entries.iter().find(|entry| entry.step == step);
    let entry = entry.filter(|entry| risk::stands(entry.standing) != Some(false));
    html! {
        @if let Some(entry) = entry {
            (label(&look::standing(entry.standing), &said(entry), x + NODE / 2))
        }
    }
}

/// `€4.90 stands`.
fn said(entry: &Entry) -> String {
    let word = match entry.standing {
        Standing::UndoneUnconfirmed => "unconfirmed".to_owned(),
        Standing::Skipped(_) => "on their word".to_owned(),
        other => look::standing(other).word,
    };
    match risk::amount(entry) {
        Some(amount) => format!("{amount} {word}"),
        None => word,
    }
}

fn label(look: &Look, words: &str, mid: usize) -> Markup {
    // 6.4 pixels a character at this size, an icon before it.
    let width = words.chars().count() * 64 / 10 + 30;
    let left = mid.saturating_sub(width / 2);
    html! {
        g class=(look.class) {
            rect.paper x=(left) y="114" width=(width) height="20" {}
            (symbol(look.icon, left + 6, 117, 14))
            text.sc x=(left + 24) y="128" { (words) }
        }
    }
}

struct Node<'a> {
    x: usize,
    y: usize,
    name: &'a str,
    title: &'a str,
    look: &'a Look,
    at: &'a (String, Option<i64>),
    on: bool,
}

fn node(node: &Node<'_>) -> Markup {
    let Node { x, y, name, title, look, at, on } = *node;
    let ghost = look.icon == "ghost" || look.icon == "fence";
    html! {
        g class=(look.class) {
            title { (title) }
            rect.node.on[on].ghost[ghost && !on] x=(x) y=(y) width=(NODE) height="58" rx="8" {}
            text.m x=(x + 10) y=(y + 23) { (short(name)) }
            (symbol(look.icon, x + 9, y + 34, 14))
            text.sc x=(x + 27) y=(y + 45) { (look.word) }
            text.q x=(x + NODE - 9) y=(y + 45) text-anchor="end" data-until=[at.1] { (at.0) }
        }
    }
}

fn symbol(name: &str, x: usize, y: usize, size: usize) -> Markup {
    html! {
        g.ico { use href={ (assets::url("icons.svg")) "#i-" (name) } x=(x) y=(y) width=(size) height=(size) {} }
    }
}

/// A name that fits into a node.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS {
        return name.to_owned();
    }
    let head: String = name.chars().take(NAME_CHARS - 1).collect();
    format!("{head}…")
}

/// `00:41`, or `5 h 03 m` when it is long.
pub(crate) fn clock(now: Timestamp, at: Timestamp) -> String {
    let ms = u64::try_from(at.ms_since(now)).unwrap_or(0);
    let s = ms.div_ceil(1_000);
    if s < 3_600 { format!("{:02}:{:02}", s / 60, s % 60) } else { format::span(ms) }
}
