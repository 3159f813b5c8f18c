//! Bad input: a problem with a code, and no event.

use recount_tests::{Product, recount};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_wrong_is_told_by_a_code_and_leaves_no_event() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut product = Product::start(&data);
    let client = Client::new();
    let posts = product.url("/api/content/posts");
    let json_body = |body: &str| {
        client.post(&posts).header("content-type", "application/json").body(body.to_owned())
    };
    let absent = product.url("/api/content/posts/01900000-0000-7000-8000-000000000001");
    let cases = [
        (
            "unknown field",
            json_body(r#"{"body":"x","owner":"me"}"#),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("a list", json_body(r#"["t","b",[]]"#), StatusCode::UNPROCESSABLE_ENTITY),
        ("wrong type", json_body(r#"{"body":7}"#), StatusCode::UNPROCESSABLE_ENTITY),
        ("no body field", json_body("{}"), StatusCode::UNPROCESSABLE_ENTITY),
        (
            "a text that no row can hold",
            json_body("{\"body\":\"x\\u0000\"}"),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("not JSON", json_body("{"), StatusCode::BAD_REQUEST),
        (
            "too large",
            json_body(&format!(r#"{{"body":"{}"}}"#, "x".repeat(2 << 20))),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        ("other content type", client.post(&posts).body("x"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            "bad key",
            json_body(r#"{"body":"x"}"#).header("idempotency-key", ""),
            StatusCode::BAD_REQUEST,
        ),
        ("no such stream", client.put(&absent).json(&json!({"body": "x"})), StatusCode::NOT_FOUND),
        ("no such route", client.get(product.url("/api/nowhere")), StatusCode::NOT_FOUND),
        (
            "bad version",
            client.put(&absent).header("if-match", "x").json(&json!({"body": "x"})),
            StatusCode::BAD_REQUEST,
        ),
        ("bad filter", client.get(format!("{posts}?colour=red")), StatusCode::BAD_REQUEST),
        ("bad token", client.get(format!("{posts}?min_position=zzz")), StatusCode::BAD_REQUEST),
        (
            "unknown version",
            client.get(&posts).header("api-version", "v9"),
            StatusCode::BAD_REQUEST,
        ),
    ];
    for (what, request, status) in cases {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{what}");
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["code"].is_string() && problem["detail"].is_string(), "{what}: {problem}");
    }
    product.stop();
    let data = data.to_str().unwrap();
    let events = recount(["events", "export", "--data", data, "-o", "jsonl"]);
    assert_eq!(events.code, 0, "{}", events.stderr);
    // The program's own plans stand there; nothing of the caller's does.
    let callers = events.stdout.lines().filter(|line| !line.contains(r#""actor":"saga:runtime""#));
    assert_eq!(callers.count(), 0, "{}", events.stdout);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_post_to_the_loopback_api() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let client = Client::new();
    let posts = product.url("/api/content/posts");
    let body = json!({"body": "x"});
    let foreign = client
        .post(&posts)
        .header("origin", "https://evil.example")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let rebound =
        client.post(&posts).header("host", "evil.example").json(&body).send().await.unwrap();
    assert!(rebound.status().is_client_error(), "{}", rebound.status());
}
