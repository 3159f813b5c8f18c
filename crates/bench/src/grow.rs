//! How the rate grows: with callers, with lanes, with aggregates, each beside the middle of the table in
//! turns. Histories and memory are W7's.

use std::sync::Arc;

use crate::load::{self, runtime};
use crate::measure::Measured;
use crate::note::AGGREGATES;
use crate::ours::{LANES, Ours};
use crate::plan::Plan;
use crate::row::{Contestant, Row};
use crate::{Failed, Report};

/// One place in the table.
#[derive(Clone, Copy)]
struct At {
    callers: u64,
    lanes: u16,
    aggregates: u64,
}

/// What all others are held against.
const MIDDLE: At = At { callers: 1_024, lanes: LANES, aggregates: AGGREGATES };
const MIDDLE_IS: &str = "1,024 callers, 16 lanes, 10,000 aggregates";

/// Every row.
pub(crate) fn rows(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    for callers in [1, 4, 16, 64, 256] {
        row(plan, &format!("grow/{callers} callers"), At { callers, ..MIDDLE }, report)?;
    }
    for lanes in [1, 4, 64] {
        row(plan, &format!("grow/{lanes} lanes"), At { lanes, ..MIDDLE }, report)?;
    }
    for aggregates in [1, 1_000, 100_000, 1_000_000] {
        row(plan, &format!("grow/{aggregates} aggregates"), At { aggregates, ..MIDDLE }, report)?;
    }
    Ok(())
}

fn row(plan: &Plan, name: &str, at: At, report: &mut Report) -> Result<(), Failed> {
    if !plan.wants(name) {
        return Ok(());
    }
    let (mut ours, mut middle) = (Contestant::new("ours"), Contestant::new(MIDDLE_IS));
    for _ in 0..plan.rounds {
        middle.runs.push(run(plan, MIDDLE)?);
        ours.runs.push(run(plan, at)?);
    }
    let (name, controls) = (name.to_owned(), vec![middle]);
    report.add(&Row { name, ours, controls, peers: Vec::new(), goal: None, more: Vec::new() });
    Ok(())
}

fn run(plan: &Plan, at: At) -> Result<Measured, Failed> {
    let runtime = runtime()?;
    let it = Arc::new(Ours::start(&runtime, &plan.fresh()?, at.lanes, at.aggregates)?);
    let run = load::closed(&runtime, at.callers, plan.lasts, &it)?;
    it.stop(&runtime);
    Ok(run)
}
