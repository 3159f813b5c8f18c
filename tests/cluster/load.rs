//! Clients that write without a pause, whichever node they ask, and what they were told. Not the check
//! of it, which is `recount_tests::history`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use recount_tests::history::Call;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Edits of each post.
const EDITS: u64 = 9;
/// A node that is silent for so long is left by its client, who asks the next one under the same key.
const TRY_MAX: Duration = Duration::from_secs(3);
/// A client gives a command up only when nothing answers for so long.
const GIVE_UP: Duration = Duration::from_mins(3);

/// Clients under way.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Told>,
    acked: Arc<AtomicU64>,
}

/// What clients were told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) calls: Vec<Call>,
    /// From the first try to the answer, of each call.
    pub(crate) waits: Vec<Duration>,
}

impl Told {
    fn take(&mut self, other: Self) {
        self.calls.extend(other.calls);
        self.waits.extend(other.waits);
    }

    /// How long the client waited that waited longest.
    pub(crate) fn longest(&self) -> Duration {
        self.waits.iter().max().copied().unwrap_or_default()
    }

    /// Prints how long clients waited.
    pub(crate) fn print(&mut self, what: &str) {
        self.waits.sort_unstable();
        let at = |part: usize| self.waits.get(self.waits.len() * part / 1_000).copied();
        let (half, most) = (at(500).unwrap_or_default(), at(999).unwrap_or_default());
        let last = self.waits.last().copied().unwrap_or_default();
        let calls = self.calls.len();
        eprintln!("{what}: {calls} commands; pauses p50 {half:?}, p99.9 {most:?}, max {last:?}");
    }
}

struct Caller {
    name: String,
    bases: Arc<[String]>,
    turn: usize,
    http: Client,
    told: Told,
    acked: Arc<AtomicU64>,
}

impl Load {
    /// Starts clients that ask these nodes in turn.
    pub(crate) fn start(name: &str, clients: usize, bases: &[&str]) -> Self {
        let (stop, acked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let bases: Arc<[String]> = bases.iter().map(|base| (*base).to_owned()).collect();
        let mut running = JoinSet::new();
        for turn in 0..clients {
            let caller = Caller {
                name: format!("{name}-{turn}"),
                bases: Arc::clone(&bases),
                turn,
                http: Client::new(),
                told: Told::default(),
                acked: Arc::clone(&acked),
            };
            running.spawn(caller.run(Arc::clone(&stop)));
        }
        Self { stop, clients: running, acked }
    }

    /// Waits until so many more commands were acknowledged.
    pub(crate) async fn more(&self, commands: u64) {
        let (began, goal) = (Instant::now(), self.acked.load(Ordering::Relaxed) + commands);
        while self.acked.load(Ordering::Relaxed) < goal {
            assert!(began.elapsed() < GIVE_UP, "nothing goes on after {GIVE_UP:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it when every call under way is answered.
    pub(crate) async fn stop(mut self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        while let Some(told) = self.clients.join_next().await {
            all.take(told.unwrap());
        }
        all
    }
}

impl Caller {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Told {
        for post in 0_u64.. {
            let mut path = "/api/content/posts".to_owned();
            for edit in 0..=EDITS {
                if stop.load(Ordering::Relaxed) {
                    return self.told;
                }
                let key = format!("{}-{post}-{edit}", self.name);
                let (method, what) = if edit == 0 { ("POST", "draft") } else { ("PUT", "edit") };
                let mut call = Call::new(key.clone(), what, key);
                let began = Instant::now();
                let answer = self.insist(method, &path, &mut call).await;
                self.told.waits.push(began.elapsed());
                if edit == 0 {
                    path = format!("{path}/{}", answer["id"].as_str().unwrap());
                }
                if edit % 4 == 1 {
                    // Asked again, whichever node is next: the same answer.
                    self.insist(method, &path, &mut call).await;
                }
                self.told.calls.push(call);
                self.acked.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.told
    }

    /// Repeats a call with its key until it is answered, each time at the next node.
    async fn insist(&mut self, method: &str, path: &str, call: &mut Call) -> Value {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < GIVE_UP, "{} has no answer after {GIVE_UP:?}", call.key);
            self.turn += 1;
            let base = &self.bases[self.turn % self.bases.len()];
            let request = self
                .http
                .request(method.parse().unwrap(), format!("{base}{path}"))
                .header("idempotency-key", &call.key)
                .json(&json!({ "title": "load", "body": call.body }))
                .timeout(TRY_MAX);
            if let Ok(answer) = request.send().await {
                let status = answer.status();
                match answer.json::<Value>().await {
                    Ok(answer) if status.is_success() => {
                        call.heard(&answer);
                        return answer;
                    }
                    Ok(problem) => assert!(
                        status.is_server_error()
                            || status == StatusCode::CONFLICT
                            || status == StatusCode::TOO_MANY_REQUESTS,
                        "{} was refused: {status} {problem}",
                        call.key
                    ),
                    Err(_) => {}
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
