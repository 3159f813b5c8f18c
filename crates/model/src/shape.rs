//! Which worlds are the same: those whose futures are. The checker visits one world of each shape.
//!
//! Left out, and why nothing is lost:
//! - Names: nodes, producers, claims, commands of one record (the first unused one stands for all).
//! - The log: it only grows, and reading is a pure function of it. Whoever does not serve will read to
//!   its end before it does anything, so it counts as having read; that an owner that serves knows
//!   what the log says is checked at each commit.
//! - Absolute epochs, seqs, heads and offsets: production only compares them. What remains of them is
//!   whether a record is of the current epoch, how far its seq is from the lane's, and whether an
//!   offset is below, at or above the expected one. (Heads follow from seq and epoch: that they never
//!   disagree is a law that is checked.)
//! - What is under way from older epochs without a producer that listens: void whenever it arrives
//!   (checked in every world), it only shifts offsets, so its number remains.
//! - Of an owner whose epoch is over: which commands it has open. It can only hear and give up.
//!
//! That this is enough is tested in `tests`: worlds told apart by everything reach the same shapes.

use std::hash::{Hash, Hasher};

use crate::state::{Node, Open, Rec, Report, World};

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.shape());
    }
}

impl World {
    /// What the future depends on, as bytes.
    pub(crate) fn shape(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(96);
        all.extend([self.left.claims, self.left.faults, self.left.crashes]);
        all.extend([self.happened, self.fresh, small(self.assembled), small(self.strays.len())]);
        all.push(self.wrong.map_or(0, |wrong| 1 + wrong as u8));
        let orphans = self.orphans.iter().map(|queue| self.queue(queue.iter().map(AsRef::as_ref)));
        unordered(orphans.collect(), &mut all);
        unordered(self.nodes.iter().map(|node| self.of_node(node)).collect(), &mut all);
        all
    }

    fn of_node(&self, node: &Node) -> Vec<u8> {
        let mut all = Vec::with_capacity(32);
        let epoch = self.fold.epoch;
        if !node.tenure.is_serving() {
            let live = node.queue.iter().filter(|rec| !rec.is_stale(epoch)).count();
            all.extend([u8::from(node.tenure.is_claiming()), small(live)]);
            let open = node.lost.iter().filter(|lost| {
                lost.epoch == epoch && !lost.truth && lost.first_seq > self.fold.seq
            });
            all.extend(open.map(|lost| small(lost.first_seq - self.fold.seq)));
            return all;
        }
        let over = node.is_zombie(epoch);
        let zombie = over && !node.taking;
        all.extend([2 + u8::from(over), u8::from(node.taking), small(node.open.len())]);
        for open in &node.open {
            all.push(if zombie { u8::from(open.truth.is_some()) } else { open.command });
            all.push(self.of_report(open));
        }
        match node.again {
            None => all.push(0),
            Some((first_seq, at)) => {
                let place = node.open.iter().position(|open| open.first_seq == first_seq);
                let class = place.map(|place| class(at, node.open[place].expected));
                all.extend([1 + small(place.map_or(99, |place| place)), class.unwrap_or(9)]);
            }
        }
        let (expected, near) = self.expected(node);
        all.push(if self.end > near { 255 } else { small(self.end + 32 - expected) });
        if zombie {
            let place = |rec: &Rec| rec.of.map_or(99, |_| small(rec.header.place));
            all.extend(node.queue.iter().map(|rec| place(rec)));
            return all;
        }
        all.push(node.seen);
        all.extend(self.queue(node.queue.iter().map(AsRef::as_ref)));
        all
    }

    /// The offset that the next event of an owner must get, and the highest end of the log from which
    /// it still could: one that is lost leaves its place to the next.
    pub(crate) fn expected(&self, node: &Node) -> (u64, u64) {
        let under_way = node.events().count() as u64;
        let expected = node.next.saturating_sub(under_way);
        // An owner that still takes commands may have more of them under way.
        let later = if node.taking { 16 } else { 0 };
        (expected, if self.left.faults > 0 { node.next + later } else { expected + later })
    }

    fn queue<'a>(&self, queue: impl Iterator<Item = &'a Rec>) -> Vec<u8> {
        let mut all = Vec::with_capacity(16);
        for rec in queue {
            match rec.of {
                _ if rec.is_stale(self.fold.epoch) => all.push(0),
                None => all.push(1),
                Some(part) => all.extend([
                    2 + part.command,
                    small(rec.header.place),
                    small((rec.header.seq + 32).saturating_sub(self.fold.seq)),
                ]),
            }
        }
        all
    }

    fn of_report(&self, open: &Open) -> u8 {
        match open.report {
            Report::UnderWay { first: None, torn } => u8::from(torn),
            Report::UnderWay { first: Some(first), torn } => {
                // Whether the next record of the log would continue the frame.
                let torn = torn || first + 1 != self.end;
                2 + 4 * class(Some(first), open.expected) + u8::from(torn)
            }
            Report::Ready(at) => 32 + class(at, open.expected),
            Report::Heard => 40,
            Report::Lost => 41,
        }
    }
}

/// Where an offset is, seen from the expected one.
fn class(at: Option<u64>, expected: u64) -> u8 {
    match at.map(|at| at.cmp(&expected)) {
        None => 0,
        Some(std::cmp::Ordering::Less) => 1,
        Some(std::cmp::Ordering::Equal) => 2,
        Some(std::cmp::Ordering::Greater) => 3,
    }
}

fn unordered(mut parts: Vec<Vec<u8>>, all: &mut Vec<u8>) {
    parts.sort_unstable();
    all.push(small(parts.len()));
    for part in parts {
        all.push(small(part.len()));
        all.extend(part);
    }
}

/// Numbers here are bounded by the few claims and commands of a check.
fn small(number: impl TryInto<u8>) -> u8 {
    number.try_into().unwrap_or(254)
}
