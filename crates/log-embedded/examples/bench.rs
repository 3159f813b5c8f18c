//! How fast the embedded log is on this medium: `cargo run --release -p log-embedded --example bench
//! DIR`. Not a test: it asserts nothing and writes about 300 MiB below DIR.

#![expect(
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and fails by a panic"
)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use log::conformance::{Scribe, sample_stream};
use log::{Delivery, Follower, Handover, Log};
use log_embedded::{EmbeddedLog, Options};

const LANES: u16 = 16;

fn options(dir: &PathBuf) -> Options {
    Options::new(dir).topic("bench.events", LANES)
}

/// `callers` threads that wait for each of their calls of `frames` frames.
fn closed_loop(
    log: &dyn Log,
    scribes: &mut [Scribe],
    frames: usize,
    lasts: Duration,
) -> (f64, f64) {
    let (stop, appended, micros) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (at, scribe) in scribes.iter_mut().enumerate() {
            let (stop, appended, micros) = (&stop, &appended, &micros);
            scope.spawn(move || {
                let stream = sample_stream(at as u64);
                let (tell, told) = channel();
                while !stop.load(Ordering::Relaxed) {
                    let call: Vec<Handover> =
                        (0..frames).map(|_| scribe.frame(&stream, 1)).collect();
                    let (tell, asked) = (tell.clone(), Instant::now());
                    log.append(call, Box::new(move |deliveries| tell.send(deliveries).unwrap()));
                    let deliveries = told.recv().unwrap();
                    assert!(deliveries.iter().all(|one| matches!(one, Delivery::At { .. })));
                    micros.fetch_add(
                        u64::try_from(asked.elapsed().as_micros()).unwrap(),
                        Ordering::Relaxed,
                    );
                    appended.fetch_add(frames as u64, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(lasts);
        stop.store(true, Ordering::Relaxed);
    });
    let all = appended.load(Ordering::Relaxed) as f64;
    let calls = all / frames as f64;
    (all / begun.elapsed().as_secs_f64(), micros.load(Ordering::Relaxed) as f64 / calls)
}

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("give a directory")).join("log-bench");
    let _ = std::fs::remove_dir_all(&dir);
    let (log, _) = EmbeddedLog::open(&options(&dir)).unwrap();
    let mut scribes: Vec<Scribe> =
        log.topics().lanes().map(|lane| Scribe::new(&log, lane)).collect();
    let (tell, told) = channel();
    let claims = scribes.iter_mut().map(Scribe::claim).collect();
    log.append(claims, Box::new(move |all| tell.send(all).unwrap()));
    told.recv().unwrap();
    for (callers, frames) in [(1, 1), (16, 1), (16, 4), (16, 64)] {
        let (rate, wait) =
            closed_loop(&log, &mut scribes[..callers], frames, Duration::from_secs(3));
        println!(
            "{callers:>3} callers x {frames:>2} frames: {rate:>9.0} appends/s, {wait:>6.0} us a call"
        );
    }
    log.close().unwrap();

    let (log, opened) = EmbeddedLog::open(&options(&dir)).unwrap();
    let seconds = opened.took.as_secs_f64();
    println!(
        "open: {} records in {seconds:.3} s, {:.0} records/s",
        opened.records,
        opened.records as f64 / seconds
    );
    let begun = Instant::now();
    let mut frames = 0_u64;
    for lane in log.topics().lanes() {
        let mut follower = Follower::from_start(&log, lane);
        loop {
            let more = follower.poll(&log).unwrap();
            if more.is_empty() {
                break;
            }
            frames += more.len() as u64;
        }
    }
    println!(
        "follow from disk, lane by lane: {:.0} records/s",
        frames as f64 / begun.elapsed().as_secs_f64()
    );
    let begun = Instant::now();
    let stream = sample_stream(0);
    let lane = log.topics().lanes().next().unwrap();
    let last = log.end(lane).saturating_sub(1_000);
    let found = log.read_stream(lane, &stream, last).unwrap().len();
    println!("read_stream: {found} records of a stream in {:?}", begun.elapsed());
    log.close().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}
