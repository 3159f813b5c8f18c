//! What operators expect: health, metrics, drain, backup, doctor, clear refusals.

use std::process::{Command, Stdio};

use recount_tests::{Product, recount};
use reqwest::Client;
use serde_json::{Value, json};

#[tokio::test]
async fn health_and_metrics_tell_how_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    for path in ["/health", "/health/live", "/health/ready", "/health/detailed"] {
        let answer = reqwest::get(product.url(path)).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
    Client::new()
        .post(product.url("/api/content/posts"))
        .json(&json!({"body": "x"}))
        .send()
        .await
        .unwrap();
    let metrics = reqwest::get(product.url("/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("recount_command_duration_seconds"), "{metrics}");
    let file = dir.path().join("metrics");
    std::fs::write(&file, &metrics).unwrap();
    let checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&file).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .expect("promtool is installed by `cargo xtask test`");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
}

#[tokio::test]
async fn a_backup_restored_elsewhere_has_the_same_history_and_keys() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut product = Product::start(&data);
    let client = Client::new();
    let body = json!({"platform": "bluesky", "handle": "ada.test", "access_token": "s3cret"});
    let send = |base: String| {
        client
            .post(format!("{base}/api/social/connect"))
            .header("idempotency-key", "k")
            .json(&body)
            .send()
    };
    let first: Value = send(product.base.clone()).await.unwrap().json().await.unwrap();
    let (data, copy, new) =
        (data.display().to_string(), dir.path().join("copy"), dir.path().join("new"));
    // Beside a product that goes on writing.
    let posts = product.url("/api/content/posts");
    let writing = tokio::spawn(async move {
        let client = Client::new();
        loop {
            client.post(&posts).json(&json!({"body": "more"})).send().await.unwrap();
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let args = ["backup".into(), "--data".into(), data, copy.display().to_string()];
    let saved = tokio::task::spawn_blocking(move || recount(args)).await.unwrap();
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    writing.abort();
    product.stop();
    let restored = recount(["restore", copy.to_str().unwrap(), "--data", new.to_str().unwrap()]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    let verified = recount(["audit", "verify", "--data", new.to_str().unwrap()]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let product = Product::start(&new);
    let again: Value = send(product.base.clone()).await.unwrap().json().await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_second_product_on_the_same_data_or_port_is_refused_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let product = Product::start(&data);
    let twice = recount(["up", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(twice.code, 1, "{}", twice.stderr);
    assert!(
        twice.stderr.contains(&product.pid().to_string()),
        "it names the process: {}",
        twice.stderr
    );
    let address = product.base.trim_start_matches("http://");
    let other = dir.path().join("other");
    let port = recount(["up", "--data", other.to_str().unwrap(), "--listen", address]);
    assert_eq!(port.code, 1, "{}", port.stderr);
    assert!(port.stderr.contains("--listen"), "it says what to do: {}", port.stderr);
}

#[test]
fn another_address_than_loopback_is_refused_without_authentication() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let refused = recount(["up", "--data", data.to_str().unwrap(), "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("--tokens"), "{}", refused.stderr);
}

#[test]
fn a_newer_data_directory_is_refused_and_a_wrong_flag_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("format"), "recount data 99\n").unwrap();
    let newer = recount(["up", "--data", dir.path().to_str().unwrap()]);
    assert_eq!(newer.code, 1);
    assert!(newer.stderr.contains("newer version"), "{}", newer.stderr);
    assert_eq!(recount(["up", "--colour"]).code, 2);
}

#[test]
fn a_data_directory_that_cannot_be_made_is_refused_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    std::fs::write(&file, "not a directory").unwrap();
    // In /proc nobody makes a directory, not even root.
    for data in [file.to_str().unwrap(), "/proc/recount-data"] {
        let refused = recount(["up", "--data", data]);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains(data), "{}", refused.stderr);
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn doctor_checks_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let _product = Product::start(&data);
    let checked = recount(["doctor", "--data", data.to_str().unwrap(), "-o", "json"]);
    let report: Value = serde_json::from_str(&checked.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}{}", checked.stdout, checked.stderr));
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() >= 5, "{report}");
    assert!(
        checks
            .iter()
            .all(|check| ["ok", "warn", "fail"].contains(&check["verdict"].as_str().unwrap())),
        "{report}"
    );
    let failed = checks.iter().any(|check| check["verdict"] == "fail");
    assert_eq!(checked.code, if failed { 3 } else { 0 }, "{report}");
}
