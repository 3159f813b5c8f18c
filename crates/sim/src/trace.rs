//! What a run leaves: a digest of everything that happened in order, counters of rare states, and what
//! was found wrong. Not the checks.

use std::collections::BTreeMap;

/// States that a campaign must reach, or it has not tested them.
pub const SOMETIMES: &[&str] = &[
    "claim contested",
    "lane taken over by another node",
    "zombie frame fenced",
    "frame torn by a claim",
    "record void behind a gap",
    "node crashed with commands open",
    "node crashed while a lane was taken over",
    "unknown outcome resolved committed",
    "unknown outcome resolved absent",
    "duplicate answered from the log",
    "key of another command refused",
    "command still running",
    "command refused by a rule",
    "command refused by its version",
    "command failed definitely",
    "projector crashed with a transaction open",
    "projector crashed with a commit under way",
    "commit of unknown result stands",
    "commit of unknown result does not stand",
    "projector lost its lane to a rival",
    "saga done",
    "saga undone",
    "saga parked",
    "saga resumed by an operator",
    "saga cancelled before it began",
    "step asked again",
    "step unknown",
    "probe found the effect",
    "probe found nothing",
    "late answer ignored",
    "undo fenced a key",
    "late command met its fence",
    "undo refused",
    "timer fired late",
    "effect done twice under one key, once kept",
    "clock went back",
    "owner began with keys that the log remembers",
];

/// What looks wrong and is not, as the check says that lets it pass: counted, so that it stays seldom.
pub const ALLOWED: &[&str] = &["a request outlived its time, the clock being set forward"];

/// What a run leaves.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    digest: u64,
    events: u64,
    shown: bool,
    pub(crate) seen: BTreeMap<&'static str, u64>,
    pub(crate) wrong: Vec<String>,
}

/// Most findings of a run that are told.
const WRONG_MAX: usize = 20;

impl Trace {
    pub(crate) fn new(shown: bool) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Something happened at this time.
    pub(crate) fn note(&mut self, at_ms: u64, what: &str, of: &[u64]) {
        self.events += 1;
        let mut mix = |word: u64| {
            self.digest = (self.digest.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        };
        mix(at_ms);
        what.bytes().for_each(|byte| mix(u64::from(byte)));
        for word in of {
            mix(*word);
        }
        if self.shown {
            eprintln!("{at_ms:>12} {what} {of:?}");
        }
    }

    /// A rare state was reached.
    pub(crate) fn sometimes(&mut self, what: &'static str) {
        debug_assert!(SOMETIMES.contains(&what) || ALLOWED.contains(&what), "{what} is not listed");
        *self.seen.entry(what).or_default() += 1;
    }

    pub(crate) fn wrong(&mut self, at_ms: u64, what: &str) {
        if self.shown {
            eprintln!("{at_ms:>12} WRONG {what}");
        }
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(format!("at {:.3} s: {what}", ms_to_s(at_ms)));
        }
    }

    pub(crate) const fn is_shown(&self) -> bool {
        self.shown
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) const fn events(&self) -> u64 {
        self.events
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
fn ms_to_s(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
