//! The rules of a payment as sentences, arm by arm. Not the webhooks that ask them.

use domain::{Aggregate as _, Decider as _, Money, Rejection as _, RejectionKind, UserId};
use proptest::prelude::*;
use testkit::{given, id};

use super::{Command, Event, Paid, Payment, Rejection, State};

testkit::decider_laws!(crate::Billing: Payment, commands());

fn commands() -> impl Strategy<Value = Command> {
    let money = || {
        let currency = prop::sample::select(vec!["EUR", "USD"]);
        (prop_oneof![Just(i64::MIN), 0..4_i64, Just(i64::MAX)], currency)
            .prop_map(|(minor, currency)| Money::new(minor, currency))
    };
    prop_oneof![
        money().prop_map(|amount| Command::Open { customer: customer(), amount }),
        ("[a-b]", money()).prop_map(|(reference, amount)| Command::Charge { reference, amount }),
        proptest::option::of("[a-b]").prop_map(|reference| Command::Settle { reference }),
        money().prop_map(|in_all| Command::Refund { in_all }),
        proptest::option::of("[a-b]").prop_map(|reference| Command::Cancel { reference }),
    ]
}

fn customer() -> UserId {
    UserId(id(1))
}

fn euro(minor: i64) -> Money {
    Money::new(minor, "EUR")
}

fn open(minor: i64) -> Command {
    Command::Open { customer: customer(), amount: euro(minor) }
}

fn charge(reference: &str, minor: i64) -> Command {
    Command::Charge { reference: reference.into(), amount: euro(minor) }
}

fn settle(reference: &str) -> Command {
    Command::Settle { reference: Some(reference.into()) }
}

fn refund(minor: i64) -> Command {
    Command::Refund { in_all: euro(minor) }
}

fn cancel(reference: Option<&str>) -> Command {
    Command::Cancel { reference: reference.map(str::to_owned) }
}

fn opened() -> Event {
    Event::Opened { customer: customer(), amount: euro(500) }
}

fn charged() -> Event {
    Event::Charged { reference: "ch_1".into(), amount: euro(500) }
}

fn refunded(minor: i64) -> Event {
    Event::Refunded { in_all: euro(minor) }
}

fn refused(command: &'static str, state: &'static str) -> Rejection {
    Rejection::NotAllowed { command, state }
}

fn state(events: &[Event]) -> State {
    events.iter().fold(State::Absent, Payment::evolve)
}

#[test]
fn it_is_opened_once() {
    given::<Payment>([]).when(open(500)).then([opened()]);
    given::<Payment>([opened()]).when(open(500)).then_nothing();
    let other = Rejection::OtherAmount { expected: euro(500), found: euro(600) };
    given::<Payment>([opened()]).when(open(600)).then_refused(other);
    given::<Payment>([opened(), charged()])
        .when(open(500))
        .then_refused(refused("open_payment", "charged"));
}

#[test]
fn what_was_never_opened_takes_nothing_but_its_cancellation() {
    for command in [charge("ch_1", 500), settle("ch_1"), refund(500)] {
        given::<Payment>([]).when(command).then_refused(Rejection::NoSuchPayment);
    }
    given::<Payment>([]).when(cancel(None)).then_nothing();
}

#[test]
fn it_is_charged_once_with_exactly_what_is_owed() {
    given::<Payment>([opened()]).when(charge("ch_1", 500)).then([charged()]);
    given::<Payment>([opened(), charged()]).when(charge("ch_1", 500)).then_nothing();
    let other = Rejection::OtherAmount { expected: euro(500), found: euro(5) };
    given::<Payment>([opened()]).when(charge("ch_1", 5)).then_refused(other);
    let dollars = Command::Charge { reference: "ch_1".into(), amount: Money::new(500, "USD") };
    let other = Rejection::OtherAmount { expected: euro(500), found: Money::new(500, "USD") };
    given::<Payment>([opened()]).when(dollars).then_refused(other);
    for last in [charged(), Event::Settled, refunded(500)] {
        let twice = Rejection::ChargedAlready { as_reference: "ch_1".into() };
        given::<Payment>([opened(), charged(), last]).when(charge("ch_2", 500)).then_refused(twice);
    }
}

#[test]
fn a_charge_behind_the_cancellation_is_recorded() {
    given::<Payment>([opened(), Event::Cancelled]).when(charge("ch_1", 500)).then([charged()]);
}

#[test]
fn it_is_settled_once_with_or_without_the_webhook_before() {
    given::<Payment>([opened(), charged()]).when(settle("ch_1")).then([Event::Settled]);
    given::<Payment>([opened()]).when(settle("ch_1")).then([charged(), Event::Settled]);
    given::<Payment>([opened(), charged(), Event::Settled]).when(settle("ch_1")).then_nothing();
    given::<Payment>([opened(), charged(), refunded(500)]).when(settle("ch_1")).then_nothing();
    // Who does not know the charge settles what a webhook told.
    let blindly = || Command::Settle { reference: None };
    given::<Payment>([opened(), charged()]).when(blindly()).then([Event::Settled]);
    given::<Payment>([opened()]).when(blindly()).then_refused(refused("settle_payment", "opened"));
    let other = Rejection::ChargedAlready { as_reference: "ch_1".into() };
    given::<Payment>([opened(), charged()]).when(settle("ch_2")).then_refused(other);
    given::<Payment>([opened(), Event::Cancelled])
        .when(settle("ch_1"))
        .then_refused(refused("settle_payment", "cancelled"));
}

#[test]
fn a_refund_says_how_much_in_all_so_that_a_repeat_is_none() {
    let before = [opened(), charged()];
    given::<Payment>(before.clone()).when(refund(200)).then([refunded(200)]);
    let part = [&before[..], &[refunded(200)]].concat();
    given::<Payment>(part.clone()).when(refund(200)).then_nothing();
    given::<Payment>(part.clone()).when(refund(100)).then_nothing();
    given::<Payment>(part.clone()).when(refund(500)).then([refunded(500)]);
    assert_eq!(state(&part).name(), "charged");
    assert_eq!(state(&[&part[..], &[refunded(500)]].concat()).name(), "refunded");
    let settled = [opened(), charged(), Event::Settled, refunded(200)];
    assert_eq!(state(&settled).name(), "settled");
    given::<Payment>(settled).when(refund(500)).then([refunded(500)]);
}

#[test]
fn no_more_is_given_back_than_was_charged() {
    for last in [charged(), Event::Settled, refunded(200), refunded(500)] {
        let more = Rejection::MoreThanCharged { charged: euro(500), found: euro(501) };
        given::<Payment>([opened(), charged(), last]).when(refund(501)).then_refused(more);
    }
    let dollars = Money::new(1, "USD");
    let other = Rejection::MoreThanCharged { charged: euro(500), found: dollars.clone() };
    given::<Payment>([opened(), charged()])
        .when(Command::Refund { in_all: dollars })
        .then_refused(other);
    let more = Rejection::MoreThanCharged { charged: euro(500), found: euro(501) };
    given::<Payment>([opened()]).when(refund(501)).then_refused(more);
}

#[test]
fn what_did_not_come_about_is_cancelled_or_given_back_whole() {
    given::<Payment>([opened()]).when(cancel(None)).then([Event::Cancelled]);
    given::<Payment>([opened()]).when(cancel(Some("ch_1"))).then([charged(), refunded(500)]);
    for reference in [None, Some("ch_1")] {
        given::<Payment>([opened(), charged()]).when(cancel(reference)).then([refunded(500)]);
        given::<Payment>([opened(), charged(), refunded(500)])
            .when(cancel(reference))
            .then_nothing();
        given::<Payment>([opened(), Event::Cancelled]).when(cancel(reference)).then_nothing();
        given::<Payment>([opened(), charged(), Event::Settled])
            .when(cancel(reference))
            .then_refused(refused("cancel_payment", "settled"));
    }
}

#[test]
fn a_refund_may_be_told_before_its_charge() {
    for before in [vec![opened()], vec![opened(), Event::Cancelled]] {
        let after = |more: &[Event]| [&before[..], more].concat();
        given::<Payment>(before.clone()).when(refund(500)).then([refunded(500)]);
        given::<Payment>(after(&[refunded(500)])).when(refund(500)).then_nothing();
        given::<Payment>(after(&[refunded(500)])).when(charge("ch_1", 500)).then([charged()]);
        assert_eq!(state(&after(&[refunded(500), charged()])).name(), "refunded");
        assert_eq!(state(&after(&[refunded(200), charged()])).name(), "charged");
    }
    given::<Payment>([opened(), refunded(500)]).when(cancel(Some("ch_1"))).then([charged()]);
}

#[test]
fn webhook_and_saga_come_to_the_same_in_any_order() {
    let told = [charge("ch_1", 500), refund(500), cancel(Some("ch_1"))];
    let mut ends = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut is = state(&[opened()]);
        for at in order {
            let events = Payment::decide(&is, told[at].clone()).unwrap();
            is = events.iter().fold(is, Payment::evolve);
        }
        ends.push(is);
    }
    let amount = euro(500);
    let paid = Paid { reference: "ch_1".into(), amount, refunded_minor: 500 };
    assert_eq!(ends, vec![State::Refunded { paid }; 6]);
}

#[test]
fn a_refusal_says_which_rule_and_why() {
    let charged = Rejection::ChargedAlready { as_reference: "ch_1".into() };
    let other = Rejection::OtherAmount { expected: euro(500), found: euro(5) };
    let more = Rejection::MoreThanCharged { charged: euro(500), found: euro(501) };
    for (refusal, rule, kind, sentence) in [
        (
            Rejection::NoSuchPayment,
            "no_such_payment",
            RejectionKind::Absent,
            "there is no such payment",
        ),
        (
            refused("refund_payment", "opened"),
            "not_allowed",
            RejectionKind::Conflict,
            "a payment that is opened does not take `refund_payment`",
        ),
        (charged, "charged_already", RejectionKind::Conflict, "it was charged as ch_1 already"),
        (
            other,
            "other_amount",
            RejectionKind::Conflict,
            "5 EUR is not the 500 EUR of this payment",
        ),
        (
            more,
            "more_than_charged",
            RejectionKind::Conflict,
            "501 EUR cannot be given back of the 500 EUR that were charged",
        ),
    ] {
        assert_eq!((refusal.rule(), refusal.kind()), (rule, kind));
        assert_eq!(refusal.to_string(), sentence);
    }
}

#[test]
fn the_history_shows_what_was_paid() {
    let lines: Vec<_> = Payment::show(&state(&[opened(), charged(), refunded(200)]))
        .into_iter()
        .map(|(name, text)| format!("{name}={text}"))
        .collect();
    assert_eq!(lines.join(" "), "state=charged amount=500 EUR reference=ch_1 refunded=200");
    let opened = Payment::show(&state(&[opened()]));
    assert_eq!(opened, [("state", "opened".to_owned()), ("amount", "500 EUR".to_owned())]);
}
