//! What a verification found, as data and as lines of text. Not the verification.

use std::time::Duration;

use log::{Head, Place};
use uuid::Uuid;

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// Stored bytes have changed or are missing.
    Damage,
    /// The system refused to read.
    Unreadable,
    /// A file that does not belong to the log.
    Foreign,
    /// What a crash leaves and the next start cuts off, or damage that cannot be told from it.
    Unconfirmed,
    /// Nothing is wrong: what a running or killed process leaves beside the records.
    Note,
    /// The chain of hashes breaks, though the checksums are right: somebody made them anew.
    Chain,
    /// The history is not the one whose head was kept.
    Expected,
}

impl FindingKind {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Damage => "damaged",
            Self::Unreadable => "unreadable",
            Self::Foreign => "foreign",
            Self::Unconfirmed => "unconfirmed",
            Self::Note => "note",
            Self::Chain => "chain broken",
            Self::Expected => "not as kept",
        }
    }
}

/// A record, by the names people use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPlace {
    /// As `content.events/5`.
    pub lane: String,
    /// Its place among all records of the lane, from 0.
    pub offset: u64,
    /// The seq that it would take.
    pub seq: u64,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// File and byte; `None` when it is nowhere, because something is missing.
    pub place: Option<Place>,
    /// The first bad record, as far as it can be told.
    pub record: Option<RecordPlace>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind.word())?;
        if let Some(RecordPlace { lane, offset, seq }) = &self.record {
            write!(f, ": {lane} offset {offset} (seq {seq})")?;
        }
        if let Some(place) = &self.place {
            write!(f, ": {place}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneReport {
    /// As `content.events/5`.
    pub lane: String,
    /// Records walked.
    pub records: u64,
    /// Valid ones; also the seq of the last.
    pub valid: u64,
    /// Void ones: late, stale or torn; they never happened.
    pub void: u64,
    /// The current epoch.
    pub epoch: u64,
    /// The head, recomputed.
    pub head: Head,
    /// The seq of the first record that is not what it must be.
    pub first_bad: Option<u64>,
}

/// What a verification found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// Id of the log, when that much can be read.
    pub log: Option<Uuid>,
    /// Every lane.
    pub lanes: Vec<LaneReport>,
    /// Every problem.
    pub findings: Vec<Finding>,
    /// What is worth knowing and no problem.
    pub notes: Vec<Finding>,
    /// Bytes read and checked.
    pub bytes: u64,
    /// Whether the walk ended at a damage: what lies behind it was not judged.
    pub cut_short: bool,
    /// Whether a process had the log open: its newest bytes were not checked.
    pub in_use: bool,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Records walked.
    pub fn records(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.records).sum()
    }

    /// Records a second.
    pub fn rate(&self) -> u64 {
        let micros = self.took.as_micros().max(1);
        u64::try_from(u128::from(self.records()) * 1_000_000 / micros).unwrap_or(u64::MAX)
    }

    /// One line over all.
    pub fn summary(&self) -> String {
        let valid: u64 = self.lanes.iter().map(|lane| lane.valid).sum();
        let (records, lanes) = (self.records(), self.lanes.len());
        let verdict = match self.findings.len() {
            0 => "no problem found".to_owned(),
            1 => "1 problem found".to_owned(),
            more => format!("{more} problems found"),
        };
        let cut = if self.cut_short { ", the walk ended at the damage" } else { "" };
        let live = if self.in_use { ", in use: the newest bytes were not checked" } else { "" };
        format!(
            "{verdict}: {records} records in {lanes} lanes, {valid} valid, {} void, {} records/s, \
             {:.3} s{cut}{live}",
            records - valid,
            self.rate(),
            self.took.as_secs_f64()
        )
    }
}
