//! One seed: a cluster begins, clients work under faults, then the faults end and everything must come to
//! rest within a bound; checks all along and at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::check;
use crate::clients::Clients;
use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::operator;
use crate::planted::Planted;
use crate::world::{Machine, World, lock};

/// How long sagas may take to begin on a cluster without load.
const BEGIN_WITHIN_S: u64 = 120;
/// How long everything may take to come to rest without faults: eight attempts at a platform with five
/// minutes between them, behind them the undo with as many, and an operator who looks each half minute.
const REST_WITHIN_S: u64 = 4 * 3_600;
/// How often it is looked whether all is at rest.
const LOOK_S: u64 = 5;
/// A target may still do what was asked of it so long ago.
const LATE_WORK_S: u64 = 180;

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The seed: all of it follows from this.
    pub seed: u64,
    /// Simulated seconds under faults.
    pub seconds: u64,
    /// A mistake to be found.
    pub planted: Option<Planted>,
    /// Only these faults, each as often as it may; none: the faults are drawn.
    pub only: Vec<Fault>,
    /// Whether to print everything that happens.
    pub shown: bool,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Digest of all that happened, in order: the same for the same seed.
    pub digest: u64,
    /// How many things happened.
    pub events: u64,
    /// Simulated milliseconds under faults.
    pub safety_ms: u64,
    /// Simulated milliseconds until all was at rest.
    pub rest_ms: u64,
    /// Commands that clients asked for.
    pub commands: u64,
    /// Valid records.
    pub records: u64,
    /// How often each fault struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often each rare state was reached.
    pub seen: BTreeMap<&'static str, u64>,
    /// What is wrong.
    pub wrong: Vec<String>,
}

/// How far a run has come, for another thread to look at: something may turn in a circle for ever while
/// the simulated time stands still.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// Simulated milliseconds since the beginning.
    pub fn ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn beat(&self, ms: u64) {
        self.0.store(ms, Ordering::Relaxed);
    }
}

/// Where the process panicked: a task that panics is gone, and nobody else says so.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn panics_are_noted() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        lock(&PANICS).push(panic.to_string().replace('\n', " "));
        before(panic);
    }));
}

/// Runs one seed. The same digest for the same wish in a process of its own whose random source is
/// fixed, as the program of this crate has it. One run a process: panics anywhere in it are findings.
///
/// # Panics
/// When the thread has no room for a runtime.
pub fn run(wish: &Wish, pulse: &Pulse) -> Report {
    panics_are_noted();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs no more than memory");
    runtime.block_on(async {
        let world = World::new(wish, pulse.clone());
        let machine = Machine::of(&world);
        let report = live(&world, wish).await;
        world.end();
        drop(machine);
        report
    })
}

async fn live(world: &Arc<World>, wish: &Wish) -> Report {
    let turning = tokio::spawn(Arc::clone(world).turn());
    let (nodes, lanes, many) = {
        let mut chance = world.chance();
        (chance.between(1, 3), chance.between(1, 2), chance.between(1, 8))
    };
    let (nodes, lanes) = (usize::try_from(nodes).unwrap_or(1), u16::try_from(lanes).unwrap_or(1));
    let cluster = Cluster::new(world, nodes, lanes);
    begin(&cluster).await;
    let clients = Clients::new(&cluster);
    for _ in 0..many {
        tokio::spawn(Arc::clone(&clients).live());
    }
    let meddling = tokio::spawn(operator::meddle(Arc::clone(&cluster)));
    let began_ms = world.ms();
    for second in 1..=wish.seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cluster.second();
        if second % 60 == 0 {
            check::rows(&cluster, false);
        }
    }
    if world.plants(Planted::EffectBeforeIntent) {
        cluster.targets.intrude();
    }
    let safety_ms = world.ms() - began_ms;
    world.calm();
    meddling.abort();
    let calm_ms = world.ms();
    rest(&cluster, &clients).await;
    let rest_ms = world.ms() - calm_ms;
    check::history(&cluster, &clients);
    check::sagas(&cluster, true);
    check::rows(&cluster, true);
    for node in 0..cluster.len() {
        cluster.crash(node);
    }
    turning.abort();
    report(world, &cluster, &clients, wish, (safety_ms, rest_ms))
}

/// All nodes start, and sagas run on each.
async fn begin(cluster: &Arc<Cluster>) {
    (0..cluster.len()).for_each(|node| cluster.start(node));
    for _ in 0..BEGIN_WITHIN_S {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if (0..cluster.len()).all(|node| cluster.desk(node).is_some()) {
            return;
        }
    }
    cluster.world.wrong("I26 sagas do not begin on a cluster without load");
}

/// The faults are over: everything must come to rest.
async fn rest(cluster: &Arc<Cluster>, clients: &Clients) {
    cluster.mend();
    clients.closing.store(true, Ordering::Relaxed);
    let mut why = String::new();
    for look in 0..REST_WITHIN_S / LOOK_S {
        tokio::time::sleep(Duration::from_secs(LOOK_S)).await;
        let busy = clients.busy.load(Ordering::Relaxed);
        if busy > 0 {
            why = format!("{busy} clients have no answer");
            continue;
        }
        let (open, parked) = check::open(cluster);
        if look * LOOK_S < LATE_WORK_S {
            continue;
        }
        // An operator looks every half minute.
        if !parked.is_empty() && look % 6 != 0 {
            continue;
        }
        if !parked.is_empty() {
            why = format!("{} sagas are parked", parked.len());
            for stream in &parked {
                operator::put_right(cluster, stream).await;
            }
            continue;
        }
        if open > 0 {
            why = format!("{open} sagas are under way");
            continue;
        }
        let behind = check::behind(cluster);
        if behind.is_empty() {
            return;
        }
        why = format!("{behind} is behind");
    }
    cluster.world.wrong(format!("I26 no rest within {REST_WITHIN_S} s: {why}"));
}

fn report(
    world: &World,
    cluster: &Cluster,
    clients: &Clients,
    wish: &Wish,
    (safety_ms, rest_ms): (u64, u64),
) -> Report {
    let records = cluster.broker.records();
    for panic in lock(&PANICS).drain(..) {
        world.wrong(panic);
    }
    let trace = world.trace();
    Report {
        seed: wish.seed,
        digest: trace.digest(),
        events: trace.events(),
        safety_ms,
        rest_ms,
        commands: clients.asked.load(Ordering::Relaxed),
        records,
        faults: world.struck().into_iter().map(|(kind, times)| (kind.name(), times)).collect(),
        seen: trace.seen.clone(),
        wrong: trace.wrong.clone(),
    }
}
