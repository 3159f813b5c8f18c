//! Rows of `payments` after a history. Not the queries over them.

use billing::payment::Event;
use domain::{Money, PublicationId, UserId};
use testkit::{at, id, rows};

use super::{PaymentRow, PaymentState};

fn opened() -> Event {
    Event::Opened { customer: UserId(id(5)), amount: Money::new(500, "EUR") }
}

fn charged() -> Event {
    Event::Charged { reference: "ch_1".into(), amount: Money::new(500, "EUR") }
}

fn refunded(minor: i64) -> Event {
    Event::Refunded { in_all: Money::new(minor, "EUR") }
}

/// Opened, and nothing more.
fn row() -> PaymentRow {
    PaymentRow {
        payment_id: PublicationId(id(1)),
        state: PaymentState::Opened,
        customer_id: UserId(id(5)),
        amount_minor: 500,
        currency: "EUR".into(),
        reference: None,
        charged_minor: 0,
        refunded_minor: 0,
        opened_at: at(1_001_000),
        updated_at: at(1_001_000),
    }
}

/// Charged by the second event.
fn paid() -> PaymentRow {
    PaymentRow {
        state: PaymentState::Charged,
        reference: Some("ch_1".into()),
        charged_minor: 500,
        updated_at: at(1_002_000),
        ..row()
    }
}

#[test]
fn an_opened_payment_is_a_row_and_a_cancelled_one_stays() {
    assert_eq!(rows::<PaymentRow>([(1, vec![opened()])]), [row()]);
    let expected =
        PaymentRow { state: PaymentState::Cancelled, updated_at: at(1_002_000), ..row() };
    assert_eq!(rows::<PaymentRow>([(1, vec![opened(), Event::Cancelled])]), [expected]);
}

#[test]
fn a_charge_and_its_settlement_are_told() {
    assert_eq!(rows::<PaymentRow>([(1, vec![opened(), charged()])]), [paid()]);
    let expected = PaymentRow { state: PaymentState::Settled, updated_at: at(1_003_000), ..paid() };
    assert_eq!(rows::<PaymentRow>([(1, vec![opened(), charged(), Event::Settled])]), [expected]);
}

#[test]
fn a_refund_in_parts_is_refunded_when_nothing_is_left() {
    let mut history = vec![opened(), charged(), refunded(200)];
    let part = PaymentRow { refunded_minor: 200, updated_at: at(1_003_000), ..paid() };
    assert_eq!(rows::<PaymentRow>([(1, history.clone())]), std::slice::from_ref(&part));
    history.push(refunded(500));
    let whole = PaymentRow {
        state: PaymentState::Refunded,
        refunded_minor: 500,
        updated_at: at(1_004_000),
        ..part
    };
    assert_eq!(rows::<PaymentRow>([(1, history)]), [whole]);
}

#[test]
fn a_refund_told_before_its_charge_is_refunded_when_the_charge_comes() {
    let early = PaymentRow { refunded_minor: 500, updated_at: at(1_002_000), ..row() };
    assert_eq!(rows::<PaymentRow>([(1, vec![opened(), refunded(500)])]), [early]);
    let whole = PaymentRow {
        state: PaymentState::Refunded,
        refunded_minor: 500,
        updated_at: at(1_003_000),
        ..paid()
    };
    assert_eq!(rows::<PaymentRow>([(1, vec![opened(), refunded(500), charged()])]), [whole]);
}

#[test]
fn what_was_never_opened_has_no_row() {
    assert_eq!(rows::<PaymentRow>([(1, vec![charged()])]), []);
}
