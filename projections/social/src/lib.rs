//! Read models of the social context. Not their tables and queries, which the engine makes.

pub mod accounts;
pub mod publications;

/// Registers them all.
pub fn all(to: &mut impl domain::Projections) {
    to.projection::<accounts::AccountRow>();
    to.projection::<publications::PublicationRow>();
}

#[cfg(test)]
mod tests {
    testkit::projection_laws!(crate::all);
}
