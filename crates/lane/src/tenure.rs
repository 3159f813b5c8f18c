//! The owner's protocol: claim, hand over, commit, lose. A state machine over the reader rule, without
//! I/O, time or commands: what a frame means is its caller's affair. The model checker runs this very
//! type against a log that misbehaves.
//!
//! An owner knows every record of the lane up to its last committed frame, because it read everything
//! up to its claim and wrote everything after it; so it knows what every other reader will conclude.

#[cfg(feature = "mutants")]
mod mutated;

use std::collections::VecDeque;

use log::{Chain, Header, LaneState, Step};

/// One node's view of one lane, and its right to write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenure<C: Chain> {
    /// What was read, or committed: the two never differ.
    known: LaneState<C>,
    /// The offset behind the last known record.
    next_offset: u64,
    phase: Phase<C>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase<C: Chain> {
    /// Reads; writes nothing.
    Following,
    /// Has written a claim and reads on until it comes back.
    Claiming { epoch: u64, claim: Vec<u8> },
    /// Owns the lane: hands frames over on top of `ahead`.
    Serving(Serving<C>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Serving<C: Chain> {
    /// What the lane will be when everything handed over is committed.
    ahead: LaneState<C>,
    /// Offset that the next handed over record must get: own claim + 1 + records handed over since.
    next: u64,
    /// Handed over and not committed, oldest first.
    open: VecDeque<Open<C>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Open<C: Chain> {
    first_offset: u64,
    records: u16,
    first_seq: u64,
    after: LaneState<C>,
    delivered: bool,
}

/// What reading one record meant for the tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Read {
    /// What the reader rule said.
    Rule(Step),
    /// The own claim came back and is current: the lane is served from here on.
    Won,
    /// Another claim became current while the own one was under way: give up.
    Rival,
}

/// What a delivery report meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivered {
    /// So many of the oldest open frames are committed now.
    Committed(usize),
    /// Everything open is unknown; nothing may be handed over any more in this epoch.
    Broken,
    /// It belongs to an epoch that is over.
    Stale,
}

impl<C: Chain> Tenure<C> {
    /// A node that knows the lane up to `known` and reads on at `next_offset`.
    pub const fn new(known: LaneState<C>, next_offset: u64) -> Self {
        Self { known, next_offset, phase: Phase::Following }
    }

    /// What was read or committed.
    pub const fn known(&self) -> &LaneState<C> {
        &self.known
    }

    /// Where to read on.
    pub const fn next_offset(&self) -> u64 {
        self.next_offset
    }

    /// Whether it owns the lane, as far as it knows.
    pub const fn is_serving(&self) -> bool {
        matches!(self.phase, Phase::Serving(_))
    }

    /// Whether a claim is under way.
    pub const fn is_claiming(&self) -> bool {
        matches!(self.phase, Phase::Claiming { .. })
    }

    /// The epoch that the next claim must begin.
    pub const fn next_epoch(&self) -> u64 {
        self.known.epoch + 1
    }

    /// Has read to the end and writes a claim, whose canonical bytes these are.
    ///
    /// # Panics
    /// When it is not just following, or the claim does not begin [`Self::next_epoch`].
    pub fn claim(&mut self, claim: Vec<u8>) {
        assert!(matches!(self.phase, Phase::Following), "a claim is written by a follower");
        let epoch = Header::read(&claim).map(|(header, _)| header.epoch);
        assert_eq!(epoch, Ok(self.next_epoch()), "a claim begins the next epoch");
        self.phase = Phase::Claiming { epoch: self.next_epoch(), claim };
        #[cfg(feature = "mutants")]
        self.after_claim();
    }

    /// Takes the next record of the lane, in order. Only while following or claiming: an owner knows
    /// what it wrote.
    ///
    /// # Panics
    /// When it serves.
    pub fn read(&mut self, offset: u64, header: &Header, prev: &C::Head, bytes: &[u8]) -> Read {
        assert!(!self.is_serving(), "an owner does not read its own lane");
        #[cfg(feature = "mutants")]
        self.before_read(header, bytes);
        let step = self.known.step(header, prev, bytes);
        self.next_offset = offset + 1;
        if step != Step::Claimed {
            return Read::Rule(step);
        }
        let Phase::Claiming { epoch, claim } = &self.phase else {
            return Read::Rule(step);
        };
        if header.epoch < *epoch {
            return Read::Rule(step);
        }
        if claim.as_slice() == bytes {
            let serving = Serving {
                ahead: self.known.clone(),
                next: self.next_offset,
                open: VecDeque::new(),
            };
            self.phase = Phase::Serving(serving);
            #[cfg(feature = "mutants")]
            self.after_won();
            return Read::Won;
        }
        self.phase = Phase::Following;
        Read::Rival
    }

    /// Goes past bytes that are no record.
    ///
    /// # Panics
    /// When it serves.
    pub fn skip(&mut self, offset: u64) {
        assert!(!self.is_serving(), "an owner does not read its own lane");
        self.next_offset = offset + 1;
    }

    /// The offset that the next handed over record must get, while it serves. A record that lies there
    /// or behind it is another writer's.
    pub const fn next_own(&self) -> Option<u64> {
        match &self.phase {
            Phase::Serving(serving) => Some(serving.next),
            _ => None,
        }
    }

    /// Epoch and seq of the next frame's first record, and the head before it.
    pub fn next_frame(&self) -> Option<(u64, u64, C::Head)> {
        match &self.phase {
            Phase::Serving(serving) => {
                Some((serving.ahead.epoch, serving.ahead.seq + 1, serving.ahead.head))
            }
            _ => None,
        }
    }

    /// Hands a frame over and gives the offset its first record must get: it is fixed here. `bytes` was
    /// built on [`Self::next_frame`].
    ///
    /// # Panics
    /// When it does not serve.
    pub fn hand_over(&mut self, records: u16, bytes: &[u8]) -> u64 {
        #[cfg(feature = "mutants")]
        let before = self.clone();
        let Phase::Serving(serving) = &mut self.phase else {
            panic!("only an owner hands frames over");
        };
        let first_seq = serving.ahead.seq + 1;
        serving.ahead.seq += u64::from(records);
        serving.ahead.head = C::extend(&serving.ahead.head, bytes);
        let after = serving.ahead.clone();
        let first_offset = serving.next;
        serving.next += u64::from(records);
        serving.open.push_back(Open { first_offset, records, first_seq, after, delivered: false });
        #[cfg(feature = "mutants")]
        self.after_hand_over(&before);
        first_offset
    }

    /// Takes the delivery report of the frame that began at `first_seq` in `epoch`: the offset of its
    /// first record if all of them lie there without a gap, `None` for anything else.
    pub fn delivered(&mut self, epoch: u64, first_seq: u64, at: Option<u64>) -> Delivered {
        #[cfg(feature = "mutants")]
        let (epoch, first_seq, at) = self.given((epoch, first_seq, at));
        #[cfg(feature = "mutants")]
        if self.passes_over(at) {
            return Delivered::Committed(0);
        }
        let Phase::Serving(serving) = &mut self.phase else {
            return Delivered::Stale;
        };
        if epoch != serving.ahead.epoch {
            return Delivered::Stale;
        }
        // Nearly always it is the oldest.
        let place = match serving.open.front() {
            Some(oldest) if oldest.first_seq == first_seq => Ok(0),
            _ => serving.open.binary_search_by_key(&first_seq, |open| open.first_seq),
        };
        let Ok(place) = place else { return self.fail() };
        if at != Some(serving.open[place].first_offset) {
            return self.fail();
        }
        serving.open[place].delivered = true;
        let mut committed = 0;
        while serving.open.front().is_some_and(|open| open.delivered) {
            if let Some(open) = serving.open.pop_front() {
                self.next_offset = open.first_offset + u64::from(open.records);
                self.known = open.after;
                committed += 1;
            }
        }
        #[cfg(feature = "mutants")]
        self.after_report(Delivered::Committed(committed));
        Delivered::Committed(committed)
    }

    /// Gives the lane up: everything open is unknown, and it reads on behind what is committed.
    pub fn fail(&mut self) -> Delivered {
        #[cfg(feature = "mutants")]
        let before = self.phase.clone();
        self.phase = Phase::Following;
        #[cfg(feature = "mutants")]
        self.after_fail(before);
        Delivered::Broken
    }
}
