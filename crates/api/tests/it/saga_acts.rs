//! What operators do to sagas over HTTP: dry runs, revisions, keys, roles. Not the engine's decisions.

use api::{Authenticator, Options};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::saga_kit::{begun, in_doubt, stream};
use crate::support::{Heard, Product, product, product_with};

async fn revision(product: &Product, n: u128) -> u64 {
    let seen = product.get(&format!("/api/sagas/{}", stream(n))).await;
    seen.json()["revision"].as_u64().unwrap()
}

async fn act(product: &Product, n: u128, verb: &str, body: Value) -> Heard {
    product.post(&format!("/api/sagas/{}/{verb}", stream(n)), &body).await
}

fn types(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_dry_run_tells_what_would_happen_and_does_nothing() {
    let product = product();
    in_doubt(&product, 1).await;
    let seen = revision(&product, 1).await;
    let body = json!({
        "reason": "the bank says no", "step": "charge", "happened": false, "revision": seen, "dry_run": true,
    });
    let heard = act(&product, 1, "resolve", body.clone()).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    let said = heard.json();
    let told = types(&said["events"]);
    assert_eq!(told[..2], ["saga.instance.operated.v1", "saga.instance.resumed.v1"]);
    assert_eq!(said["asks"][0]["target"], "payments");
    assert_eq!(
        (&said["asks"][0]["step"], &said["asks"][0]["minor"]),
        (&json!("charge"), &json!(500))
    );
    assert_eq!(
        (&said["before"]["state"], &said["after"]["state"]),
        (&json!("parked"), &json!("running"))
    );
    assert_eq!(revision(&product, 1).await, seen, "nothing happened");
    let mut body = body;
    body["dry_run"] = json!(false);
    let done = act(&product, 1, "resolve", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(types(&done.json()["events"]), told, "what was told is what happened");
    assert_eq!(revision(&product, 1).await, done.json()["version"].as_u64().unwrap());
    assert_eq!(done.header("etag"), format!("\"{}\"", done.json()["version"]));
}

#[tokio::test]
async fn who_saw_an_older_revision_is_told_what_happened_since() {
    let product = product();
    begun(&product, 1).await;
    let seen = revision(&product, 1).await;
    let hold = |dry: bool| json!({ "reason": "look first", "revision": seen, "dry_run": dry });
    assert_eq!(act(&product, 1, "hold", hold(false)).await.status, 200);
    for dry in [true, false] {
        let heard = act(&product, 1, "undo", hold(dry)).await;
        assert_eq!(heard.problem(), (412, "wrong_version".into()));
        let body = heard.json();
        assert_eq!(
            types(&body["changed"]),
            ["saga.instance.operated.v1", "saga.instance.parked.v1"]
        );
        assert_eq!(body["changed"][0]["data"]["reason"], "look first");
        assert_eq!(body["changed"][0]["actor"], "owner");
        assert_eq!(heard.header("etag"), format!("\"{}\"", seen + 2));
    }
}

#[tokio::test]
async fn what_does_not_fit_the_state_is_refused_with_the_reason() {
    let product = product();
    begun(&product, 1).await;
    let seen = revision(&product, 1).await;
    for dry in [true, false] {
        let body = json!({ "reason": "x", "revision": seen, "dry_run": dry });
        let heard = act(&product, 1, "release", body).await;
        assert_eq!(heard.problem(), (409, "not_now".into()));
        assert_eq!(heard.json()["detail"], "release is not possible: nobody holds it");
    }
}

#[tokio::test]
async fn a_body_without_reason_or_revision_is_refused_by_its_field() {
    let product = product();
    begun(&product, 1).await;
    let seen = revision(&product, 1).await;
    let long = "x".repeat(1_001);
    for (body, pointer) in [
        (json!({}), "/reason"),
        (json!({ "reason": "  ", "revision": seen }), "/reason"),
        (json!({ "reason": long, "revision": seen }), "/reason"),
        (json!({ "reason": "x" }), "/revision"),
        (json!({ "reason": "x", "revision": -1 }), "/revision"),
        (json!({ "reason": "x", "revision": seen, "steps": "charge" }), "/steps"),
        (json!({ "reason": "x", "revision": seen, "step": "charge" }), "/happened"),
        (json!({ "reason": "x", "revision": seen, "happened": true, "output": 7 }), "/output"),
    ] {
        let heard = act(&product, 1, "resolve", body.clone()).await;
        assert_eq!(heard.problem(), (422, "invalid_request".into()), "{body}");
        assert_eq!(heard.json()["errors"][0]["pointer"], pointer, "{}", heard.text);
    }
    let path = format!("/api/sagas/{}/hold", stream(1));
    let body = json!({ "reason": "x", "revision": seen }).to_string();
    let heard = product.ask("POST", &path, &[("if-match", "\"99\"")], &body).await;
    assert_eq!(heard.json()["errors"][0]["pointer"], "/revision");
    let etag = format!("\"{seen}\"");
    let body = json!({ "reason": "x" }).to_string();
    let heard = product.ask("POST", &path, &[("if-match", &etag)], &body).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    let heard = product.ask("POST", &format!("/api/sagas/{}/hold", stream(2)), &[], &body).await;
    assert_eq!(heard.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_repeated_action_is_done_once() {
    let product = product();
    begun(&product, 1).await;
    let seen = revision(&product, 1).await;
    let path = format!("/api/sagas/{}/hold", stream(1));
    let body = json!({ "reason": "stop", "revision": seen }).to_string();
    let key = [("idempotency-key", "abc")];
    let first = product.ask("POST", &path, &key, &body).await;
    let again = product.ask("POST", &path, &key, &body).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (200, ""));
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(first.json()["version"], again.json()["version"]);
    let other = json!({ "reason": "another", "revision": seen }).to_string();
    let heard = product.ask("POST", &path, &key, &other).await;
    assert_eq!(heard.problem(), (422, "idempotency_key_reused".into()));
    assert_eq!(revision(&product, 1).await, seen + 2);
}

#[tokio::test]
async fn who_reads_does_not_steer() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = |token: &str, role: &str| {
        let hash = Sha256::digest(token);
        format!("{hash:x} local {role} {role}\n")
    };
    let tokens = line("one", "viewer") + &line("two", "member") + &line("three", "operator");
    std::fs::write(file.path(), tokens).unwrap();
    let auth = Authenticator::from_file(file.path()).unwrap();
    let product = product_with(Options::default(), auth);
    begun(&product, 1).await;
    let path = format!("/api/sagas/{}", stream(1));
    for (token, status) in [("one", 403), ("two", 403), ("three", 200), ("four", 401)] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let read = product.ask("GET", &path, &headers, "").await;
        assert_eq!(read.status.as_u16(), if token == "four" { 401 } else { 200 }, "{token}");
        let seen = product.ask("GET", &path, &[("authorization", "Bearer three")], "").await;
        let body = json!({ "reason": "stop", "revision": seen.json()["revision"] }).to_string();
        let heard = product.ask("POST", &format!("{path}/hold"), &headers, &body).await;
        assert_eq!(heard.status.as_u16(), status, "{token}: {}", heard.text);
    }
}
