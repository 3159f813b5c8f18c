//! A log at rest, as an auditor walks over it: what lies on the medium, and where. Not a way to serve
//! it; an adapter whose files can be checked without a running product implements [`Medium`].

use std::path::PathBuf;

use domain::LaneId;

use crate::{Stored, Topics};

/// File and byte, as people look for them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub byte: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} byte {}", self.file.display(), self.byte)
    }
}

/// How bad a flaw is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// What was stored has changed or is missing.
    Damage,
    /// The system refused to read.
    Unreadable,
    /// A file that does not belong to the log.
    Foreign,
    /// What a crash leaves and the next start repairs; or damage that cannot be told from it.
    Unconfirmed,
    /// Nothing is wrong with what was stored: what a running or killed process leaves beside it.
    Note,
}

/// Something on the medium that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// The lane whose records are there, as far as that can still be told.
    pub lane: Option<LaneId>,
}

/// Receives the records of a walk, each with a way to ask where it lies.
pub type Visit<'a> = &'a mut dyn FnMut(LaneId, Stored, &dyn Fn() -> Place);

/// A log at rest.
pub trait Medium {
    /// The topics of the log; `None` when that much cannot be read.
    fn topics(&self) -> Option<&Topics>;

    /// Every flaw that the medium itself shows: checksums, lengths, names.
    fn flaws(&self) -> &[Flaw];

    /// Bytes that were checked.
    fn bytes(&self) -> u64;

    /// Whether another process has the log open, so that its newest bytes were not checked.
    fn in_use(&self) -> bool;

    /// Hands out every record, valid or not, in the order of each lane, until the end or the first
    /// damage. Gives that damage, which is one of [`Medium::flaws`].
    fn walk(&self, visit: Visit<'_>) -> Option<Flaw>;
}
