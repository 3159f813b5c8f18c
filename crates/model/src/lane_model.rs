//! The model: every order in which nodes, broker, network and clients can act.

use lane::{Delivered, Read};
use log::{Claim, Header, Kind, Record};
use stateright::{Model, Property};
use uuid::Uuid;

use crate::state::{Left, Node, Rec, Report, Told, Word, World};

/// Bounds of a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneModel {
    /// Nodes that may own the lane.
    pub nodes: u8,
    /// Commands; the first has two records, so that its frame can be torn.
    pub commands: u8,
    /// What may go wrong.
    pub left: Left,
}

/// One thing that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    /// A node writes a claim, whether it was elected or a hint was wrong.
    Claim(u8),
    /// A node reads to the end, or until its own claim comes back.
    Read(u8),
    /// A client asks a node: for the first time, or again with the same key.
    Submit(u8, u8),
    /// The broker appends the oldest request of a producer.
    Append(usize),
    /// The followers have the oldest record that they did not have; its writer is told.
    Replicate,
    /// A delivery report arrives; another one than the producer's oldest is a misfortune.
    Word(usize),
    /// A request is dropped and its producer told so; later ones go on (a client library's time-out).
    Drop(usize),
    /// A request is appended and stays under way as well.
    Double(usize),
    /// A delivery report is lost.
    LoseWord(usize),
    /// A node stops waiting for its open frames.
    GiveUp(u8),
    /// A node forgets everything.
    Crash(u8),
    /// Another broker leads the lane: what was not replicated is gone.
    Truncate,
}

impl LaneModel {
    fn send(world: &mut World, producer: (u8, u8), rec: Rec) {
        if let Some((_, queue)) = world.sent.iter_mut().find(|(p, _)| *p == producer) {
            queue.push_back(rec);
        } else {
            world.sent.push((producer, [rec].into()));
            world.sent.sort_by_key(|(p, _)| *p);
        }
    }

    fn claim(world: &mut World, n: u8) {
        world.left.claims -= 1;
        let claims = world.left.claims;
        let node = &mut world.nodes[usize::from(n)];
        node.generation += 1;
        let claim = Claim {
            id: Uuid::from_u128(u128::from(claims)),
            at: domain::Timestamp::from_micros(0),
            node: String::new(),
            url: String::new(),
        };
        let bytes = Record::claim(node.tenure.next_epoch(), &claim);
        let Ok((header, _)) = Header::read(&bytes) else { return };
        node.tenure.claim(bytes.clone());
        let producer = (n, node.generation);
        Self::send(world, producer, Rec { header, prev: 0, bytes, command: None, producer });
    }

    fn read(world: &mut World, n: u8) {
        while !world.nodes[usize::from(n)].tenure.is_serving() && Self::read_one(world, n) {}
    }

    fn read_one(world: &mut World, n: u8) -> bool {
        let node = &mut world.nodes[usize::from(n)];
        let offset = node.tenure.next_offset();
        let at = usize::try_from(offset).ok().filter(|at| *at < world.durable);
        let Some(rec) = at.and_then(|at| world.log.get(at)) else { return false };
        match node.tenure.read(offset, &rec.header, &rec.prev, &rec.bytes) {
            Read::Rule(log::Step::Whole { .. }) => {
                if let Some(command) = rec.command {
                    node.seen[usize::from(command)] = true;
                }
            }
            Read::Won => {
                for command in std::mem::take(&mut node.lost) {
                    let seen = node.seen[usize::from(command)];
                    let told = &mut world.told[usize::from(command)];
                    if *told == Told::Nothing && world.asked[usize::from(command)] == Some(n) {
                        *told = if seen { Told::Happened } else { Told::Never };
                    }
                }
            }
            Read::Rule(_) | Read::Rival => {}
        }
        true
    }

    fn submit(world: &mut World, n: u8, command: u8) {
        world.asked[usize::from(command)] = Some(n);
        let node = &mut world.nodes[usize::from(n)];
        if node.seen[usize::from(command)] {
            world.told[usize::from(command)] = Told::Happened;
            return;
        }
        let Some((epoch, seq, prev)) = node.tenure.next_frame() else { return };
        let of: u16 = if command == 0 { 2 } else { 1 };
        let bytes = |place: u16| {
            vec![command, u8::try_from(place).unwrap_or(0), u8::try_from(epoch).unwrap_or(0)]
        };
        let whole: Vec<u8> = (0..of).flat_map(bytes).collect();
        node.tenure.hand_over(of, &whole);
        node.open.push((command, seq));
        node.reports.push(Report { epoch, first_seq: seq, missing: of, at: None });
        let producer = (n, node.generation);
        for place in 0..of {
            let header =
                Header { kind: Kind::Event, place, of, epoch, seq: seq + u64::from(place) };
            let rec = Rec { header, prev, bytes: bytes(place), command: Some(command), producer };
            Self::send(world, producer, rec);
        }
    }

    fn word(world: &mut World, at: usize) {
        let told = world.words.remove(at);
        let node = &mut world.nodes[usize::from(told.producer.0)];
        if told.producer.1 != node.generation || told.seq == 0 {
            return;
        }
        let first_seq = told.seq - told.place;
        let Some(place) = node.reports.iter().position(|report| report.first_seq == first_seq)
        else {
            return;
        };
        let report = &mut node.reports[place];
        let first = told.offset.and_then(|offset| offset.checked_sub(told.place));
        let agrees = first.is_some() && (report.at.is_none() || report.at == first);
        report.at = first;
        report.missing -= 1;
        let (epoch, missing) = (report.epoch, report.missing);
        if agrees && missing > 0 {
            return;
        }
        node.reports.remove(place);
        match node.tenure.delivered(epoch, first_seq, first.filter(|_| agrees)) {
            Delivered::Committed(count) => {
                for (command, _) in node.open.drain(..count).collect::<Vec<_>>() {
                    node.seen[usize::from(command)] = true;
                    if world.asked[usize::from(command)] == Some(told.producer.0) {
                        world.told[usize::from(command)] = Told::Happened;
                    }
                }
            }
            Delivered::Broken => Self::broken(node),
            Delivered::Stale => {}
        }
    }

    fn broken(node: &mut Node) {
        node.lost.extend(node.open.drain(..).map(|(command, _)| command));
        node.reports.clear();
        node.generation += 1;
    }

    fn pop(world: &mut World, at: usize) -> Option<Rec> {
        let rec = world.sent[at].1.pop_front();
        if world.sent[at].1.is_empty() {
            world.sent.remove(at);
        }
        rec
    }

    fn tell(world: &mut World, rec: &Rec, offset: Option<u64>) {
        // A producer that was dropped is told nothing any more.
        if world.nodes[usize::from(rec.producer.0)].generation == rec.producer.1
            && rec.command.is_some()
        {
            let (seq, place) = (rec.header.seq, u64::from(rec.header.place));
            world.words.push(Word { producer: rec.producer, seq, place, offset });
            world.words.sort();
        }
    }
}

impl Model for LaneModel {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            log: Vec::new(),
            durable: 0,
            sent: Vec::new(),
            words: Vec::new(),
            nodes: (0..self.nodes).map(|_| Node::new(self.commands, 0)).collect(),
            told: vec![Told::Nothing; usize::from(self.commands)],
            asked: vec![None; usize::from(self.commands)],
            left: self.left,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Act>) {
        for (n, node) in (0..).zip(&world.nodes) {
            if node.tenure.is_serving() {
                for command in 0..self.commands {
                    let open = node.open.iter().any(|(open, _)| *open == command);
                    if world.told[usize::from(command)] == Told::Nothing && !open {
                        actions.push(Act::Submit(n, command));
                    }
                }
            } else {
                if node.tenure.next_offset() < world.durable as u64 {
                    actions.push(Act::Read(n));
                }
                if !node.tenure.is_claiming() && world.left.claims > 0 {
                    actions.push(Act::Claim(n));
                }
            }
            if (node.tenure.is_claiming() || !node.open.is_empty()) && world.left.claims > 0 {
                actions.push(Act::GiveUp(n));
            }
            if world.left.crashes > 0 && node.generation > 0 {
                actions.push(Act::Crash(n));
            }
        }
        for at in 0..world.sent.len() {
            actions.push(Act::Append(at));
            if world.left.drops > 0 {
                actions.push(Act::Drop(at));
                actions.push(Act::Double(at));
            }
        }
        if world.durable < world.log.len() {
            actions.push(Act::Replicate);
            if world.left.drops > 0 {
                actions.push(Act::Truncate);
            }
        }
        for (at, word) in world.words.iter().enumerate() {
            let oldest = world.words[..at].iter().all(|other| other.producer != word.producer);
            if oldest || world.left.drops > 0 {
                actions.push(Act::Word(at));
            }
            if world.left.drops > 0 {
                actions.push(Act::LoseWord(at));
            }
        }
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        match act {
            Act::Claim(n) => Self::claim(&mut world, n),
            Act::Read(n) => Self::read(&mut world, n),
            Act::Submit(n, command) => Self::submit(&mut world, n, command),
            Act::Append(at) => {
                let rec = Self::pop(&mut world, at)?;
                world.log.push(rec);
            }
            Act::Replicate => {
                let rec = world.log[world.durable].clone();
                Self::tell(&mut world, &rec, Some(last.durable as u64));
                world.durable += 1;
            }
            Act::Word(at) => {
                let producer = world.words[at].producer;
                if world.words[..at].iter().any(|other| other.producer == producer) {
                    world.left.drops -= 1;
                }
                Self::word(&mut world, at);
            }
            Act::Drop(at) => {
                world.left.drops -= 1;
                let rec = Self::pop(&mut world, at)?;
                Self::tell(&mut world, &rec, None);
            }
            Act::Double(at) => {
                world.left.drops -= 1;
                let rec = world.sent[at].1.front()?.clone();
                world.log.push(rec);
            }
            Act::LoseWord(at) => {
                world.left.drops -= 1;
                world.words.remove(at);
            }
            Act::GiveUp(n) => {
                let node = &mut world.nodes[usize::from(n)];
                node.tenure.fail();
                Self::broken(node);
            }
            Act::Crash(n) => {
                world.left.crashes -= 1;
                let generation = world.nodes[usize::from(n)].generation + 1;
                world.nodes[usize::from(n)] = Node::new(self.commands, generation);
            }
            Act::Truncate => {
                world.left.drops -= 1;
                world.log.truncate(world.durable);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "an acknowledged command is in the log exactly once (I1)",
                |_, world| each(world, Told::Happened, |frames| frames == 1),
            ),
            Property::always("no command is in the log twice (I3)", |_, world: &World| {
                each(world, Told::Nothing, |frames| frames <= 1)
            }),
            Property::always(
                "what was told to have never happened never happens (I2, I22)",
                |_, world| each(world, Told::Never, |frames| frames == 0),
            ),
            Property::always(
                "epoch, seq and place never fit when the hash does not",
                |_, world: &World| !world.fold().1,
            ),
            Property::always(
                "whatever an owner knows, every reader concludes (I7, I8)",
                |_, world: &World| {
                    let (frames, _) = world.fold();
                    world.nodes.iter().all(|node| {
                        node.tenure.known().is_partial()
                            || frames.iter().any(|(state, _)| state == node.tenure.known())
                    })
                },
            ),
            Property::sometimes("every command happened", |_, world: &World| {
                world.told.iter().all(|told| *told == Told::Happened)
            }),
            Property::sometimes("a command was told to have never happened", |_, world: &World| {
                world.told.contains(&Told::Never)
            }),
            Property::sometimes(
                "a late record is void behind a newer claim",
                |_, world: &World| {
                    let newest =
                        world.log[..world.durable].iter().map(|rec| rec.header.epoch).max();
                    world.log[..world.durable]
                        .last()
                        .is_some_and(|rec| Some(rec.header.epoch) < newest)
                },
            ),
            Property::sometimes(
                "an unknown outcome is found to be committed",
                |_, world: &World| {
                    world.nodes.iter().any(|node| {
                        !node.tenure.is_serving()
                            && node.lost.iter().any(|command| node.seen[usize::from(*command)])
                    })
                },
            ),
        ]
    }
}

/// Whether the number of valid frames fits for every command that was told `told`.
fn each(world: &World, told: Told, fits: fn(usize) -> bool) -> bool {
    let (frames, _) = world.fold();
    (0u8..).zip(&world.told).all(|(command, is)| {
        *is != told || fits(frames.iter().filter(|(_, of)| *of == Some(command)).count())
    })
}
