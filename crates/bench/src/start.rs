//! W7 and W8: from the start of a process to its first durable answer, on an empty log, a long one, and
//! after kill -9; and its memory. Not the rate.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::load::runtime;
use crate::ours::{LANES, Ours};
use crate::plan::Plan;
use crate::process::{Process, once};
use crate::row::{Contestant, Goal, Row};
use crate::worker::{self, ACK, FULL};
use crate::{Failed, Report, product};

/// How long closing a log takes at most.
const CLOSED_MAX: Duration = Duration::from_mins(1);
/// Commands a second of the load that is killed: about half of what 64 callers reach.
const LOAD_PER_S: &str = "150000";

fn row(name: &str, ours: Contestant, control: Contestant, goal: Option<Goal>) -> Row {
    let (name, controls) = (name.to_owned(), vec![control]);
    Row { name, ours, controls, peers: Vec::new(), goal, more: Vec::new() }
}

/// W7.
pub(crate) fn w7(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    if plan.wants("W7-P/empty") {
        empty(plan, report)?;
    }
    for &events in plan.histories() {
        let name = format!("W7-P/{events} events");
        if plan.wants(&name) {
            long(plan, &name, events, report)?;
        }
    }
    for &aggregates in plan.aggregates() {
        let name = format!("W7-M/{aggregates} aggregates");
        if plan.wants(&name) {
            memory(plan, &name, aggregates, report)?;
        }
    }
    product::start(plan, report)
}

fn touched(dir: &Path, control: &mut Contestant) -> Result<(), Failed> {
    let mut touch = Process::start(&["touch"], dir)?;
    control.runs.push(once(touch.wait_for(ACK)?));
    Ok(())
}

fn empty(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let (mut ours, mut control) = (Contestant::new("ours"), Contestant::new("exec + open + fsync"));
    let mut idle = Vec::new();
    for _ in 0..plan.rounds {
        let dir = plan.fresh()?;
        touched(&dir, &mut control)?;
        let mut it = Process::start(&["worker", "rest", "0"], &dir)?;
        ours.runs.push(once(it.wait_for(ACK)?));
        sleep(plan.lasts / 2);
        idle.push(it.rss_mb()?);
    }
    let mut row = row("W7-P/empty", ours, control, Some(Goal::Ms(40.0)));
    row.more.push(("idle_rss_mb", json!(idle)));
    report.add(&row);
    Ok(())
}

fn long(plan: &Plan, name: &str, events: u64, report: &mut Report) -> Result<(), Failed> {
    let (mut ours, mut control) = (Contestant::new("ours"), Contestant::new("exec + open + fsync"));
    let dir = plan.fresh()?;
    let runtime = runtime()?;
    let it = Arc::new(Ours::open(&dir, LANES, events)?);
    let begun = Instant::now();
    worker::fill(&runtime, &it, events)?;
    let filled = begun.elapsed();
    it.stop(&runtime);
    drop(it);
    // It is given free a moment later.
    until(CLOSED_MAX, || crate::ours::free(&dir).then_some(()))?;
    let mut rss = Vec::new();
    for _ in 0..plan.rounds {
        touched(&dir, &mut control)?;
        let mut it = Process::start(&["worker", "rest", "0"], &dir)?;
        ours.runs.push(once(it.wait_for(ACK)?));
        rss.push(it.rss_mb()?);
    }
    let mut row = row(name, ours, control, (events >= 10_000_000).then_some(Goal::Ms(150.0)));
    row.more.push(("rss_mb", json!(rss)));
    row.more.push(("filled_in_s", json!(filled.as_secs_f64())));
    report.add(&row);
    Ok(())
}

fn memory(plan: &Plan, name: &str, aggregates: u64, report: &mut Report) -> Result<(), Failed> {
    let (mut ours, mut control) = (Contestant::new("ours"), Contestant::new("exec + open + fsync"));
    let dir = plan.fresh()?;
    touched(&dir, &mut control)?;
    let mut it = Process::start(&["worker", "fill", &aggregates.to_string()], &dir)?;
    ours.runs.push(once(it.wait_for(ACK)?));
    let idle = it.rss_mb()?;
    it.wait_for(FULL)?;
    sleep(plan.lasts / 2);
    let full = it.rss_mb()?;
    let mut row = row(name, ours, control, None);
    row.more.push(("rss_mb", json!({ "one": idle, "all": full, "goal": 160 })));
    report.add(&row);
    Ok(())
}

/// W8.
pub(crate) fn w8(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    if plan.wants("W8-P") {
        let (mut ours, mut control) =
            (Contestant::new("ours"), Contestant::new("exec + open + fsync"));
        let mut recovered = Vec::new();
        for _ in 0..plan.rounds {
            let dir = plan.fresh()?;
            touched(&dir, &mut control)?;
            let load = if plan.smoke { "1000" } else { LOAD_PER_S };
            let mut it = Process::start(&["worker", "load", load], &dir)?;
            it.wait_for(ACK)?;
            sleep(plan.lasts);
            let killed = Instant::now();
            it.kill();
            let gone = killed.elapsed();
            let mut again = Process::start(&["worker", "rest", "0"], &dir)?;
            ours.runs.push(once(gone + again.wait_for(ACK)?));
            again.kill();
            recovered.push(crate::ours::records(&dir)?);
        }
        let mut row = row("W8-P", ours, control, Some(Goal::Ms(150.0)));
        row.more.push(("records_found", json!(recovered)));
        report.add(&row);
    }
    product::kill(plan, report)
}

/// Waits at most so long for something that is asked again and again.
pub(crate) fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Result<T, Failed> {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask() {
            return Ok(found);
        }
        if begun.elapsed() > limit {
            return Err(Failed(format!("nothing came in {limit:?}")));
        }
        sleep(Duration::from_micros(500));
    }
}
