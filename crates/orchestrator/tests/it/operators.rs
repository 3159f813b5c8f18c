//! What an operator says of a step in doubt or parked, and what comes of it. Not who may.

use domain::saga::{Outcome, Refusal};
use orchestrator::{
    Attempt, Cause, Direction, Event, Input, Instance, NotTaken, Operation, Phase, Purpose,
    Standing, Status, Verb, decide, ledger,
};
use testkit::at;

use crate::decisions::{In, after, begun, done, operate};
use crate::publish::{Answer, Publish};
use crate::repeats::in_doubt;

fn resolve(is: &Instance, happened: bool, output: Option<Answer>) -> In {
    let Input::Operate(operation) = operate(Verb::Resolve, "charge-boost", is) else {
        unreachable!()
    };
    Input::Operate(Operation { happened, output, ..operation })
}

fn skip(is: &Instance, step: &str, output: Option<Answer>) -> In {
    let Input::Operate(operation) = operate(Verb::Skip, step, is) else { unreachable!() };
    Input::Operate(Operation { output, ..operation })
}

#[test]
fn a_step_in_doubt_that_happened_goes_on_with_its_output() {
    let (is, now) = in_doubt();
    let charged = Some(Answer::Charged("ch_9".into()));
    let resolve = resolve(&is, true, charged);
    let (is, events) = after(is, resolve, now);
    assert_eq!(is.steps["charge-boost"].forward.status, Status::Done);
    assert!(is.steps["charge-boost"].output.as_deref().unwrap_or("").contains("ch_9"));
    assert!(
        matches!(events.last(), Some(Event::StepScheduled { step, .. }) if step == "publish/mastodon")
    );
    assert_eq!(ledger(&is)[1].standing, Standing::Stands);
}

#[test]
fn a_step_in_doubt_that_did_not_happen_is_asked_again_under_its_key() {
    let (is, now) = in_doubt();
    let key = is.steps["charge-boost"].forward.key;
    let resolve = resolve(&is, false, None);
    let (is, events) = after(is, resolve, now);
    let Some(Event::StepScheduled { step, attempt: 2, .. }) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!((step.as_str(), is.steps["charge-boost"].forward.key), ("charge-boost", key));
}

#[test]
fn only_a_step_in_doubt_is_resolved_and_only_a_parked_one_is_skipped() {
    let is = begun();
    for verb in [Verb::Resolve, Verb::Skip] {
        let told = decide(
            &<Publish as domain::saga::Saga>::plan(),
            &is,
            operate(verb, "hold-quota", &is),
            at(1),
        );
        assert!(matches!(told, Err(NotTaken::NotNow { .. })), "{verb}: {told:?}");
    }
}

#[test]
fn a_step_that_is_skipped_counts_as_done_with_the_output_that_was_said() {
    let (is, now) = in_doubt();
    let skip = skip(&is, "charge-boost", Some(Answer::Charged("by hand".into())));
    let (is, events) = after(is, skip, now);
    assert!(
        matches!(events.last(), Some(Event::StepScheduled { step, .. }) if step == "publish/mastodon")
    );
    let entry = &ledger(&is)[1];
    assert_eq!(entry.standing, Standing::Skipped(Direction::Forward));
    assert!(entry.output.as_deref().unwrap_or("").contains("by hand"));
}

#[test]
fn an_undo_that_is_skipped_lets_what_was_done_before_it_be_undone() {
    let mut is = begun();
    for step in ["hold-quota", "check-account", "charge-boost"] {
        is = after(is, done(step), at(0)).0;
    }
    let no = |step: &str, direction| {
        let attempt = Attempt { step: step.to_owned(), direction, number: 1 };
        let refusal = Refusal::new("no", "no");
        In::Answer { attempt, outcome: Outcome::Refused(refusal) }
    };
    is = after(is, no("publish/mastodon", Direction::Forward), at(1)).0;
    is = after(is, no("charge-boost", Direction::Undo), at(2)).0;
    assert_eq!(is.parks["charge-boost"].cause, Cause::UndoFailed);
    let skip = skip(&is, "charge-boost", None);
    let (is, events) = after(is, skip, at(3));
    assert!(matches!(
        events.last(),
        Some(Event::StepScheduled { step, direction: Direction::Undo, .. }) if step == "hold-quota"
    ));
    let attempt = Attempt { step: "hold-quota".into(), direction: Direction::Undo, number: 1 };
    let (is, _) = after(is, Input::Answer { attempt, outcome: Outcome::Done(None) }, at(4));
    assert_eq!(is.phase, Phase::Undone);
    assert_eq!(ledger(&is)[1].standing, Standing::Skipped(Direction::Undo));
}

/// An aggregate keeps its refusal under the key: under the same one it would repeat it for ever.
#[test]
fn what_an_aggregate_refused_is_tried_again_under_a_new_key_and_what_a_port_refused_under_its_own()
{
    let mut is = begun();
    for step in ["hold-quota", "check-account", "charge-boost"] {
        is = after(is, done(step), at(0)).0;
    }
    let answer = |step: &str, direction, number, outcome| {
        let attempt = Attempt { step: step.to_owned(), direction, number };
        In::Answer { attempt, outcome }
    };
    let no = || Outcome::Refused(Refusal::new("no", "no"));
    is = after(is, answer("publish/mastodon", Direction::Forward, 1, no()), at(1)).0;
    let key = |is: &Instance, step: &str| is.steps[step].undo.key;
    let port = key(&is, "charge-boost");
    is = after(is, answer("charge-boost", Direction::Undo, 1, no()), at(2)).0;
    let retry = operate(Verb::Retry, "charge-boost", &is);
    is = after(is, retry, at(3)).0;
    assert_eq!(key(&is, "charge-boost"), port);
    is = after(is, answer("charge-boost", Direction::Undo, 2, Outcome::Done(None)), at(4)).0;
    let ours = key(&is, "hold-quota");
    is = after(is, answer("hold-quota", Direction::Undo, 1, no()), at(5)).0;
    assert_eq!(is.parks["hold-quota"].cause, Cause::UndoFailed);
    let retry = operate(Verb::Retry, "hold-quota", &is);
    is = after(is, retry, at(6)).0;
    assert!(ours.is_some() && key(&is, "hold-quota").is_some());
    assert_ne!(key(&is, "hold-quota"), ours);
    is = after(is, answer("hold-quota", Direction::Undo, 2, Outcome::Done(None)), at(7)).0;
    assert_eq!(is.phase, Phase::Undone);
}

#[test]
fn a_pause_is_cut_short_by_a_retry() {
    let (is, _) = after(begun(), Input::Recovered, at(1));
    assert!(is.timers.values().any(|timer| timer.purpose == Purpose::Retry));
    let retry = operate(Verb::Retry, "hold-quota", &is);
    let (is, events) = after(is, retry, at(2));
    assert!(matches!(events.last(), Some(Event::StepScheduled { attempt: 2, .. })), "{events:?}");
    assert!(is.timers.values().all(|timer| timer.purpose != Purpose::Retry));
}
