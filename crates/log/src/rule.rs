//! The reader rule: which records of a lane are valid. One pure function for every reader.
//!
//! Source: architecture, "Reader rule"; checked exhaustively by the model in `crates/model`.

use crate::{Chain, Header, Kind};

#[cfg(feature = "mutants")]
mod mutated;

/// What a reader knows of a lane after some records.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LaneState<C: Chain> {
    /// The current epoch; 0 before the first claim.
    pub epoch: u64,
    /// Valid records so far: claims, events, outcomes.
    pub seq: u64,
    /// The head of the chain.
    pub head: C::Head,
    partial: Option<Partial>,
}

/// A frame under assembly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Partial {
    /// Records seen.
    have: u16,
    /// Records in all.
    of: u16,
    /// Their canonical bytes.
    bytes: Vec<u8>,
}

/// What a record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A valid claim: a frame under assembly is dropped, a new epoch begins.
    Claimed,
    /// It continues a frame; nothing takes effect yet.
    Partial,
    /// It completes a frame: its records take effect, `first..=seq` of the state.
    Whole {
        /// The seq of the frame's first record.
        first: u64,
    },
    /// It never happened.
    Void(Void),
    /// Epoch, seq and place are the next ones, the previous hash is not the head. No healthy history
    /// has it: the reader folds again from an older state before it calls the record void.
    Mismatch,
}

/// Why a record is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Void {
    /// A claim that does not begin the next epoch.
    LateClaim,
    /// Written in another epoch than the current one.
    OtherEpoch,
    /// Not the next record of the lane, or not the next of its frame.
    OutOfPlace,
}

impl<C: Chain> LaneState<C> {
    /// A lane before its first record.
    pub const fn new(genesis: C::Head) -> Self {
        Self { epoch: 0, seq: 0, head: genesis, partial: None }
    }

    /// A lane as a checkpoint of committed frames remembers it.
    pub const fn resume(epoch: u64, seq: u64, head: C::Head) -> Self {
        Self { epoch, seq, head, partial: None }
    }

    /// The same with a frame under assembly, as [`Self::partial`] gave it.
    #[must_use]
    pub fn with_partial(mut self, have: u16, of: u16, bytes: Vec<u8>) -> Self {
        self.partial = Some(Partial { have, of, bytes });
        self
    }

    /// The frame under assembly: records seen, records in all, canonical bytes of those seen.
    pub fn partial(&self) -> Option<(u16, u16, &[u8])> {
        self.partial.as_ref().map(|it| (it.have, it.of, it.bytes.as_slice()))
    }

    /// Whether a frame is under assembly.
    pub const fn is_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// Takes the next record of the lane, in the order of the log. `prev` is the head that its writer
    /// saw before the frame (ignored for a claim); `bytes` are its canonical bytes.
    ///
    /// The state changes on [`Step::Claimed`], [`Step::Partial`] and [`Step::Whole`] only.
    pub fn step(&mut self, header: &Header, prev: &C::Head, bytes: &[u8]) -> Step {
        self.step_to(header, prev, bytes, None)
    }

    /// The same of a record that its own writer handed over, who knows the head behind its frame: that is
    /// taken in place of the hash. Only for who would believe the writer anyway.
    pub fn step_to(
        &mut self,
        header: &Header,
        prev: &C::Head,
        bytes: &[u8],
        after: Option<C::Head>,
    ) -> Step {
        #[cfg(feature = "mutants")]
        return self.mutated(header, prev, bytes, after);
        #[cfg(not(feature = "mutants"))]
        self.rule(header, prev, bytes, after)
    }

    fn rule(
        &mut self,
        header: &Header,
        prev: &C::Head,
        bytes: &[u8],
        after: Option<C::Head>,
    ) -> Step {
        if header.kind == Kind::Claim {
            return self.claim(header, bytes);
        }
        if header.epoch != self.epoch {
            return Step::Void(Void::OtherEpoch);
        }
        let (have, of) = self.partial.as_ref().map_or((0, header.of), |p| (p.have, p.of));
        let next = self.seq + u64::from(have) + 1;
        if header.seq != next || header.place != have || header.of != of || header.place >= of {
            return Step::Void(Void::OutOfPlace);
        }
        if *prev != self.head {
            return Step::Mismatch;
        }
        if have + 1 < of {
            let partial =
                self.partial.get_or_insert_with(|| Partial { have: 0, of, bytes: Vec::new() });
            partial.have += 1;
            partial.bytes.extend_from_slice(bytes);
            return Step::Partial;
        }
        self.head = match (after, self.partial.take()) {
            (Some(after), _) => after,
            (None, None) => C::extend(&self.head, bytes),
            (None, Some(mut partial)) => {
                partial.bytes.extend_from_slice(bytes);
                C::extend(&self.head, &partial.bytes)
            }
        };
        let first = self.seq + 1;
        self.seq += u64::from(of);
        Step::Whole { first }
    }

    fn claim(&mut self, header: &Header, bytes: &[u8]) -> Step {
        if header.epoch != self.epoch + 1 {
            return Step::Void(Void::LateClaim);
        }
        self.partial = None;
        self.epoch = header.epoch;
        self.seq += 1;
        self.head = C::extend(&self.head, bytes);
        Step::Claimed
    }
}
