//! Nothing crosses from one tenant to another: not a row, not an event, not even that a thing exists.

use recount_tests::Product;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn token_line(token: &str, who: &str) -> String {
    format!("{:x} {who}\n", Sha256::digest(token))
}

async fn ask(
    product: &Product,
    who: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Response {
    let request = Client::new().request(method.parse().unwrap(), product.url(path));
    let request = request.bearer_auth(who);
    match body {
        Some(body) => request.json(&body).send().await.unwrap(),
        None => product.read(request).await,
    }
}

#[tokio::test]
async fn a_foreign_tenant_can_neither_change_nor_see_nor_notice_an_aggregate() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    let lines = [
        token_line("mine", "acme alice owner"),
        token_line("theirs", "other oscar member"),
        token_line("viewer", "other vic viewer"),
    ];
    std::fs::write(&tokens, lines.concat()).unwrap();
    let flags = ["--listen", "127.0.0.1:0", "--tokens", tokens.to_str().unwrap()];
    let product = Product::start_with(&dir.path().join("data"), &flags);

    let nobody = reqwest::get(product.url("/api/content/posts")).await.unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    let plan = json!({"title": "acme", "body": "a secret plan"});
    let post = ask(&product, "mine", "POST", "/api/content/posts", Some(plan)).await;
    assert_eq!(post.status(), StatusCode::CREATED);
    let post: Value = post.json().await.unwrap();
    let path = format!("/api/content/posts/{}", post["id"].as_str().unwrap());
    let position = post["position"].as_str().unwrap();

    for (method, body) in [("PUT", json!({"body": "HIJACK"})), ("DELETE", json!({}))] {
        let told = ask(&product, "theirs", method, &path, Some(body)).await;
        assert_eq!(told.status(), StatusCode::NOT_FOUND, "{method}");
    }
    let stale =
        Client::new().put(product.url(&path)).bearer_auth("theirs").header("if-match", "\"1\"");
    let stale = stale.json(&json!({"body": "x"})).send().await.unwrap();
    let told: Value = stale.json().await.unwrap();
    assert!(!told.to_string().contains("version 1"), "{told}");

    let stream = post["stream"].as_str().unwrap();
    for (who, path) in [
        ("theirs", format!("{path}?min_position={position}")),
        ("theirs", format!("/api/streams/{stream}/events")),
        ("viewer", format!("/console/streams/{stream}")),
        ("viewer", "/api/content/posts".to_owned()),
        ("viewer", "/console/log".to_owned()),
    ] {
        let seen = ask(&product, who, "GET", &path, None).await.text().await.unwrap();
        assert!(!seen.contains("secret plan") && !seen.contains("alice"), "{who} {path}: {seen}");
    }
    let mine = ask(&product, "mine", "GET", &path, None).await;
    assert_eq!(mine.headers()["etag"], "\"1\"", "untouched");
    let viewer =
        ask(&product, "viewer", "POST", "/api/content/posts", Some(json!({"body": "x"}))).await;
    assert_eq!(viewer.status(), StatusCode::FORBIDDEN);
}
