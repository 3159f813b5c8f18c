//! The rules of a quota as sentences, arm by arm. Not its route: `request_tests.rs` asks that.

use domain::{
    Aggregate as _, Decider as _, PublicationId, Rejection as _, RejectionKind, Timestamp,
};
use proptest::prelude::*;
use testkit::{at, given, id};

use super::{Command, Event, Month, Quota, Rejection, State};

testkit::decider_laws!(crate::Billing: Quota, commands());

fn commands() -> impl Strategy<Value = Command> {
    let publication = || (1..4_u64).prop_map(publication);
    let time = || {
        let months =
            prop_oneof![Just(i64::MIN), (-2..3_i64).prop_map(|n| n * MONTH), Just(i64::MAX)];
        months.prop_map(at)
    };
    prop_oneof![
        (0..4_i64).prop_map(|monthly| Command::Set { monthly }),
        (publication(), time()).prop_map(|(publication, at)| Command::Hold { publication, at }),
        (publication(), time()).prop_map(|(publication, at)| Command::Use { publication, at }),
        publication().prop_map(|publication| Command::Release { publication }),
    ]
}

/// 31 days, in milliseconds.
const MONTH: i64 = 31 * 24 * 3_600_000;

fn publication(n: u64) -> PublicationId {
    PublicationId(id(n))
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn november() -> Timestamp {
    at(0)
}

fn december() -> Timestamp {
    at(MONTH)
}

fn hold(n: u64, at: Timestamp) -> Command {
    Command::Hold { publication: publication(n), at }
}

fn used(n: u64, at: Timestamp) -> Command {
    Command::Use { publication: publication(n), at }
}

fn release(n: u64) -> Command {
    Command::Release { publication: publication(n) }
}

fn was_held(n: u64, in_month: &str) -> Event {
    Event::Held { publication: publication(n), month: month(in_month) }
}

fn was_used(n: u64, in_month: &str) -> Event {
    Event::Used { publication: publication(n), month: month(in_month) }
}

fn was_released(n: u64) -> Event {
    Event::Released { publication: publication(n) }
}

fn exhausted(in_month: &str, monthly: i64) -> Rejection {
    Rejection::QuotaExhausted { month: month(in_month), monthly }
}

#[test]
fn a_tenant_of_whom_nobody_has_said_anything_has_the_default() {
    given::<Quota>([]).when(hold(1, november())).then([was_held(1, "2026-11")]);
    let full: Vec<_> = (1..=1_000).map(|n| was_used(n, "2026-11")).collect();
    given::<Quota>(full.clone())
        .when(hold(1_001, november()))
        .then_refused(exhausted("2026-11", 1_000));
    given::<Quota>(full[1..].to_vec())
        .when(hold(1_001, november()))
        .then([was_held(1_001, "2026-11")]);
}

#[test]
fn what_is_held_and_what_is_used_count_together() {
    let two = Event::Set { monthly: 2 };
    let before = [two, was_held(1, "2026-11"), was_used(1, "2026-11"), was_held(2, "2026-11")];
    given::<Quota>(before.clone()).when(hold(3, november())).then_refused(exhausted("2026-11", 2));
    given::<Quota>([&before[..], &[was_released(2)]].concat())
        .when(hold(3, november()))
        .then([was_held(3, "2026-11")]);
}

#[test]
fn another_month_begins_with_nothing_used_but_what_is_held_stays_held() {
    let before = [Event::Set { monthly: 1 }, was_held(1, "2026-11")];
    given::<Quota>(before.clone()).when(hold(2, december())).then_refused(exhausted("2026-12", 1));
    given::<Quota>([&before[..], &[was_used(1, "2026-11")]].concat())
        .when(hold(2, december()))
        .then([was_held(2, "2026-12")]);
    given::<Quota>(before).when(used(1, december())).then([was_used(1, "2026-12")]);
}

#[test]
fn a_late_command_counts_for_the_month_that_has_begun() {
    given::<Quota>([was_held(1, "2026-12")])
        .when(hold(2, november()))
        .then([was_held(2, "2026-12")]);
}

#[test]
fn a_publication_is_held_used_and_released_once() {
    let held = [was_held(1, "2026-11")];
    given::<Quota>(held.clone()).when(hold(1, november())).then_nothing();
    given::<Quota>(held.clone()).when(used(1, november())).then([was_used(1, "2026-11")]);
    given::<Quota>(held.clone()).when(release(1)).then([was_released(1)]);
    for last in [was_used(1, "2026-11"), was_released(1)] {
        let before = [&held[..], &[last]].concat();
        given::<Quota>(before.clone()).when(used(1, november())).then_nothing();
        given::<Quota>(before).when(release(1)).then_nothing();
    }
}

#[test]
fn an_allowance_is_raised_and_lowered_and_the_same_again_is_no_event() {
    given::<Quota>([]).when(Command::Set { monthly: 1_000 }).then_nothing();
    given::<Quota>([]).when(Command::Set { monthly: 0 }).then([Event::Set { monthly: 0 }]);
    given::<Quota>([Event::Set { monthly: 0 }])
        .when(hold(1, november()))
        .then_refused(exhausted("2026-11", 0));
    // Lowered below what is held: what is held can still be used.
    given::<Quota>([was_held(1, "2026-11"), Event::Set { monthly: 0 }])
        .when(used(1, november()))
        .then([was_used(1, "2026-11")]);
}

#[test]
fn a_refusal_says_what_to_do() {
    let refusal = exhausted("2026-11", 2);
    assert_eq!((refusal.rule(), refusal.kind()), ("quota_exhausted", RejectionKind::Conflict));
    assert_eq!(
        refusal.to_string(),
        "the 2 publications of 2026-11 are used or held; raise the quota, or wait"
    );
}

#[test]
fn the_history_shows_what_is_allowed_used_and_held() {
    let events = [was_held(1, "2026-11"), was_used(1, "2026-11"), was_held(2, "2026-11")];
    let state = events.iter().fold(State::default(), Quota::evolve);
    let lines: Vec<_> =
        Quota::show(&state).into_iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(lines.join(" "), "monthly=1000 month=2026-11 used=1 held=1");
    assert_eq!(Quota::show(&State::default()).len(), 3);
}
