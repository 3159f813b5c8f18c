//! Checkpoints as whoever opens a log meets them: taken while it grows and when it is closed, used by the
//! next start, left alone by readers, and never missed when they are gone. What is in one is tested beside
//! its code.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use log::conformance::{Scribe, TOPICS, deliver, sample_stream};
use log::{LaneState, Log, Medium, Sha256Chain};
use log_embedded::{AtRest, EmbeddedLog, Opened, Options};

fn open(dir: &Path, checkpoint_bytes: u64, sync: bool) -> (EmbeddedLog, Opened) {
    let mut options = Options::new(dir);
    for (name, lanes) in TOPICS {
        options = options.topic(name, lanes);
    }
    (options.first_segment_bytes, options.segment_bytes) = (64 << 10, 256 << 10);
    (options.checkpoint_bytes, options.sync) = (checkpoint_bytes, sync);
    EmbeddedLog::open(&options).unwrap()
}

/// Claims every lane and adds frames; gives the states that the log then has.
fn write(log: &EmbeddedLog, frames: u64) -> Vec<LaneState<Sha256Chain>> {
    let scribe = |lane| {
        let LaneState::<Sha256Chain> { epoch, seq, head, .. } = log.state(lane).unwrap();
        Scribe { lane, epoch, seq, head }
    };
    let mut scribes: Vec<Scribe> = log.topics().lanes().map(scribe).collect();
    deliver(log, scribes.iter_mut().map(Scribe::claim).collect());
    for frame in 0..frames {
        let stream = sample_stream(frame % 11);
        deliver(log, scribes.iter_mut().map(|scribe| scribe.frame(&stream, 2)).collect());
    }
    states(log)
}

fn states(log: &EmbeddedLog) -> Vec<LaneState<Sha256Chain>> {
    log.topics().lanes().map(|lane| log.state(lane).unwrap()).collect()
}

#[test]
fn a_log_that_was_closed_is_not_read_again() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    for sync in [true, false] {
        let (log, before) = open(&dir, 16 << 10, sync);
        let known = write(&log, 40);
        let lane = log.topics().lanes().next().unwrap();
        let stream = log.read_stream(lane, &sample_stream(3), 0).unwrap();
        log.close().unwrap();
        let (log, opened) = open(&dir, 16 << 10, sync);
        assert!(opened.records > before.records);
        assert_eq!((opened.spared, opened.passed_over), (opened.records, None));
        assert_eq!(states(&log), known);
        assert_eq!(log.read_stream(lane, &sample_stream(3), 0).unwrap(), stream);
        let rest = AtRest::inspect(&dir);
        assert!(rest.flaws().is_empty(), "{:?}", rest.flaws());
    }
}

#[test]
fn a_log_that_grows_is_written_down_in_the_background() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let (log, _) = open(&dir, 32 << 10, true);
    let until = Instant::now() + Duration::from_mins(1);
    while !dir.join("checkpoint").exists() {
        assert!(Instant::now() < until, "no checkpoint was taken");
        write(&log, 10);
    }
    let known = write(&log, 1);
    // What a killed process leaves.
    let copy = place.path().join("copy");
    fs::create_dir_all(copy.join("segments")).unwrap();
    for name in ["manifest", "checkpoint"] {
        fs::copy(dir.join(name), copy.join(name)).unwrap();
    }
    for entry in fs::read_dir(dir.join("segments")).unwrap() {
        let name = entry.unwrap().file_name();
        // The next segment may be taken into use meanwhile.
        let to = copy.join("segments").join(&name);
        drop(fs::copy(dir.join("segments").join(&name), to));
    }
    let (log, opened) = open(&copy, u64::MAX, true);
    assert_eq!(opened.passed_over, None);
    assert!(opened.spared > 0 && opened.spared <= opened.records, "{opened:?}");
    assert_eq!(states(&log), known);
}

#[test]
fn a_topic_may_be_added_to_a_log_with_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let (log, _) = open(&dir, 1, true);
    write(&log, 3);
    log.close().unwrap();
    let options = Options::new(&dir).topic("more.events", 3);
    let (log, opened) = EmbeddedLog::open(&options).unwrap();
    assert_eq!((opened.spared, opened.passed_over), (opened.records, None));
    let known = write(&log, 3);
    drop(log);
    let (log, opened) = open(&dir, 1, true);
    assert_eq!(opened.passed_over, None);
    assert_eq!(states(&log), known);
}

#[test]
fn a_damaged_one_is_passed_over_and_read_only_openers_need_none() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let (log, _) = open(&dir, 1, true);
    let known = write(&log, 5);
    log.close().unwrap();
    let file = dir.join("checkpoint");
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (log, opened) = EmbeddedLog::open_read_only(&dir).unwrap();
    assert_eq!((opened.spared, states(&log)), (0, known.clone()));
    assert!(file.exists());
    let (log, opened) = open(&dir, u64::MAX, true);
    assert!(opened.passed_over.is_some());
    assert_eq!((opened.spared, states(&log)), (0, known));
    assert!(!file.exists(), "it would be found again and again");
}

#[test]
fn damage_where_nobody_has_looked_yet_changes_no_answer() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let (log, _) = open(&dir, 1, true);
    let known = write(&log, 20);
    let read = |log: &EmbeddedLog| {
        let lanes: Vec<_> = log.topics().lanes().collect();
        let of = |lane| {
            let streams = (0..11).map(|it| log.read_stream(lane, &sample_stream(it), 0).unwrap());
            let recall = log.recall(lane).unwrap().map(|recall| recall.keys.len());
            (streams.collect::<Vec<_>>(), log.read(lane, 0, 1 << 20).unwrap(), recall)
        };
        lanes.into_iter().map(of).collect::<Vec<_>>()
    };
    let all = read(&log);
    assert!(all.iter().all(|(streams, _, keys)| !streams[3].is_empty() && keys.is_some()));
    log.close().unwrap();
    let file = dir.join("checkpoint");
    let whole = fs::read(&file).unwrap();
    let mut found = 0;
    for at in (16..whole.len()).step_by(997) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
        let (log, opened) = open(&dir, u64::MAX, true);
        assert_eq!(states(&log), known, "byte {at}");
        let mut now = read(&log);
        for (now, all) in now.iter_mut().zip(&all) {
            // Without its keys, an owner reads the lane.
            now.2 = now.2.or(all.2);
        }
        assert!(now == all, "byte {at}");
        found += usize::from(opened.spared > 0);
    }
    assert!(found > 3, "{found} times it was used");
}
