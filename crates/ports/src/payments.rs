//! The port to who moves money: a payment is charged, and refunded. Not the ledger of it, which is
//! the payment's own stream.

use async_trait::async_trait;
use domain::saga::{Outcome, Probe};
use social_sagas::publish_post::{ChargeRequest, Charged, RefundRequest};

use crate::Effect;

/// Moves money. Every method tries once, and ends before the effect is due.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Charges; the same key twice is one charge.
    async fn charge(&self, effect: &Effect, ask: &ChargeRequest) -> Outcome<Charged>;

    /// Gives back all of what was charged under `effect.takes_back`. Of what was never charged it is
    /// done.
    async fn refund(&self, effect: &Effect, ask: &RefundRequest) -> Outcome<()>;

    /// Whether it was charged under `effect.key`, and not given back.
    async fn probe(&self, effect: &Effect, ask: &ChargeRequest) -> Probe<Charged>;
}
