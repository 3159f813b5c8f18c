//! Progress as a safety property: from every state, a lane without further faults serves again.

use crate::broker::From;
use crate::owner::size;
use crate::state::{Left, Report, World};

/// A command that no check uses: whether a lane serves is tried with it.
const PROBE: u8 = 7;
/// How often a node may claim until it serves: once because it does not know that it lost the lane,
/// once for a claim that was lost or lost against one under way, once more to win.
const CLAIMS: u8 = 3;

impl World {
    /// Whether every node can get a command acknowledged, once what is under way has arrived and
    /// nothing goes wrong any more.
    pub(crate) fn serves_again(&self) -> bool {
        (0..self.nodes.len()).all(|n| {
            let mut world = self.clone();
            world.left = Left { claims: CLAIMS, faults: 0, crashes: 0 };
            world.drain(n) && world.wrong.is_none()
        })
    }

    fn drain(&mut self, n: usize) -> bool {
        loop {
            self.arrive();
            self.hear(n);
            let node = &self.nodes[n];
            if node.tenure.is_serving() && node.open.is_empty() {
                if node.seen & (1 << PROBE) != 0 {
                    return true;
                }
                self.submit(n, PROBE);
            } else if self.left.claims > 0 {
                self.claim(n);
            } else {
                return false;
            }
        }
    }

    /// Everything under way is appended.
    fn arrive(&mut self) {
        while !self.strays.is_empty() {
            self.append(From::Stray);
        }
        while !self.orphans.is_empty() {
            if self.orphans[0].is_empty() {
                self.orphans.remove(0);
            } else {
                self.append(From::Orphan(0));
            }
        }
        for n in 0..self.nodes.len() {
            while !self.nodes[n].queue.is_empty() {
                self.append(From::Node(n));
            }
        }
    }

    /// All reports of a node arrive, in order.
    fn hear(&mut self, n: usize) {
        let ready = |world: &Self| {
            let open = &world.nodes[n].open;
            open.iter().position(|open| matches!(open.report, Report::Ready(_)))
        };
        while let Some(i) = ready(self) {
            self.report(n, i, false);
        }
    }
}

const _: () = assert!(size(PROBE) == 1);
