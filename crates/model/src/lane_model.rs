//! The model: what can happen next in a world, and what comes of it.

use std::sync::Arc;

use lane::Delivered;
use stateright::{Model, Property};

use crate::broker::From;
use crate::law::STUCK;
use crate::state::{GENESIS, Lane, Left, Node, Report, World};

/// Bounds of a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneModel {
    /// Nodes that may own the lane.
    pub nodes: u8,
    /// Commands; the first has two records, so that its frame can be torn.
    pub commands: u8,
    /// What may happen.
    pub left: Left,
    /// Whether orders that make no difference are left out.
    pub reduce: bool,
}

/// One thing that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    /// A node reads to the end and writes a claim, whether it was elected or a hint was wrong.
    Claim(usize),
    /// A client asks a node: for the first time, or again with the same key.
    Submit(usize, u8),
    /// A node that took the lane has taken all the commands it will take.
    Enough(usize),
    /// The oldest record of a source is appended.
    Append(From),
    /// A delivery report arrives; another one than the oldest is a misfortune.
    Report(usize, usize),
    /// A delivery report that came already comes again.
    ReportAgain(usize),
    /// Misfortune: a delivery report arrives and will come again.
    ReportTwice(usize, usize),
    /// Misfortune: a delivery report is lost.
    LoseReport(usize, usize),
    /// Misfortune: an error is reported though the frame was or will be appended.
    Expire(usize, usize),
    /// Misfortune: a request never arrives, and its producer is told so.
    Drop(usize),
    /// Misfortune: a request is appended and stays under way as well.
    Double(From),
    /// Misfortune: records that were appended and not replicated are gone.
    Truncate(u64),
    /// Misfortune: something that is no record gets under way.
    Noise,
    /// A node forgets everything.
    Crash(usize),
}

impl LaneModel {
    /// The world at the beginning.
    pub(crate) fn begin(self) -> World {
        let lane = Lane::new(GENESIS);
        let node = Arc::new(Node::new());
        World {
            fold: lane,
            assembled: 0,
            log: None,
            end: 0,
            happened: 0,
            fresh: 0,
            strays: Vec::new(),
            orphans: Vec::new(),
            nodes: vec![node; usize::from(self.nodes)],
            left: self.left,
            wrong: None,
        }
    }

    fn of_node(self, world: &World, n: usize, actions: &mut Vec<Act>) {
        let (node, left) = (&world.nodes[n], world.left);
        if left.claims > 0 && (!node.tenure.is_serving() || !node.open.is_empty()) {
            actions.push(Act::Claim(n));
        }
        if left.crashes > 0 && (node.tenure.is_serving() || node.tenure.is_claiming()) {
            actions.push(Act::Crash(n));
        }
        if !node.queue.is_empty() {
            actions.push(Act::Append(From::Node(n)));
            if left.faults > 0 {
                actions.push(Act::Double(From::Node(n)));
                if node.tenure.is_serving() {
                    actions.push(Act::Drop(n));
                }
            }
        }
        if !node.tenure.is_serving() {
            return;
        }
        if !self.reduce {
            self.submits(world, n, actions);
        }
        if node.again.is_some() {
            actions.push(Act::ReportAgain(n));
        }
        let mut oldest = true;
        for (i, open) in node.open.iter().enumerate() {
            if let Report::Ready(at) = open.report {
                if oldest || left.faults > 0 {
                    actions.push(Act::Report(n, i));
                }
                oldest = false;
                if left.faults > 0 {
                    actions.extend([Act::ReportTwice(n, i), Act::LoseReport(n, i)]);
                    if at.is_some() {
                        actions.push(Act::Expire(n, i));
                    }
                }
            } else if left.faults > 0 && matches!(open.report, Report::UnderWay { .. }) {
                actions.push(Act::Expire(n, i));
            }
        }
    }

    /// Whether one more record in the log makes a difference to an owner: it has records under way that
    /// do not lie too high already. (Nothing else depends on where a record lies.)
    fn is_shifted(self, world: &World, node: &Node) -> bool {
        if !node.tenure.is_serving() || node.is_zombie(world.fold.epoch) {
            return false;
        }
        !self.reduce || (node.events().next().is_some() && world.end <= world.expected(node).1)
    }

    fn submits(self, world: &World, n: usize, actions: &mut Vec<Act>) {
        let node = &world.nodes[n];
        // Commands of one record are alike: a new one is the first that was not used.
        for command in (0..self.commands).filter(|command| *command <= world.fresh + 1) {
            let open = node.open.iter().any(|open| open.command == command);
            if node.seen & (1 << command) == 0 && !open {
                actions.push(Act::Submit(n, command));
            }
        }
    }

    /// The one thing that has to be looked at, when everything else can as well happen behind it.
    fn only(self, world: &World, actions: &mut Vec<Act>) -> bool {
        if let Some(n) = world.nodes.iter().position(|node| node.taking) {
            self.submits(world, n, actions);
            actions.push(Act::Enough(n));
            return true;
        }
        if world.left.faults > 0 {
            return false;
        }
        let commits = |node: &Arc<Node>| {
            let open = node.open.first()?;
            let Report::Ready(Some(at)) = open.report else { return None };
            let mut tenure = node.tenure.clone();
            let epoch = tenure.known().epoch;
            match tenure.delivered(epoch, open.first_seq, Some(at)) {
                Delivered::Committed(_) if open.truth.is_some() => Some(()),
                _ => None,
            }
        };
        let found = world.nodes.iter().position(|node| commits(node).is_some());
        actions.extend(found.map(|n| Act::Report(n, 0)));
        found.is_some()
    }

    /// Every choice of how many of the oldest records of each source are gone.
    fn truncations(world: &World, actions: &mut Vec<Act>) {
        let queues = world.nodes.iter().map(|node| node.queue.len());
        let mut all = vec![0_u64];
        for (place, len) in queues.chain(world.orphans.iter().map(Vec::len)).enumerate() {
            let one = all.clone();
            for count in 1..=len.min(15) {
                let gone = u64::try_from(count).unwrap_or(0) << (4 * place.min(15));
                all.extend(one.iter().map(|so_far| so_far | gone));
            }
        }
        actions.extend(all.into_iter().skip(1).map(Act::Truncate));
    }
}

impl Model for LaneModel {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![self.begin()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Act>) {
        if world.wrong.is_some() {
            return;
        }
        if self.reduce && self.only(world, actions) {
            return;
        }
        for n in 0..world.nodes.len() {
            self.of_node(world, n, actions);
        }
        for i in 0..world.orphans.len() {
            actions.push(Act::Append(From::Orphan(i)));
            if world.left.faults > 0 {
                actions.push(Act::Double(From::Orphan(i)));
            }
        }
        let shifts = world.nodes.iter().any(|node| self.is_shifted(world, node));
        if shifts && !world.strays.is_empty() {
            actions.push(Act::Append(From::Stray));
        }
        if world.left.faults > 0 {
            Self::truncations(world, actions);
            if shifts {
                actions.push(Act::Noise);
            }
        }
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        match act {
            Act::Claim(n) => world.claim(n),
            Act::Submit(n, command) => world.submit(n, command),
            Act::Enough(n) => world.node(n).taking = false,
            Act::Append(from) => world.append(from),
            Act::Report(n, i) => {
                let ready = |open: &&crate::state::Open| matches!(open.report, Report::Ready(_));
                if world.nodes[n].open[..i].iter().any(|open| ready(&open)) {
                    world.left.faults -= 1;
                }
                world.report(n, i, false);
            }
            Act::ReportAgain(n) => world.report_again(n),
            Act::ReportTwice(n, i) => {
                world.left.faults -= 1;
                world.report(n, i, true);
            }
            Act::LoseReport(n, i) => world.lose_report(n, i),
            Act::Expire(n, i) => world.expire(n, i),
            Act::Drop(n) => world.drop_told(n),
            Act::Double(from) => world.double(from),
            Act::Truncate(gone) => world.truncate(gone),
            Act::Noise => world.noise(),
            Act::Crash(n) => world.crash(n),
        }
        world.tidy();
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no law is broken", |_, world: &World| world.wrong.is_none()),
            Property::always(STUCK, |_, world: &World| {
                world.wrong.is_some() || world.serves_again()
            }),
        ]
    }
}
