//! The nodes of the world: each runs the product's command runtime, sagas and projections, starts, dies
//! and starts again. What it is told by the group that elects owners is a hint, often a wrong one.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codec::Schemas;
use domain::LaneId;
use lane::{Commands, Deciders, Node};
use log::Log;
use orchestrator::run::{Desk, Holding, Options};
use projector::{Projector, RowSink};
use tokio::task::AbortHandle;

use crate::broker::Broker;
use crate::faults::Fault;
use crate::network::Route;
use crate::node_log::NodeLog;
use crate::product;
use crate::sink::{Database, NodeSink};
use crate::targets::Targets;
use crate::world::{Inside, Process, World, lock};

/// How long calls of sagas may take to end when a node stops: none stops in good order here.
const GRACE: Duration = Duration::from_secs(1);

/// What runs of a node.
#[derive(Default)]
struct Running {
    generation: u64,
    commands: Option<Commands>,
    desk: Option<Desk>,
    process: Arc<Process>,
    tasks: Vec<AbortHandle>,
    #[expect(dead_code, reason = "dropped, its workers end")]
    projector: Option<projector::Handle>,
}

pub(crate) struct Cluster {
    pub(crate) world: Arc<World>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) database: Arc<Database>,
    pub(crate) targets: Arc<Targets>,
    schemas: Arc<Schemas>,
    pub(crate) deciders: Deciders,
    nodes: Mutex<Vec<Running>>,
    elected: Mutex<BTreeMap<LaneId, usize>>,
}

impl Cluster {
    pub(crate) fn new(world: &Arc<World>, nodes: usize, lanes: u16) -> Arc<Self> {
        let schemas = product::schemas();
        let topics = product::topics(u128::from(world.chance().next()), lanes);
        let broker = Broker::new(world, topics, &schemas, nodes);
        let elected = broker.topics.lanes().enumerate().map(|(at, lane)| (lane, at % nodes));
        let cluster = Arc::new(Self {
            world: Arc::clone(world),
            database: Database::new(world),
            targets: Targets::new(&broker),
            deciders: product::deciders(&schemas),
            schemas,
            nodes: Mutex::new((0..nodes).map(|_| Running::default()).collect()),
            elected: Mutex::new(elected.collect()),
            broker,
        });
        let it = Arc::downgrade(&cluster);
        world.dooms(move |node| {
            if let Some(it) = it.upgrade() {
                it.dies(node);
            }
        });
        cluster
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.nodes).len()
    }

    pub(crate) fn is_up(&self, node: usize) -> bool {
        lock(&self.nodes)[node].commands.is_some()
    }

    /// Where the commands of a node go in; `None`: it is down.
    pub(crate) fn commands(&self, node: usize) -> Option<Commands> {
        lock(&self.nodes)[node].commands.clone()
    }

    /// What operators ask, on a node whose sagas run.
    pub(crate) fn desk(&self, node: usize) -> Option<Desk> {
        lock(&self.nodes)[node].desk.clone()
    }

    pub(crate) fn elected(&self, lane: LaneId) -> usize {
        lock(&self.elected).get(&lane).copied().unwrap_or_default()
    }

    /// A node starts.
    pub(crate) fn start(self: &Arc<Self>, node: usize) {
        let generation = self.broker.begins(node);
        self.world.note("node starts", &[node as u64, generation]);
        let broker = Arc::clone(&self.broker);
        let log: Arc<dyn Log> = Arc::new(NodeLog { broker, node, generation });
        let name = format!("n{node}");
        // An address is a name here.
        let node_is = Node { name: name.clone(), url: name };
        // As where nodes are elected: no lane is left that nobody ever claimed.
        let unclaimed = |lane: &LaneId| log.end(*lane) == 0 && self.elected(*lane) == node;
        let claims = log.topics().lanes().filter(unclaimed).collect();
        let (commands, shell) =
            Commands::drive(Arc::clone(&log), self.deciders.clone(), node_is, claims);
        let process = Arc::new(Process::default());
        let shell = Inside {
            process: Arc::clone(&process),
            world: Arc::clone(&self.world),
            task: Box::pin(shell),
            still: None,
        };
        let mut tasks = vec![tokio::spawn(shell).abort_handle()];
        tasks.push(
            tokio::spawn(Arc::clone(self).sagas(node, generation, log.clone())).abort_handle(),
        );
        let sink: Arc<dyn RowSink> =
            Arc::new(NodeSink { database: Arc::clone(&self.database), node });
        let projector = Projector::start(log, product::registry(&self.schemas), &sink);
        let running = Running {
            generation,
            commands: Some(commands),
            desk: None,
            process,
            tasks,
            projector: Some(projector),
        };
        lock(&self.nodes)[node] = running;
    }

    /// Runs the sagas of a node, as soon as they can be registered.
    async fn sagas(self: Arc<Self>, node: usize, generation: u64, log: Arc<dyn Log>) {
        loop {
            let route = Route { cluster: Arc::clone(&self), from: Some(node) };
            let options = Options {
                log: Arc::clone(&log),
                deciders: self.deciders.clone(),
                submitter: Arc::new(route),
                types: product::types(),
                carriers: product::carriers(&self.targets, node),
                holding: Holding::Claimed(format!("n{node}")),
                grace: GRACE,
            };
            match orchestrator::run::start(options).await {
                Ok(running) => {
                    {
                        let mut nodes = lock(&self.nodes);
                        if nodes[node].generation == generation {
                            nodes[node].desk = Some(running.desk());
                        }
                    }
                    self.world.note("sagas run", &[node as u64]);
                    // Until the node dies.
                    std::future::pending::<()>().await;
                }
                Err(orchestrator::run::StartError::Unavailable { .. }) => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return self.world.wrong(format!("sagas do not start: {error}")),
            }
        }
    }

    /// A node dies at once, with all it knew.
    pub(crate) fn crash(&self, node: usize) {
        let running = std::mem::take(&mut lock(&self.nodes)[node]);
        if running.commands.is_none() {
            return;
        }
        self.world.note("node dies", &[node as u64, running.generation]);
        self.broker.ends(node);
        running.tasks.iter().for_each(AbortHandle::abort);
        drop(running);
    }

    /// The lanes are elected anew among nodes that are up; a few stay where they are not.
    pub(crate) fn rebalance(&self) {
        let up: Vec<_> = (0..self.len()).filter(|node| self.is_up(*node)).collect();
        if up.is_empty() {
            return;
        }
        let mut elected = lock(&self.elected);
        for node in elected.values_mut() {
            let mut chance = self.world.chance();
            if !up.contains(node) || chance.percent(30) {
                *node = *chance.pick(&up);
            }
        }
    }

    /// A node dies; it comes back, and its lanes are given to others, some time later.
    fn dies(self: &Arc<Self>, node: usize) {
        let world = &self.world;
        self.crash(node);
        let down = world.chance().between(100, 15_000);
        let it = Arc::clone(self);
        world.after(down, move || it.start_if_down(node));
        let it = Arc::clone(self);
        let notices = world.chance().between(500, 6_000);
        world.after(notices, move || it.rebalance());
    }

    /// Something happens to the nodes, now and then.
    pub(crate) fn second(self: &Arc<Self>) {
        let world = Arc::clone(&self.world);
        self.broker.second();
        if world.strikes(Fault::Crash) {
            let (it, node) = (Arc::clone(self), self.any());
            let ms = world.chance().below(1_000);
            world.after(ms, move || it.dies(node));
        }
        if world.strikes(Fault::Pause) {
            let ms = world.chance().between(200, 45_000);
            let until = world.ms() + ms;
            let nodes = lock(&self.nodes);
            let node = world.chance().below(nodes.len() as u64);
            let process = &nodes[usize::try_from(node).unwrap_or(0)].process;
            process.stopped_until_ms.store(until, Ordering::Relaxed);
        }
        if world.strikes(Fault::CutOff) {
            let node = self.any();
            self.broker.cut(node, true);
            let (it, ms) = (Arc::clone(self), world.chance().between(200, 40_000));
            world.after(ms, move || it.broker.cut(node, false));
        }
        if world.strikes(Fault::Rebalance) {
            self.rebalance();
        }
        if world.strikes(Fault::ClockJumps) {
            let far = world.chance().percent(25);
            let most: i64 = if far { 3_600_000 } else { 5_000 };
            let by = world.chance().below(u64::try_from(2 * most).unwrap_or(1));
            world.jump(i64::try_from(by).unwrap_or(0) - most);
        }
        if world.strikes(Fault::ClockSkewed) {
            let skew = i64::try_from(world.chance().between(0, 8_000_000)).unwrap_or(0) - 4_000_000;
            let node = self.any();
            lock(&self.nodes)[node].process.skew.store(skew, Ordering::Relaxed);
        }
    }

    fn any(&self) -> usize {
        let nodes = self.len() as u64;
        usize::try_from(self.world.chance().below(nodes)).unwrap_or(0)
    }

    pub(crate) fn start_if_down(self: &Arc<Self>, node: usize) {
        if !self.is_up(node) {
            self.start(node);
        }
    }

    /// Everything is mended: all nodes are up, reach everything, and go on.
    pub(crate) fn mend(self: &Arc<Self>) {
        for node in 0..self.len() {
            self.start_if_down(node);
            self.broker.cut(node, false);
            let process = Arc::clone(&lock(&self.nodes)[node].process);
            process.stopped_until_ms.store(0, Ordering::Relaxed);
            process.skew.store(0, Ordering::Relaxed);
        }
        self.rebalance();
    }
}
