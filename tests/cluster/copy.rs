//! An installation moves from the embedded log to Kafka: what was goes on as if nothing had happened.

use recount_tests::{Product, recount};
use reqwest::Client;
use serde_json::{Value, json};

use crate::nodes::Ground;

async fn send(base: &str, path: &str, key: &str, body: &Value) -> (u16, bool, Value) {
    let request = Client::new().post(format!("{base}{path}")).header("idempotency-key", key);
    let answer = request.json(body).send().await.unwrap();
    let replayed = answer.headers().contains_key("idempotent-replayed");
    (answer.status().as_u16(), replayed, answer.json().await.unwrap_or_default())
}

fn draft(n: u32) -> Value {
    json!({ "title": format!("post {n}"), "body": "as it was" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_answers_rows_and_open_sagas_go_on_behind_a_copy() {
    let ground = Ground::bare().await;
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    let url = ground.database_url().to_owned();
    let flags = ["--listen", "127.0.0.1:0", "--lanes", "2", "--database-url", &url];
    let mut product = Product::start_with(&old, &flags);
    let posts = "/api/content/posts";
    let (status, _, first) = send(&product.base, posts, "k-0", &draft(0)).await;
    assert_eq!(status, 201, "{first}");
    let plan = json!({ "publish_at": "2099-01-01T09:00:00Z", "platforms": ["bluesky"] });
    let schedule = format!("{posts}/{}/schedule", first["id"].as_str().unwrap());
    let (status, _, planned) = send(&product.base, &schedule, "plan-0", &plan).await;
    assert_eq!(status, 200, "{planned}");
    product
        .until("the saga waits for its time", || async {
            let answer = reqwest::get(product.url("/api/sagas?limit=10")).await.unwrap();
            let all: Value = answer.json().await.unwrap_or_default();
            all["items"].as_array().is_some_and(|all| all.len() == 1)
        })
        .await;

    // Beside the running product, and once more behind it.
    let from = old.display().to_string();
    let copy = ["log", "copy", "--from", &from, "--to", "kafka"];
    let begun = ground.run("a", &copy);
    assert_eq!(begun.code, 0, "{}{}", begun.stdout, begun.stderr);
    let mut last = Value::Null;
    for n in 1..20 {
        last = send(&product.base, posts, &format!("k-{n}"), &draft(n)).await.2;
    }
    assert_eq!(product.stop(), 0);
    let done = ground.run("a", &copy);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("every head is the same"), "{}", done.stdout);
    eprint!("{}", done.stdout);
    let heads = dir.path().join("heads");
    let kept = recount(["audit", "heads", "--data", &from]);
    std::fs::write(&heads, &kept.stdout).unwrap();

    let node = ground.node("a");
    let (status, replayed, again) = send(&node.base, posts, "k-0", &draft(0)).await;
    assert_eq!((status, replayed, &again), (201, true, &first), "the answer is the same");
    let token = last["position"].as_str().unwrap();
    let page = node.get(&format!("{posts}?limit=50&min_position={token}")).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 20, "{page:#}");
    let (status, _, next) = send(&node.base, posts, "k-20", &draft(20)).await;
    assert_eq!(status, 201, "{next}");
    let token = next["position"].as_str().unwrap();
    let page = node.get(&format!("{posts}?limit=50&min_position={token}")).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 21, "{page:#}");
    let sagas = node.get("/api/sagas?limit=10").await;
    assert_eq!(sagas["items"].as_array().unwrap().len(), 1, "{sagas:#}");
    let data = ground.path("a").display().to_string();
    let expect = heads.display().to_string();
    let verified = recount(["audit", "verify", "--data", &data, "--expect", &expect]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);

    // Another history is refused; an older copy of the same one changes nothing.
    let other = dir.path().join("other");
    let mut stranger = Product::start_with(&other, &flags[..4]);
    assert_eq!(stranger.stop(), 0);
    let other = other.display().to_string();
    let refused = ground.run("b", &["log", "copy", "--from", &other, "--to", "kafka"]);
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    let again = ground.run("b", &copy);
    assert!(again.code == 0 && again.stdout.contains("in use already"), "{}", again.stdout);
}
