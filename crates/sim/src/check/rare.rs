//! Which rare states a saga went through, for the counters of a campaign. Not a check.

use std::collections::BTreeMap;

use orchestrator::{Direction, End, Event, Probed, Purpose};

use super::sagas::Told;
use crate::world::World;

/// Counts what a saga went through.
pub(super) fn rare(world: &World, told: &Told) {
    let mut timers = BTreeMap::new();
    let mut begun = true;
    for (at, _, event) in &told.events {
        let what = match event {
            Event::Ended { end: End::Done } => "saga done",
            Event::Ended { end: End::Undone } => "saga undone",
            Event::Parked { .. } => "saga parked",
            Event::Resumed { .. } => "saga resumed by an operator",
            Event::UndoStarted { .. } if !begun => "saga cancelled before it began",
            Event::StepScheduled { attempt: 2.., .. } => "step asked again",
            Event::StepUnknown { .. } => "step unknown",
            Event::ProbeAnswered { answer: Probed::Happened, .. } => "probe found the effect",
            Event::ProbeAnswered { answer: Probed::NotHappened, .. } => "probe found nothing",
            Event::AnswerIgnored { .. } => "late answer ignored",
            Event::StepRefused { direction: Direction::Undo, .. } => "undo refused",
            Event::TimerSet { timer, at, purpose, .. } => {
                timers.insert(*timer, *at);
                begun &= *purpose != Purpose::Begin;
                continue;
            }
            Event::TimerFired { timer } => {
                begun = true;
                match timers.get(timer) {
                    Some(due) if at.ms_since(*due) > 5_000 => "timer fired late",
                    _ => continue,
                }
            }
            _ => continue,
        };
        world.sometimes(what);
    }
}
