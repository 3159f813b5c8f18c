//! Rules of the billing context: what a tenant may use, and what was paid. Not the payment provider,
//! which is a port's, and not invoices.
//!
//! Reading order: [`payment`], [`quota`], then the schemas of their events in `schemas/billing/`.

pub mod payment;
pub mod quota;

use domain::context::Aggregates;

/// The billing context, as it is registered.
#[derive(Debug, Clone, Copy)]
pub struct Billing;

impl domain::Context for Billing {
    const NAME: &'static str = "billing";
    const SCHEMAS: &'static [&'static str] = &[
        include_str!("../../../schemas/billing/billing.payment.opened.v1.avsc"),
        include_str!("../../../schemas/billing/billing.payment.charged.v1.avsc"),
        include_str!("../../../schemas/billing/billing.payment.settled.v1.avsc"),
        include_str!("../../../schemas/billing/billing.payment.refunded.v1.avsc"),
        include_str!("../../../schemas/billing/billing.payment.cancelled.v1.avsc"),
        include_str!("../../../schemas/billing/billing.quota.set.v1.avsc"),
        include_str!("../../../schemas/billing/billing.quota.held.v1.avsc"),
        include_str!("../../../schemas/billing/billing.quota.used.v1.avsc"),
        include_str!("../../../schemas/billing/billing.quota.released.v1.avsc"),
    ];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<payment::Payment>();
        to.aggregate::<quota::Quota>();
    }
}

#[cfg(test)]
mod tests {
    testkit::context_laws!(super::Billing);
}
