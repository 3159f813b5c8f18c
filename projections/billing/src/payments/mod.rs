//! Projection `payments`: one row per payment, with what was charged and given back. Not an account:
//! nothing is added up over payments.
//!
//! Owns table `billing.payments`; nothing else writes to it, so it can be dropped and rebuilt from the
//! first position at any time.

#[cfg(test)]
mod tests;

use billing::payment::{Event, PaymentId};
use domain::query::{Filter, Test, View};
use domain::{Envelope, Projection, Row, Timestamp, UserId, Uuid, Word};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Word)]
pub enum PaymentState {
    /// It is owed.
    Opened,
    /// The provider took it.
    Charged,
    /// What it was for has come about.
    Settled,
    /// All of it was given back.
    Refunded,
    /// It was never charged, and is owed no longer.
    Cancelled,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "billing.payments", key = "payment_id")]
#[row(index = "opened_at", index = "updated_at", index = "customer_id")]
pub struct PaymentRow {
    /// The payment; the publication that it is for has the same number.
    pub payment_id: PaymentId,
    /// Where it stands: opened, charged, settled, refunded or cancelled.
    pub state: PaymentState,
    /// Who pays.
    pub customer_id: UserId,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// The currency, ISO 4217.
    pub currency: String,
    /// The provider's own name of the charge.
    pub reference: Option<String>,
    /// How much was charged, in minor units.
    pub charged_minor: i64,
    /// How much of that was given back, in minor units.
    pub refunded_minor: i64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When something happened to it last.
    pub updated_at: Timestamp,
}

impl Projection for PaymentRow {
    const NAME: &'static str = "payments";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        let at = event.meta.recorded_at;
        if let Event::Opened { customer, amount } = &event.payload {
            return Some(Self {
                payment_id: domain::PublicationId(event.id()),
                state: PaymentState::Opened,
                customer_id: *customer,
                amount_minor: amount.minor,
                currency: amount.currency.clone(),
                reference: None,
                charged_minor: 0,
                refunded_minor: 0,
                opened_at: at,
                updated_at: at,
            });
        }
        let mut row = Self { updated_at: at, ..row? };
        match &event.payload {
            Event::Opened { .. } => {}
            Event::Charged { reference, amount } => {
                row.state = PaymentState::Charged;
                row.reference = Some(reference.clone());
                row.charged_minor = amount.minor;
                row.is_refunded_when_nothing_is_left();
            }
            Event::Settled => row.state = PaymentState::Settled,
            Event::Refunded { in_all } => {
                row.refunded_minor = in_all.minor;
                row.is_refunded_when_nothing_is_left();
            }
            Event::Cancelled => row.state = PaymentState::Cancelled,
        }
        Some(row)
    }

    fn views() -> &'static [View] {
        const {
            &[
                View::List {
                    path: "/payments",
                    summary: "Payments, newest first",
                    filters: &[
                        Filter::is("state"),
                        Filter::is("customer_id"),
                        Filter::is("reference"),
                        Filter::new("opened_from", "opened_at", Test::From),
                        Filter::new("opened_before", "opened_at", Test::Before),
                    ],
                    sorts: &["opened_at", "updated_at"],
                    descending: true,
                },
                View::One { path: "/payments/{id}", summary: "One payment as it stands" },
            ]
        }
    }
}

impl PaymentRow {
    /// A refund may be told before its charge.
    fn is_refunded_when_nothing_is_left(&mut self) {
        if self.charged_minor > 0 && self.refunded_minor >= self.charged_minor {
            self.state = PaymentState::Refunded;
        }
    }
}
