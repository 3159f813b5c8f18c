//! Mistakes in the protocol that a test can switch on, to show that the checks find them. Nothing of it
//! is in a product: without the feature `mutants`, [`Mutant::is_on`] is a constant `false`, and there is
//! no list.
//!
//! `cargo xtask mutants` runs the model and the tests with one of them at a time.

/// Whose mistake it is, and so whose checks must find it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The reader rule, and who owns a lane: the model and the tests of both.
    Protocol,
    /// What an owner does with a command: the tests of the command runtime.
    Commands,
    /// Folding: the tests of the projection runtime.
    Projector,
    /// The saga engine: its tests.
    Sagas,
}

macro_rules! mutants {
    ($($part:ident { $($name:ident $what:literal)+ })+) => {
        /// One mistake; its sentence says what is wrong with the mutant.
        #[doc(hidden)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $what] $name,)+)+
        }

        #[cfg(feature = "mutants")]
        impl Mutant {
            /// All: each with its name, whose it is and what is wrong with it.
            pub const ALL: &[(Self, &'static str, Part, &'static str)] =
                &[$($((Self::$name, stringify!($name), Part::$part, $what),)+)+];
        }
    };
}

mutants! {
    Protocol {
        ClaimSkipsEpochs "a claim of any newer epoch is valid"
        ClaimOfSameEpoch "a second claim of the epoch is valid"
        ClaimKeepsFrame "a claim leaves the frame under assembly"
        ClaimTakesNoSeq "a claim has no seq"
        ClaimNotChained "a claim is not in the hash chain"
        EpochNotCompared "an event of any epoch is valid"
        SeqNotCompared "an event of any seq is valid"
        PlaceNotCompared "an event of any place is valid"
        LengthNotCompared "a frame may change its length"
        HashNotCompared "an event of any previous hash is valid"
        FirstRecordTakesEffect "a frame takes effect unfinished"
        LastRecordChainedAlone "the chain holds last records only"
        SeqCountsFrames "a frame takes one seq"
        StrayCounts "a void record takes a seq"
        StrayDropsFrame "a void record drops the frame under assembly"
        MismatchNotCheckedAgain "a mismatch is just void"
        FollowerKeepsTornFrame "a torn frame's records are given out"
        FollowerGoesPastNewer "a record of a newer version is void"
        FollowerReadsTwice "the next read begins at the last record"
        StrayBytesStopReader "bytes that are no record stop a reader"
        RivalTakenForOwn "any claim of the epoch is the own one"
        ServesBeforeReadBack "a claim serves when it is sent"
        CommitsOutOfOrder "a report commits older frames too"
        OffsetNotCompared "any offset commits"
        OffsetAtLeast "any offset behind the expected one commits"
        LastCommittedPlusOne "the offset behind the last commit is expected, errors are passed over"
        NextOffsetStaysBehind "a commit leaves the offset to read on"
        KnownIsAhead "one commit makes everything handed over known"
        StaleReportCounts "a report of an older epoch counts"
        LostGoesOn "an epoch goes on after an error"
        HandOverNotChained "frames are built on the same head"
        HandOverTakesNoSeq "frames are built on the same seq"
        ExpectedCountsFrames "a frame takes one offset"
        ExpectedFromClaim "the first frame is expected at the claim"
        AheadForgetsOpen "a commit forgets what is still open"
    }
    Commands {
        KeyNotKept "a committed key is forgotten"
        ConflictKept "a version conflict burns its key"
        RunningAskedAgain "a key that is under way is decided again"
        BodyNotCompared "the same key with another body gets the first answer"
        VersionNotCompared "a command is decided at any version"
        TenantNotCompared "a stream is everybody's"
        LostStateKept "what was never committed stays in memory"
        LostTakenForDone "what is not in the log is acknowledged"
        FoundTakenForLost "what is in the log is denied"
        ClockTakenAsItIs "log time is the clock of the owner"
        FencePassed "a fenced key is decided all the same"
    }
    Projector {
        UnsureTakenForDone "a commit without an answer counts"
        CheckpointBehindFrame "the checkpoint names the first record of a frame"
        ParkedGoesOn "a stream goes on past what could not be folded"
        ParkedNotMarked "the row of a parked stream looks fresh"
        RowNotRemoved "a row that folds to nothing stays"
        VersionOfOthers "a row carries the version of any stream that touched it"
    }
    Sagas {
        AnyAttemptCounts "the answer of any attempt is taken"
        FencedAnswerCounts "an answer behind the fence is taken"
        UndoneInPlanOrder "undo begins with the first step"
        DoubtNotUndone "what may have happened is not taken back"
        PivotUndone "a pivot that may have happened is taken back"
        UndoNotConfirmed "nobody looks for what arrives behind its undo"
        RecoveryForgets "a new owner waits for answers that nobody gives"
        KeyOfAttempt "each attempt has a key of its own"
        RoundKeepsKey "a second undo repeats the key of the first"
        UnknownIsNo "no answer is taken for a refusal"
        EarlyTimerFires "a timer fires before its time"
        OperatorBlind "an operator's action is taken at any revision"
    }
}

impl Mutant {
    /// Whether the switches are in this build; a product asserts that they are not.
    pub const BUILT_IN: bool = cfg!(feature = "mutants");

    /// Whether this mistake is to be made: the one that `RECOUNT_MUTANT` names.
    #[cfg(feature = "mutants")]
    pub fn is_on(self) -> bool {
        use std::sync::OnceLock;
        static ON: OnceLock<Option<Mutant>> = OnceLock::new();
        let named = || {
            let name = std::env::var("RECOUNT_MUTANT").ok()?;
            Self::ALL.iter().find(|(_, it, ..)| *it == name).map(|(mutant, ..)| *mutant)
        };
        *ON.get_or_init(named) == Some(self)
    }

    /// Never.
    #[cfg(not(feature = "mutants"))]
    pub const fn is_on(self) -> bool {
        false
    }
}
