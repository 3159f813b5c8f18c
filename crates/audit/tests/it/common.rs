//! A small log with several segments and lanes, and what one does to a directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use audit::Report;
use domain::{LaneId, StreamId};
use log::conformance::{Scribe, TOPICS, deliver, sample_stream};
use log::{Delivery, Handover, Log};
use log_embedded::{AtRest, EmbeddedLog, Options};

pub(crate) fn options(dir: &Path) -> Options {
    let mut options = Options::new(dir);
    for (name, lanes) in TOPICS {
        options = options.topic(name, lanes);
    }
    (options.first_segment_bytes, options.segment_bytes) = (64 << 10, 128 << 10);
    options
}

pub(crate) fn open(dir: &Path) -> EmbeddedLog {
    EmbeddedLog::open(&options(dir)).unwrap().0
}

pub(crate) fn write(log: &dyn Log, handovers: Vec<Handover>) {
    let deliveries = deliver(log, handovers);
    assert!(deliveries.iter().all(|one| matches!(one, Delivery::At { .. })), "{deliveries:?}");
}

/// A stream that belongs to a lane; one for each number below a thousand.
pub(crate) fn stream_in(log: &dyn Log, lane: LaneId, number: u64) -> StreamId {
    let from = 1_000_000 * u64::from(lane.topic.0) + 1_000 * number;
    let mut all = (from..).map(sample_stream);
    all.find(|stream| log.topics().lane_for(lane.topic, stream) == lane).unwrap()
}

/// Claims every lane and writes `rounds` calls with a frame for each.
pub(crate) fn fill(log: &dyn Log, rounds: u64) -> Vec<Scribe> {
    let mut scribes: Vec<Scribe> =
        log.topics().lanes().map(|lane| Scribe::new(log, lane)).collect();
    write(log, scribes.iter_mut().map(Scribe::claim).collect());
    for round in 0..rounds {
        let call = scribes.iter_mut().map(|scribe| {
            let stream = stream_in(log, scribe.lane, round % 7);
            match round % 5 {
                4 => scribe.outcome(&stream),
                of => scribe.frame(&stream, 1 + u16::try_from(of).unwrap()),
            }
        });
        write(log, call.collect());
    }
    scribes
}

pub(crate) fn verify(dir: &Path) -> Report {
    audit::verify(&AtRest::inspect(dir), &[])
}

/// Every file of a directory tree with its bytes.
pub(crate) fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}
