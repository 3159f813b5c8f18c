//! Read models of the notifications context. Not their tables and queries, which the engine makes.

pub mod notifications;
pub mod recipients;

/// Registers them all.
pub fn all(to: &mut impl domain::Projections) {
    to.projection::<self::notifications::NotificationRow>();
    to.projection::<recipients::RecipientRow>();
}

#[cfg(test)]
mod tests {
    testkit::projection_laws!(crate::all);
}
