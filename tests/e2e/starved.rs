//! What the product needs is taken away: memory, connections to its database, the database itself. Commands
//! are whole or not at all, reads are answered one way or the other, and everything comes back by itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use recount_tests::history::fold;
use recount_tests::{Product, seeded};
use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::crash::{export, number, rows, under_load};

/// A body that needs memory of its own.
const LARGE_BYTES: usize = 1_000_000;
/// A query without its database is answered well within this: the edge has its own deadline of 35 s.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);

/// Takes memory from a running product until it dies of it.
fn starve(product: &mut Product) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", product.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    let limit = format!("--as={}", kib << 10);
    let pid = product.pid().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap();
    assert!(set.success());
    let address = product.base.trim_start_matches("http://").to_owned();
    let head = format!(
        "POST /api/content/posts HTTP/1.1\r\nhost: {address}\r\n\
         content-type: application/json\r\ncontent-length: {LARGE_BYTES}\r\n\r\n"
    );
    // Bodies that are never whole hold what they need.
    let mut unfinished = Vec::new();
    let began = Instant::now();
    while !product.has_ended() {
        assert!(began.elapsed() < Duration::from_mins(1), "it lives without memory");
        if let Ok(mut stream) = TcpStream::connect(&address) {
            stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            let head_sent = stream.write_all(head.as_bytes());
            if head_sent.and_then(|()| stream.write_all(&vec![b' '; LARGE_BYTES - 1])).is_ok() {
                unfinished.push(stream);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_dies_for_want_of_memory_has_lost_and_doubled_nothing() {
    let rounds = number("RECOUNT_ROUNDS", 1) * 2;
    under_load(rounds, number("RECOUNT_SEED", 3), |product, _| {
        // It blocks this thread; the callers run on the other.
        tokio::task::block_in_place(|| starve(product));
        // Its words come by way of a pipe and a thread.
        let began = Instant::now();
        while !product.said().contains("memory allocation of") {
            assert!(began.elapsed() < Duration::from_secs(20), "it died of something else");
            std::thread::sleep(Duration::from_millis(10));
        }
        *product = product.restart();
    })
    .await;
}

/// Writes some posts; every command must be taken though the read side is in trouble.
async fn write(product: &Product, posts: u64, seed: u64) {
    let client = Client::new();
    for n in 0..posts {
        let key = format!("k{}", seeded(seed, n));
        let request = client.post(product.url("/api/content/posts")).header("idempotency-key", key);
        let answer = request.json(&json!({"body": format!("post {n}")})).send().await.unwrap();
        let (status, told) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status} {told}");
    }
}

/// Asks many questions at once; gives how many were answered, and how many "not now".
async fn ask_many(product: &Product, questions: usize) -> (usize, usize) {
    let (client, began) = (Client::new(), Instant::now());
    let mut asked = JoinSet::new();
    for _ in 0..questions {
        let request = client.get(product.url("/api/content/posts?limit=10"));
        asked.spawn(request.timeout(ANSWERED_WITHIN).send());
    }
    let (mut well, mut not_now) = (0, 0);
    while let Some(answer) = asked.join_next().await {
        let answer = answer.unwrap().expect("every question is answered in time");
        match answer.status() {
            StatusCode::OK => well += 1,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => not_now += 1,
            other => panic!("{other} {}", answer.text().await.unwrap()),
        }
    }
    eprintln!("{questions} questions: {well} answered, {not_now} not now, {:?}", began.elapsed());
    (well, not_now)
}

/// Waits until the rows are the fold of the log.
async fn heals(product: &Product) {
    let expected = fold(&export(product));
    product
        .until("the read model equals the fold of the log", || async {
            rows(product).await.is_some_and(|rows| rows == expected)
        })
        .await;
}

/// Takes every connection that the database gives, and keeps it.
fn take_connections(product: &Product) -> Vec<UnixStream> {
    let said = std::fs::read_to_string(product.data.join("postgres/cluster/postmaster.pid"));
    let said = said.unwrap();
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let dir = if lines[4] == "." { "postgres/cluster".into() } else { lines[4].to_owned() };
    let socket = product.data.join(dir).join(format!(".s.PGSQL.{}", lines[3]));
    let (mut taken, mut refusals) = (Vec::new(), 0);
    // A start-up message of the protocol: its length, version 3.0, who and what.
    let body = b"\x00\x03\x00\x00user\0recount\0database\0recount\0\0";
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    while taken.len() < 200 {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(&[&length[..], body].concat()).unwrap();
        let mut answer = [0];
        let refused = stream.read_exact(&mut answer).is_err() || answer == *b"E";
        if refused {
            // Some that were ended may be there still.
            refusals += 1;
            if refusals == 5 {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
            continue;
        }
        taken.push(stream);
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_connection_commands_go_on_and_queries_are_answered_not_now() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    write(&product, 20, 1).await;
    heals(&product).await;
    let taken = take_connections(&product);
    assert!(!taken.is_empty() && taken.len() < 200, "{} were given", taken.len());
    eprintln!("{} connections taken", taken.len());
    write(&product, 20, 2).await;
    ask_many(&product, 64).await;
    // Those that it had are gone too: it finds none at all.
    product.kill_backends();
    let more = take_connections(&product);
    let (_, not_now) = ask_many(&product, 64).await;
    assert!(not_now > 0 || more.is_empty(), "{} more were taken", more.len());
    write(&product, 20, 3).await;
    drop((taken, more));
    heals(&product).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_out_of_reach_holds_no_command_up_and_no_question_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    write(&product, 20, 1).await;
    heals(&product).await;
    product.signal_postgres("STOP");
    write(&product, 20, 2).await;
    let (well, not_now) = ask_many(&product, 24).await;
    product.signal_postgres("CONT");
    assert_eq!((well, not_now), (0, 24), "nobody can know");
    heals(&product).await;
}
