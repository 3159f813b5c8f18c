//! Nodes and brokers that die, freeze, come and go under load: nothing that was acknowledged is lost, and
//! nothing happens twice. Pauses are printed, never asserted. Longer by `RECOUNT_ROUNDS`, harder by
//! `RECOUNT_CLIENTS` and `RECOUNT_FROZEN_S`; `RECOUNT_BLOWS=node,again,freeze,broker,storm` picks
//! some.

use std::time::{Duration, Instant};

use recount_tests::history::{Call, check, fold};

use crate::load::Load;
use crate::nodes::{Ground, Node, number, rounds};
use crate::raw::{Raw, leader};

/// Commands between two blows.
const BETWEEN: u64 = 200;
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

/// Clients at once.
fn clients() -> usize {
    usize::try_from(number("RECOUNT_CLIENTS", 16)).unwrap()
}

/// How long a node is frozen: longer than its session at the brokers.
fn frozen() -> Duration {
    Duration::from_secs(u64::from(number("RECOUNT_FROZEN_S", 5)))
}

/// Whether this blow is struck: all are, unless some were picked.
fn struck(blow: &str) -> bool {
    std::env::var("RECOUNT_BLOWS").map_or(true, |picked| picked.split(',').any(|it| it == blow))
}

/// Two nodes and what clients were told so far.
struct Cluster {
    ground: Ground,
    a: Node,
    b: Node,
    calls: Vec<Call>,
    /// Where the second one listens whenever it is started.
    port: u16,
}

impl Cluster {
    fn load(&self, name: &str) -> Load {
        Load::start(name, clients(), &[&self.a.base, &self.b.base])
    }

    async fn compare(&self, what: &str) {
        compare(what, &self.ground, &self.calls, &[&self.a, &self.b]).await;
    }

    async fn kill_a_node(&mut self, round: u32) {
        let load = self.load(&format!("kill-{round}"));
        load.more(BETWEEN).await;
        self.b.kill();
        let served = self.ground.served(&self.a).await;
        load.more(BETWEEN).await;
        let mut told = load.stop().await;
        told.print(&format!("node killed, lanes served elsewhere after {served:?}"));
        self.calls.extend(told.calls);
        self.b = self.ground.node_at("b", self.port, &[]);
        self.ground.served(&self.b).await;
    }

    /// The node is back before its death is noticed: it takes its lanes without an election.
    async fn start_a_node_again(&mut self, round: u32) {
        let load = self.load(&format!("again-{round}"));
        load.more(BETWEEN).await;
        self.b.kill();
        self.b = self.ground.node_at("b", self.port, &[]);
        let served = self.ground.served(&self.b).await;
        load.more(BETWEEN).await;
        let mut told = load.stop().await;
        told.print(&format!(
            "node killed and started again, lanes served through it after {served:?}"
        ));
        self.calls.extend(told.calls);
    }

    async fn freeze_a_node(&mut self, round: u32) {
        let load = self.load(&format!("freeze-{round}"));
        load.more(BETWEEN).await;
        self.b.signal("STOP");
        let served = self.ground.served(&self.a).await;
        tokio::time::sleep(frozen().saturating_sub(served)).await;
        self.b.signal("CONT");
        load.more(BETWEEN).await;
        let back = self.ground.served(&self.b).await;
        let mut told = load.stop().await;
        told.print(&format!(
            "node frozen, lanes served elsewhere after {served:?}, and through it after {back:?}"
        ));
        self.calls.extend(told.calls);
    }

    /// Kills the broker that leads a lane, beside a raw producer to a topic that it leads too.
    async fn kill_a_broker(&mut self, round: u32) {
        let brokers = self.ground.brokers.bootstrap();
        let lane = i32::try_from(round % 2).unwrap();
        let id = leader(&brokers, &self.ground.topic("content.events"), lane);
        let raw = Raw::start(&brokers, &self.ground.topic(&format!("raw-{round}")), id).await;
        let load = self.load(&format!("broker-{round}"));
        load.more(BETWEEN).await;
        let broker = self.ground.brokers.broker(u16::try_from(id).unwrap()).unwrap();
        broker.kill().unwrap();
        let served = self.ground.served(&self.a).await;
        load.more(BETWEEN).await;
        let mut told = load.stop().await;
        let (raw, ours) = (raw.stop(), told.longest());
        told.print(&format!("broker {id} killed, lanes served again after {served:?}"));
        let more = |ours: Duration| ours.as_secs_f64() - raw.as_secs_f64();
        let (lanes, client) = (more(served), more(ours));
        eprintln!(
            "  longest pause of a raw producer {raw:?}; lanes {lanes:+.2} s, a client {client:+.2} s"
        );
        self.calls.extend(told.calls);
        broker.start().unwrap();
        broker.wait_serving(3).unwrap();
    }

    /// Nodes join and leave, in order and by a kill, and never wait for each other.
    async fn storm(&mut self, rounds: u32) {
        let load = self.load("storm");
        for _ in 0..rounds {
            let mut c = self.ground.node("c");
            load.more(BETWEEN / 2).await;
            let mut d = self.ground.node("d");
            assert_eq!(c.stop(), Some(0), "it is asked to stop");
            load.more(BETWEEN / 2).await;
            d.kill();
        }
        load.more(BETWEEN).await;
        let mut told = load.stop().await;
        told.print("two more nodes came and went");
        self.calls.extend(told.calls);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_though_nodes_and_brokers_die_freeze_and_come() {
    let ground = Ground::new().await;
    let port = kafka_up::free_ports(1).unwrap()[0];
    let (a, b) = (ground.node("a"), ground.node_at("b", port, &[]));
    ground.served(&b).await;
    let mut cluster = Cluster { ground, a, b, calls: Vec::new(), port };
    if struck("node") {
        for round in 0..rounds(2) {
            cluster.kill_a_node(round).await;
        }
        cluster.compare("node killed").await;
    }
    if struck("again") {
        for round in 0..rounds(2) {
            cluster.start_a_node_again(round).await;
        }
        cluster.compare("node started again").await;
    }
    if struck("freeze") {
        for round in 0..rounds(2) {
            cluster.freeze_a_node(round).await;
        }
        cluster.compare("node frozen").await;
    }
    if struck("broker") {
        for round in 0..rounds(2) {
            cluster.kill_a_broker(round).await;
        }
        cluster.compare("broker killed").await;
    }
    if struck("storm") {
        cluster.storm(rounds(2)).await;
        cluster.compare("nodes come and go").await;
    }
}
