//! W1 and W2 in process: 10,000 aggregates, one command, one event of 200 bytes, a durable answer;
//! and the same with one aggregate for all. Not over HTTP or Kafka.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

#[cfg(feature = "peers")]
use crate::cqrs::{self, Cqrs};
use crate::device::{self, Prewritten, Sync};
use crate::load::{self, runtime};
use crate::note::AGGREGATES;
use crate::ours::{LANES, Ours};
use crate::pauses::Pauses;
use crate::pg::{CLIENTS_MAX, Pg};
use crate::plan::Plan;
use crate::row::{Contestant, Goal, Row};
use crate::streams::{self, Streams};
#[cfg(feature = "peers")]
use crate::uma::{self, Uma};
use crate::{Failed, Report};

/// Callers and goals.
const ROWS: [(u64, Goal); 3] = [
    (1, Goal::PerS(7_500.0, None)),
    (64, Goal::PerS(350_000.0, Some(0.6))),
    (1_024, Goal::PerS(1_000_000.0, None)),
];
/// Callers of one aggregate, and what that is held against.
const CALLERS_OF_ONE: [u64; 3] = [1, 64, 1_024];
const MANY: &str = "W1: 10,000 aggregates";
/// Parts of the closed loop's rate at which the open loop is run.
const OPEN_AT: [f64; 2] = [0.5, 0.8];

/// Every row of W1-P.
pub(crate) fn in_process(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    for (callers, goal) in ROWS {
        let name = format!("W1-P/{callers}");
        if plan.wants(&name) {
            row(plan, &name, callers, goal, report)?;
        }
    }
    Ok(())
}

/// What ours is held against: controls below it, and the peer.
struct Others {
    o_dsync: (Prewritten, Contestant),
    fdatasync: (Prewritten, Contestant),
    store: Contestant,
    encode: Contestant,
    pg: Option<Pg>,
    insert: Contestant,
    #[cfg(feature = "peers")]
    cqrs: Option<(Cqrs, Contestant)>,
    #[cfg(feature = "peers")]
    uma: Option<(Uma, Contestant)>,
    streams: Option<(Streams, Contestant)>,
}

impl Others {
    fn new(plan: &Plan, runtime: &Runtime, callers: u64) -> Result<Self, Failed> {
        let (dir, block) = (plan.fresh()?, device::block_bytes(callers));
        let file = |sync, name: &str| -> Result<_, Failed> {
            Ok((Prewritten::new(&dir, block, sync)?, Contestant::new(name)))
        };
        let clients = callers.min(CLIENTS_MAX);
        let streams = if plan.smoke { None } else { Streams::start(runtime, &plan.fresh()?)? };
        #[cfg(feature = "peers")]
        let cqrs = if plan.smoke {
            None
        } else {
            let cqrs = Cqrs::start(runtime, &plan.fresh()?, AGGREGATES)?;
            Some((cqrs, Contestant::new(cqrs::NAME)))
        };
        Ok(Self {
            #[cfg(feature = "peers")]
            cqrs,
            #[cfg(feature = "peers")]
            uma: if plan.smoke { None } else { Uma::start(runtime, &plan.fresh()?)? }
                .map(|it| (it, Contestant::new(uma::NAME))),
            streams: streams.map(|it| (it, Contestant::new(streams::NAME))),
            o_dsync: file(Sync::Write, "prewritten O_DSYNC write")?,
            fdatasync: file(Sync::Call, "prewritten write + fdatasync")?,
            store: Contestant::new("segment store"),
            encode: Contestant::new("Avro + hash loop, one core"),
            pg: if plan.smoke { None } else { Some(Pg::start(runtime, &plan.fresh()?)?) },
            insert: Contestant::new(format!("PostgreSQL insert, {clients} connections")),
        })
    }

    fn round(&mut self, plan: &Plan, runtime: &Runtime, callers: u64) -> Result<(), Failed> {
        for (file, runs) in [&mut self.o_dsync, &mut self.fdatasync] {
            runs.runs.push(file.run(callers, plan.lasts)?);
        }
        self.store.runs.push(device::store(&plan.fresh()?, callers, plan.lasts)?);
        self.encode.runs.push(device::encode_and_hash(plan.lasts / 4));
        if let Some(pg) = &self.pg {
            self.insert.runs.push(pg.insert(callers, plan.lasts)?);
        }
        #[cfg(feature = "peers")]
        if let Some((cqrs, runs)) = &mut self.cqrs {
            runs.runs.push(cqrs.run(runtime, callers, plan.lasts)?);
        }
        #[cfg(feature = "peers")]
        if let Some((uma, runs)) = &mut self.uma {
            runs.runs.push(uma.run(runtime, callers, plan.lasts)?);
        }
        if let Some((streams, runs)) = &mut self.streams {
            runs.runs.push(streams.run(runtime, callers, plan.lasts)?);
        }
        Ok(())
    }

    /// Controls and peers.
    fn end(self, runtime: &Runtime) -> (Vec<Contestant>, Vec<Contestant>) {
        let controls = vec![self.o_dsync.1, self.fdatasync.1, self.store, self.encode];
        let mut peers = Vec::new();
        if let Some(pg) = self.pg {
            pg.stop(runtime);
            peers.push(self.insert);
        }
        #[cfg(feature = "peers")]
        if let Some((cqrs, runs)) = self.cqrs {
            cqrs.stop(runtime);
            peers.push(runs);
        }
        #[cfg(feature = "peers")]
        peers.extend(self.uma.map(|(_, runs)| runs));
        peers.extend(self.streams.map(|(_, runs)| runs));
        (controls, peers)
    }
}

/// One row: ours and the others in turns.
fn row(
    plan: &Plan,
    name: &str,
    callers: u64,
    goal: Goal,
    report: &mut Report,
) -> Result<(), Failed> {
    let (mut ours, mut pauses) = (Contestant::new("ours"), Pauses::default());
    let mut open: Vec<_> = OPEN_AT.map(|part| (part, Contestant::new("open loop"))).into();
    let beside = runtime()?;
    let mut others = if plan.ours { None } else { Some(Others::new(plan, &beside, callers)?) };
    for _ in 0..plan.rounds {
        if others.is_some() {
            pauses.look(plan.lasts);
        }
        let runtime = runtime()?;
        let it = Arc::new(Ours::start(&runtime, &plan.fresh()?, LANES, AGGREGATES)?);
        let run = load::closed(&runtime, callers, plan.lasts, &it)?;
        let peak = run.per_s();
        ours.runs.push(run);
        if let Some(others) = &mut others {
            for (part, open) in &mut open {
                open.runs.push(load::open(&runtime, peak * *part, plan.lasts, &it)?);
            }
            others.round(plan, &beside, callers)?;
        }
        it.stop(&runtime);
    }
    let open: Vec<_> = open.iter().map(|(part, runs)| open_json(*part, runs)).collect();
    let (controls, peers) = others.map_or_else(Default::default, |others| others.end(&beside));
    let (name, goal) = (name.to_owned(), Some(goal));
    let more = vec![("open_loop", json!(open)), ("machine_pauses", pauses.json())];
    report.add(&Row { name, ours, controls, peers, goal, more });
    Ok(())
}

/// An open loop, as a member of its row.
pub(crate) fn open_json(part: f64, runs: &Contestant) -> Value {
    json!({
        "part_of_peak": part,
        "per_s": runs.per_s().map(f64::round),
        "refused": runs.refused(),
        "p50_ms": runs.ms(0.5),
        "p99_ms": runs.ms(0.99),
        "p999_ms": runs.ms(0.999),
    })
}

/// W2: all callers on one aggregate, beside the same load over many.
pub(crate) fn one_aggregate(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    for callers in CALLERS_OF_ONE {
        let name = format!("W2-P/{callers}");
        if !plan.wants(&name) {
            continue;
        }
        let (mut one, mut many) = (Contestant::new("ours"), Contestant::new(MANY));
        for _ in 0..plan.rounds {
            for (aggregates, runs) in [(AGGREGATES, &mut many), (1, &mut one)] {
                let runtime = runtime()?;
                let it = Arc::new(Ours::start(&runtime, &plan.fresh()?, LANES, aggregates)?);
                runs.runs.push(load::closed(&runtime, callers, plan.lasts, &it)?);
                it.stop(&runtime);
            }
        }
        let (controls, goal) = (vec![many], Some(Goal::PartOf(MANY, 0.95, None)));
        report.add(&Row { name, ours: one, controls, peers: Vec::new(), goal, more: Vec::new() });
    }
    Ok(())
}
