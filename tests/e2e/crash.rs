//! kill -9 in the middle of load: every acknowledged command is there exactly once, and the read model
//! is the fold of the log. Rounds: 20, or `RECOUNT_KILLS`; seed: `RECOUNT_SEED`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use recount_tests::history::{Call, Event, Recorder, check, fold};
use recount_tests::{Product, recount, seeded};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

#[path = "crash_reader.rs"]
mod reader;

/// Callers at a time.
const CALLERS: u64 = 8;
/// Edits of each post.
const EDITS: u64 = 4;
/// Readers at a time.
const READERS: u64 = 2;

pub(super) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Repeats a call with its key until it is answered. `stream` is what it changes, if that is known.
async fn insist(
    (client, recorder): (&Client, &Recorder),
    (method, url): (&str, &str),
    stream: Option<&str>,
    call: &mut Call,
) -> Value {
    loop {
        let asked = recorder.invoke(&call.key, stream);
        let request =
            client.request(method.parse().unwrap(), url).header("idempotency-key", &call.key);
        let sent =
            request.json(&json!({"body": call.body})).timeout(Duration::from_secs(5)).send().await;
        if let Ok(answer) = sent {
            let status = answer.status();
            match answer.json::<Value>().await {
                Ok(answer) if status.is_success() => {
                    recorder.accepted(asked, &answer);
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
        recorder.unknown(asked, "no answer that says it happened");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The answers so far that say what happened; readers ask for what stands in them.
type Told = Arc<Mutex<Vec<Value>>>;

/// One caller: posts, each drafted and edited; now and then a call is repeated though it was answered.
async fn caller(
    base: String,
    name: String,
    stop: Arc<AtomicBool>,
    (recorder, told): (Arc<Recorder>, Told),
) -> Vec<Call> {
    let client = Client::new();
    let means = (&client, recorder.as_ref());
    let mut calls = Vec::new();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let key = format!("{name}-{n}");
        let mut draft = Call::new(key.clone(), "draft", Recorder::marked(&key));
        let posts = format!("{base}/api/content/posts");
        let post = insist(means, ("POST", &posts), None, &mut draft).await;
        if n % 3 == 0 {
            insist(means, ("POST", &posts), None, &mut draft).await;
        }
        calls.push(draft);
        told.lock().unwrap().push(post.clone());
        let url = format!("{posts}/{}", post["id"].as_str().expect("an answer names the id"));
        for edit in 0..EDITS {
            let key = format!("{name}-{n}-{edit}");
            let mut call = Call::new(key.clone(), "edit", Recorder::marked(&key));
            let edited = insist(means, ("PUT", &url), post["stream"].as_str(), &mut call).await;
            told.lock().unwrap().push(edited);
            calls.push(call);
        }
        n += 1;
    }
    calls
}

pub(super) fn export(product: &Product) -> Vec<Event> {
    let data = product.data.to_str().unwrap();
    let exported = recount(["events", "export", "--data", data, "-o", "jsonl"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let mut events: Vec<_> = exported.stdout.lines().map(Event::parse).collect();
    events.sort_by(|a, b| (&a.stream, a.version).cmp(&(&b.stream, b.version)));
    events
}

pub(super) async fn under_load(kills: u64, seed: u64, mut hurt: impl FnMut(&mut Product, u64)) {
    println!("seed {seed}, {kills} kills");
    let dir = tempfile::tempdir().unwrap();
    let mut product = Product::start(&dir.path().join("data"));
    let stop = Arc::new(AtomicBool::new(false));
    let recorder = Arc::new(Recorder::new());
    let (told, read_on) = (Told::default(), Arc::new(AtomicBool::new(true)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let (base, name) = (product.base.clone(), format!("c{n}"));
            tokio::spawn(caller(base, name, stop.clone(), (recorder.clone(), told.clone())))
        })
        .collect();
    let readers: Vec<_> = (0..READERS)
        .map(|n| {
            let means = (recorder.clone(), told.clone());
            tokio::spawn(reader::session(product.base.clone(), seed + n, read_on.clone(), means))
        })
        .collect();
    for round in 0..kills {
        let wait = 50 + seeded(seed, round) % 350;
        tokio::time::sleep(Duration::from_millis(wait)).await;
        hurt(&mut product, round);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    let mut calls = Vec::new();
    for caller in callers {
        calls.extend(caller.await.expect("no caller was refused"));
    }
    let events = export(&product);
    let wrong = check(&calls, &events);
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} violations: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(10)]
    );
    let expected = fold(&events);
    product
        .until("the read model equals the fold of the log", || async {
            rows(&product).await.is_some_and(|rows| rows == expected)
        })
        .await;
    read_on.store(false, Ordering::Relaxed);
    let mut looks = reader::Looks::default();
    for reader in readers {
        looks += reader.await.expect("no session went back");
    }
    println!(
        "{} calls, {} events, {} posts: all there exactly once; {looks:?}",
        calls.len(),
        events.len(),
        expected.len()
    );
    // What lies on the disk, by readers that share no code with the product.
    product.kill();
    let found = recorder.check(&product.data.join("log"));
    assert!(found.is_empty(), "seed {seed}: {:#?}", &found[..found.len().min(10)]);
}

/// Every post of the read model: stream -> (body, version); `None` while the database is away.
pub(super) async fn rows(
    product: &Product,
) -> Option<std::collections::BTreeMap<String, (String, u64)>> {
    let mut all = std::collections::BTreeMap::new();
    let mut path = "/api/content/posts?limit=200".to_owned();
    loop {
        let answer = reqwest::get(product.url(&path)).await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        let page: Value = answer.json().await.ok()?;
        for row in page["items"].as_array()? {
            let stream = format!("post-{}", row["post_id"].as_str()?);
            all.insert(stream, (row["body"].as_str()?.to_owned(), row["version"].as_u64()?));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/content/posts?limit=200&after={cursor}"),
            None => return Some(all),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_command_survives_kill_nine_exactly_once() {
    let kills = number("RECOUNT_KILLS", 20);
    under_load(kills, number("RECOUNT_SEED", 1), |product, _| {
        product.kill();
        *product = product.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_read_model_is_the_fold_of_the_log_though_postgres_is_killed_in_between() {
    let kills = number("RECOUNT_KILLS", 20).div_ceil(4);
    under_load(kills, number("RECOUNT_SEED", 2), |product, round| {
        if product.data.join("postgres/cluster/postmaster.pid").exists() {
            product.kill_postgres();
        }
        if round % 3 == 2 {
            product.kill();
            *product = product.restart();
        }
        std::thread::sleep(Duration::from_millis(1_500));
    })
    .await;
}
