//! One sentence: why a saga is where it is. Not a log: it says what it waits for now.

use domain::Timestamp;

use crate::instance::{Confirm, Instance, Phase, Status, StepState, Way};
use crate::words::{Direction, Purpose};

/// Why it is where it is.
pub fn why(is: &Instance, now: Timestamp) -> String {
    let begin = match is.phase {
        Phase::Absent => return "It has not been started.".to_owned(),
        Phase::Done => return "Done.".to_owned(),
        Phase::Undone => return format!("Undone: {}.", reason(is)),
        Phase::Forward => String::new(),
        Phase::Undoing => format!("Undoing: {}. ", reason(is)),
    };
    let parks = is.parks.iter().map(|(step, park)| {
        let of = if step.is_empty() { String::new() } else { format!(" at {step}") };
        let cause = park.cause.to_string().replace('_', " ");
        format!("Parked{of} ({cause}): {}.", park.detail)
    });
    if is.is_blocked() {
        return begin + &parks.collect::<Vec<_>>().join(" ");
    }
    let mut said: Vec<String> = parks.collect();
    let mut steps: Vec<_> = is.steps.iter().collect();
    steps.sort_by_key(|(_, step)| step.place);
    for (id, step) in steps {
        said.extend(step_says(is, id, step, now));
    }
    if is.waits_to_begin() && is.phase == Phase::Forward {
        said.push(format!("Begins{}.", until(is, "", &[Purpose::Begin], now)));
    }
    if said.is_empty() {
        said.push("It goes on at once.".to_owned());
    }
    begin + &said.join(" ")
}

fn reason(is: &Instance) -> &str {
    is.undo_why.as_deref().unwrap_or("taken back")
}

fn step_says(is: &Instance, id: &str, step: &StepState, now: Timestamp) -> Option<String> {
    let undoing = is.phase == Phase::Undoing;
    let direction = if undoing { Direction::Undo } else { Direction::Forward };
    let (way, name) = (step.way(direction), if undoing { "the undo of " } else { "" });
    if undoing && matches!(step.confirm, Confirm::Waiting | Confirm::Probing) {
        let left = until(is, id, &[Purpose::Confirm], now);
        return Some(format!("{id} is undone; whether anything arrived after it is asked{left}."));
    }
    let fault = |way: &Way| way.fault.clone().unwrap_or_default();
    Some(match way.status {
        Status::InFlight => {
            format!(
                "Waits for the answer of {} to {name}{id}, attempt {}.",
                step.target, way.attempts
            )
        }
        Status::Waiting => {
            let left = until(is, id, &[Purpose::Retry, Purpose::UndoRetry], now);
            format!(
                "Asks for {name}{id} again{left}, attempt {}: {}.",
                way.attempts + 1,
                fault(way)
            )
        }
        Status::Probing | Status::ProbeWaiting if !undoing => {
            let left = until(is, id, &[Purpose::Probe], now);
            format!("Asks {} whether {id} happened{left}: {}.", step.target, fault(way))
        }
        _ => return None,
    })
}

/// ` in 00:41`, when a timer is set for it.
fn until(is: &Instance, id: &str, purposes: &[Purpose], now: Timestamp) -> String {
    let mut timers = is.timers.values();
    let timer = timers.find(|timer| timer.step == id && purposes.contains(&timer.purpose));
    timer.map_or_else(String::new, |timer| {
        let seconds = (timer.at.ms_since(now).max(0) + 999) / 1_000;
        format!(" in {:02}:{:02}", seconds / 60, seconds % 60)
    })
}
