//! Progress dots: one for each step, and the same in words. Not the map, which has room for names.

use domain::saga::Kind;
use maud::{Markup, html};
use orchestrator::{Cause, Instance, Status};

use super::{StepAt, state, steps};

/// Pixels from dot to dot.
const GAP: usize = 14;
/// Most dots; more end in an ellipsis.
const DOTS_MAX: usize = 24;

/// The mark of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dot {
    /// Not reached, or it did not happen.
    Hollow,
    /// It stands.
    Full,
    /// It is being asked, or waits.
    Now(&'static str),
    /// Taken back.
    Undone,
    /// Refused.
    Refused,
    /// In doubt.
    Doubt,
    /// Its undo failed.
    Failed,
    /// Parked.
    Parked,
}

fn dot(is: &Instance, step: &StepAt<'_>) -> Dot {
    let Some(known) = step.is else { return Dot::Hollow };
    match is.parks.get(step.id).map(|park| park.cause) {
        Some(Cause::InDoubt) => return Dot::Doubt,
        Some(Cause::UndoFailed) => return Dot::Failed,
        Some(_) => return Dot::Parked,
        None => {}
    }
    match known.undo.status {
        Status::Done => return Dot::Undone,
        Status::InFlight | Status::Waiting => return Dot::Now("is-undo"),
        _ => {}
    }
    match known.forward.status {
        Status::Done => Dot::Full,
        Status::Refused => Dot::Refused,
        Status::InFlight => Dot::Now("is-run"),
        Status::Waiting => Dot::Now("is-park"),
        Status::Probing | Status::ProbeWaiting | Status::Failed => Dot::Doubt,
        Status::Ready if known.doubt => Dot::Doubt,
        Status::Ready => Dot::Hollow,
    }
}

/// How many steps stand, of how many.
pub(crate) fn counted(is: &Instance) -> (usize, usize) {
    let all = steps(is);
    (all.iter().filter(|step| dot(is, step) == Dot::Full).count(), all.len())
}

/// The dots.
pub(crate) fn draw(is: &Instance) -> Markup {
    let all = steps(is);
    let (stand, of) = counted(is);
    let shown = all.len().min(DOTS_MAX);
    let width = GAP * shown + if all.len() > shown { 16 } else { 0 };
    let words = format!("{stand} of {of} steps stand; {}", state(is).look().word);
    html! {
        svg.dots viewBox={ "0 0 " (width) " 14" } width=(width) height="14" role="img" aria-label=(words) {
            @for (at, step) in all.iter().take(shown).enumerate() {
                @let x = 6 + GAP * at;
                @if step.kind == Kind::Pivot { (gate(x)) }
                (mark(dot(is, step), x, step.kind == Kind::Pivot))
            }
            @if all.len() > shown { text.q x=(width - 14) y="11" { "…" } }
        }
    }
}

/// The point of no return: a double bar, with its mark between when it was begun.
fn gate(x: usize) -> Markup {
    html! { path.gate d={ "M" (x - 5) " 1v12M" (x + 5) " 1v12" } {} }
}

fn mark(dot: Dot, x: usize, pivot: bool) -> Markup {
    let r = if pivot { "2.5" } else { "4" };
    html! {
        @match dot {
            Dot::Hollow if pivot => {},
            Dot::Hollow => circle.d0 cx=(x) cy="7" r="3.5" {},
            Dot::Full => circle.d1 cx=(x) cy="7" r=(r) {},
            Dot::Now(class) => g class=(class) {
                circle.dc cx=(x) cy="7" r=(if pivot { "3.5" } else { "5" }) {}
                circle.df cx=(x) cy="7" r="2" {}
            },
            Dot::Undone => g.is-undo {
                circle.dc cx=(x) cy="7" r="4" {}
                path.dc d={ "M" (x + 2) " 7h-4" } {}
            },
            Dot::Refused => g.is-bad {
                circle.dc cx=(x) cy="7" r=(r) {}
                path.dc d={ "M" (x - 3) " 4l6 6" } {}
            },
            Dot::Doubt => g.is-doubt { path.df d={ "M" (x) " 1l6 6-6 6-6-6z" } {} },
            Dot::Failed => g.is-bad { path.df d={ "M" (x) " 1l6 11.5h-12z" } {} },
            Dot::Parked => g.is-park { rect.df x=(x - 5) y="2" width="10" height="10" rx="2.5" {} },
        }
    }
}
