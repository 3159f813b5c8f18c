//! The port to who moves money: a payment is charged, and refunded. Not the ledger of it, which is
//! the payment's own stream.

use async_trait::async_trait;
use domain::saga::{Money, Outcome, Probe};
use uuid::Uuid;

use crate::Effect;

/// Money to be taken from the tenant's payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The payment it is for: webhooks find it by this.
    pub payment: Uuid,
    /// How much.
    pub amount: Money,
    /// For what, as the payer's statement shows it; no personal value.
    pub description: String,
}

/// Money that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// The provider's own name of it.
    pub reference: String,
    /// How much.
    pub amount: Money,
}

/// Moves money. Every method tries once, and ends before the effect is due.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Charges; the same key twice is one charge.
    async fn charge(&self, effect: &Effect, charge: &Charge) -> Outcome<Charged>;

    /// Gives back all of what was charged under `effect.takes_back`. `seen` is what charging
    /// answered, `None` when that is not known. Of what was never charged it is done.
    async fn refund(&self, effect: &Effect, charge: &Charge, seen: Option<&Charged>)
    -> Outcome<()>;

    /// Whether it was charged under `effect.key`, and not given back.
    async fn probe(&self, effect: &Effect, charge: &Charge) -> Probe<Charged>;
}
