//! Deadlines, pauses and the beginning: which clock runs, which stands still. Not the runs of the lab.

use domain::saga::{Fault, Outcome};
use domain::{EventId, Timestamp};
use orchestrator::{Attempt, Cause, Direction, Event, Input, Instance, Phase, Purpose, Verb, why};
use testkit::{at, id};

use crate::decisions::{In, after, begun, done, operate, trigger_at};
use crate::repeats::in_doubt;

const HOUR_MS: i64 = 3_600_000;

fn timer(is: &Instance, purpose: Purpose) -> Option<(u32, Timestamp)> {
    let mut timers = is.timers.iter().filter(|(_, timer)| timer.purpose == purpose);
    timers.next().map(|(number, timer)| (*number, timer.at))
}

/// Up to the first platform, whose step has half an hour.
fn publishing() -> Instance {
    let steps = ["hold-quota", "check-account", "charge-boost"];
    steps.iter().fold(begun(), |is, step| after(is, done(step), at(0)).0)
}

#[test]
fn the_deadline_of_a_step_stands_still_while_the_saga_is_parked() {
    let is = publishing();
    let (number, due) = timer(&is, Purpose::StepDeadline).expect("it has half an hour");
    assert_eq!(due, at(HOUR_MS / 2));
    let hold = operate(Verb::Hold, "", &is);
    let (is, _) = after(is, hold, at(60_000));
    let (is, events) = after(is, Input::Timer(number), due);
    let frozen = "it is frozen while the saga is parked";
    assert!(matches!(&events[..], [Event::TimerIgnored { why, .. }] if why == frozen));
    let release = operate(Verb::Release, "", &is);
    let (is, _) = after(is, release, at(10 * HOUR_MS));
    let left = at(10 * HOUR_MS).plus_ms(HOUR_MS / 2 - 60_000);
    assert_eq!(timer(&is, Purpose::StepDeadline), Some((number, left)), "what was left is left");
    let (is, _) = after(is, Input::Timer(number), left);
    assert_eq!(is.parks["publish/mastodon"].cause, Cause::DeadlinePassed);
}

#[test]
fn the_deadline_of_the_saga_runs_on_while_it_waits_for_a_human() {
    let (is, now) = in_doubt();
    let (number, due) = timer(&is, Purpose::SagaDeadline).expect("it has a day");
    assert_eq!(due, at(24 * HOUR_MS));
    assert!(now < due);
    let (is, events) = after(is, Input::Timer(number), due);
    // In doubt before the pivot: it is taken back behind a fence, as if it had been done.
    assert_eq!((is.phase, is.is_parked()), (Phase::Undoing, false));
    let fence = events
        .iter()
        .any(|event| matches!(event, Event::UndoFenced { step, .. } if step == "charge-boost"));
    assert!(fence, "{events:?}");
    assert!(why(&is, due).starts_with("Undoing: its time is over."), "{}", why(&is, due));
}

#[test]
fn what_an_operator_holds_is_undone_at_its_deadline_when_he_lets_go() {
    let is = begun();
    let hold = operate(Verb::Hold, "", &is);
    let (is, _) = after(is, hold, at(1));
    let (number, due) = timer(&is, Purpose::SagaDeadline).expect("it has a day");
    let (is, events) = after(is, Input::Timer(number), due);
    assert_eq!(is.phase, Phase::Undoing);
    let asked = events.iter().any(|event| matches!(event, Event::StepScheduled { .. }));
    assert!(!asked && is.is_parked(), "nothing is asked while it is held: {events:?}");
    let release = operate(Verb::Release, "", &is);
    let (_, events) = after(is, release, due.plus_ms(1));
    assert!(matches!(events.last(), Some(Event::StepScheduled { direction: Direction::Undo, .. })));
}

#[test]
fn a_target_that_says_when_is_not_asked_before() {
    let asked = |retry_after_ms| {
        let attempt =
            Attempt { step: "hold-quota".into(), direction: Direction::Forward, number: 1 };
        let fault = Fault { detail: "429".to_owned(), retry_after_ms };
        let outcome = Outcome::Transient(fault);
        let (is, _) = after(begun(), Input::Answer { attempt, outcome }, at(0));
        timer(&is, Purpose::Retry).expect("it is asked again").1
    };
    assert!(asked(None) <= at(500));
    assert_eq!(asked(Some(90_000)), at(90_000));
    assert!(asked(Some(1)) >= at(250), "a shorter wish does not shorten the pause");
}

fn later() -> Instance {
    after(Instance::default(), trigger_at(Some(at(HOUR_MS))), at(0)).0
}

fn cancel() -> In {
    Input::Cancel { event: EventId(id(2)), why: "another plan has superseded it" }
}

#[test]
fn a_saga_that_begins_later_asks_nothing_until_then() {
    let is = later();
    assert_eq!(why(&is, at(0)), "Begins in 60:00.");
    assert!(is.steps.is_empty());
    let (_, deadline) = timer(&is, Purpose::SagaDeadline).expect("it has a day");
    assert_eq!(deadline, at(25 * HOUR_MS), "its day begins when it does");
    let (is, events) = after(is, Input::Recovered, at(1));
    assert_eq!((events, is.steps.len()), (vec![], 0), "a takeover does not begin it");
    let (number, due) = timer(&is, Purpose::Begin).expect("it begins");
    let (is, early) = after(is, Input::Timer(number), at(HOUR_MS - 1));
    assert!(matches!(&early[..], [Event::TimerIgnored { .. }]), "{early:?}");
    let (is, events) = after(is, Input::Timer(number), due);
    assert!(matches!(events.last(), Some(Event::StepScheduled { .. })));
    assert_eq!(is.steps.len(), 1);
}

#[test]
fn what_is_superseded_before_it_begins_ends_at_once_and_was_never_asked_for() {
    let (is, events) = after(later(), cancel(), at(60_000));
    assert!(matches!(&events[..], [Event::UndoStarted { .. }, Event::Ended { .. }]), "{events:?}");
    assert_eq!((is.phase, is.timers.len()), (Phase::Undone, 0));
    assert_eq!(why(&is, at(60_000)), "Undone: another plan has superseded it.");
    // Its trigger and its timer come again: it is over.
    let (is, events) = after(is, trigger_at(Some(at(HOUR_MS))), at(60_001));
    assert_eq!((events, is.phase), (vec![], Phase::Undone));
    let (is, events) = after(is, Input::Timer(0), at(HOUR_MS));
    assert!(matches!(&events[..], [Event::TimerIgnored { .. }]), "{events:?}");
    assert_eq!(is.phase, Phase::Undone);
}

#[test]
fn what_is_held_begins_when_it_is_released() {
    let is = later();
    let hold = operate(Verb::Hold, "", &is);
    let (is, _) = after(is, hold, at(1));
    let (number, due) = timer(&is, Purpose::Begin).expect("it begins");
    let (is, events) = after(is, Input::Timer(number), due);
    assert!(matches!(&events[..], [Event::TimerFired { .. }]), "{events:?}");
    let release = operate(Verb::Release, "", &is);
    let (_, events) = after(is, release, due.plus_ms(1));
    assert!(matches!(events.last(), Some(Event::StepScheduled { .. })), "{events:?}");
}
