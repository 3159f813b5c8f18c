//! The plan map: the forward lane from left to right, the undo lane mirrored below, what stands
//! written between them, the pivot as a gate. Wraps into rows, so that a long plan is seen whole. The
//! table of steps beside it says the same in words.

use domain::Timestamp;
use domain::saga::Kind;
use maud::{Markup, html};
use orchestrator::{Direction, Entry, Instance, Phase, SagaType, Standing, Status, ledger};

use super::history::History;
use super::look::{self, Look};
use super::map_parts::{Node, clock, fits, label, symbol};
use super::{StepAt, risk, steps};
use crate::format;

/// Most steps in a row.
const ROW_MAX: usize = 7;
/// The figure, in pixels: as wide as the page of a desk.
const WIDTH: usize = 1_156;
/// Room for the label at the left of a row.
const LEFT: usize = 106;
/// Between two nodes at least, and a node at most.
const GAP: usize = 18;
const NODE_MAX: usize = 168;
/// Height of a row with both lanes, and of one with the forward lane only.
const BOTH: usize = 252;
const ONE: usize = 148;

/// What a map is drawn from.
pub(crate) struct Map<'a> {
    is: &'a Instance,
    plan: Option<&'a dyn SagaType>,
    history: &'a History,
    now: Timestamp,
    entries: Vec<Entry>,
    /// Pixels from node to node.
    step: usize,
    /// Pixels of a node.
    node: usize,
}

/// A row of the map.
struct Row<'a> {
    steps: Vec<StepAt<'a>>,
    /// Columns with an undo, from the left.
    undoable: usize,
    y: usize,
    height: usize,
    first: bool,
    last: bool,
    /// Whether the row below was reached.
    reached: bool,
}

impl<'a> Map<'a> {
    /// Of this saga.
    pub(crate) fn of(
        is: &'a Instance,
        plan: Option<&'a dyn SagaType>,
        history: &'a History,
        now: Timestamp,
    ) -> Self {
        let count = steps(is).len();
        let rows = count.div_ceil(ROW_MAX).max(1);
        let step = (WIDTH - LEFT) / count.div_ceil(rows).max(4);
        let node = (step - GAP).min(NODE_MAX);
        Self { is, plan, history, now, entries: ledger(is), step, node }
    }

    /// The figure.
    pub(crate) fn draw(&self) -> Markup {
        let rows = self.rows();
        let height: usize = rows.iter().map(|row| row.height).sum();
        html! {
            svg.fig.map viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height)
                role="img" aria-label=(self.words()) {
                @for row in &rows { g transform={ "translate(0 " (row.y) ")" } { (self.row(row)) } }
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
            let (first, last) = (at == 0, (at + 1) * each >= all.len());
            let reached = all.get((at + 1) * each).is_some_and(|step| step.is.is_some());
            rows.push(Row { steps: part.to_vec(), undoable, y, height, first, last, reached });
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
    fn words(&self) -> String {
        let all = steps(self.is);
        let undoing = matches!(self.is.phase, Phase::Undoing | Phase::Undone);
        let said = |step: &StepAt<'_>| {
            let undo = undoing.then(|| look::undo(self.is, self.plan, step)).flatten();
            let undo = undo.map_or_else(String::new, |look| format!(", its undo: {}", look.word));
            format!("{} {}{undo}", step.id, look::forward(self.is, self.plan, step).word)
        };
        let begun: Vec<String> = all.iter().filter(|step| step.is.is_some()).map(said).collect();
        let rest = format::count((all.len() - begun.len()) as u64, "step");
        format!("Plan: {}; {rest} not reached", begun.join("; "))
    }

    fn row(&self, row: &Row<'_>) -> Markup {
        html! {
            rect.lane x="0" y="2" width=(WIDTH) height="106" rx="8" {}
            text.q x="12" y="18" { "forward" }
            @if row.undoable > 0 {
                rect.lane x="0" y="140" width=(LEFT + row.undoable * self.step - 6) height="106" rx="8" {}
                text.q x="12" y="156" { "undo" }
            }
            (self.left(row))
            @for (at, step) in row.steps.iter().enumerate() {
                @let x = LEFT + at * self.step;
                (self.wire(row, at, x))
                @if step.kind == Kind::Pivot { (self.gate(step, x, row.height == BOTH)) }
                @else {
                    (self.forward(step, x))
                    @if at < row.undoable { (self.undo(row, at, x)) }
                    @else { (self.stands(step.id, x)) }
                }
            }
        }
    }

    /// What stands at the left: what began it, and where its undo leads.
    fn left(&self, row: &Row<'_>) -> Markup {
        let reached = row.steps.first().is_some_and(|step| step.is.is_some());
        let undone = self.is.phase == Phase::Undone;
        html! {
            @if row.first {
                text.q2 x="12" y="44" { "started" }
                text.q x="12" y="72" { (format::words(self.now, self.is.started_at)) }
            } @else { text.q2 x="12" y="60" { "goes on" } }
            path.wire.ghost[!reached] d={ "M72 55H" (LEFT - 8) } {}
            path.tip d={ "M" (LEFT - 2) " 55l-7 -3.500v7z" } {}
            @if row.undoable > 0 {
                text.q2 x="12" y="198" { @if row.first { "undone" } @else { "goes on" } }
                path.wire.ghost[!undone] d={ "M" (LEFT) " 193H81" } {}
                path.tip d="M74 193l7 -3.500v7z" {}
            }
        }
    }

    /// The wire to the next column, or out of the row.
    fn wire(&self, row: &Row<'_>, at: usize, x: usize) -> Markup {
        let half = self.node / 2;
        let from = x + if row.steps[at].kind == Kind::Pivot { half + 11 } else { self.node };
        let next = row.steps.get(at + 1);
        let to_pivot = next.is_some_and(|next| next.kind == Kind::Pivot);
        let to = match next {
            None if row.last => return html! {},
            None => WIDTH - 2,
            Some(_) => x + self.step + if to_pivot { half - 11 } else { 0 },
        };
        let reached = next.map_or(row.reached, |next| next.is.is_some());
        let tip = if to_pivot { to } else { to - 7 };
        html! {
            path.wire.ghost[!reached] d={ "M" (from) " 55H" (tip) } {}
            @if !to_pivot { path.tip d={ "M" (to - 2) " 55l-7 -3.500v7z" } {} }
        }
    }

    fn forward(&self, step: &StepAt<'_>, x: usize) -> Markup {
        let look = look::forward(self.is, self.plan, step);
        let what = step.is.map_or_else(String::new, |known| format!(": {}", known.what));
        let title = format!("{}{what}. {}", step.id, look.word);
        let time = self.time(step, Direction::Forward);
        let on = self.on(step, Direction::Forward);
        let (y, width, name) = (26, self.node, step.id);
        Node { x, y, width, name, title: &title, look: &look, time: &time, on }.draw()
    }

    /// Time at the right of a node: until its next try, else how long it took. The script counts the
    /// first one down.
    fn time(&self, step: &StepAt<'_>, direction: Direction) -> (String, Option<i64>) {
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
        let parked = self.is.parks.contains_key(step.id);
        let refused = way == Some(Status::Refused) && direction == Direction::Forward;
        refused || (self.is.is_running() && here && (busy || parked))
    }

    fn undo(&self, row: &Row<'_>, at: usize, x: usize) -> Markup {
        let step = &row.steps[at];
        let from = x + self.step;
        let Some(look) = look::undo(self.is, self.plan, step) else {
            return html! { path.wire.ghost d={ "M" (from) " 193H" (x - 7) } {} };
        };
        let asks = self.takes(step.id);
        let what = asks.as_deref().unwrap_or("take it back");
        let title = format!("undo of {}: {what}. {}", step.id, look.word);
        let nothing = look.icon == "fence";
        let name = if fits(what, self.node) && !nothing { what } else { step.id };
        let time = self.time(step, Direction::Undo);
        let on = self.on(step, Direction::Undo);
        let done = look.class == "is-undo";
        let (y, width) = (164, self.node);
        let more = at + 1 < row.undoable || (!row.last && at + 1 == row.steps.len());
        html! {
            (self.between(step, x))
            (Node { x, y, width, name, title: &title, look: &look, time: &time, on }.draw())
            @if more {
                g.is-undo[done] {
                    path class=(if done { "cw" } else { "wire ghost" }) d={ "M" (from.min(WIDTH)) " 193H" (x + width + 7) } {}
                    path.tip.c[done] d={ "M" (x + width + 2) " 193l7 -3.500v7z" } {}
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

    /// What stands of a step, between its two nodes.
    fn between(&self, step: &StepAt<'_>, x: usize) -> Markup {
        let mid = x + self.node / 2;
        let entry = self.entries.iter().find(|entry| entry.step == step.id);
        let back =
            self.is.phase == Phase::Undoing && step.is.is_some_and(|it| it.undo.attempts > 0);
        html! {
            path.wire.ghost[!back] d={ "M" (mid) " 88V160" } {}
            @if let Some(entry) = entry { (label(&look::standing(entry.standing), &said(entry), mid)) }
        }
    }

    /// What stands of a step that is not undone.
    fn stands(&self, step: &str, x: usize) -> Markup {
        let entry = self.entries.iter().find(|entry| entry.step == step);
        let entry = entry.filter(|entry| risk::stands(entry.standing) != Some(false));
        html! {
            @if let Some(entry) = entry {
                (label(&look::standing(entry.standing), &said(entry), x + self.node / 2))
            }
        }
    }

    /// The pivot: a gate, with what it means below.
    fn gate(&self, step: &StepAt<'_>, x: usize, low: bool) -> Markup {
        let look: Look = look::forward(self.is, self.plan, step);
        let passed = step.is.is_some_and(|known| known.forward.status == Status::Done);
        let (mid, end) = (x + self.node / 2, if low { 246 } else { 108 });
        let text = mid + 14;
        let means: &[&str] = if passed {
            &["From here on", "nothing is undone."]
        } else {
            &["Right of this gate", "a step is retried until", "done, never undone."]
        };
        html! {
            g class=(look.class) {
                path.wire d={ "M" (mid - 3) " 2V" (end) "M" (mid + 3) " 2V" (end) } {}
                path.paper d={ "M" (mid) " 44l11 11-11 11-11-11z" } {}
                path.cw d={ "M" (mid) " 44l11 11-11 11-11-11z" } {}
                @if step.is.is_some() { (symbol(look.icon, mid - 6, 49, 12)) }
                text.q2.b x=(text) y="150" { "pivot: " (step.id) }
                text.sc x=(text) y="167" { (look.word) " " (self.time(step, Direction::Forward).0) }
                @for (line, words) in means.iter().enumerate() {
                    text.q x=(text) y=(184 + 15 * line) { (words) }
                }
            }
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
    risk::amount(entry).map_or(word.clone(), |amount| format!("{amount} {word}"))
}
