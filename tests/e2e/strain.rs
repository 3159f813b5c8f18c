//! A disk that is slow, and five times the load that can be carried on it: nobody waits for ever, memory
//! stays below its cap, what is refused has no effect, and the product recovers by itself.
//!
//! The syncs of the running product are held up by `strace`; where that is not allowed the test is left out,
//! and says so.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use recount_tests::Product;
use recount_tests::history::Recorder;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How long each sync takes: a device that is dying.
const SYNC: Duration = Duration::from_secs(2);
/// Requests at a time that the edge takes: what one sync can carry.
const IN_FLIGHT: u64 = 1_024;
/// How many times what can be carried is offered.
const TIMES: u64 = 5;
/// Between two bursts of the load, which does not wait for answers.
const TICK: Duration = Duration::from_millis(20);
/// What the product may hold in memory: its queues together take less than a quarter of this, 4,096 connections
/// with 150 KB each the larger part of the rest; how many are open is a matter of how slow the machine is.
const MEMORY_MAX_BYTES: u64 = 1 << 30;
/// Bytes of a text.
const TEXT_BYTES: usize = 1_000;
/// A product that was slow is as it was well within this, on the slowest machine: there callers beyond the bound of
/// connections knock again after 1, 2, 4, ... seconds, as their system does.
const RECOVERS_WITHIN: Duration = Duration::from_mins(3);

/// `strace` on a running product; the product is as it was when this is dropped.
struct Slowed(Child);

impl Slowed {
    /// None: not allowed here.
    fn down(product: &Product) -> Option<Self> {
        let inject = format!("inject=fdatasync:delay_enter={}", SYNC.as_micros());
        let pid = product.pid().to_string();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", &inject]);
        strace.args(["-p", &pid]).stdin(Stdio::null());
        let mut strace = strace.spawn().ok()?;
        std::thread::sleep(Duration::from_millis(500));
        if let Ok(None) = strace.try_wait() {
            return Some(Self(strace));
        }
        eprintln!("LEFT OUT: strace may not look at a running process here");
        None
    }
}

impl Drop for Slowed {
    fn drop(&mut self) {
        // Asked to, it lets go of the product; killed, it could leave it standing still.
        Command::new("kill").arg(self.0.id().to_string()).status().ok();
        self.0.wait().ok();
    }
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
    unknown: AtomicU64,
}

/// One command, asked once.
async fn ask(client: Client, url: String, key: String, means: Arc<(Recorder, Counts)>) {
    let (recorder, counts) = means.as_ref();
    let asked = recorder.invoke(&key, None);
    let body = format!("{}{}", Recorder::marked(&key), "x".repeat(TEXT_BYTES));
    let request = client.post(url).header("idempotency-key", &key).json(&json!({"body": body}));
    let Ok(answer) = request.send().await else {
        counts.unknown.fetch_add(1, Ordering::Relaxed);
        return recorder.unknown(asked, "no answer");
    };
    let (status, again) = (answer.status(), answer.headers().contains_key("retry-after"));
    let Ok(told) = answer.json::<Value>().await else {
        return recorder.unknown(asked, "no whole answer");
    };
    if status.is_success() {
        counts.accepted.fetch_add(1, Ordering::Relaxed);
        return recorder.accepted(asked, &told);
    }
    let overloaded = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    let without = told["detail"].as_str().is_some_and(|it| it.contains("had no effect"));
    assert!(overloaded.contains(&status) && again && without, "{status} {told}");
    counts.refused.fetch_add(1, Ordering::Relaxed);
    recorder.refused(asked, told.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_times_the_load_is_refused_without_effect_and_the_product_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let mut product = Product::start(&dir.path().join("data"));
    let url = product.url("/api/content/posts");
    let means = Arc::new((Recorder::new(), Counts::default()));
    let client = Client::new();
    ask(client.clone(), url.clone(), "first".to_owned(), means.clone()).await;
    let (quiet, mut most) = (product.resident_bytes(), 0);
    let Some(slowed) = Slowed::down(&product) else { return };

    // What one sync can carry each time, five times over.
    let a_tick = IN_FLIGHT * TIMES * u64::try_from(TICK.as_millis()).unwrap()
        / u64::try_from(SYNC.as_millis()).unwrap();
    let (began, mut offered, mut load) = (Instant::now(), 0, JoinSet::new());
    let mut tick = tokio::time::interval(TICK);
    while offered < TIMES * 2 * IN_FLIGHT {
        tick.tick().await;
        for _ in 0..a_tick {
            let key = format!("c{offered}");
            load.spawn(ask(client.clone(), url.clone(), key, means.clone()));
            offered += 1;
        }
        most = most.max(product.resident_bytes());
    }
    let took = began.elapsed();
    // Slow is not dead. Places for connections may all be taken by the storm, which is over: one that is
    // still open is as good.
    let asked = Instant::now();
    loop {
        match client.get(product.url("/health/live")).timeout(Duration::from_secs(20)).send().await
        {
            Ok(health) => break assert!(health.status().is_success(), "{health:?}"),
            Err(error) => assert!(asked.elapsed() < RECOVERS_WITHIN, "{error}"),
        }
    }
    drop(slowed);
    let eased = Instant::now();
    let mut turn = 0;
    loop {
        let before = means.1.accepted.load(Ordering::Relaxed);
        ask(client.clone(), url.clone(), format!("again-{turn}"), means.clone()).await;
        turn += 1;
        if means.1.accepted.load(Ordering::Relaxed) > before && load.is_empty() {
            break;
        }
        while load.try_join_next().is_some_and(|asked| asked.is_ok()) {}
        assert!(eased.elapsed() < RECOVERS_WITHIN, "it does not recover");
        most = most.max(product.resident_bytes());
    }
    let recovered = eased.elapsed();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (accepted, refused) = (count(&means.1.accepted), count(&means.1.refused));
    eprintln!(
        "offered {offered} in {took:?}: {accepted} accepted, {refused} refused, {} unknown; memory \
         {} MiB, at most {} MiB; all is answered {recovered:?} after the disk is well",
        count(&means.1.unknown),
        quiet >> 20,
        most >> 20
    );
    // What got no answer was beyond it too.
    let over = refused + count(&means.1.unknown);
    assert!(2 * over > offered, "it was no overload: {accepted} accepted, {refused} refused");
    assert!(most < MEMORY_MAX_BYTES, "{} MiB", most >> 20);
    product.kill();
    let found = means.0.check(&product.data.join("log"));
    assert!(found.is_empty(), "{:#?}", &found[..found.len().min(10)]);
}
