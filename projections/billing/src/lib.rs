//! Read models of the billing context. Not their tables and queries, which the engine makes.

pub mod payments;
pub mod quotas;

/// Registers them all.
pub fn all(to: &mut impl domain::Projections) {
    to.projection::<payments::PaymentRow>();
    to.projection::<quotas::QuotaRow>();
}

#[cfg(test)]
mod tests {
    testkit::projection_laws!(crate::all);
}
