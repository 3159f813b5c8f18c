//! The way of records from a node into the log, and of the report back. Not the log itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use domain::LaneId;
use log::{Delivery, Done, Handover};

use crate::broker::Broker;
use crate::faults::Fault;
use crate::planted::Planted;
use crate::world::lock;

/// Names one handover of one call of one start of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) from: (usize, u64),
    pub(crate) call: u64,
    pub(crate) place: usize,
}

struct Call {
    number: u64,
    lanes: Vec<LaneId>,
    claims: bool,
    told: Vec<Option<Delivery>>,
    done: Done,
}

/// Calls that are not answered. Those that share a lane are answered in their order.
#[derive(Default)]
pub(crate) struct Calls {
    next: u64,
    open: VecDeque<Call>,
}

type Ready = Vec<(Vec<LaneId>, Vec<Delivery>, Done)>;

impl Calls {
    /// Whether something is open, and whether a claim is.
    pub(crate) fn are_open(&self) -> (bool, bool) {
        (self.open.iter().any(|call| !call.claims), self.open.iter().any(|call| call.claims))
    }

    pub(crate) fn begin(&mut self, lanes: Vec<LaneId>, claims: bool, done: Done) -> u64 {
        self.next += 1;
        let told = vec![None; lanes.len()];
        self.open.push_back(Call { number: self.next, lanes, claims, told, done });
        self.next
    }

    /// Takes the fate of a part; gives the calls that can be answered now.
    pub(crate) fn told(&mut self, part: Part, delivery: Delivery) -> Ready {
        if let Some(call) = self.open.iter_mut().find(|call| call.number == part.call) {
            call.told[part.place].get_or_insert(delivery);
        }
        let (mut ready, mut waits) = (Vec::new(), VecDeque::new());
        for call in self.open.drain(..) {
            let before = |it: &Call| it.lanes.iter().any(|lane| call.lanes.contains(lane));
            if call.told.iter().any(Option::is_none) || waits.iter().any(before) {
                waits.push_back(call);
            } else {
                ready.push((call.lanes, call.told.into_iter().flatten().collect(), call.done));
            }
        }
        self.open = waits;
        ready
    }
}

/// What was found out about the records of one handover.
#[derive(Default)]
struct Found {
    first: Option<u64>,
    gap: bool,
    lost: bool,
    written: usize,
}

/// What becomes of a handover, beside the usual.
#[derive(Default)]
struct Fate {
    /// So many of its records are sent at all.
    sent: usize,
    /// Held back for so long.
    held_ms: u64,
    /// Again after so long.
    again_ms: Option<u64>,
    /// Its report is an error, whatever happened.
    unknown: bool,
    /// Its report comes so much later.
    late_ms: u64,
    /// A foreign record comes before this one.
    intruder: Option<usize>,
}

impl Broker {
    fn fate(&self, node: usize, records: usize) -> Fate {
        let world = &self.world;
        world.edge(node);
        let mut fate = Fate { sent: records, ..Fate::default() };
        let cut = lock(&self.state).links[node].cut;
        if cut || world.strikes(Fault::ProduceDropped) {
            fate.sent = 0;
            fate.unknown = true;
        }
        if world.strikes(Fault::ProduceHeld) {
            fate.sent = records;
            fate.held_ms = world.chance().between(500, 90_000);
            fate.unknown = true;
        }
        if records > 1 && world.strikes(Fault::ProduceTorn) {
            let sent = world.chance().between(1, records as u64 - 1);
            fate.sent = usize::try_from(sent).unwrap_or(1).min(fate.sent);
            fate.unknown = true;
        }
        if world.strikes(Fault::ProduceDoubled) {
            fate.again_ms = Some(world.chance().between(1, 5_000));
        }
        fate.unknown |= world.strikes(Fault::ReportLost);
        if world.strikes(Fault::ReportLate) {
            fate.late_ms = world.chance().between(200, 15_000);
        }
        if world.strikes(Fault::Intruder) {
            fate.intruder = usize::try_from(world.chance().below(records as u64)).ok();
        }
        fate
    }

    pub(crate) fn produce(self: &Arc<Self>, part: Part, handover: Handover) {
        let world = &self.world;
        let Ok(ranges) = log::headers(&handover.bytes) else {
            world.wrong("a handover holds what is no record");
            return;
        };
        let (lane, records, now) = (handover.lane, ranges.len(), world.ms());
        let fate = self.fate(part.from.0, records);
        if fate.sent < records || fate.unknown {
            let timeout = world.chance().between(1_000, 20_000);
            self.later_told(part, timeout, Delivery::Unknown("no answer in time".to_owned()));
        }
        let travels = world.chance().tailed(3);
        let mut at_ms = now + travels + fate.held_ms;
        if fate.held_ms == 0 {
            let mut state = lock(&self.state);
            let busy = state.links[part.from.0].busy_until_ms.entry(lane).or_default();
            at_ms = at_ms.max(*busy);
            *busy = at_ms;
        }
        let found = Arc::new(Mutex::new(Found::default()));
        if world.plants(Planted::AckBeforeDurable) && world.chance().percent(2) {
            let first = lock(&self.state).lanes.get(&lane).map_or(0, |it| it.records.len() as u64);
            return self.later_told(part, 5, Delivery::At { first, contiguous: true });
        }
        let bytes: Arc<[u8]> = handover.bytes.into();
        for (place, (_, range)) in ranges.into_iter().enumerate().take(fate.sent) {
            if fate.intruder == Some(place) {
                let broker = Arc::clone(self);
                world.after(at_ms - now, move || {
                    broker.write(lane, log::Head::default(), b"not a record of ours", None);
                });
            }
            let last = place + 1 == records;
            let torn = last
                && records > 1
                && world.plants(Planted::TornIsWhole)
                && world.chance().percent(3);
            let report = (last && !fate.unknown).then_some(fate.late_ms);
            for (again, at_ms) in std::iter::once((false, at_ms))
                .chain(fate.again_ms.map(|more| (true, at_ms + more)))
            {
                let (broker, bytes, found) =
                    (Arc::clone(self), Arc::clone(&bytes), Arc::clone(&found));
                let (prev, range) = (handover.prev, range.clone());
                world.after(at_ms - now, move || {
                    let sent = Some((part.from, now));
                    let offset =
                        if torn { None } else { broker.write(lane, prev, &bytes[range], sent) };
                    if !again {
                        if !torn {
                            lock(&found).note(offset);
                        }
                        if let Some(late_ms) = report {
                            broker.found(part, &found, late_ms);
                        }
                    }
                });
            }
        }
    }

    /// All records of a handover had their turn.
    fn found(self: &Arc<Self>, part: Part, found: &Mutex<Found>, late_ms: u64) {
        let found = lock(found);
        let back = self.world.chance().tailed(2) + late_ms;
        let delivery = match found.first {
            Some(first) if !found.lost => Delivery::At { first, contiguous: !found.gap },
            _ => {
                let timeout = self.world.chance().between(1_000, 20_000);
                let why = "records are gone".to_owned();
                return self.later_told(part, timeout, Delivery::Unknown(why));
            }
        };
        self.later_told(part, back, delivery);
    }

    fn later_told(self: &Arc<Self>, part: Part, after_ms: u64, delivery: Delivery) {
        let broker = Arc::clone(self);
        self.world.after(after_ms, move || broker.report(part, delivery));
    }
}

impl Found {
    fn note(&mut self, offset: Option<u64>) {
        match (offset, self.first) {
            (None, _) => self.lost = true,
            (Some(offset), None) => self.first = Some(offset),
            (Some(offset), Some(first)) => self.gap |= offset != first + self.written as u64,
        }
        self.written += 1;
    }
}
