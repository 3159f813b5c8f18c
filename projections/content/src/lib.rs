//! Read models of the content context. Not their tables and queries, which the engine makes.

pub mod post_calendar;
pub mod posts;

/// Registers them all.
pub fn all(to: &mut impl domain::Projections) {
    to.projection::<posts::PostRow>();
    to.projection::<post_calendar::CalendarRow>();
}

#[cfg(test)]
mod tests {
    testkit::projection_laws!(crate::all);
}
