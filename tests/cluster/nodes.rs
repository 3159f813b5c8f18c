//! Brokers, a database and nodes of the built binary that share them. Not what is asked of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kafka_up::{Cluster, Options};
use postgres::server::{self, Server};
use recount_tests::history::Event;
use recount_tests::recount;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// How long a node may take to start, and lanes to be served: a machine under load.
const START_MAX: Duration = Duration::from_mins(2);
const LANES: &str = "2";
/// Commands to streams that nobody made, each in a lane of its own choice: none of two lanes is missed.
const PROBES: usize = 16;

/// The brokers of this process, for one test at a time.
fn brokers() -> MutexGuard<'static, Cluster> {
    static BROKERS: OnceLock<Mutex<Cluster>> = OnceLock::new();
    let start = || Mutex::new(Cluster::start(&Options::for_test(3)).unwrap());
    BROKERS.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all nodes share.
pub(crate) struct Ground {
    pub(crate) brokers: MutexGuard<'static, Cluster>,
    database: Server,
    dir: tempfile::TempDir,
    prefix: String,
}

impl Ground {
    /// Three brokers; topics, keys and a database of its own.
    pub(crate) async fn new() -> Self {
        let ground = Self::bare().await;
        let refused = ground.run("admin", &["topics", "check"]);
        assert_eq!(refused.code, 3, "topics that are not there are found: {}", refused.stdout);
        let made = ground.run("admin", &["topics", "apply"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let checked = ground.run("admin", &["topics", "check"]);
        assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
        ground
    }

    /// The same without topics and keys.
    pub(crate) async fn bare() -> Self {
        let brokers = brokers();
        for broker in brokers.brokers() {
            broker.wait_serving(3).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let database =
            Server::start(server::Options::new(dir.path().join("postgres"))).await.unwrap();
        std::fs::write(dir.path().join("secret"), "0123456789abcdef0123456789abcdef").unwrap();
        let prefix = format!("t{}-", Uuid::new_v4().simple());
        Self { brokers, database, dir, prefix }
    }

    /// Where the database is.
    pub(crate) fn database_url(&self) -> &str {
        self.database.url()
    }

    /// What belongs to a node of this name: its data directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a node of this name is started with, at this port of loopback; 0: any.
    fn flags(&self, name: &str, port: u16) -> Vec<String> {
        let path = |name: &str| self.path(name).display().to_string();
        let flags = [
            ("--log", "kafka".to_owned()),
            ("--brokers", self.brokers.bootstrap()),
            ("--topic-prefix", self.prefix.clone()),
            ("--lanes", LANES.to_owned()),
            ("--node", name.to_owned()),
            ("--listen", format!("127.0.0.1:{port}")),
            ("--data", path(name)),
            ("--keys", path("keys")),
            ("--cluster-secret-file", path("secret")),
            ("--database-url", self.database.url().to_owned()),
        ];
        flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
    }

    /// The name of a topic in the cluster.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Runs a verb of the binary with everything that a node has.
    pub(crate) fn run(&self, name: &str, verb: &[&str]) -> recount_tests::Exit {
        let flags = self.flags(name, 0);
        recount(verb.iter().copied().chain(flags.iter().map(String::as_str)))
    }

    /// Starts a node and waits for its banner.
    pub(crate) fn node(&self, name: &str) -> Node {
        self.node_with(name, &[])
    }

    /// The same with these flags too.
    pub(crate) fn node_with(&self, name: &str, flags: &[&str]) -> Node {
        self.node_at(name, 0, flags)
    }

    /// The same at this port, which is nobody else's when the node is started again.
    pub(crate) fn node_at(&self, name: &str, port: u16, flags: &[&str]) -> Node {
        let binary = std::env::var_os("RECOUNT_BIN").expect("RECOUNT_BIN names the built binary");
        let mut command = Command::new(binary);
        command.arg("serve").args(self.flags(name, port)).args(flags);
        Node::start(name, command, self.path(&format!("{name}.log")))
    }

    /// Waits until every lane of posts takes commands through this node.
    pub(crate) async fn served(&self, node: &Node) -> Duration {
        let (began, client) = (Instant::now(), Client::new());
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..PROBES {
            let url = format!("{}/api/content/posts/{}", node.base, Uuid::new_v4());
            let client = client.clone();
            asking.spawn(async move {
                // Refused because there is no such post: whoever says so has written that down.
                loop {
                    let request = client.put(&url).json(&json!({ "title": "x", "body": "y" }));
                    let request = request.header("idempotency-key", "probe");
                    let answer = request.timeout(Duration::from_secs(5)).send().await;
                    if answer.is_ok_and(|it| it.status() == StatusCode::NOT_FOUND) {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
        }
        let all = async { while asking.join_next().await.is_some() {} };
        let all = tokio::time::timeout(START_MAX, all).await;
        assert!(all.is_ok(), "lanes are not served through {} within {START_MAX:?}", node.name);
        began.elapsed()
    }

    /// Every event as a node's replica has it, by stream and version.
    pub(crate) fn events(&self, node: &str) -> Vec<Event> {
        let data = self.path(node).display().to_string();
        let exported = recount(["events", "export", "--data", &data, "-o", "jsonl"]);
        assert_eq!(exported.code, 0, "{}", exported.stderr);
        let mut events: Vec<_> = exported.stdout.lines().map(Event::parse).collect();
        events.sort_by(|a, b| (&a.stream, a.version).cmp(&(&b.stream, b.version)));
        events
    }

    /// Walks every byte and the chain of a node's replica; gives how many records are valid, and void.
    pub(crate) fn verify(&self, node: &str) -> (u64, u64) {
        let data = self.path(node).display().to_string();
        let verified = recount(["audit", "verify", "--data", &data, "-o", "json"]);
        assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
        let report: Value = serde_json::from_str(&verified.stdout).unwrap();
        let sum = |name: &str| {
            report["lanes"].as_array().unwrap().iter().filter_map(|it| it[name].as_u64()).sum()
        };
        (sum("valid"), sum("void"))
    }
}

/// A node.
pub(crate) struct Node {
    child: Child,
    /// `http://127.0.0.1:port`
    pub(crate) base: String,
    pub(crate) name: String,
    log: PathBuf,
}

impl Node {
    /// Runs what serves, and waits for its banner; what it says goes to the end of a file.
    pub(crate) fn start(name: &str, mut command: Command, log: PathBuf) -> Self {
        let to = File::options().create(true).append(true).open(&log).unwrap();
        command.env("RUST_LOG", "info").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(to);
        let mut child = command.spawn().unwrap();
        let (banner, said) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| drop(banner.send(line)));
        });
        let mut node = Self { child, base: String::new(), name: name.to_owned(), log };
        let began = Instant::now();
        while let Ok(line) = said.recv_timeout(START_MAX.saturating_sub(began.elapsed())) {
            let api = line.trim().strip_prefix("API").map(str::trim);
            if let Some(base) = api.and_then(|url| url.strip_suffix("/api")) {
                base.clone_into(&mut node.base);
                return node;
            }
        }
        panic!("node {name} printed no banner");
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name} {pid}");
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// SIGTERM, and its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().ok().and_then(|status| status.code())
    }

    /// What it and its earlier lives of this name said, a line of JSON each.
    pub(crate) fn said(&self) -> Vec<Value> {
        let said = std::fs::read_to_string(&self.log).unwrap();
        said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// GET, as JSON; asks for a minute as long as it cannot answer now, panics on anything else but success.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let began = Instant::now();
        loop {
            let answer = reqwest::get(format!("{}{path}", self.base)).await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            if status.is_success() {
                return serde_json::from_str(&text).unwrap();
            }
            let not_now = status == reqwest::StatusCode::SERVICE_UNAVAILABLE;
            assert!(
                not_now && began.elapsed() < Duration::from_mins(1),
                "GET {path} of {}: {status} {text}",
                self.name
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = said.lines().collect();
            let from = lines.len().saturating_sub(80);
            eprintln!("--- node {}, its last words:\n{}", self.name, lines[from..].join("\n"));
        }
    }
}

/// Rounds of each kind: a few, or as `RECOUNT_ROUNDS` says.
pub(crate) fn rounds(few: u32) -> u32 {
    number("RECOUNT_ROUNDS", few)
}

/// A number of the environment, or this one.
pub(crate) fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(otherwise)
}
