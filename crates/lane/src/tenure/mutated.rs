//! The protocol with one mistake in it; the protocol itself stays as it is: a mistake is made in what it
//! is given, or in what it made of it. See [`Mutant`].

use log::{Chain, Header, Mutant};

use super::{Delivered, Open, Phase, Serving, Tenure};

impl<C: Chain> Tenure<C> {
    /// Before a record is read.
    pub(super) fn before_read(&mut self, header: &Header, bytes: &[u8]) {
        if let Phase::Claiming { epoch, claim } = &mut self.phase
            && header.epoch == *epoch
            && Mutant::RivalTakenForOwn.is_on()
        {
            bytes.clone_into(claim);
        }
    }

    /// After a claim was written.
    pub(super) fn after_claim(&mut self) {
        let Phase::Claiming { claim, .. } = &self.phase else { return };
        if !Mutant::ServesBeforeReadBack.is_on() {
            return;
        }
        let Ok((header, _)) = Header::read(claim) else { return };
        let head = self.known.head;
        self.known.step(&header, &head, claim);
        self.next_offset += 1;
        let (ahead, next) = (self.known.clone(), self.next_offset);
        self.phase = Phase::Serving(Serving { ahead, next, open: [].into() });
    }

    /// After the own claim was read back.
    pub(super) fn after_won(&mut self) {
        if let Phase::Serving(serving) = &mut self.phase
            && Mutant::ExpectedFromClaim.is_on()
        {
            serving.next -= 1;
        }
    }

    /// After a frame was handed over; `before` is what the tenure was.
    pub(super) fn after_hand_over(&mut self, before: &Self) {
        let (Phase::Serving(now), Phase::Serving(then)) = (&mut self.phase, &before.phase) else {
            return;
        };
        if Mutant::HandOverNotChained.is_on() {
            now.ahead.head = then.ahead.head;
        }
        if Mutant::HandOverTakesNoSeq.is_on() {
            now.ahead.seq = then.ahead.seq;
        }
        if Mutant::ExpectedCountsFrames.is_on() {
            now.next = then.next + 1;
        }
    }

    /// A report, as a protocol would see it that compares less.
    pub(super) fn given(&mut self, report: (u64, u64, Option<u64>)) -> (u64, u64, Option<u64>) {
        let (mut epoch, first_seq, mut at) = report;
        let next_offset = self.next_offset;
        let Phase::Serving(serving) = &mut self.phase else { return report };
        if Mutant::StaleReportCounts.is_on() {
            epoch = serving.ahead.epoch;
        }
        let Some(place) = serving.open.iter().position(|open| open.first_seq == first_seq) else {
            return (epoch, first_seq, at);
        };
        let expected = serving.open[place].first_offset;
        let fits = Mutant::OffsetNotCompared.is_on()
            || (Mutant::OffsetAtLeast.is_on() && at > Some(expected))
            || (Mutant::LastCommittedPlusOne.is_on() && at == Some(next_offset));
        if fits && at.is_some() {
            at = Some(expected);
        }
        if at == Some(expected)
            && (Mutant::CommitsOutOfOrder.is_on() || Mutant::LastCommittedPlusOne.is_on())
        {
            serving.open.iter_mut().take(place).for_each(|open| open.delivered = true);
        }
        (epoch, first_seq, at)
    }

    /// Whether a report is not even looked at.
    pub(super) fn passes_over(&self, at: Option<u64>) -> bool {
        at.is_none() && self.is_serving() && Mutant::LastCommittedPlusOne.is_on()
    }

    /// After a report was taken.
    pub(super) fn after_report(&mut self, delivered: Delivered) {
        let Phase::Serving(serving) = &mut self.phase else { return };
        if !matches!(delivered, Delivered::Committed(1..)) {
            return;
        }
        if Mutant::NextOffsetStaysBehind.is_on() {
            self.next_offset -= 1;
        }
        if Mutant::KnownIsAhead.is_on() {
            self.known = serving.ahead.clone();
        }
        if Mutant::AheadForgetsOpen.is_on() {
            serving.ahead = self.known.clone();
        }
    }

    /// What is left of an epoch that broke, when it should be nothing.
    pub(super) fn after_fail(&mut self, before: Phase<C>) {
        if let Phase::Serving(mut serving) = before
            && Mutant::LostGoesOn.is_on()
        {
            let drained: Vec<Open<C>> = serving.open.drain(..).collect();
            drop(drained);
            self.phase = Phase::Serving(serving);
        }
    }
}
