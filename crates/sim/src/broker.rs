//! The log of the world: what brokers, the network to them and the client libraries make of records. As
//! bad as real ones: late, lost, doubled and torn records, errors for what was written, leaders that
//! change and forget what nobody was told of. What was reported stays. Not the rule which records count,
//! which is the readers'.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use codec::Schemas;
use domain::LaneId;
use log::{Body, Delivery, Done, GrowthHook, Handover, Header, Record, Stored, Topics};
use orchestrator::Event;

use crate::faults::Fault;
use crate::judge::Ruling;
use crate::lanes::Lane;
use crate::produce::{Calls, Part};
use crate::world::{World, lock};

/// What ties a node to the log.
#[derive(Default)]
pub(crate) struct Link {
    /// Which start of the node it is.
    pub(crate) generation: u64,
    pub(crate) up: bool,
    pub(crate) cut: bool,
    hooks: Vec<Arc<GrowthHook>>,
    /// How far it sees each lane, and whether it is about to see more.
    views: HashMap<LaneId, (u64, bool)>,
    /// When the last record that it sent to a lane arrives there.
    pub(crate) busy_until_ms: HashMap<LaneId, u64>,
    pub(crate) calls: Calls,
    /// Of former starts: when the last of their records arrived.
    graves: HashMap<u64, u64>,
}

pub(crate) struct State {
    pub(crate) lanes: BTreeMap<LaneId, Lane>,
    pub(crate) links: Vec<Link>,
    /// Keys of steps whose intent is in the log, each with the time it came there.
    pub(crate) intents: HashMap<uuid::Uuid, u64>,
}

/// The log.
pub(crate) struct Broker {
    pub(crate) world: Arc<World>,
    pub(crate) topics: Topics,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) state: Mutex<State>,
}

impl Broker {
    pub(crate) fn new(
        world: &Arc<World>,
        topics: Topics,
        schemas: &Arc<Schemas>,
        nodes: usize,
    ) -> Arc<Self> {
        let lane = |lane: LaneId| (lane, Lane::new(lane, topics.genesis(lane)));
        let lanes = topics.lanes().map(lane).collect();
        let links = (0..nodes).map(|_| Link::default()).collect();
        let state = Mutex::new(State { lanes, links, intents: HashMap::new() });
        Arc::new(Self { world: Arc::clone(world), topics, schemas: Arc::clone(schemas), state })
    }

    /// A node begins; gives the number of this start.
    pub(crate) fn begins(&self, node: usize) -> u64 {
        let mut state = lock(&self.state);
        let ends: Vec<_> =
            state.lanes.iter().map(|(lane, it)| (*lane, it.records.len() as u64)).collect();
        let link = &mut state.links[node];
        link.generation += 1;
        link.up = true;
        link.views = ends.into_iter().map(|(lane, end)| (lane, (end, false))).collect();
        link.generation
    }

    /// A node ends; what it has sent may arrive yet, or not.
    pub(crate) fn ends(&self, node: usize) {
        let grace = {
            let mut chance = self.world.chance();
            if chance.percent(50) { 0 } else { chance.tailed(400) }
        };
        let last = self.world.ms() + grace;
        let mut state = lock(&self.state);
        let link = &mut state.links[node];
        link.up = false;
        link.hooks.clear();
        link.busy_until_ms.clear();
        let (open, claims) = std::mem::take(&mut link.calls).are_open();
        let generation = link.generation;
        link.graves.insert(generation, last);
        drop(state);
        if open {
            self.world.sometimes("node crashed with commands open");
        }
        if claims {
            self.world.sometimes("node crashed while a lane was taken over");
        }
    }

    /// Cuts a node off, or lets it in again.
    pub(crate) fn cut(self: &Arc<Self>, node: usize, cut: bool) {
        let lanes: Vec<_> = {
            let mut state = lock(&self.state);
            state.links[node].cut = cut;
            state.lanes.keys().copied().collect()
        };
        if !cut {
            for lane in lanes {
                self.seen_by(node, lane);
            }
        }
    }

    /// What is under way to a lane is gone: another broker leads it.
    pub(crate) fn leader_changes(&self, lane: LaneId) {
        let mut state = lock(&self.state);
        if let Some(lane) = state.lanes.get_mut(&lane) {
            lane.gone_before_ms = self.world.ms();
        }
    }

    /// Takes records from a node.
    pub(crate) fn append(
        self: &Arc<Self>,
        from: (usize, u64),
        handovers: Vec<Handover>,
        done: Done,
    ) {
        let lanes = handovers.iter().map(|it| it.lane).collect();
        let is_claim = |it: &Handover| {
            Header::read(&it.bytes).is_ok_and(|(header, _)| header.kind == log::Kind::Claim)
        };
        let claims = handovers.iter().any(is_claim);
        let call = {
            let mut state = lock(&self.state);
            let link = &mut state.links[from.0];
            if !link.up || link.generation != from.1 {
                return;
            }
            link.calls.begin(lanes, claims, done)
        };
        for (place, handover) in handovers.into_iter().enumerate() {
            self.produce(Part { from, call, place }, handover);
        }
    }

    /// A record arrives; its offset when it is kept.
    pub(crate) fn write(
        self: &Arc<Self>,
        lane: LaneId,
        prev: log::Head,
        bytes: &[u8],
        sent: Option<((usize, u64), u64)>,
    ) -> Option<u64> {
        let now = self.world.ms();
        let mut state = lock(&self.state);
        if let Some(((node, generation), sent_ms)) = sent {
            let gone = state.lanes.get(&lane)?.gone_before_ms >= sent_ms.max(1);
            let grave = state.links[node].graves.get(&generation);
            if gone || grave.is_some_and(|last| now > *last) {
                return None;
            }
        }
        let it = state.lanes.get_mut(&lane)?;
        let offset = it.records.len() as u64;
        let stored = Stored { offset, prev, bytes: bytes.to_vec() };
        let torn = it.judge.is_torn();
        let owner = it.judge.owner.clone();
        let ruling = it.judge.take(&stored, now);
        it.follow(&stored, ruling, &self.world);
        it.records.push(stored);
        for wrong in it.judge.wrong.drain(..) {
            self.world.wrong(wrong);
        }
        let other = ruling == Ruling::Claimed && !owner.is_empty() && it.judge.owner != owner;
        let new: Vec<Arc<Record>> = match ruling {
            Ruling::Whole(of) => {
                let valid = &it.judge.valid;
                valid[valid.len() - of..].iter().map(|one| Arc::clone(&one.record)).collect()
            }
            _ => Vec::new(),
        };
        let head = u64::from_le_bytes(it.judge.head[..8].try_into().unwrap_or_default());
        self.intents(&mut state, &new, now);
        let nodes = state.links.len();
        drop(state);
        let id = u64::from(lane.topic.0) << 16 | u64::from(lane.index);
        self.world.note("record", &[id, offset, head]);
        self.rare(ruling, torn, other);
        (0..nodes).for_each(|node| self.seen_by(node, lane));
        Some(offset)
    }

    fn rare(&self, ruling: Ruling, torn: bool, other: bool) {
        let world = &self.world;
        match ruling {
            Ruling::Claimed => {
                if torn {
                    world.sometimes("frame torn by a claim");
                }
                if other {
                    world.sometimes("lane taken over by another node");
                }
            }
            Ruling::VoidClaim => world.sometimes("claim contested"),
            Ruling::VoidEpoch => world.sometimes("zombie frame fenced"),
            Ruling::VoidPlace => world.sometimes("record void behind a gap"),
            Ruling::Mismatch => world.wrong("I8 all of a record fits but its hash"),
            Ruling::Partial | Ruling::Whole(_) | Ruling::Noise => {}
        }
    }

    /// Notes which steps may be asked from now on.
    fn intents(&self, state: &mut State, new: &[Arc<Record>], now: u64) {
        for record in new {
            let Body::Event { data, .. } = &record.body else { continue };
            if !data.event_type.starts_with("saga.instance.") {
                continue;
            }
            match self.schemas.decode(data) {
                Ok(Event::StepScheduled { key, .. } | Event::UndoFenced { key, .. }) => {
                    state.intents.entry(key.0).or_insert(now);
                }
                Ok(_) => {}
                Err(error) => {
                    self.world.wrong(format!("an event of a saga cannot be read: {error}"));
                }
            }
        }
    }

    /// A node will see that a lane has grown.
    fn seen_by(self: &Arc<Self>, node: usize, lane: LaneId) {
        let generation = {
            let mut state = lock(&self.state);
            let link = &mut state.links[node];
            let Some(view) = link.views.get_mut(&lane) else { return };
            if !link.up || link.cut || view.1 {
                return;
            }
            view.1 = true;
            link.generation
        };
        let after = self.world.chance().tailed(4);
        let broker = Arc::clone(self);
        self.world.after(after, move || broker.sees(node, generation, lane, None));
    }

    /// A node sees a lane as it is, or at least up to an offset.
    pub(crate) fn sees(&self, node: usize, generation: u64, lane: LaneId, at_least: Option<u64>) {
        let hooks = {
            let mut state = lock(&self.state);
            let end = state.lanes.get(&lane).map_or(0, |it| it.records.len() as u64);
            let link = &mut state.links[node];
            if link.generation != generation || !link.up {
                return;
            }
            let cut = link.cut;
            let Some(view) = link.views.get_mut(&lane) else { return };
            match at_least {
                Some(least) => view.0 = view.0.max(least),
                None => view.1 = false,
            }
            if at_least.is_none() && !cut {
                view.0 = end;
            }
            link.hooks.clone()
        };
        for hook in hooks {
            hook(&[lane]);
        }
    }

    pub(crate) fn hook(&self, node: usize, generation: u64, hook: GrowthHook) {
        let mut state = lock(&self.state);
        let link = &mut state.links[node];
        if link.generation == generation {
            link.hooks.push(Arc::new(hook));
        }
    }

    /// How far a node sees a lane, and whether it can read.
    pub(crate) fn view(&self, node: usize, generation: u64, lane: LaneId) -> (u64, bool) {
        let state = lock(&self.state);
        let link = &state.links[node];
        let can = link.up && !link.cut && link.generation == generation;
        (link.views.get(&lane).map_or(0, |view| view.0), can)
    }

    /// Tells nodes what became of what they handed over, as far as it is known.
    pub(crate) fn report(&self, part: Part, delivery: Delivery) {
        let (node, generation) = part.from;
        let ready = {
            let mut state = lock(&self.state);
            let link = &mut state.links[node];
            if !link.up || link.generation != generation {
                return;
            }
            link.calls.told(part, delivery)
        };
        for (lanes, deliveries, done) in ready {
            for (lane, delivery) in lanes.iter().zip(&deliveries) {
                if let Delivery::At { first, .. } = delivery {
                    // What is reported can be read by who hears it.
                    self.sees(node, generation, *lane, Some(*first + 1));
                }
            }
            done(deliveries);
        }
    }
}

impl Broker {
    /// Valid records of all lanes.
    pub(crate) fn records(&self) -> u64 {
        lock(&self.state).lanes.values().map(|lane| lane.judge.seq).sum()
    }

    /// Something happens to the lanes, now and then.
    pub(crate) fn second(&self) {
        if self.world.strikes(Fault::LeaderChanges) {
            let lanes: Vec<_> = self.topics.lanes().collect();
            let lane = *self.world.chance().pick(&lanes);
            self.leader_changes(lane);
        }
    }
}
