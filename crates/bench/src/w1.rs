//! W1 in process: 10,000 aggregates, one command, one event of 200 bytes, a durable answer. Not over
//! HTTP or Kafka.

use std::sync::Arc;

use serde_json::json;

use crate::device::{self, Prewritten, Sync};
use crate::load::{self, runtime};
use crate::note::AGGREGATES;
use crate::ours::{LANES, Ours};
use crate::pg::{CLIENTS_MAX, Pg};
use crate::plan::Plan;
use crate::row::{Contestant, Goal, Row};
use crate::{Failed, Report};

/// Callers and goals.
const ROWS: [(u64, Goal); 3] = [
    (1, Goal::PerS(7_500.0, None)),
    (64, Goal::PerS(350_000.0, Some(0.6))),
    (1_024, Goal::PerS(1_000_000.0, None)),
];
/// Parts of the closed loop's rate at which the open loop is run.
const OPEN_AT: [f64; 2] = [0.5, 0.8];

/// Every row of W1-P.
pub(crate) fn in_process(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    for (callers, goal) in ROWS {
        let name = format!("W1-P/{callers}");
        if plan.wants(&name) {
            row(plan, &name, callers, AGGREGATES, Some(goal), report)?;
        }
    }
    Ok(())
}

/// One row: ours and the controls in turns.
pub(crate) fn row(
    plan: &Plan,
    name: &str,
    callers: u64,
    aggregates: u64,
    goal: Option<Goal>,
    report: &mut Report,
) -> Result<(), Failed> {
    let block = device::block_bytes(callers);
    let mut ours = Contestant::new("ours");
    let mut o_dsync = Contestant::new("prewritten O_DSYNC write");
    let mut fdatasync = Contestant::new("prewritten write + fdatasync");
    let mut store = Contestant::new("segment store");
    let mut encode = Contestant::new("Avro + hash loop, one core");
    let mut open: Vec<_> =
        OPEN_AT.map(|part| (part, Contestant::new(format!("open loop at {part}")))).into();
    let dir = plan.fresh()?;
    let peers_runtime = runtime()?;
    let pg = if plan.ours || plan.smoke {
        None
    } else {
        Some(Pg::start(&peers_runtime, &plan.fresh()?)?)
    };
    let mut insert =
        Contestant::new(format!("PostgreSQL insert, {} connections", callers.min(CLIENTS_MAX)));
    let mut written = if plan.ours {
        None
    } else {
        let made = |sync| Prewritten::new(&dir, block, sync);
        Some((made(Sync::Write)?, made(Sync::Call)?))
    };
    for _ in 0..plan.rounds {
        if let Some((file, _)) = &mut written {
            o_dsync.runs.push(file.run(callers, plan.lasts)?);
        }
        let runtime = runtime()?;
        let it = Arc::new(Ours::start(&runtime, &plan.fresh()?, LANES, aggregates)?);
        let run = load::closed(&runtime, callers, plan.lasts, &it)?;
        let peak = run.per_s();
        ours.runs.push(run);
        if let Some((_, file)) = &mut written {
            fdatasync.runs.push(file.run(callers, plan.lasts)?);
            store.runs.push(device::store(&plan.fresh()?, callers, plan.lasts)?);
            for (part, open) in &mut open {
                open.runs.push(load::open(&runtime, peak * *part, plan.lasts, &it)?);
            }
            encode.runs.push(device::encode_and_hash(plan.lasts / 4));
        }
        it.stop(&runtime);
        if let Some(pg) = &pg {
            insert.runs.push(pg.insert(callers, plan.lasts)?);
        }
    }
    if let Some(pg) = pg {
        pg.stop(&peers_runtime);
    }
    let open: Vec<_> = open
        .iter()
        .map(|(part, run)| {
            json!({ "part_of_peak": part, "per_s": run.per_s().map(f64::round),
                    "refused": run.refused(), "p50_ms": run.ms(0.5), "p99_ms": run.ms(0.99), "p999_ms": run.ms(0.999) })
        })
        .collect();
    report.add(&Row {
        name: name.to_owned(),
        ours,
        controls: if plan.ours { Vec::new() } else { vec![o_dsync, fdatasync, store, encode] },
        peers: if insert.runs.is_empty() { Vec::new() } else { vec![insert] },
        goal,
        more: vec![("open_loop", json!(open))],
    });
    Ok(())
}
