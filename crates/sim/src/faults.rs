//! The faults of a seed: each kind is on or off, with a rate of its own (swarm testing: what is off lets
//! what is on go further). Not what a fault does, which stands where it strikes.

use crate::chance::Chance;

macro_rules! kinds {
    ($($kind:ident, $name:literal, $most:literal;)*) => {
        /// One kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each has its name beside it")]
        pub enum Fault { $($kind,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// As a report names it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The one of this name in the program.
            pub fn named(name: &str) -> Option<Self> {
                match name { $(stringify!($kind) => Some(Self::$kind),)* _ => None }
            }

            /// How often it strikes at most, in a million chances.
            const fn most_ppm(self) -> u32 {
                match self { $(Self::$kind => $most,)* }
            }
        }
    };
}

kinds! {
    // Nodes: a chance each second.
    Crash, "node crashes", 30_000;
    Pause, "node stops and goes on as a zombie", 20_000;
    CutOff, "node is cut off from the log", 15_000;
    Rebalance, "lanes are elected anew", 60_000;
    // A chance each handover, transaction and call of a target.
    CrashAtEdge, "node crashes at an edge of its work", 1_500;
    // Chances a handover.
    ProduceHeld, "records are held back in the network", 60_000;
    ProduceDropped, "the client library drops records and goes on", 40_000;
    ProduceTorn, "a frame is torn", 40_000;
    ProduceDoubled, "a record is appended twice", 60_000;
    ReportLost, "records are appended, their report is an error", 60_000;
    ReportLate, "a report comes late", 80_000;
    Intruder, "a foreign record lies between", 30_000;
    // A chance each second.
    LeaderChanges, "a lane changes its leader, what is under way is gone", 20_000;
    // Chances a read.
    ReadFails, "the log cannot be read", 3_000;
    // Chances a command.
    WrongHint, "a command goes to a node that has not the lane", 80_000;
    RequestLost, "a request is lost", 60_000;
    RequestLate, "a request comes late", 60_000;
    AnswerLost, "an answer is lost", 60_000;
    RequestDoubled, "a request comes twice", 60_000;
    OtherBody, "a key is used for another command", 40_000;
    // The read database; chances a call.
    SinkDown, "the read database is down", 3_000;
    SinkCutBefore, "a connection is cut before the commit", 30_000;
    SinkCutAfter, "a connection is cut behind the commit", 30_000;
    SinkSlow, "the read database is slow", 50_000;
    // Targets; chances a call.
    TargetDown, "a target is down", 40_000;
    TargetTransient, "a target says: not now", 250_000;
    TargetRefuses, "a target refuses", 150_000;
    WorksAndTimesOut, "a target does the work and gives no answer", 200_000;
    WorksLate, "a target does the work after the caller has gone", 150_000;
    WorksAndErrs, "a target does the work and answers with an error", 150_000;
    ForgetsKeys, "a platform forgets a key", 150_000;
    CannotTell, "a target cannot be asked about a key", 400_000;
    UndoRefused, "a target refuses to take back", 300_000;
    // Clocks; a chance each second.
    ClockJumps, "the wall clock jumps", 20_000;
    ClockSkewed, "the clock of a node is off", 10_000;
    // A chance each second.
    Operator, "an operator meddles", 150_000;
}

/// How many there are.
pub(crate) const KINDS: usize = Fault::ALL.len();

/// The faults of a seed.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    ppm: [u32; KINDS],
    /// How often each struck.
    pub(crate) struck: [u64; KINDS],
}

impl Faults {
    /// A random subset with random rates: half of the kinds, from a hundredth of the most to the most.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let mut ppm = [0; KINDS];
        // Some seeds have few faults, some nearly all.
        let on = chance.between(10, 90);
        for kind in Fault::ALL {
            if chance.percent(on) {
                let most = kind.most_ppm();
                let shift = chance.below(5);
                ppm[*kind as usize] = (most >> shift).max(1);
            }
        }
        Self { ppm, struck: [0; KINDS] }
    }

    /// These and no others, each as often as it may.
    pub(crate) fn only(mut self, kinds: &[Fault]) -> Self {
        self.ppm = [0; KINDS];
        for kind in kinds {
            self.ppm[*kind as usize] = kind.most_ppm();
        }
        self
    }

    /// None any more.
    pub(crate) const fn end(&mut self) {
        self.ppm = [0; KINDS];
    }

    pub(crate) const fn strikes(&mut self, kind: Fault, chance: &mut Chance) -> bool {
        let ppm = self.ppm[kind as usize];
        let strikes = ppm > 0 && chance.ppm(ppm);
        if strikes {
            self.struck[kind as usize] += 1;
        }
        strikes
    }
}
