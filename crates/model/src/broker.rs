//! What the log, the network and the client library do with records under way, at their worst.

use std::sync::Arc;

use log::{Step, Void};

use crate::law::{Rare, Wrong};
use crate::owner::version;
use crate::state::{Lane, Link, Rec, Report, World};

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum From {
    /// The present producer of a node.
    Node(usize),
    /// A producer that nobody listens to any more.
    Orphan(usize),
    /// One of those that are void whenever they arrive.
    Stray,
}

impl World {
    /// The oldest record of a source is appended and replicated.
    pub(crate) fn append(&mut self, from: From) {
        let rec = match from {
            From::Node(n) => Some(self.node(n).queue.remove(0)),
            From::Orphan(i) => Some(self.orphans[i].remove(0)),
            From::Stray => self.strays.pop().flatten(),
        };
        let offset = self.end;
        self.write(rec.clone());
        if let (From::Node(n), Some(rec)) = (from, rec) {
            self.told(n, &rec, offset);
        }
    }

    /// The oldest record of a source is appended and stays under way as well.
    pub(crate) fn double(&mut self, from: From) {
        self.left.faults -= 1;
        let rec = match from {
            From::Node(n) => Arc::clone(&self.nodes[n].queue[0]),
            From::Orphan(i) => Arc::clone(&self.orphans[i][0]),
            From::Stray => return,
        };
        self.write(Some(rec));
    }

    /// Something that is no record of ours gets under way.
    pub(crate) fn noise(&mut self) {
        self.left.faults -= 1;
        self.strays.push(None);
    }

    /// A request never arrives and its producer is told so; later ones go on (a client library's
    /// time-out).
    pub(crate) fn drop_told(&mut self, n: usize) {
        self.left.faults -= 1;
        let node = self.node(n);
        let rec = node.queue.remove(0);
        let first_seq = rec.first_seq();
        if let Some(open) = node.open.iter_mut().find(|open| open.first_seq == first_seq) {
            open.report = Report::Ready(None);
        }
    }

    /// A producer is told of an error, or of no offset, though the frame was or will be appended.
    pub(crate) fn expire(&mut self, n: usize, i: usize) {
        self.left.faults -= 1;
        self.node(n).open[i].report = Report::Ready(None);
    }

    /// A delivery report is lost.
    pub(crate) fn lose_report(&mut self, n: usize, i: usize) {
        self.left.faults -= 1;
        self.node(n).open[i].report = Report::Lost;
    }

    /// Another broker leads the lane: what the old one had appended and not replicated is gone, and
    /// nobody is told. Four bits a source, nodes first: so many of its oldest records.
    pub(crate) fn truncate(&mut self, gone: u64) {
        self.left.faults -= 1;
        let nodes = self.nodes.len();
        for (place, count) in counts(gone) {
            if count == 0 {
                continue;
            }
            if place < nodes {
                self.node(place).queue.drain(..count);
            } else if let Some(orphan) = self.orphans.get_mut(place - nodes) {
                orphan.drain(..count);
            }
        }
    }

    /// The reader rule takes the next record of the log.
    fn write(&mut self, rec: Option<Arc<Rec>>) {
        let before = self.fold.clone();
        self.end += 1;
        if let Some(rec) = &rec {
            let step = self.fold.step(&rec.header, &rec.prev, &rec.bytes);
            self.judge(&before, step, rec);
        }
        self.log = Some(Arc::new(Link { rec, older: self.log.take() }));
        self.read_newest();
    }

    fn judge(&mut self, before: &Lane, step: Step, rec: &Arc<Rec>) {
        if self.fold.epoch != before.epoch + u64::from(step == Step::Claimed) {
            self.wrong = Some(Wrong::Epoch);
        }
        match step {
            Step::Claimed => {
                if before.is_partial() {
                    Rare::TornByClaim.seen();
                }
                self.assembled = 0;
                if self.fold.is_partial() {
                    self.wrong = Some(Wrong::Torn);
                }
                if rec.of.is_some() || self.fold.seq != before.seq + 1 {
                    self.wrong = Some(Wrong::Version);
                }
            }
            Step::Partial => {
                if !self.continues(before, rec) {
                    self.wrong = Some(Wrong::Torn);
                }
                self.assembled += 1;
            }
            Step::Whole { first } => {
                if !self.continues(before, rec) || self.assembled + 1 != rec.header.of {
                    self.wrong = Some(Wrong::Torn);
                }
                self.assembled = 0;
                self.happens(before, first, rec);
            }
            Step::Void(Void::OtherEpoch) => Rare::VoidLate.seen(),
            Step::Void(Void::LateClaim) => Rare::VoidClaim.seen(),
            Step::Void(Void::OutOfPlace) => {}
            Step::Mismatch => self.wrong = Some(Wrong::Mismatch),
        }
    }

    fn continues(&self, before: &Lane, rec: &Rec) -> bool {
        rec.header.place == self.assembled
            && rec.header.epoch == before.epoch
            && rec.first_seq() == before.seq + 1
    }

    fn happens(&mut self, before: &Lane, first: u64, rec: &Rec) {
        let Some(part) = rec.of else {
            self.wrong = Some(Wrong::Version);
            return;
        };
        let bit = 1 << part.command;
        if self.happened & bit != 0 {
            self.wrong = Some(Wrong::Twice);
        }
        if part.version != version(self.happened)
            || first != before.seq + 1
            || self.fold.seq != before.seq + u64::from(rec.header.of)
        {
            self.wrong = Some(Wrong::Version);
        }
        self.happened |= bit;
        let (epoch, end) = (rec.header.epoch, self.end);
        for node in &mut self.nodes {
            let concerns = node.open.iter().any(|open| open.first_seq == first)
                || node.lost.iter().any(|lost| lost.first_seq == first);
            if !concerns {
                continue;
            }
            let node = Arc::make_mut(node);
            if node.tenure.known().epoch == epoch {
                for open in node.open.iter_mut().filter(|open| open.first_seq == first) {
                    open.truth = Some((self.fold.clone(), end));
                }
            }
            for lost in &mut node.lost {
                lost.truth |= lost.epoch == epoch && lost.first_seq == first;
            }
        }
    }

    /// The adapter gathers the fate of a frame's records into one report.
    fn told(&mut self, n: usize, rec: &Rec, offset: u64) {
        let first_seq = rec.first_seq();
        let (place, last) = (u64::from(rec.header.place), rec.header.place + 1 == rec.header.of);
        let node = self.node(n);
        let Some(open) = node.open.iter_mut().find(|open| open.first_seq == first_seq) else {
            return;
        };
        let Report::UnderWay { first, torn } = open.report else { return };
        let (first, torn) = match first {
            None => (Some(offset), place > 0),
            Some(first) => (Some(first), torn || first + place != offset),
        };
        open.report = if last {
            Report::Ready(first.filter(|_| !torn))
        } else {
            Report::UnderWay { first, torn }
        };
    }

    /// Sorts out what is void whenever it arrives, and checks that it is.
    pub(crate) fn tidy(&mut self) {
        let epoch = self.fold.epoch;
        for orphan in &mut self.orphans {
            self.strays.extend(orphan.extract_if(.., |rec| rec.is_stale(epoch)).map(Some));
        }
        self.orphans.retain(|queue| !queue.is_empty());
        for stray in self.strays.iter().flatten() {
            let step = self.fold.clone().step(&stray.header, &stray.prev, &stray.bytes);
            if !matches!(step, Step::Void(_)) {
                self.wrong = Some(Wrong::Stray);
            }
        }
    }
}

/// The counts of a truncation, by place.
fn counts(gone: u64) -> impl Iterator<Item = (usize, usize)> {
    (0..16).map(move |place| (place, usize::try_from(gone >> (4 * place) & 15).unwrap_or(0)))
}
