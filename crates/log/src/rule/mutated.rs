//! The reader rule with one mistake in it; the rule itself stays as it is: a mistake is made in what it
//! is given, or in what it made of it. See [`Mutant`].

use super::{LaneState, Step};
use crate::{Chain, Header, Kind, Mutant};

impl<C: Chain> LaneState<C> {
    pub(super) fn mutated(
        &mut self,
        header: &Header,
        prev: &C::Head,
        bytes: &[u8],
        _after: Option<C::Head>,
    ) -> Step {
        let before = self.clone();
        let (header, prev) = (self.given(*header), self.prev(*prev));
        if let (true, Some(partial)) = (Mutant::LastRecordChainedAlone.is_on(), &mut self.partial) {
            partial.bytes.clear();
        }
        // What the writer computed would hide mistakes of the chain.
        let step = self.rule(&header, &prev, bytes, None);
        self.made(&before, step);
        step
    }

    /// The header, as a rule would see it that does not compare something.
    fn given(&self, mut header: Header) -> Header {
        if header.kind == Kind::Claim {
            let skips = header.epoch > self.epoch && Mutant::ClaimSkipsEpochs.is_on();
            let again = header.epoch == self.epoch && Mutant::ClaimOfSameEpoch.is_on();
            if skips || again {
                header.epoch = self.epoch + 1;
            }
            return header;
        }
        let (have, of) = self.partial.as_ref().map_or((0, header.of), |p| (p.have, p.of));
        if Mutant::EpochNotCompared.is_on() {
            header.epoch = self.epoch;
        }
        if Mutant::SeqNotCompared.is_on() {
            header.seq = self.seq + u64::from(have) + 1;
        }
        if Mutant::PlaceNotCompared.is_on() {
            header.place = have;
        }
        if Mutant::LengthNotCompared.is_on() {
            header.of = of;
        }
        if Mutant::FirstRecordTakesEffect.is_on() {
            header.of = have + 1;
        }
        header
    }

    fn prev(&self, prev: C::Head) -> C::Head {
        if Mutant::HashNotCompared.is_on() { self.head } else { prev }
    }

    /// The state, as a rule would leave it that forgets something.
    fn made(&mut self, before: &Self, step: Step) {
        match step {
            Step::Claimed => {
                if Mutant::ClaimKeepsFrame.is_on() {
                    self.partial.clone_from(&before.partial);
                }
                if Mutant::ClaimTakesNoSeq.is_on() {
                    self.seq = before.seq;
                }
                if Mutant::ClaimNotChained.is_on() {
                    self.head = before.head;
                }
            }
            Step::Whole { first } if Mutant::SeqCountsFrames.is_on() => self.seq = first,
            Step::Void(_) => {
                self.seq += u64::from(Mutant::StrayCounts.is_on());
                if Mutant::StrayDropsFrame.is_on() {
                    self.partial = None;
                }
            }
            Step::Whole { .. } | Step::Partial | Step::Mismatch => {}
        }
    }
}
