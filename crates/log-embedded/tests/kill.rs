//! kill -9 in the middle of writing, again and again on the same log: what was acknowledged is there,
//! once, in its place, and the log is healthy (I1, I3, I6; faults F1).

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use log::conformance::{Scribe, TOPICS, sample_stream};
use log::{Delivery, Follower, Handover, LaneState, Log, Medium, Severity, Sha256Chain};
use log_embedded::{AtRest, EmbeddedLog, Options};

const ROUNDS: u64 = 20;
/// Tells this binary to be the writer that is killed, and where.
const WRITER: &str = "RECOUNT_TEST_KILLED_WRITER";

fn open(dir: &Path) -> EmbeddedLog {
    let mut options = Options::new(dir);
    for (name, lanes) in TOPICS {
        options = options.topic(name, lanes);
    }
    (options.first_segment_bytes, options.segment_bytes) = (64 << 10, 512 << 10);
    // So that some are killed while they take one.
    options.checkpoint_bytes = 64 << 10;
    let (log, opened) = EmbeddedLog::open(&options).unwrap();
    assert_eq!(opened.passed_over, None);
    log
}

fn scribes(log: &EmbeddedLog) -> Vec<Scribe> {
    let scribe = |lane| {
        let LaneState::<Sha256Chain> { epoch, seq, head, .. } = log.state(lane).unwrap();
        Scribe { lane, epoch, seq, head }
    };
    log.topics().lanes().map(scribe).collect()
}

/// Claims every lane and writes until it is killed; says every acknowledged frame on stdout.
fn write_until_killed(dir: &Path) {
    let log = open(dir);
    let mut scribes = scribes(&log);
    let (tell, told) = channel::<(Vec<Handover>, Vec<Delivery>)>();
    let append = |handovers: Vec<Handover>| {
        let (tell, kept) = (tell.clone(), handovers.clone());
        log.append(handovers, Box::new(move |deliveries| drop(tell.send((kept, deliveries)))));
    };
    append(scribes.iter_mut().map(Scribe::claim).collect());
    let mut out = std::io::stdout().lock();
    for round in 0_u64.. {
        let of = 1 + u16::try_from(round % 3).unwrap();
        append(
            scribes.iter_mut().map(|scribe| scribe.frame(&sample_stream(round % 5), of)).collect(),
        );
        // A few calls in flight all the time.
        for (handovers, deliveries) in
            told.try_iter().chain((round > 8).then(|| told.recv().unwrap()))
        {
            for (handover, delivery) in handovers.iter().zip(deliveries) {
                let Delivery::At { first, .. } = delivery else { panic!("{delivery:?}") };
                let lane = log.topics().lane_name(handover.lane);
                writeln!(out, "ack {lane} {first} {} .", handover.bytes.len()).unwrap();
            }
        }
        out.flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_twenty_kills() {
    if let Some(dir) = std::env::var_os(WRITER) {
        return write_until_killed(Path::new(&dir));
    }
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let mut acknowledged: Vec<(String, u64, usize)> = Vec::new();
    let (begun, mut round, mut taken) = (Instant::now(), 0, 0);
    // On a slow device a round may end before anything is acknowledged, or written down: more of them then.
    while round < ROUNDS || acknowledged.len() <= 1_000 || taken == 0 {
        let written = (acknowledged.len(), taken);
        assert!(begun.elapsed() < Duration::from_mins(5), "the writer wrote: {written:?}, {round}");
        round += 1;
        let before = std::fs::read(dir.join("checkpoint")).ok();
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_was_acknowledged_survives_twenty_kills", "--nocapture"])
            .env(WRITER, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(40 + 13 * (round % 7)));
        writer.kill().unwrap();
        writer.wait().unwrap();
        // A writer that opens a log with a checkpoint takes the next one when it is due, however soon.
        let after = std::fs::read(dir.join("checkpoint")).ok();
        taken += usize::from(before.is_some() && before != after);
        for line in reader.join().unwrap() {
            // The last line may be cut.
            let words: Vec<&str> = line.split(' ').collect();
            if let ["ack", lane, first, bytes, "."] = words[..] {
                acknowledged.push((
                    lane.to_owned(),
                    first.parse().unwrap(),
                    bytes.parse().unwrap(),
                ));
            }
        }
        check(&dir, &acknowledged);
    }
}

fn check(dir: &Path, acknowledged: &[(String, u64, usize)]) {
    let rest = AtRest::inspect(dir);
    let bad = rest
        .flaws()
        .iter()
        .filter(|flaw| !matches!(flaw.severity, Severity::Note | Severity::Unconfirmed));
    assert_eq!(bad.count(), 0, "{:?}", rest.flaws());
    drop(rest);
    let log = open(dir);
    for lane in log.topics().lanes() {
        let name = log.topics().lane_name(lane);
        // Frames by their first offset, as whole as they were handed over.
        let mut frames = std::collections::HashMap::new();
        let mut follower = Follower::from_start(&log, lane);
        loop {
            let more = follower.poll(&log).unwrap();
            if more.is_empty() {
                break;
            }
            frames.extend(
                more.iter().map(|f| (f.next_offset - f.records.len() as u64, f.records.len())),
            );
        }
        assert_eq!(follower.voids().alarms, 0);
        assert_eq!(follower.state().epoch, log.state(lane).unwrap().epoch);
        let mut lengths: Vec<usize> = Vec::new();
        while (lengths.len() as u64) < log.end(lane) {
            let page = log.read(lane, lengths.len() as u64, 1 << 20).unwrap();
            lengths.extend(page.iter().map(|stored| stored.bytes.len()));
        }
        for (_, first, bytes) in acknowledged.iter().filter(|(of, ..)| *of == name) {
            let lost = || panic!("{name} offset {first} is lost");
            let (from, records) = (usize::try_from(*first).unwrap(), frames.get(first));
            let found = &lengths[from..from + *records.unwrap_or_else(lost)];
            assert_eq!(found.iter().sum::<usize>(), *bytes, "{name} offset {first}");
        }
    }
    log.close().unwrap();
}
