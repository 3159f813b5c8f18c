//! Elections of lanes while records are under way, and a node that is too slow for them. Not the product:
//! its nodes are killed in `tests/cluster`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::LaneId;
use log::Log;
use log_kafka::{Elected, Election, KafkaLog, Options};

use crate::network::broker;
use crate::{alone, owner, support, until};

/// What a candidate was told, all of it.
type Told = Arc<Mutex<Vec<Option<BTreeSet<LaneId>>>>>;

fn stand(options: &Options, log: &KafkaLog, elected: Elected) -> Election {
    let topics: Vec<String> = log.topics().all().iter().map(|it| it.name.clone()).collect();
    Election::start(options, log.topics(), &topics, Box::new(|| ()), elected).unwrap()
}

/// A candidate that writes down what it hears, and stands still while it is told to.
fn candidate(options: &Options, log: &KafkaLog, still: &Arc<AtomicBool>) -> (Election, Told) {
    let told = Told::default();
    let (writes, still) = (Arc::clone(&told), Arc::clone(still));
    let elected: Elected = Box::new(move |lanes| {
        writes.lock().unwrap().push(lanes);
        while still.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    (stand(options, log, elected), told)
}

#[test]
fn a_node_that_is_slower_than_the_poll_interval_loses_its_lanes_and_is_told_so() {
    let _alone = alone();
    let (cluster, _) = broker();
    let (log, mut options, _replica) = support::create(cluster);
    options.settings.push(("max.poll.interval.ms".to_owned(), "3000".to_owned()));
    let all: BTreeSet<LaneId> = log.topics().lanes().collect();
    let (slow, quick) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let has = |told: &Told| told.lock().unwrap().last().cloned().flatten().unwrap_or_default();

    let (_one, one) = candidate(&options, &log, &slow);
    until("the first has all lanes", || has(&one) == all);
    let (_two, two) = candidate(&options, &log, &quick);
    until("the second has all lanes", || has(&two) == all);
    assert_eq!(one.lock().unwrap().len(), 1, "the first stands still in what it was told");
    slow.store(false, Ordering::Release);
    until("the first is told that it lost them", || one.lock().unwrap().contains(&None));
    until("they share", || {
        let (one, two) = (has(&one), has(&two));
        !one.is_empty() && one.is_disjoint(&two) && one.union(&two).copied().eq(all.clone())
    });
}

/// A node: serves the lane while it is elected for it, and `late` for some time longer.
struct Node {
    election: Option<Election>,
    elected: Arc<AtomicBool>,
}

impl Node {
    fn stands(&mut self, options: &Options, log: &KafkaLog, lane: LaneId) {
        let elected = Arc::clone(&self.elected);
        let told: Elected = Box::new(move |lanes| {
            let serves = lanes.is_some_and(|lanes| lanes.contains(&lane));
            elected.store(serves, Ordering::Release);
        });
        self.election = Some(stand(options, log, told));
    }
}

/// Serves the lane whenever it is elected; it hears of its end up to half a second late, and so writes on
/// beside the next owner.
fn serve(
    log: &KafkaLog,
    lane: LaneId,
    number: u64,
    elected: &AtomicBool,
    over: &AtomicBool,
) -> (BTreeMap<u64, u64>, u64) {
    let (mut committed, mut epochs, mut last) = (BTreeMap::new(), 0, number << 32);
    while !over.load(Ordering::Acquire) {
        if !elected.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        let stop = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            let run = scope.spawn(|| owner::run_behind(log, lane, &stop, last));
            while elected.load(Ordering::Acquire) && !over.load(Ordering::Acquire) {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(500));
            stop.store(true, Ordering::Release);
            run.join().unwrap()
        });
        epochs += seen.epochs;
        let own = |command: &u64| command >> 32 == number;
        last = seen.committed.keys().copied().filter(own).max().unwrap_or(last);
        for (command, seq) in seen.committed {
            let before = committed.insert(command, seq);
            assert!(before.is_none_or(|before| before == seq), "command {command} is there twice");
        }
    }
    (committed, epochs)
}

#[test]
fn a_storm_of_elections_with_records_under_way_loses_and_doubles_nothing() {
    let rounds = std::env::var("RECOUNT_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(4);
    let _alone = alone();
    let (cluster, _) = broker();
    let (log, options, _replica) = support::create(cluster);
    let (again, _, _other) = support::elsewhere(&options);
    let lane = log.topics().lanes().next().unwrap();
    let over = AtomicBool::new(false);
    let node = || Node { election: None, elected: Arc::default() };
    let (mut nodes, logs) = ([node(), node()], [&log, &again]);
    let elected = nodes.each_ref().map(|it| Arc::clone(&it.elected));
    let seen: Vec<_> = std::thread::scope(|scope| {
        let serving = (1..).zip(logs).zip(&elected).map(|((number, log), elected)| {
            let (elected, over): (&AtomicBool, _) = (elected, &over);
            scope.spawn(move || serve(log, lane, number, elected, over))
        });
        let serving: Vec<_> = serving.collect();
        nodes[0].stands(&options, &log, lane);
        until("the first serves", || elected[0].load(Ordering::Acquire));
        for round in 0..rounds {
            let (goes, comes) = (round % 2, (round + 1) % 2);
            nodes[comes].stands(&options, &log, lane);
            std::thread::sleep(Duration::from_secs(1));
            // It leaves; what it has under way is still on its way.
            nodes[goes].election = None;
            elected[goes].store(false, Ordering::Release);
            until("the other one serves", || elected[comes].load(Ordering::Acquire));
        }
        std::thread::sleep(Duration::from_secs(1));
        over.store(true, Ordering::Release);
        serving.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let (after, _, _replica) = support::elsewhere(&options);
    assert!(after.catch_up(Duration::from_mins(1)), "another node reads everything");
    let (history, void) = owner::history(&*after, lane);
    let told: BTreeMap<u64, u64> = seen.iter().flat_map(|it| it.0.clone()).collect();
    let epochs: u64 = seen.iter().map(|it| it.1).sum();
    println!("{rounds} elections: {} commands, {epochs} epochs, {void} void", history.len());
    assert_eq!(history, told, "nothing is lost, nothing doubled");
    assert!(epochs > 1 && history.len() > 1_000);
}
