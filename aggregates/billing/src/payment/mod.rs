//! A payment: what is owed for one publication, and what became of it. Not the provider's charge,
//! which it names, and not the moving of money, which a port does.
//!
//! Lifecycle: absent -> opened -> charged -> settled; an opened payment is cancelled, a charged or
//! settled one refunded, in parts or whole. The provider's webhooks and the saga `publish-post` tell
//! it the same things in any order, a refund before its charge too: who comes second changes nothing.
//! No route leads here.
//!
//! What always holds:
//! - it is charged once, with exactly what was opened;
//! - it is never refunded by more than was charged: a refund says how much was given back in all,
//!   so that a repeat is no second refund;
//! - one payment has one currency.
//!
//! A charge that comes in behind the cancellation is recorded: the money moved, and somebody must see
//! it.
//!
//! Limit: [`Money::MINOR_MAX`](domain::Money::MINOR_MAX), of who opens it.
//!
//! Reading order: this language, [`State`], `decide.rs` (the rules).

mod decide;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use domain::{EventSet, Money, RejectionKind, UserId};

/// One payment: it has the number of the publication that it is for.
pub use domain::PublicationId as PaymentId;
pub use state::{Owed, Paid, State};

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Payment;

/// What can be asked of a payment.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Owe it.
    Open {
        /// Who pays.
        customer: UserId,
        /// How much.
        amount: Money,
    },
    /// The provider took it.
    Charge {
        /// The provider's own name of the charge.
        reference: String,
        /// How much it took.
        amount: Money,
    },
    /// What it was for has come about: the money is ours.
    Settle {
        /// The provider's own name of the charge, if who asks knows it.
        reference: Option<String>,
    },
    /// The provider gave back.
    Refund {
        /// How much in all, this included.
        in_all: Money,
    },
    /// What it was for did not come about, and what was charged was given back.
    Cancel {
        /// The provider's own name of the charge that was given back, if there was one.
        reference: Option<String>,
    },
}

/// What can happen to a payment. Names and fields are the stored format: they never change, a new
/// meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "billing.payment")]
pub enum Event {
    /// It is owed.
    #[event("opened.v1")]
    Opened {
        /// Who pays.
        customer: UserId,
        /// How much.
        amount: Money,
    },
    /// The provider took it.
    #[event("charged.v1")]
    Charged {
        /// The provider's own name of the charge.
        reference: String,
        /// How much it took.
        amount: Money,
    },
    /// What it was for has come about.
    #[event("settled.v1")]
    Settled,
    /// The provider gave back.
    #[event("refunded.v1")]
    Refunded {
        /// How much in all, this included.
        in_all: Money,
    },
    /// What it was for did not come about, and nothing had been charged.
    #[event("cancelled.v1")]
    Cancelled,
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing has been opened under this id.
    #[error("there is no such payment")]
    NoSuchPayment,
    /// Another state would allow it.
    #[error("a payment that is {state} does not take `{command}`")]
    NotAllowed {
        /// What was asked.
        command: &'static str,
        /// The state it is in.
        state: &'static str,
    },
    /// It was charged under another name.
    #[error("it was charged as {as_reference} already")]
    ChargedAlready {
        /// The provider's name of that charge.
        as_reference: String,
    },
    /// Not what was opened.
    #[error("{found} is not the {expected} of this payment")]
    OtherAmount {
        /// What it is for.
        expected: Money,
        /// What was told.
        found: Money,
    },
    /// More than there is.
    #[error("{found} cannot be given back of the {charged} that were charged")]
    MoreThanCharged {
        /// What was charged.
        charged: Money,
        /// What was told.
        found: Money,
    },
}

impl domain::Rejection for Rejection {
    fn rule(&self) -> &'static str {
        match self {
            Self::NoSuchPayment => "no_such_payment",
            Self::NotAllowed { .. } => "not_allowed",
            Self::ChargedAlready { .. } => "charged_already",
            Self::OtherAmount { .. } => "other_amount",
            Self::MoreThanCharged { .. } => "more_than_charged",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::NoSuchPayment => RejectionKind::Absent,
            Self::NotAllowed { .. }
            | Self::ChargedAlready { .. }
            | Self::OtherAmount { .. }
            | Self::MoreThanCharged { .. } => RejectionKind::Conflict,
        }
    }
}

impl Command {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open_payment",
            Self::Charge { .. } => "charge_payment",
            Self::Settle { .. } => "settle_payment",
            Self::Refund { .. } => "refund_payment",
            Self::Cancel { .. } => "cancel_payment",
        }
    }
}
