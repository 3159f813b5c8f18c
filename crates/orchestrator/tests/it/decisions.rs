//! Decisions one by one: operators, stale timers, late events, another plan. Not whole runs.

use domain::saga::{Fault, Late, Outcome, Plan, Saga, SagaId};
use domain::{ActorId, EventId, Timestamp};
use orchestrator::{
    Attempt, Cause, Direction, Event, Input, Instance, NotTaken, Operation, Phase, Standing, Verb,
    decide, ledger, why,
};
use testkit::{at, id};

use crate::publish::{Publish, Trigger, due};

pub(crate) type In = Input<Publish>;

pub(crate) fn after(mut is: Instance, input: In, now: Timestamp) -> (Instance, Vec<Event>) {
    let events = decide(&Publish::plan(), &is, input, now).expect("it is taken");
    for event in &events {
        is = is.evolve(now, event);
    }
    (is, events)
}

fn trigger() -> In {
    trigger_at(None)
}

/// The event that starts it, to begin at a time.
pub(crate) fn trigger_at(begins: Option<Timestamp>) -> In {
    let Some(domain::saga::Meets::Start { saga, state, .. }) =
        Publish::meet(&testkit::envelope(1, 1, 1, due())).pop()
    else {
        panic!("it starts one")
    };
    Input::Trigger { event: EventId(id(1)), saga, state, at: begins }
}

/// The first attempt of a step is done.
pub(crate) fn done(step: &str) -> In {
    let attempt = Attempt { step: step.to_owned(), direction: Direction::Forward, number: 1 };
    Input::Answer { attempt, outcome: Outcome::Done(None) }
}

pub(crate) fn begun() -> Instance {
    after(Instance::default(), trigger(), at(0)).0
}

pub(crate) fn operate(verb: Verb, step: &str, is: &Instance) -> In {
    Input::Operate(Operation {
        verb,
        step: step.to_owned(),
        actor: ActorId::from_static("ann"),
        reason: "asked for".to_owned(),
        revision: is.revision,
        happened: false,
        output: None,
        ticket: None,
        approver: None,
    })
}

pub(crate) fn lost(is: &Instance, step: &str) -> In {
    let number = is.steps[step].forward.attempts;
    let attempt = Attempt { step: step.to_owned(), direction: Direction::Forward, number };
    Input::Answer { attempt, outcome: Outcome::Unknown(Fault::new("lost")) }
}

#[test]
fn a_trigger_that_comes_twice_starts_one_saga() {
    let (is, events) = after(begun(), trigger(), at(5));
    assert!(events.is_empty());
    assert_eq!(is.id, Some(SagaId(id(1))));
}

#[test]
fn an_event_that_nothing_waits_for_is_recorded_with_its_policy() {
    let late = Late::Ignore("what is published is what was due");
    let (_, events) = after(begun(), Input::Late { event: EventId(id(9)), late }, at(5));
    assert!(matches!(&events[..], [Event::LateEvent { .. }]), "{events:?}");
    let meets = Publish::meet(&testkit::envelope(1, 1, 2, Trigger::Edited {}));
    assert!(matches!(meets[..], [domain::saga::Meets::Late { .. }]));
}

#[test]
fn a_timer_that_nothing_waits_for_is_ignored_and_recorded() {
    for (timer, now) in [(77, at(0)), (0, at(1))] {
        let (is, events) = after(begun(), Input::Timer(timer), now);
        assert!(matches!(&events[..], [Event::TimerIgnored { .. }]), "{events:?}");
        assert_eq!(is.phase, Phase::Forward);
    }
}

#[test]
fn an_operator_says_why_and_on_which_revision() {
    let is = begun();
    let Input::Operate(good) = operate(Verb::Hold, "", &is) else { unreachable!() };
    let plan = Publish::plan();
    let ask = |operation| decide(&plan, &is, Input::Operate(operation), at(1)).unwrap_err();
    let stale = ask(Operation { revision: 1, ..good.clone() });
    assert_eq!(stale, NotTaken::Stale { seen: 1, is: is.revision });
    assert_eq!(ask(Operation { reason: " ".into(), ..good.clone() }), NotTaken::NoReason);
    let release = ask(Operation { verb: Verb::Release, ..good });
    assert_eq!(release.to_string(), "release is not possible: nobody holds it");
}

#[test]
fn what_is_held_begins_nothing_until_it_is_released() {
    let (held, _) = after(begun(), operate(Verb::Hold, "", &begun()), at(1));
    let attempt = Attempt { step: "hold-quota".into(), direction: Direction::Forward, number: 1 };
    let answer = Input::Answer { attempt, outcome: Outcome::Done(None) };
    let (held, events) = after(held, answer, at(2));
    assert!(matches!(&events[..], [Event::StepDone { .. }]), "{events:?}");
    assert_eq!(why(&held, at(2)), "Parked (operator hold): an operator holds it.");
    let (_, events) = after(held.clone(), operate(Verb::Release, "", &held), at(3));
    assert!(matches!(events.last(), Some(Event::StepScheduled { .. })), "{events:?}");
}

#[test]
fn undoing_by_hand_takes_back_what_is_in_doubt_behind_a_fence() {
    let is = begun();
    let (is, _) = after(is.clone(), lost(&is, "hold-quota"), at(10));
    assert!(why(&is, at(10)).starts_with("Asks for hold-quota again in 00:01, attempt 2: lost."));
    let (is, events) = after(is.clone(), operate(Verb::Undo, "", &is), at(20));
    let fence = events.iter().position(|event| matches!(event, Event::UndoFenced { .. }));
    let undo = events
        .iter()
        .position(|event| matches!(event, Event::StepScheduled { direction: Direction::Undo, .. }));
    assert!(fence.is_some() && fence < undo, "{events:?}");
    assert_eq!(ledger(&is)[0].standing, Standing::Undoing);
}

#[test]
fn a_saga_without_its_plan_waits_and_goes_on_by_itself_when_it_is_there() {
    let other = Plan::<Publish>::new(2).build();
    let is = begun();
    let events = decide(&other, &is, Input::Look, at(1)).unwrap();
    let parked = matches!(&events[..], [Event::Parked { cause: Cause::NoExecutor, .. }]);
    assert!(parked, "{events:?}");
    let parked = events.iter().fold(is, |is, event| is.evolve(at(1), event));
    let (is, _) = after(parked, Input::Look, at(2));
    assert!(!is.is_parked());
}

#[test]
fn what_a_step_asks_and_what_takes_it_back_is_told_without_asking() {
    let types = crate::handler::types();
    let ty = types.named("publish-example").unwrap();
    let is = begun();
    let said = |step, way| ty.asks(&is, step, way).unwrap().map(|target| target.what);
    assert_eq!(said("charge-boost", Direction::Forward).as_deref(), Some("charge"));
    let refund = said("charge-boost", Direction::Undo);
    assert_eq!(refund.as_deref(), Some("refund what was charged under the key"));
    assert_eq!(said("confirm", Direction::Undo), None, "nothing takes the pivot back");
    assert_eq!(said("nonsense", Direction::Forward), None);
    assert_eq!(ty.knows(&is).unwrap()["boost_minor"], 500);
    assert!(ty.knows(&Instance::default()).is_err(), "what never began knows nothing");
}
