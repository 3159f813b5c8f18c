//! What must not stand in the log: planted secrets are looked for in every file and answer.

use std::path::Path;

use recount_tests::{Product, recount};
use reqwest::Client;
use serde_json::json;

const SECRET: &str = "pl4nted-acc3ss-t0ken";

/// Files below `dir` that hold this.
pub(crate) fn files_with(dir: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            files_with(&path, needle, found);
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(needle.len()).any(|window| window == needle)
        {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test]
async fn a_planted_access_token_is_found_in_no_file_and_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut product = Product::start_loud(&data);
    let client = Client::new();
    let body =
        json!({"platform": "mastodon", "handle": "ada@example.test", "access_token": SECRET});
    let connect =
        client.post(product.url("/api/social/connect")).header("idempotency-key", "k").json(&body);
    let answer = connect.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let answer: serde_json::Value = answer.json().await.unwrap();
    let token = answer["position"].as_str().unwrap();
    let stream = answer["stream"].as_str().unwrap();
    let refused = json!({"platform": "mastodon", "handle": "x", "access_token": SECRET, "odd": 1});
    let refused =
        client.post(product.url("/api/social/connect")).json(&refused).send().await.unwrap();
    let mut said = refused.text().await.unwrap();
    for path in [
        format!("/api/social/accounts?min_position={token}"),
        format!("/api/streams/{stream}/events"),
        format!("/console/streams/{stream}"),
        "/metrics".to_owned(),
        "/health/detailed".to_owned(),
    ] {
        said.push_str(&reqwest::get(product.url(&path)).await.unwrap().text().await.unwrap());
    }
    let data_text = data.to_str().unwrap();
    for args in [
        vec!["events", "export", "--data", data_text, "-o", "jsonl"],
        vec!["stream", "show", stream, "--data", data_text],
        vec!["replay", "--projection", "accounts", "--data", data_text],
    ] {
        let exit = recount(args);
        said.push_str(&exit.stdout);
        said.push_str(&exit.stderr);
    }
    said.push_str(&product.said());
    assert!(said.contains("ada@example.test"), "the search looks at the right answers");
    assert!(!said.contains(SECRET), "{said}");
    product.stop();
    let mut found = Vec::new();
    files_with(&data, SECRET.as_bytes(), &mut found);
    assert!(found.is_empty(), "{found:?}");
    files_with(&data, b"ada@example.test", &mut found);
    assert!(!found.is_empty(), "the search sees what is in plain");
}
