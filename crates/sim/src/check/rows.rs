//! The read models against a fold of the log that knows neither batches nor transactions: at every
//! checkpoint the rows are what the events say (I10).

use std::collections::BTreeMap;

use domain::{Envelope, EventData, Meta, Projection, Projections, Value};
use log::Body;
use uuid::Uuid;

use crate::broker::Broker;
use crate::cluster::Cluster;
use crate::product;
use crate::sink::Filled;
use crate::world::lock;

/// Compares all read models; with `complete`, they must have everything too.
pub(crate) fn rows(cluster: &Cluster, complete: bool) {
    let mut compare = Compare { cluster, complete };
    product::read_models(&mut compare);
}

/// A read model that has not everything yet; empty: all have.
pub(crate) fn behind(cluster: &Cluster) -> &'static str {
    struct Behind<'a>(&'a Cluster, &'static str);
    impl Projections for Behind<'_> {
        fn projection<P: Projection>(&mut self) {
            let state = lock(&self.0.broker.state);
            let is = self.0.database.live(P::NAME);
            let reads = |(lane, seq): (domain::LaneId, u64)| {
                state.lanes.get(&lane).is_some_and(|it| it.judge.seq == seq)
            };
            if !is.is_some_and(|is| is.positions().into_iter().all(reads)) {
                self.1 = P::NAME;
            }
        }
    }
    let mut behind = Behind(cluster, "");
    product::read_models(&mut behind);
    behind.1
}

struct Compare<'a> {
    cluster: &'a Cluster,
    complete: bool,
}

type Folded<P> = BTreeMap<Uuid, (P, String)>;

impl Projections for Compare<'_> {
    fn projection<P: Projection>(&mut self) {
        let world = &self.cluster.world;
        let Some(is) = self.cluster.database.live(P::NAME) else {
            if self.complete {
                world.wrong(format!("I10 {} was never built", P::NAME));
            }
            return;
        };
        let folded = match fold::<P>(&self.cluster.broker, &is, self.complete) {
            Ok(folded) => folded,
            Err(why) => return world.wrong(format!("I10 {}: {why}", P::NAME)),
        };
        for wrong in differs::<P>(&is, &folded) {
            world.wrong(format!("I10 {}: {wrong}", P::NAME));
        }
    }
}

fn fold<P: Projection>(broker: &Broker, is: &Filled, complete: bool) -> Result<Folded<P>, String> {
    let mut all: Folded<P> = BTreeMap::new();
    let state = lock(&broker.state);
    for (lane, seq) in is.positions() {
        let Some(lane) = state.lanes.get(&lane) else { return Err("unknown lane".to_owned()) };
        if seq > lane.judge.seq || (complete && seq < lane.judge.seq) {
            return Err(format!("folded to {seq}, the lane has {}", lane.judge.seq));
        }
        for valid in lane.judge.valid.iter().take_while(|valid| valid.seq <= seq) {
            let Body::Event { meta, data, .. } = &valid.record.body else { continue };
            let read = <P::Event as domain::EventSet>::TYPES.contains(&&*data.event_type);
            if read {
                one::<P>(broker, &mut all, meta, data)?;
            }
        }
    }
    Ok(all)
}

fn one<P: Projection>(
    broker: &Broker,
    all: &mut Folded<P>,
    meta: &Meta,
    data: &EventData,
) -> Result<(), String> {
    let payload = broker.schemas.decode(data).map_err(|error| error.to_string())?;
    let event = Envelope { meta: meta.clone(), payload };
    let Some(key) = P::key(&event) else { return Ok(()) };
    let before = all.remove(&key).map(|(row, _)| row);
    if let Some(row) = P::fold(before, &event) {
        all.insert(key, (row, meta.tenant.to_string()));
    }
    Ok(())
}

fn differs<P: Projection>(is: &Filled, folded: &Folded<P>) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(((_, stream), parked)) = is.parked.iter().next() {
        wrong.push(format!("{stream} is parked: {}", parked.why));
    }
    for (key, (row, tenant)) in folded {
        let Some(stored) = is.rows.get(key) else {
            wrong.push(format!("row {key} is missing"));
            continue;
        };
        let values: Vec<Value> = row.clone().into_values();
        if values != stored.values {
            wrong.push(format!("row {key} is {:?}, not {values:?}", stored.values));
        }
        if stored.tenant.as_str() != tenant || stored.stale {
            wrong.push(format!("row {key} is of {} or stale", stored.tenant));
        }
    }
    for key in is.rows.keys().filter(|key| !folded.contains_key(key)) {
        wrong.push(format!("row {key} should not be there"));
    }
    wrong.truncate(3);
    wrong
}
