//! Nodes and brokers that die, freeze, come and go under load: nothing that was acknowledged is lost, and
//! nothing happens twice. Pauses are printed, never asserted. Longer by `RECOUNT_ROUNDS`.

use std::time::{Duration, Instant};

use recount_tests::history::{Call, check, fold};

use crate::load::Load;
use crate::nodes::{Ground, Node, rounds};

const CLIENTS: usize = 16;
/// Commands between two blows.
const BETWEEN: u64 = 200;
/// How long a node is frozen: longer than its session at the brokers.
const FROZEN: Duration = Duration::from_secs(5);
/// A replica has everything, and a read model is the fold of it, well within this.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);

/// Compares what clients were told with what the nodes' replicas hold.
async fn compare(what: &str, ground: &Ground, calls: &[Call], nodes: &[&Node]) {
    let mut replicas = Vec::new();
    for node in nodes {
        let began = Instant::now();
        // What is not here yet is on its way: only what stays wrong is wrong.
        let events = loop {
            let events = ground.events(&node.name);
            let wrong = check(calls, &events);
            if wrong.is_empty() {
                break events;
            }
            assert!(
                began.elapsed() < SETTLED_WITHIN,
                "{what}: {} violations in the replica of {}: {:#?}",
                wrong.len(),
                node.name,
                &wrong[..wrong.len().min(10)]
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        replicas.push(events);
    }
    let ids = |events: &[recount_tests::history::Event]| {
        events.iter().map(|it| (it.stream.clone(), it.version, it.id.clone())).collect::<Vec<_>>()
    };
    let posts = |events: &[recount_tests::history::Event]| {
        let posts: Vec<_> =
            events.iter().filter(|it| it.stream.starts_with("post-")).cloned().collect();
        ids(&posts)
    };
    assert!(
        replicas.windows(2).all(|two| posts(&two[0]) == posts(&two[1])),
        "{what}: replicas hold different histories"
    );
    let expected = fold(&replicas[0]);
    for node in nodes {
        let began = Instant::now();
        while crate::walk::rows(node).await != expected {
            let took = began.elapsed();
            assert!(took < SETTLED_WITHIN, "{what}: rows of {} are not the fold", node.name);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let (valid, void) = ground.verify(&nodes[0].name);
    let (commands, events) = (calls.len(), replicas[0].len());
    eprintln!(
        "{what}: {commands} commands, {events} events, each there exactly once on {} nodes; {valid} \
         records valid, {void} void",
        nodes.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_though_nodes_and_brokers_die_freeze_and_come() {
    let ground = Ground::new().await;
    let a = ground.node("a");
    let mut b = ground.node("b");
    ground.served(&b).await;
    let mut calls = Vec::new();

    for round in 0..rounds(2) {
        let load = Load::start(&format!("kill-{round}"), CLIENTS, &[&a.base, &b.base]);
        load.more(BETWEEN).await;
        b.kill();
        let served = ground.served(&a).await;
        load.more(BETWEEN).await;
        let mut told = load.stop().await;
        told.print(&format!("node killed, lanes served elsewhere after {served:?}"));
        calls.extend(told.calls);
        b = ground.node("b");
        ground.served(&b).await;
    }
    compare("node killed", &ground, &calls, &[&a, &b]).await;

    for round in 0..rounds(2) {
        let load = Load::start(&format!("freeze-{round}"), CLIENTS, &[&a.base, &b.base]);
        load.more(BETWEEN).await;
        b.signal("STOP");
        let served = ground.served(&a).await;
        tokio::time::sleep(FROZEN.saturating_sub(served)).await;
        b.signal("CONT");
        load.more(BETWEEN).await;
        let back = ground.served(&b).await;
        let mut told = load.stop().await;
        told.print(&format!(
            "node frozen, lanes served elsewhere after {served:?}, and through it after {back:?}"
        ));
        calls.extend(told.calls);
    }
    compare("node frozen", &ground, &calls, &[&a, &b]).await;

    for round in 0..rounds(2) {
        let id = u16::try_from(round % 3 + 1).unwrap();
        let load = Load::start(&format!("broker-{round}"), CLIENTS, &[&a.base, &b.base]);
        load.more(BETWEEN).await;
        let broker = ground.brokers.broker(id).unwrap();
        broker.kill().unwrap();
        let served = ground.served(&a).await;
        load.more(BETWEEN).await;
        let mut told = load.stop().await;
        told.print(&format!("broker {id} killed, lanes served again after {served:?}"));
        calls.extend(told.calls);
        broker.start().unwrap();
        broker.wait_serving(3).unwrap();
    }
    compare("broker killed", &ground, &calls, &[&a, &b]).await;

    let load = Load::start("storm", CLIENTS, &[&a.base, &b.base]);
    for _ in 0..rounds(2) {
        let mut c = ground.node("c");
        load.more(BETWEEN).await;
        assert_eq!(c.stop(), Some(0), "it is asked to stop");
        load.more(BETWEEN).await;
    }
    let mut told = load.stop().await;
    told.print("a third node came and went");
    calls.extend(told.calls);
    compare("nodes come and go", &ground, &calls, &[&a, &b]).await;
}
