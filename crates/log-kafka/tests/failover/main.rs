//! Brokers that die or freeze, and nodes that wake up too late, while frames are under way.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]
#![expect(clippy::print_stdout, reason = "what was measured is worth reading")]

mod elections;
mod network;
mod owner;
mod refusals;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::LaneId;
use log::conformance::{Scribe, deliver, sample_stream};
use log::{Delivery, Follower, Log};
use log_kafka::{KafkaLog, Options};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

/// One after the other: they kill brokers that all of them use.
static ONE_BY_ONE: Mutex<()> = Mutex::new(());

/// Waits until something holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(2), "not within two minutes: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The broker that leads a lane.
fn leader(options: &Options, log: &KafkaLog, lane: LaneId) -> u16 {
    let asker: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", &options.brokers).create().unwrap();
    let topic = format!("{}{}", options.prefix, log.topics().name(lane.topic));
    let begun = Instant::now();
    loop {
        let metadata = asker.fetch_metadata(Some(&topic), Duration::from_secs(10)).unwrap();
        let mut partitions = metadata.topics()[0].partitions().iter();
        let found = partitions.find(|it| it.id() == i32::from(lane.index));
        if let Some(id) = found.and_then(|it| u16::try_from(it.leader()).ok()) {
            return id;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody leads {topic}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs an owner on a lane while `faults` happen; checks that what it was told is the history that
/// another node reads.
fn under(
    options: &Options,
    log: &KafkaLog,
    lane: LaneId,
    faults: impl FnOnce(),
) -> (owner::Seen, u64) {
    let stop = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let owner = scope.spawn(|| owner::run(log, lane, &stop));
        faults();
        stop.store(true, Ordering::Release);
        owner.join().unwrap()
    });
    let (after, _, _replica) = support::elsewhere(options);
    assert!(after.catch_up(Duration::from_mins(1)), "another node reads everything");
    let (history, void) = owner::history(&*after, lane);
    assert_eq!(history, seen.committed, "nothing is lost, nothing doubled");
    (seen, void)
}

#[test]
fn killing_the_leader_of_a_lane_loses_and_doubles_nothing() {
    let _alone = alone();
    let cluster = support::three();
    let (log, options, _replica) = support::create(cluster);
    let lane = log.topics().lanes().next().unwrap();
    let (seen, void) = under(&options, &log, lane, || {
        for _ in 0..2 {
            std::thread::sleep(Duration::from_secs(1));
            let leader = cluster.broker(leader(&options, &log, lane)).unwrap();
            leader.kill().unwrap();
            std::thread::sleep(Duration::from_secs(6));
            leader.start().unwrap();
            std::thread::sleep(Duration::from_secs(2));
        }
    });
    println!(
        "2 kills: {} commands, longest pause {:?}, {} broken, {void} void",
        seen.committed.len(),
        seen.pause,
        seen.broken
    );
    assert!(seen.committed.len() > 1_000);
    assert!(seen.pause > Duration::from_millis(300), "a kill is felt");
    assert!(seen.pause < Duration::from_secs(15), "and is over soon: {:?}", seen.pause);
}

#[test]
fn a_leader_that_freezes_loses_and_doubles_nothing() {
    let _alone = alone();
    let cluster = support::three();
    let (log, mut options, _replica) = support::create(cluster);
    drop(log);
    options.stall_timeout = Duration::from_secs(5);
    let log = support::open(&options);
    let lane = log.topics().lanes().nth(1).unwrap();
    let (seen, void) = under(&options, &log, lane, || {
        std::thread::sleep(Duration::from_secs(1));
        let leader = cluster.broker(leader(&options, &log, lane)).unwrap();
        leader.pause().unwrap();
        std::thread::sleep(Duration::from_secs(25));
        leader.resume().unwrap();
        std::thread::sleep(Duration::from_secs(3));
    });
    println!(
        "frozen 25 s: {} commands, longest pause {:?}, {} broken, {void} void",
        seen.committed.len(),
        seen.pause,
        seen.broken
    );
    assert!(seen.committed.len() > 1_000);
    assert!(seen.pause < Duration::from_secs(24), "the lane has another leader: {:?}", seen.pause);
}

/// The hole that no offset shows: the client library gives records up and goes on with later ones, which
/// get the next offsets. With its timeout far below a failover this happens every time.
#[test]
fn records_that_the_client_library_gives_up_leave_no_hole_in_what_was_committed() {
    let _alone = alone();
    let cluster = support::three();
    let (log, mut options, _replica) = support::create(cluster);
    drop(log);
    options.message_timeout = Duration::from_millis(400);
    options.message_timeout_min = Duration::ZERO;
    let log = support::open(&options);
    let lane = log.topics().lanes().nth(2).unwrap();
    let (seen, void) = under(&options, &log, lane, || {
        for _ in 0..2 {
            std::thread::sleep(Duration::from_secs(1));
            let leader = cluster.broker(leader(&options, &log, lane)).unwrap();
            leader.kill().unwrap();
            std::thread::sleep(Duration::from_secs(6));
            leader.start().unwrap();
            std::thread::sleep(Duration::from_secs(2));
        }
    });
    println!(
        "short timeout: {} commands, {} broken, {} epochs, {void} void",
        seen.committed.len(),
        seen.broken,
        seen.epochs
    );
    assert!(seen.broken > 0, "records were given up");
    assert!(seen.committed.len() > 1_000);
}

#[test]
fn a_zombie_sees_it_at_its_first_report_and_its_records_are_void() {
    let _alone = alone();
    let cluster = support::three();
    let (old, options, _replica) = support::create(cluster);
    let (new, _, _other) = support::elsewhere(&options);
    let lane = old.topics().lanes().nth(3).unwrap();
    let stream = sample_stream(1);
    // Each round it has read what the rival wrote in the last one.
    let mut zombie = Scribe::new(&*old, lane);
    for round in 0..20 {
        let claim = zombie.claim();
        let first = deliver(&*old, vec![claim]);
        let [Delivery::At { first, .. }] = first[..] else { panic!("{first:?}") };
        let mut expected = first + 1;
        // Something is committed, then a rival takes the lane.
        let committed = deliver(&*old, vec![zombie.frame(&stream, 2)]);
        assert_eq!(committed, [Delivery::At { first: expected, contiguous: true }]);
        expected += 2;
        let mut rival = zombie.clone();
        let claim = rival.claim();
        assert!(matches!(deliver(&*new, vec![claim])[..], [Delivery::At { .. }]));
        let too_late = deliver(&*old, vec![zombie.frame(&stream, 3)]);
        assert_ne!(too_late, [Delivery::At { first: expected, contiguous: true }], "round {round}");
        let served = deliver(&*new, vec![rival.frame(&stream, 1)]);
        assert!(matches!(served[..], [Delivery::At { .. }]));
        zombie = rival;
    }
    let (after, _, _replica) = support::elsewhere(&options);
    let mut follower = Follower::from_start(&*after, lane);
    let mut frames = 0;
    loop {
        let more = follower.poll(&*after).unwrap();
        if more.is_empty() {
            break;
        }
        frames += more.iter().filter(|frame| !frame.is_claim()).count();
    }
    assert_eq!((frames, follower.voids().count), (40, 60));
    assert_eq!(follower.voids().alarms, 0, "all this is foreseen");
}
