//! W8 on real Kafka: a node of the product is killed by kill -9 under half of its load; how long until every
//! lane takes commands again, through the same node started anew, or through another one that was there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kafka_up::Cluster;
use postgres::server::{self, Server};
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::http::Pool;
use crate::load::{self, Answered, Call, runtime};
use crate::plan::Plan;
use crate::process::once;
use crate::product;
use crate::row::{Contestant, Goal, Row};
use crate::{Failed, Report};

/// Lanes a topic.
const LANES: &str = "8";
/// Commands to streams that nobody made: that none of them is in a given lane happens once in 5,000 times.
const PROBES: usize = 64;
/// Connections of the load from which its half is taken.
const CALLERS: u64 = 64;
/// Memory of the broker.
const HEAP_MB: u32 = 768;
/// How long a node may take until it serves.
const SERVED_MAX: Duration = Duration::from_mins(2);
/// Until the lanes have been shared out again after a node came.
const SETTLED: Duration = Duration::from_secs(8);
/// Between two questions of a probe.
const AGAIN: Duration = Duration::from_millis(2);
/// A probe that is not answered by then is asked anew: its node is gone, or waits for one that is.
const ANSWER_MAX: Duration = Duration::from_secs(5);

fn failed(error: impl std::fmt::Display) -> Failed {
    Failed(error.to_string())
}

/// What the nodes share.
struct Ground {
    binary: PathBuf,
    dir: PathBuf,
    cluster: Cluster,
    database: Server,
    runtime: Runtime,
}

impl Ground {
    fn new(binary: PathBuf, dir: PathBuf) -> Result<Self, Failed> {
        let mut up = kafka_up::Options::for_test(1);
        (up.quick, up.heap_mb) = (false, HEAP_MB);
        let (cluster, runtime) = (Cluster::start(&up).map_err(failed)?, runtime()?);
        let database = Server::start(server::Options::new(dir.join("postgres")));
        let database = runtime.block_on(database).map_err(failed)?;
        std::fs::write(dir.join("secret"), Uuid::new_v4().to_string())?;
        let ground = Self { binary, dir, cluster, database, runtime };
        let applied = ground.command(&["topics", "apply"], "a", address()?).output()?;
        if applied.status.success() {
            Ok(ground)
        } else {
            Err(Failed(String::from_utf8_lossy(&applied.stderr).into_owned()))
        }
    }

    /// The binary with this verb and everything that a node of this name has.
    fn command(&self, verb: &[&str], name: &str, at: SocketAddr) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(verb).args(["--log", "kafka", "--kafka-durability", "none"]);
        command.args(["--brokers", &self.cluster.bootstrap(), "--lanes", LANES, "--node", name]);
        command.args(["--listen", &at.to_string(), "--database-url", self.database.url()]);
        let path = |flag: &str, name: &str, command: &mut Command| {
            command.arg(flag).arg(self.dir.join(name));
        };
        path("--data", name, &mut command);
        path("--keys", "keys", &mut command);
        path("--cluster-secret-file", "secret", &mut command);
        command.env("RUST_LOG", "error").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn start(&self, name: &str, at: SocketAddr) -> Result<Node, Failed> {
        let log = std::fs::File::options().create(true).append(true).open(self.log(name))?;
        let child = self.command(&["serve"], name, at).stderr(log).spawn()?;
        Ok(Node { child, name: name.to_owned(), at })
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }

    /// Waits until this node has answered a first command, and one of every lane; both times.
    fn served(&self, node: &Node) -> Result<(Duration, Duration), Failed> {
        let begun = Instant::now();
        let probes: Vec<_> =
            (0..PROBES).map(|_| self.runtime.spawn(probe(node.at, begun))).collect();
        let mut all = Vec::with_capacity(PROBES);
        for probe in probes {
            all.push(self.runtime.block_on(probe).map_err(failed)?);
        }
        let all: Option<Vec<Duration>> = all.into_iter().collect();
        let ends = all.and_then(|all| Some((*all.iter().min()?, *all.iter().max()?)));
        ends.ok_or_else(|| {
            let said = std::fs::read_to_string(self.log(&node.name)).unwrap_or_default();
            Failed(format!("{} does not serve within {SERVED_MAX:?}: {said}", node.name))
        })
    }
}

/// A command as bytes: method and path, its key, its body.
fn request(at: SocketAddr, line: &str, key: &str, body: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nhost: {at}\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An address that is a node's own, also while it is dead: no outgoing connection is given its port.
fn address() -> Result<SocketAddr, Failed> {
    let ports = kafka_up::free_ports(1).map_err(failed)?;
    Ok(SocketAddr::from(([127, 0, 0, 1], ports[0])))
}

/// One command to a stream that nobody made, until it is refused for that reason: whoever says so has made
/// the refusal durable. `None`: not within the time.
async fn probe(at: SocketAddr, begun: Instant) -> Option<Duration> {
    let path = format!("PUT /api/content/posts/{}", Uuid::new_v4());
    let request = request(at, &path, "probe", r#"{"title":"x","body":"y"}"#);
    while begun.elapsed() < SERVED_MAX {
        let answer = tokio::time::timeout(ANSWER_MAX, Pool::to(at).ask(request.as_bytes())).await;
        if answer.is_ok_and(|it| it.is_ok_and(|(head, _)| head.starts_with(b"HTTP/1.1 404"))) {
            return Some(begun.elapsed());
        }
        tokio::time::sleep(AGAIN).await;
    }
    None
}

/// A node; killed when it is dropped.
struct Node {
    child: Child,
    name: String,
    at: SocketAddr,
}

impl Node {
    /// kill -9.
    fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Posts, made through every node in turn.
struct Posts {
    to: Vec<Pool>,
    /// From here on a call may find nobody.
    killed: AtomicBool,
}

impl Posts {
    fn through(nodes: &[&Node]) -> Arc<Self> {
        let to = nodes.iter().map(|node| Pool::to(node.at)).collect();
        Arc::new(Self { to, killed: AtomicBool::new(false) })
    }
}

impl Call for Posts {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        let turn = usize::try_from(number).unwrap_or_default() % self.to.len();
        let to = &self.to[turn];
        let key = Uuid::new_v4().to_string();
        let body = r#"{"body":"one durable command"}"#;
        let request = request(to.at, "POST /api/content/posts", &key, body);
        match to.ask(request.as_bytes()).await {
            Ok((head, _)) if head.starts_with(b"HTTP/1.1 2") => Ok(Answered::Yes),
            _ if self.killed.load(Ordering::Relaxed) => Ok(Answered::Overloaded),
            Ok((head, body)) => {
                let (head, body) = (String::from_utf8_lossy(&head), String::from_utf8_lossy(&body));
                Err(format!("{head}{body}"))
            }
            Err(error) => Err(error),
        }
    }
}

/// W8-K.
pub(crate) fn kill(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let Some(binary) = product::binary() else { return Ok(()) };
    if plan.wants("W8-K/same") {
        row(plan, "W8-K/same", &binary, 1, Goal::Ms(1_500.0), report)?;
    }
    if plan.wants("W8-K/other") {
        row(plan, "W8-K/other", &binary, 2, Goal::Ms(5_000.0), report)?;
    }
    Ok(())
}

/// With one node it is started again; with two the other one goes on.
fn row(
    plan: &Plan,
    name: &str,
    binary: &Path,
    nodes: usize,
    goal: Goal,
    report: &mut Report,
) -> Result<(), Failed> {
    let ground = Ground::new(binary.to_owned(), plan.fresh()?)?;
    let at = address()?;
    let mut killed = ground.start("a", at)?;
    let other = if nodes > 1 { Some(ground.start("b", address()?)?) } else { None };
    let (mut ours, mut first, mut loads) = (Contestant::new("ours"), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        for node in [Some(&killed), other.as_ref()].into_iter().flatten() {
            ground.served(node)?;
        }
        std::thread::sleep(SETTLED);
        let all: Vec<&Node> = [Some(&killed), other.as_ref()].into_iter().flatten().collect();
        let posts = Posts::through(&all);
        let peak = load::closed(&ground.runtime, CALLERS, plan.lasts, &posts)?.per_s();
        loads.push(peak / 2.0);
        let beside = runtime()?;
        let (one, every) = std::thread::scope(|scope| {
            // Goes on while the lanes are waited for, as clients would.
            let (beside, lasts, posts) = (&beside, plan.lasts * 2, &posts);
            let load = scope.spawn(move || load::open(beside, peak / 2.0, lasts, posts));
            std::thread::sleep(plan.lasts);
            posts.killed.store(true, Ordering::Relaxed);
            let begun = Instant::now();
            killed.kill();
            let gone = begun.elapsed();
            if other.is_none() {
                killed = ground.start("a", at)?;
            }
            let (one, every) = ground.served(other.as_ref().unwrap_or(&killed))?;
            drop(load.join());
            Ok::<_, Failed>((gone + one, gone + every))
        })?;
        first.push(one.as_secs_f64() * 1e3);
        ours.runs.push(once(every));
        if other.is_some() {
            killed = ground.start("a", at)?;
        }
    }
    let what = "kill -9 of a node under half load, until a command of every lane is durable";
    report.add(&Row {
        name: name.to_owned(),
        ours,
        controls: Vec::new(),
        peers: Vec::new(),
        goal: Some(goal),
        more: vec![
            ("what", json!(what)),
            ("first_ack_ms", json!(first)),
            ("load_per_s", json!(loads)),
            ("brokers", json!(1)),
            ("lanes", json!(LANES)),
        ],
    });
    drop((killed, other));
    ground.cluster.down().map_err(failed)
}
