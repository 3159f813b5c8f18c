//! What comes twice, late, or from before a takeover: it changes nothing a second time. Not the runs of
//! the lab, which try the same in all orders.

use domain::EventId;
use domain::saga::{Fault, Late, Outcome, Refusal};
use orchestrator::{
    Attempt, Cause, Direction, Event, Input, Instance, LateWord, Phase, Purpose, Status, Verb,
};
use testkit::{at, id};

use crate::decisions::{In, after, begun, done, lost, operate};

const WITHDRAWN: EventId = EventId(id(2));
const EDITED: EventId = EventId(id(3));

fn cancel() -> In {
    Input::Cancel { event: WITHDRAWN, why: "the post was withdrawn" }
}

fn late(late: Late) -> In {
    Input::Late { event: EDITED, late }
}

fn held(is: Instance) -> Instance {
    let hold = operate(Verb::Hold, "", &is);
    after(is, hold, at(1)).0
}

fn words(events: &[Event]) -> Vec<LateWord> {
    let late = events.iter().filter_map(|event| match event {
        Event::LateEvent { policy, .. } => Some(*policy),
        _ => None,
    });
    late.collect()
}

/// The attempt of a step, answered.
fn answer(step: &str, direction: Direction, number: u32, refused: bool) -> In {
    let attempt = Attempt { step: step.to_owned(), direction, number };
    let no = Outcome::Refused(Refusal::new("no", "no"));
    Input::Answer { attempt, outcome: if refused { no } else { Outcome::Done(None) } }
}

#[test]
fn a_cancel_that_comes_twice_undoes_once() {
    let (is, events) = after(begun(), cancel(), at(1));
    assert!(events.iter().any(
        |event| matches!(event, Event::UndoStarted { event: Some(event), .. } if *event == WITHDRAWN)
    ));
    let (_, again) = after(is, cancel(), at(2));
    assert_eq!(again, []);
}

#[test]
fn an_event_that_is_ignored_is_recorded_once() {
    let edit = || late(Late::Ignore("what is published is what was due"));
    let (is, events) = after(begun(), edit(), at(1));
    assert_eq!(words(&events), [LateWord::Ignored]);
    assert_eq!(after(is, edit(), at(2)).1, []);
}

#[test]
fn a_cancel_of_a_saga_that_is_over_is_recorded_once_and_changes_nothing() {
    let (is, _) = after(begun(), answer("hold-quota", Direction::Forward, 1, true), at(1));
    assert_eq!(is.phase, Phase::Undone);
    let (is, events) = after(is, cancel(), at(2));
    assert_eq!(words(&events), [LateWord::Ignored]);
    let (is, again) = after(is, cancel(), at(3));
    assert_eq!((again, is.phase), (vec![], Phase::Undone));
}

#[test]
fn what_a_saga_has_met_is_bounded() {
    let mut is = begun();
    for n in 10..400 {
        let ignored = Input::Late { event: EventId(id(n)), late: Late::Ignore("noise") };
        is = after(is, ignored, at(1)).0;
    }
    assert!(is.has_met(EventId(id(399))));
    assert!(!is.has_met(EventId(id(10))), "the oldest are forgotten");
}

#[test]
fn a_takeover_told_twice_makes_an_attempt_unknown_once() {
    let (is, first) = after(begun(), Input::Recovered, at(1));
    assert!(matches!(&first[0], Event::StepUnknown { .. }), "{first:?}");
    assert_eq!(after(is, Input::Recovered, at(2)).1, []);
}

#[test]
fn an_answer_from_before_a_takeover_settles_its_step_when_it_was_done() {
    let (is, _) = after(begun(), Input::Recovered, at(1));
    let (done, events) = after(is.clone(), done("hold-quota"), at(2));
    assert!(matches!(&events[0], Event::StepDone { attempt: 1, .. }), "{events:?}");
    assert_eq!(done.steps["hold-quota"].forward.status, Status::Done);
    let again = after(done, answer("hold-quota", Direction::Forward, 1, false), at(3)).1;
    assert!(matches!(&again[..], [Event::AnswerIgnored { .. }]), "{again:?}");
    // A no to an attempt that is given up proves nothing about those behind it.
    let (is, events) = after(is, answer("hold-quota", Direction::Forward, 1, true), at(2));
    assert!(matches!(&events[..], [Event::AnswerIgnored { .. }]), "{events:?}");
    assert_eq!(is.phase, Phase::Forward);
}

#[test]
fn a_no_to_an_older_attempt_is_no_answer_of_the_one_under_way() {
    let (is, _) = after(begun(), Input::Recovered, at(1));
    let retry = is.timers.iter().find(|(_, timer)| timer.purpose == Purpose::Retry);
    let (timer, due) = retry.map(|(number, timer)| (*number, timer.at)).expect("it is asked again");
    let (is, _) = after(is, Input::Timer(timer), due);
    let (is, events) = after(is, answer("hold-quota", Direction::Forward, 1, true), due);
    assert!(matches!(&events[..], [Event::AnswerIgnored { .. }]), "{events:?}");
    assert_eq!(is.steps["hold-quota"].forward.status, Status::InFlight);
}

#[test]
fn an_answer_behind_the_fence_is_kept_and_changes_nothing() {
    let is = begun();
    let (is, _) = after(is.clone(), lost(&is, "hold-quota"), at(10));
    let (is, _) = after(is.clone(), operate(Verb::Undo, "", &is), at(20));
    for refused in [false, true] {
        let late = answer("hold-quota", Direction::Forward, 1, refused);
        let (after, events) = after(is.clone(), late, at(30));
        assert!(matches!(&events[..], [Event::AnswerIgnored { .. }]), "{events:?}");
        assert_eq!(after.steps["hold-quota"].forward, is.steps["hold-quota"].forward);
    }
}

#[test]
fn a_takeover_that_comes_late_costs_an_attempt_and_no_more() {
    let (is, _) = after(begun(), Input::Recovered, at(1));
    let retry = is.timers.iter().find(|(_, timer)| timer.purpose == Purpose::Retry);
    let (timer, due) = retry.map(|(number, timer)| (*number, timer.at)).expect("it is asked again");
    let (is, _) = after(is, Input::Timer(timer), due);
    // Told to the same owner once more, while its second attempt is under way.
    let (is, events) = after(is, Input::Recovered, due);
    assert!(matches!(&events[0], Event::StepUnknown { attempt: 2, .. }), "{events:?}");
    let (is, _) = after(is, answer("hold-quota", Direction::Forward, 2, false), due);
    assert_eq!(is.steps["hold-quota"].forward.status, Status::Done);
}

#[test]
fn a_timer_fires_once() {
    let (is, _) = after(begun(), Input::Recovered, at(1));
    let retry = is.timers.iter().find(|(_, timer)| timer.purpose == Purpose::Retry);
    let (timer, due) = retry.map(|(number, timer)| (*number, timer.at)).expect("it is asked again");
    let (is, events) = after(is, Input::Timer(timer), due);
    assert!(matches!(events[..], [Event::TimerFired { .. }, Event::StepScheduled { .. }]));
    let (_, again) = after(is, Input::Timer(timer), due);
    assert!(matches!(&again[..], [Event::TimerIgnored { .. }]), "{again:?}");
}

#[test]
fn what_is_held_holds_a_cancel_and_takes_it_when_it_is_released() {
    let is = held(begun());
    let (is, events) = after(is, cancel(), at(2));
    assert_eq!(words(&events), [LateWord::Buffered]);
    assert_eq!((is.phase, is.mailbox.len()), (Phase::Forward, 1));
    assert_eq!(after(is.clone(), cancel(), at(3)).1, [], "it is held once");
    let release = operate(Verb::Release, "", &is);
    let (is, events) = after(is, release, at(4));
    assert_eq!(words(&events), [LateWord::Taken]);
    assert_eq!((is.phase, is.mailbox.len()), (Phase::Undoing, 0));
    assert!(matches!(events.last(), Some(Event::StepScheduled { direction: Direction::Undo, .. })));
}

#[test]
fn a_cancel_is_an_answer_to_a_step_in_doubt() {
    let (is, _) = in_doubt();
    let (is, events) = after(is, cancel(), at(900_000));
    assert_eq!(words(&events), []);
    assert_eq!(is.phase, Phase::Undoing);
    assert!(!is.is_parked());
}

/// The charge is in doubt, and a human is waited for.
pub(crate) fn in_doubt() -> (Instance, domain::Timestamp) {
    let mut is = begun();
    let mut now = at(0);
    for step in ["hold-quota", "check-account"] {
        is = after(is, done(step), now).0;
    }
    let unknown = lost(&is, "charge-boost");
    is = after(is, unknown, now).0;
    while !is.is_parked() {
        let probe = is.timers.iter().find(|(_, timer)| timer.purpose == Purpose::Probe);
        let (timer, due) = probe.map(|(number, timer)| (*number, timer.at)).expect("it is asked");
        now = due.max(now);
        is = after(is, Input::Timer(timer), now).0;
        let (step, probe) = ("charge-boost".to_owned(), domain::saga::Probe::CannotTell);
        is = after(is, Input::Probed { step, behind_undo: false, probe }, now).0;
    }
    assert_eq!(is.parks["charge-boost"].cause, Cause::InDoubt);
    (is, now)
}

#[test]
fn what_is_parked_hears_of_what_it_held_in_order_when_it_goes_on() {
    let (is, now) = in_doubt();
    let buffer = |n| Input::Late { event: EventId(id(n)), late: Late::Buffer { ttl_ms: 60_000 } };
    let (is, _) = after(is, buffer(20), now);
    let (is, _) = after(is, buffer(21), now);
    assert_eq!(is.mailbox.len(), 2);
    let retry = operate(Verb::Retry, "charge-boost", &is);
    let (is, events) = after(is, retry, now.plus_ms(1));
    let taken: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::LateEvent { event, policy: LateWord::Taken, .. } => Some(*event),
            _ => None,
        })
        .collect();
    assert_eq!(taken, [EventId(id(20)), EventId(id(21))]);
    assert!(is.mailbox.is_empty());
    assert!(is.timers.values().all(|timer| timer.purpose != Purpose::Held), "nothing waits");
}

#[test]
fn what_is_held_too_long_is_dropped_with_a_record() {
    let (is, now) = in_doubt();
    let (is, _) = after(is, late(Late::Buffer { ttl_ms: 60_000 }), now);
    let timer = is.timers.iter().find(|(_, timer)| timer.purpose == Purpose::Held);
    let (timer, due) = timer.map(|(number, timer)| (*number, timer.at)).expect("it has a time");
    assert_eq!(due, now.plus_ms(60_000));
    let (is, events) = after(is, Input::Timer(timer), due);
    assert_eq!(words(&events), [LateWord::Dropped]);
    assert!(is.mailbox.is_empty() && is.is_parked());
    assert_eq!(after(is, late(Late::Buffer { ttl_ms: 60_000 }), due).1, [], "it has been met");
}

#[test]
fn a_mailbox_is_bounded_and_what_is_more_is_shown_to_a_human() {
    let (mut is, now) = in_doubt();
    let mut last = Vec::new();
    for n in 0..=orchestrator::MAILBOX_MAX as u64 {
        let event = EventId(id(100 + n));
        let input = Input::Late { event, late: Late::Buffer { ttl_ms: 60_000 } };
        (is, last) = after(is, input, now);
    }
    assert_eq!(words(&last), [LateWord::DeadLetter]);
    assert_eq!(is.mailbox.len(), orchestrator::MAILBOX_MAX);
}

#[test]
fn an_answer_is_no_event_from_outside_and_is_never_held() {
    let is = held(begun());
    let attempt = Attempt { step: "hold-quota".into(), direction: Direction::Forward, number: 1 };
    let outcome = Outcome::Transient(Fault::new("busy"));
    let (is, events) = after(is, Input::Answer { attempt, outcome }, at(2));
    assert!(matches!(&events[0], Event::StepDelayed { .. }), "{events:?}");
    assert!(is.mailbox.is_empty());
}
