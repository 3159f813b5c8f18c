//! What a node does: claims, submits, hears reports, reads, crashes. Every decision of the protocol is
//! production's (`lane::Tenure`); this file only keeps what its callers keep in production: which
//! commands were seen, are open, or lost.

use std::sync::Arc;

use lane::{Delivered, Read, Tenure};
use log::{Claim, Header, Kind, Record, Step};
use uuid::Uuid;

use crate::chain::CheapChain;
use crate::law::{Rare, Wrong};
use crate::state::{Lost, Node, Open, Part, Queue, Rec, Report, World};

/// How many records a command has: the first has two, so that its frame can be torn.
pub(crate) const fn size(command: u8) -> u8 {
    if command == 0 { 2 } else { 1 }
}

/// The version of the aggregate after these commands (all are of one aggregate).
pub(crate) fn version(commands: u8) -> u8 {
    (0..8).filter(|command| commands & (1 << command) != 0).map(size).sum()
}

impl World {
    /// A node stops waiting for whatever it waits for, reads to the end and writes a claim.
    pub(crate) fn claim(&mut self, n: usize) {
        self.left.claims -= 1;
        let claim = Claim {
            id: Uuid::from_u128(u128::from(self.left.claims)),
            at: domain::Timestamp::from_micros(0),
            node: String::new(),
            url: String::new(),
        };
        if self.nodes[n].tenure.is_serving() || self.nodes[n].tenure.is_claiming() {
            self.lose(n);
        }
        self.read_on(n);
        let node = &self.nodes[n];
        if *node.tenure.known() != self.fold || node.seen != self.happened {
            self.wrong = Some(Wrong::Knows);
            return;
        }
        let node = self.node(n);
        let bytes = Record::claim(node.tenure.next_epoch(), &claim);
        let Ok((header, _)) = Header::read(&bytes) else { return };
        node.tenure.claim(bytes.clone());
        node.queue.push(Arc::new(Rec { header, prev: 0, bytes, of: None }));
    }

    /// An owner is asked for a command that it has not seen yet.
    pub(crate) fn submit(&mut self, n: usize, command: u8) {
        if command > 0 {
            self.fresh = self.fresh.max(command);
        }
        let node = self.node(n);
        let Some((epoch, first_seq, prev)) = node.tenure.next_frame() else { return };
        let open = node.open.iter().fold(node.seen, |all, open| all | 1 << open.command);
        let part = Part { command, version: version(open) };
        let of = u16::from(size(command));
        let bytes = |place: u8| vec![command, place, part.version];
        let whole: Vec<u8> = (0..size(command)).flat_map(bytes).collect();
        let expected = node.tenure.hand_over(of, &whole);
        node.next = expected + u64::from(of);
        let report = Report::UnderWay { first: None, torn: false };
        node.open.push(Open { command, first_seq, expected, truth: None, report });
        for place in 0..size(command) {
            let header = Header {
                kind: Kind::Event,
                place: u16::from(place),
                of,
                epoch,
                seq: first_seq + u64::from(place),
            };
            node.queue.push(Arc::new(Rec { header, prev, bytes: bytes(place), of: Some(part) }));
        }
        // A report of an older epoch, though it named just this frame and place, changes nothing.
        for older in 1..epoch {
            for at in [Some(expected), None] {
                let mut tenure = node.tenure.clone();
                if tenure.delivered(older, first_seq, at) != Delivered::Stale
                    || tenure != node.tenure
                {
                    self.wrong = Some(Wrong::Stale);
                    return;
                }
            }
        }
    }

    /// A delivery report reaches its owner. `keep`: it will come once more.
    pub(crate) fn report(&mut self, n: usize, i: usize, keep: bool) {
        let node = self.node(n);
        let Report::Ready(at) = node.open[i].report else { return };
        let first_seq = node.open[i].first_seq;
        node.open[i].report = Report::Heard;
        if keep {
            node.again = Some((first_seq, at));
        }
        self.delivered(n, first_seq, at);
    }

    /// A delivery report reaches its owner once more.
    pub(crate) fn report_again(&mut self, n: usize) {
        if let Some((first_seq, at)) = self.node(n).again.take() {
            Rare::Repeated.seen();
            self.delivered(n, first_seq, at);
        }
    }

    fn delivered(&mut self, n: usize, first_seq: u64, at: Option<u64>) {
        if self.nodes[n].is_zombie(self.fold.epoch) {
            Rare::ZombieReported.seen();
        }
        let node = self.node(n);
        let epoch = node.tenure.known().epoch;
        let before = node.tenure.clone();
        let delivered = node.tenure.delivered(epoch, first_seq, at);
        if !commutes(before, &node.tenure, first_seq, at) {
            self.wrong = Some(Wrong::Depends);
        }
        match delivered {
            Delivered::Committed(count) => {
                if count > 1 {
                    Rare::SeveralCommitted.seen();
                }
                self.acknowledge(n, count);
            }
            Delivered::Broken => {
                if at.is_some() { Rare::OffsetElsewhere } else { Rare::ReportedError }.seen();
                self.lose(n);
            }
            Delivered::Stale => {}
        }
    }

    /// The oldest open frames are committed: their callers are told that they happened.
    fn acknowledge(&mut self, n: usize, count: usize) {
        let node = self.node(n);
        let count_max = node.open.len();
        let mut wrong = if count > count_max { Some(Wrong::Acknowledged) } else { None };
        for open in node.open.drain(..count.min(count_max)) {
            node.seen |= 1 << open.command;
            Rare::Committed.seen();
            let (known, next) = (node.tenure.known(), node.tenure.next_offset());
            match open.truth {
                None => wrong = Some(Wrong::Acknowledged),
                Some((lane, offset)) if lane.seq == known.seq => {
                    if lane != *known || offset != next {
                        wrong = wrong.or(Some(Wrong::Knows));
                    }
                }
                Some(_) => {}
            }
        }
        self.wrong = wrong.or(self.wrong);
    }

    /// A node forgets everything and starts again.
    pub(crate) fn crash(&mut self, n: usize) {
        self.left.crashes -= 1;
        if !self.nodes[n].open.is_empty() {
            Rare::CrashedServing.seen();
        }
        let queue = std::mem::take(&mut self.node(n).queue);
        self.orphan(queue);
        self.nodes[n] = Arc::new(Node::new());
    }

    /// It serves or claims no more: its producer is dropped, and what was open is unknown.
    fn lose(&mut self, n: usize) {
        let node = self.node(n);
        node.tenure.fail();
        let epoch = node.tenure.known().epoch;
        let queue = std::mem::take(&mut node.queue);
        node.taking = false;
        node.again = None;
        for open in std::mem::take(&mut node.open) {
            let (first_seq, truth) = (open.first_seq, open.truth.is_some());
            node.lost.push(Lost { epoch, first_seq, truth, read: false });
        }
        self.orphan(queue);
    }

    /// A node that does not serve reads to the end of the log, or until its own claim comes back.
    fn read_on(&mut self, n: usize) {
        let from = self.nodes[n].tenure.next_offset();
        for (offset, rec) in (from..).zip(self.from(from)) {
            if !self.nodes[n].tenure.is_serving() {
                self.read(n, offset, rec.as_deref());
            }
        }
    }

    /// Whoever waits for its claim reads the newest record of the log.
    pub(crate) fn read_newest(&mut self) {
        for n in 0..self.nodes.len() {
            if self.nodes[n].tenure.is_claiming() {
                self.read_on(n);
            }
        }
    }

    fn read(&mut self, n: usize, offset: u64, rec: Option<&Rec>) {
        let node = Arc::make_mut(&mut self.nodes[n]);
        let Some(rec) = rec else {
            node.tenure.skip(offset);
            return;
        };
        match node.tenure.read(offset, &rec.header, &rec.prev, &rec.bytes) {
            Read::Rule(Step::Whole { first }) => {
                if let Some(part) = rec.of {
                    node.seen |= 1 << part.command;
                }
                for lost in &mut node.lost {
                    lost.read |= lost.epoch == rec.header.epoch && lost.first_seq == first;
                }
            }
            Read::Rule(_) => {}
            Read::Won => {
                Rare::Won.seen();
                node.taking = true;
                node.next = node.tenure.next_offset();
                if *node.tenure.known() != self.fold || node.seen != self.happened {
                    self.wrong = Some(Wrong::Knows);
                }
                self.settle(n);
            }
            Read::Rival => {
                Rare::Rival.seen();
                let queue = std::mem::take(&mut node.queue);
                self.orphan(queue);
            }
        }
    }

    /// The own claim is current: every lost frame has its fate, and its caller is told.
    fn settle(&mut self, n: usize) {
        for lost in std::mem::take(&mut self.node(n).lost) {
            if lost.read { Rare::FoundCommitted } else { Rare::FoundNever }.seen();
            if lost.read != lost.truth {
                self.wrong = Some(Wrong::Told);
            }
        }
    }

    /// Nobody listens to these any more.
    fn orphan(&mut self, queue: Queue) {
        if !queue.is_empty() {
            self.orphans.push(queue);
        }
    }
}

/// Whether a frame that is handed over before a report and one that is handed over behind it are the
/// same, with the same expected offset: why it is enough to hand everything over at once.
fn commutes(
    mut before: Tenure<CheapChain>,
    after: &Tenure<CheapChain>,
    first_seq: u64,
    at: Option<u64>,
) -> bool {
    if !after.is_serving() {
        return true;
    }
    let mut after = after.clone();
    let same_frame = before.next_frame() == after.next_frame();
    let same_offset = before.hand_over(1, &[0]) == after.hand_over(1, &[0]);
    let epoch = before.known().epoch;
    before.delivered(epoch, first_seq, at);
    same_frame && same_offset && before == after
}
