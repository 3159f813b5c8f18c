//! Measurements, on demand: `cargo test --release -p orchestrator --test run measure -- --ignored --nocapture`.
//! What they print is kept in `docs/` with the machine it was seen on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::StreamId;
use log::{Body, Log, Record};
use log_embedded::{EmbeddedLog, Options};

use crate::kit::{PostEvent, Rig, post};
use crate::world::World;

const SAGAS: u128 = 5_000;

fn open(at: &std::path::Path) -> Arc<dyn Log> {
    let options = Options::new(at).topic("kit.events", 4).topic("kit.sagas", 4);
    Arc::new(EmbeddedLog::open(&options).unwrap().0)
}

fn rss_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure_sagas_a_second_and_a_start_behind_them() {
    let dir = tempfile::tempdir().unwrap();
    let (log, world) = (open(dir.path()), World::new());
    let rig = Rig::start(&log, &world).await;
    let began = Instant::now();
    let asks = (0..SAGAS).map(|n| {
        let platforms = vec!["a".to_owned(), "b".to_owned()];
        rig.ask(post(n), Box::new(PostEvent::Due { minor: 100, platforms }))
    });
    futures_util::future::join_all(asks).await;
    let asked = began.elapsed();
    while rig.desk().running() > 0 || world.order().len() < SAGAS as usize * 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let all = began.elapsed();
    eprintln!("{SAGAS} posts due in {asked:?}; {SAGAS} sagas of 6 steps over in {all:?}");

    // One alone: from its trigger to its end, without anybody beside it.
    let alone = Instant::now();
    for n in SAGAS..SAGAS + 50 {
        let saga = rig.due(n, 100, &["a", "b"]).await;
        while !is_over(&log, &saga) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    eprintln!("one saga alone: {:?}", alone.elapsed() / 50);
    rig.stop().await;

    let records: u64 = log.topics().lanes().map(|lane| log.end(lane)).sum();
    let began = Instant::now();
    let rig = Rig::start(&log, &world).await;
    while !rig.desk().is_caught_up() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    eprintln!("start behind {records} records: {:?}", began.elapsed());
    rig.stop().await;
}

fn is_over(log: &Arc<dyn Log>, saga: &StreamId) -> bool {
    let topic = log.topics().find("kit.sagas").unwrap();
    let lane = log.topics().lane_for(topic, saga);
    let last = log.read_stream(lane, saga, 0).unwrap().pop();
    last.is_some_and(|last| match Record::decode(lane, &last.bytes).unwrap().body {
        Body::Event { data, .. } => data.event_type == "saga.instance.ended.v1",
        _ => false,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure_the_room_of_a_saga_that_waits() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    world.tells(false);
    world.always("charge", crate::world::Act::WorkAndLose);
    let rig = Rig::start(&open(dir.path()), &world).await;
    let asks = (0..SAGAS).map(|n| {
        let platforms = vec!["a".to_owned(), "b".to_owned()];
        rig.ask(post(n), Box::new(PostEvent::Due { minor: 100, platforms }))
    });
    futures_util::future::join_all(asks).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    rig.kill().await;
    let log = open(dir.path());
    let before = rss_bytes();
    let rig = Rig::start(&log, &world).await;
    while !rig.desk().is_caught_up() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let held = rig.desk().running();
    let each = (rss_bytes() - before) / held.max(1);
    eprintln!("{held} parked sagas in memory, about {each} bytes each");
    rig.stop().await;
}
