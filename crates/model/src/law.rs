//! What must never be seen, and what must be seen at least once. The checks themselves stand where the
//! thing happens.

use std::sync::atomic::{AtomicU64, Ordering};

/// A broken law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wrong {
    /// I1: a command was acknowledged whose frame is not in the log.
    Acknowledged,
    /// I2, I22: a command was told not to have happened, or to have happened, and it is not so.
    Told,
    /// I3: a command took effect twice.
    Twice,
    /// I4: a frame was decided at another version or seq than the one it got.
    Version,
    /// I6: a frame took effect that is not whole, or is made of several.
    Torn,
    /// I7: an epoch fell or was left out.
    Epoch,
    /// I7, I8: an owner or a reader knows something else than the log says.
    Knows,
    /// Epoch, seq and place of a record were the next ones, its hash was not.
    Mismatch,
    /// A record of an epoch that is over would not be void.
    Stray,
    /// What is handed over depends on which reports came before.
    Depends,
    /// The report of an older epoch was not ignored.
    Stale,
}

impl Wrong {
    /// All, each with its sentence.
    pub(crate) const ALL: [(Self, &str); 11] = [
        (Self::Acknowledged, "an acknowledged command is in the log (I1)"),
        (Self::Told, "what is told of a command whose outcome was unknown is so (I2, I22)"),
        (Self::Twice, "no command takes effect twice (I3)"),
        (Self::Version, "a frame is decided at the version it gets (I4, I5)"),
        (Self::Torn, "a frame takes effect whole or not at all (I6)"),
        (Self::Epoch, "epochs never fall and none is left out (I7)"),
        (Self::Knows, "whatever an owner or a reader knows, the log says (I7, I8)"),
        (Self::Mismatch, "epoch, seq and place never fit when the hash does not"),
        (Self::Stray, "what is under way from an older epoch is void"),
        (Self::Depends, "what is handed over does not depend on reports that came meanwhile"),
        (Self::Stale, "reports of an older epoch change nothing"),
    ];
}

/// Something rare that a run must have come across, or it has checked less than it says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rare {
    Committed,
    Won,
    Rival,
    OffsetElsewhere,
    ReportedError,
    SeveralCommitted,
    FoundCommitted,
    FoundNever,
    VoidLate,
    VoidClaim,
    TornByClaim,
    ZombieReported,
    Repeated,
    CrashedServing,
}

impl Rare {
    /// All, each with its sentence.
    pub(crate) const ALL: [(Self, &str); 14] = [
        (Self::Committed, "a command was acknowledged"),
        (Self::Won, "a claim was read back and current"),
        (Self::Rival, "another claim won"),
        (Self::OffsetElsewhere, "a report named another offset than the expected one"),
        (Self::ReportedError, "a report named no offset"),
        (Self::SeveralCommitted, "one report committed several frames"),
        (Self::FoundCommitted, "an unknown outcome was found in the log"),
        (Self::FoundNever, "an unknown outcome was found to have never happened"),
        (Self::VoidLate, "a record of an older epoch arrived behind a newer claim"),
        (Self::VoidClaim, "a claim arrived too late"),
        (Self::TornByClaim, "a claim fell into the middle of a frame"),
        (Self::ZombieReported, "a report reached an owner whose epoch was over"),
        (Self::Repeated, "a report came twice"),
        (Self::CrashedServing, "an owner with open frames crashed"),
    ];

    /// Counts it.
    pub(crate) fn seen(self) {
        let counter = &SEEN[self as usize];
        // Many threads: a counter that is not zero is not written again.
        if counter.load(Ordering::Relaxed) == 0 {
            counter.store(1, Ordering::Relaxed);
        }
    }

    /// Whether it was come across.
    pub(crate) fn was_seen(self) -> bool {
        SEEN[self as usize].load(Ordering::Relaxed) > 0
    }
}

static SEEN: [AtomicU64; Rare::ALL.len()] = [const { AtomicU64::new(0) }; Rare::ALL.len()];

/// Progress as a safety property: tried from every state.
pub(crate) const STUCK: &str = "without further faults every lane serves again (I26)";
