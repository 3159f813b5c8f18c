//! What a checker says when something is not as it must be.

use std::fmt;

/// A broken invariant; the numbers are those of `docs/evidence/README.md`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The invariant, as `I1`.
    pub law: &'static str,
    /// What was found, with names and numbers.
    pub what: String,
}

impl Finding {
    /// A finding.
    pub fn new(law: &'static str, what: impl Into<String>) -> Self {
        Self { law, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.what)
    }
}
