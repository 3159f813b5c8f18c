//! The auditor's view: answers from the log alone, and the chain walked offline.

use recount_tests::{Product, recount};
use reqwest::Client;
use serde_json::{Value, json};

async fn seeded_product(data: &std::path::Path) -> (Product, String, String) {
    let product = Product::start(data);
    let client = Client::new();
    let posts = product.url("/api/content/posts");
    let post: Value = client
        .post(&posts)
        .json(&json!({"body": "one"}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let url = format!("{posts}/{}", post["id"].as_str().unwrap());
    let mut last = Value::Null;
    for body in ["two", "three"] {
        last = client
            .put(&url)
            .json(&json!({"body": body}))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
    }
    let stream = post["stream"].as_str().unwrap().to_owned();
    (product, stream, last["position"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_stream_is_shown_as_it_was_beside_the_running_product_and_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (mut product, stream, _) = seeded_product(&data).await;
    let data = data.to_str().unwrap();
    let then = recount(["stream", "show", &stream, "--at", "2", "--data", data, "-o", "json"]);
    assert_eq!(then.code, 0, "{}", then.stderr);
    assert!(then.stdout.contains("two") && !then.stdout.contains("three"), "{}", then.stdout);
    product.stop();
    let again = recount(["stream", "show", &stream, "--at", "2", "--data", data, "-o", "json"]);
    assert_eq!(again.stdout, then.stdout);
    let replay = recount(["replay", "--projection", "posts", "--data", data, "-o", "json"]);
    assert_eq!(replay.code, 0, "{}", replay.stderr);
    assert!(replay.stdout.contains("three"), "{}", replay.stdout);
}

#[tokio::test]
async fn a_deleted_read_database_is_rebuilt_to_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (mut product, _, token) = seeded_product(&data).await;
    let path = format!("/api/content/posts?min_position={token}");
    let before = product.get(&path).await;
    assert_eq!(product.stop(), 0);
    std::fs::remove_dir_all(data.join("postgres")).unwrap();
    let product = product.restart();
    product
        .until("the rows are there again", || async {
            reqwest::get(product.url(&path)).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    assert_eq!(product.get(&path).await, before);
}

#[tokio::test]
async fn audit_verify_passes_the_original_and_names_a_changed_byte() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (mut product, ..) = seeded_product(&data).await;
    product.stop();
    let shown = data.to_str().unwrap();
    let clean = recount(["audit", "verify", "--data", shown]);
    assert_eq!(clean.code, 0, "{}{}", clean.stdout, clean.stderr);
    for beside in ["format", "keys/keyring", "keys/master.key"] {
        let file = data.join(beside);
        let bytes = std::fs::read(&file).unwrap();
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        std::fs::write(&file, changed).unwrap();
        let broken = recount(["audit", "verify", "--data", shown]);
        assert_eq!(broken.code, 3, "{beside}: {}{}", broken.stdout, broken.stderr);
        std::fs::write(&file, bytes).unwrap();
    }
    let segments = data.join("log/segments");
    let file = std::fs::read_dir(&segments).unwrap().filter_map(Result::ok).map(|f| f.path());
    let file =
        file.filter(|path| path.metadata().is_ok_and(|meta| meta.len() > 4096)).min().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(3).position(|window| window == b"two").unwrap();
    bytes[at] = b'T';
    std::fs::write(&file, bytes).unwrap();
    let broken = recount(["audit", "verify", "--data", shown]);
    assert_eq!(broken.code, 3, "{}{}", broken.stdout, broken.stderr);
    let said = format!("{}{}", broken.stdout, broken.stderr);
    assert!(said.contains(file.file_name().unwrap().to_str().unwrap()), "{said}");
    let refused = recount(["up", "--data", shown, "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, 1, "a damaged log is not served: {}", refused.stderr);
}
