//! Nothing is left behind: whatever callers begin and do not end, the product holds as many files, threads and
//! tasks afterwards as before. Transactions left open are looked for in `crates/postgres`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use recount_tests::{Product, seeded};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crash::number;

/// Callers of each kind in a round.
const CALLERS: u64 = 200;
/// What comes and goes by itself: connections to the database, threads for files.
const SLACK: usize = 40;
/// Idle threads and connections have ended well within this.
const QUIET_WITHIN: Duration = Duration::from_mins(2);

/// What a product holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    files: usize,
    threads: usize,
    tasks: usize,
}

impl Held {
    async fn by(product: &Product) -> Self {
        let count = |what: &str| {
            std::fs::read_dir(format!("/proc/{}/{what}", product.pid())).unwrap().count()
        };
        let (files, threads) = (count("fd"), count("task"));
        let metrics = reqwest::get(product.url("/metrics")).await.unwrap().text().await.unwrap();
        let tasks = metrics.lines().find_map(|line| line.strip_prefix("recount_tasks "));
        let tasks = tasks.and_then(|it| it.trim().parse().ok());
        Self { files, threads, tasks: tasks.expect("the product tells its tasks") }
    }

    fn within(self, other: Self) -> bool {
        self.files <= other.files + SLACK
            && self.threads <= other.threads + SLACK
            && self.tasks <= other.tasks + SLACK
    }
}

/// One caller, who goes away in one of several ways.
async fn caller(base: String, stream: String, n: u64) {
    let posts = format!("{base}/api/content/posts");
    let client = Client::new();
    match n % 5 {
        // Hears everything.
        0 => drop(client.post(&posts).json(&json!({"body": "whole"})).send().await.unwrap()),
        // Goes away at some moment of a command, of a question.
        1 | 2 => {
            let patience = Duration::from_micros(seeded(9, n) % 4_000);
            let asked = if n % 5 == 1 {
                client.post(&posts).json(&json!({"body": "half"}))
            } else {
                client.get(&posts)
            };
            drop(tokio::time::timeout(patience, asked.send()).await);
        }
        // Listens, and hangs up in the middle.
        3 => {
            let live = client.get(format!("{base}/api/streams/{stream}/events"));
            let live = live.header("accept", "text/event-stream").send().await.unwrap();
            drop(live);
        }
        // Sends half a request and hangs up, or half an answer was enough.
        _ => {
            let address = base.trim_start_matches("http://").to_owned();
            let half = format!(
                "POST /api/content/posts HTTP/1.1\r\nhost: {address}\r\n\
                 content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"body\""
            );
            let talk = move || {
                let mut connection = TcpStream::connect(address)?;
                connection.write_all(half.as_bytes())?;
                connection.set_read_timeout(Some(Duration::from_millis(5)))?;
                connection.read(&mut [0; 10]).map(drop)
            };
            drop(tokio::task::spawn_blocking(talk).await);
        }
    }
}

async fn round(product: &Product, stream: &str, round: u64) {
    let mut callers = JoinSet::new();
    for n in 0..5 * CALLERS {
        callers.spawn(caller(product.base.clone(), stream.to_owned(), round * 10_000 + n));
        if n % 50 == 49 {
            while callers.join_next().await.is_some_and(|ended| ended.is_ok()) {}
        }
    }
}

/// What it holds when nothing more is given back.
async fn quiet(product: &Product, at_most: Option<Held>) -> Held {
    let began = Instant::now();
    let mut before = Held::by(product).await;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = Held::by(product).await;
        let settled = match at_most {
            Some(most) => now.within(most),
            None => now.files >= before.files && now.tasks >= before.tasks,
        };
        if settled {
            return now;
        }
        assert!(began.elapsed() < QUIET_WITHIN, "it held {at_most:?} and holds {now:?}");
        before = now;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_come_and_go_in_every_way_leave_no_file_thread_or_task() {
    let rounds = number("RECOUNT_ROUNDS", 3);
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let first = Client::new().post(product.url("/api/content/posts")).json(&json!({"body": "one"}));
    let first: Value = first.send().await.unwrap().json().await.unwrap();
    let stream = first["stream"].as_str().unwrap();
    product.get("/api/content/posts").await;
    // Whatever is made once is made now.
    round(&product, stream, 0).await;
    let before = quiet(&product, None).await;
    for n in 1..=rounds {
        round(&product, stream, n).await;
    }
    let after = quiet(&product, Some(before)).await;
    println!("{} callers: before {before:?}, after {after:?}", rounds * 5 * CALLERS);
}
