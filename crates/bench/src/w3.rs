//! W3: an aggregate of 10,000 events that is not in memory, as the command runtime loads it: read, decode,
//! evolve. Not the time of a command, which finds it in memory.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Timestamp;
use lane::{Deciders, History, Snapshots};
use log::{Body, Log, Record};
use log_embedded::{EmbeddedLog, Options};
use serde_json::json;

use crate::load::runtime;
use crate::measure::Measured;
use crate::note::{self, AGGREGATES};
use crate::ours::{LANES, Ours};
use crate::plan::Plan;
use crate::process::once;
use crate::row::{Contestant, Goal, Row};
use crate::start::until;
use crate::{Failed, Report};

/// The aggregate that is loaded; the others stand between its events.
const LONG: u64 = 0;
/// Of so many events one is its own.
const ONE_OF: u64 = 4;
/// How long closing a log takes at most.
const CLOSED_MAX: Duration = Duration::from_secs(20);
/// Commands under way while the log is filled.
const OPEN: u64 = 64;
const STEP: usize = 64;

/// W3, all rows.
pub(crate) fn load(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let events = if plan.smoke { 100 } else { 10_000 };
    let dir = plan.fresh()?;
    let (log_dir, flat) = (dir.join("log"), dir.join("flat"));
    fill(&log_dir, events)?;
    // Opened anew: the newest records are not in memory.
    let options = Options::new(&log_dir).topic("bench.events", LANES);
    // The runtime that filled it gives it free a moment after it stopped.
    let (log, _) = until(CLOSED_MAX, || EmbeddedLog::open(&options).ok())?;
    let deciders = note::deciders();
    std::fs::write(&flat, data(&log)?.concat())?;
    for (name, cold, goal) in [("W3/warm", false, 2.2), ("W3/cold", true, 6.0)] {
        if !plan.wants(name) {
            continue;
        }
        let mut ours = Contestant::new("ours");
        let mut control = Contestant::new("raw read + decode");
        for _ in 0..plan.rounds * 5 {
            if cold {
                forget(&log_dir.join("segments"))?;
                forget(&dir)?;
            }
            control.runs.push(raw(&flat, &deciders)?);
            ours.runs.push(through_the_log(&log, &deciders, events, None)?);
        }
        report.add(&Row {
            name: name.to_owned(),
            ours,
            controls: vec![control],
            peers: Vec::new(),
            goal: Some(Goal::Ms(goal)),
            more: vec![("events", json!(events))],
        });
    }
    if plan.wants("W3/snapshot") {
        report.add(&with_snapshot(plan, &log, &deciders, &dir.join("snapshots"), events)?);
    }
    Ok(())
}

/// The aggregate by way of its snapshot, which the first load leaves.
fn with_snapshot(
    plan: &Plan,
    log: &EmbeddedLog,
    deciders: &Deciders,
    dir: &Path,
    events: u64,
) -> Result<Row, Failed> {
    let snapshots = Snapshots::open(dir)?;
    through_the_log(log, deciders, events, Some(&snapshots))?;
    let mut ours = Contestant::new("ours");
    let mut control = Contestant::new("raw read of its file");
    for _ in 0..plan.rounds * 5 {
        let begun = Instant::now();
        for entry in std::fs::read_dir(dir)? {
            black_box(std::fs::read(entry?.path())?);
        }
        control.runs.push(once(begun.elapsed()));
        ours.runs.push(through_the_log(log, deciders, events, Some(&snapshots))?);
    }
    Ok(Row {
        name: "W3/snapshot".to_owned(),
        ours,
        controls: vec![control],
        peers: Vec::new(),
        goal: Some(Goal::Ms(0.3)),
        more: vec![("events", json!(events))],
    })
}

/// 10,000 events of one aggregate, three of others behind each.
fn fill(dir: &Path, events: u64) -> Result<(), Failed> {
    let runtime = runtime()?;
    let ours = Arc::new(Ours::open(dir, LANES, AGGREGATES)?);
    let filled: Vec<_> = (0..OPEN)
        .map(|caller| {
            let ours = Arc::clone(&ours);
            runtime.spawn(async move {
                for number in (caller..events * ONE_OF).step_by(STEP) {
                    let aggregate = if number % ONE_OF == 0 {
                        LONG
                    } else {
                        1 + note::mix(number) % AGGREGATES
                    };
                    ours.write(aggregate, number).await?;
                }
                Ok::<_, String>(())
            })
        })
        .collect();
    for caller in filled {
        runtime.block_on(caller).map_err(|error| Failed(error.to_string()))?.map_err(Failed)?;
    }
    ours.stop(&runtime);
    Ok(())
}

/// As an owner does it, by the same function.
fn through_the_log(
    log: &EmbeddedLog,
    deciders: &Deciders,
    events: u64,
    snapshots: Option<&Snapshots>,
) -> Result<Measured, Failed> {
    let handler = deciders.of("note").ok_or_else(|| Failed("no handler".to_owned()))?;
    let stream = note::stream(LONG);
    let topic = log.topics().find("bench.events").ok_or_else(|| Failed("no topic".to_owned()))?;
    let lane = log.topics().lane_for(topic, &stream);
    let begun = Instant::now();
    let read = match snapshots {
        Some(snapshots) => History::load(log, lane, &stream, handler.as_ref(), snapshots),
        None => History::read(log, lane, &stream, handler.as_ref()),
    };
    let history = read.map_err(|error| Failed(error.to_string()))?.map_err(Failed)?;
    let took = begun.elapsed();
    let version = black_box(history).version;
    if version == events { Ok(once(took)) } else { Err(Failed(format!("{version} events"))) }
}

/// The data of the events, each behind its length.
fn data(log: &EmbeddedLog) -> Result<Vec<Vec<u8>>, Failed> {
    let stream = note::stream(LONG);
    let topic = log.topics().find("bench.events").ok_or_else(|| Failed("no topic".to_owned()))?;
    let lane = log.topics().lane_for(topic, &stream);
    let stored = log.read_stream(lane, &stream, 0).map_err(|error| Failed(error.to_string()))?;
    let mut all = Vec::with_capacity(stored.len());
    for stored in stored {
        let record = Record::decode(lane, &stored.bytes);
        if let Body::Event { data, .. } = record.map_err(|error| Failed(error.to_string()))?.body {
            let len = u32::try_from(data.datum.len()).unwrap_or(u32::MAX);
            all.push([&len.to_le_bytes()[..], &data.datum].concat());
        }
    }
    Ok(all)
}

/// One file, one read, each event decoded and folded.
fn raw(flat: &Path, deciders: &Deciders) -> Result<Measured, Failed> {
    let handler = deciders.of("note").ok_or_else(|| Failed("no handler".to_owned()))?;
    let fingerprint = deciders.schemas().encode(&note::event());
    let mut data = fingerprint.map_err(|error| Failed(error.to_string()))?;
    let begun = Instant::now();
    let bytes = std::fs::read(flat)?;
    let (mut state, mut rest) = (handler.fresh(), bytes.as_slice());
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let (datum, behind) = behind.split_at(len.min(behind.len()));
        data.datum.clear();
        data.datum.extend_from_slice(datum);
        handler.replay(&mut state, &data, Timestamp::from_micros(0)).map_err(Failed)?;
        rest = behind;
    }
    let took = begun.elapsed();
    black_box(state);
    Ok(once(took.max(Duration::from_nanos(100))))
}

/// Takes the files of a directory out of the page cache.
fn forget(dir: &Path) -> Result<(), Failed> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() {
            let file = std::fs::File::open(path)?;
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)
                .map_err(std::io::Error::from)?;
        }
    }
    Ok(())
}
