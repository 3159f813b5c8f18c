//! What holds for every request: errors, versions, limits, who asks, health.

use std::time::Duration;

use api::{Access, Authenticator, Options};
use axum::Router;
use axum::routing::get;
use domain::Principal;
use lane::Answer;
use serde_json::json;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::support::{product, product_with};

#[tokio::test]
async fn every_error_is_a_problem() {
    let product = product();
    let wrong_path = product.get("/api/content/nothing").await;
    assert_eq!(wrong_path.problem(), (404, "no_such_route".into()));
    assert_eq!(wrong_path.json()["instance"], "/api/content/nothing");
    assert_eq!(product.get("/").await.problem(), (404, "no_such_route".into()));
    let method = product.ask("PATCH", "/api/content/posts", &[], "").await;
    assert_eq!(method.problem(), (405, "method_not_allowed".into()));
    assert_eq!(method.header("allow"), "GET,HEAD,POST");
    let long = product.get(&format!("/api/content/posts?x={}", "y".repeat(8_192))).await;
    assert_eq!(long.problem(), (414, "uri_too_long".into()));
    for unsafe_method in ["TRACE", "OPTIONS"] {
        assert_eq!(
            product.ask(unsafe_method, "/api/content/posts", &[], "").await.problem().0,
            405
        );
    }
}

#[tokio::test]
async fn a_panic_is_answered_without_detail() {
    let product = product();
    product.told(Answer::Unknown { why: "panic".into() });
    let heard = product.post("/api/content/posts", &json!({ "body": "x" })).await;
    assert_eq!(heard.problem(), (500, "internal".into()));
    assert!(!heard.text.contains("told to"), "{}", heard.text);
    assert_eq!(product.post("/api/content/posts", &json!({ "body": "x" })).await.status, 201);
}

#[tokio::test]
async fn the_api_version_is_echoed_and_an_unknown_one_is_refused() {
    let product = product();
    let fine = product.ask("GET", "/api/content/posts", &[("api-version", "v1")], "").await;
    assert_eq!((fine.status.as_u16(), fine.header("api-version")), (200, "v1"));
    assert_eq!(product.get("/api/v1/content/posts").await.status, 200);
    let other = product.ask("GET", "/api/content/posts", &[("api-version", "v2")], "").await;
    assert_eq!(other.problem(), (400, "unknown_api_version".into()));
    assert_eq!(other.json()["versions"], json!(["v1"]));
}

#[tokio::test]
async fn a_request_id_comes_back_when_it_is_one() {
    let product = product();
    let heard = product.ask("GET", "/health/live", &[("x-request-id", "abc-7")], "").await;
    assert_eq!(heard.header("x-request-id"), "abc-7");
    let long = "x".repeat(200);
    let heard = product.ask("GET", "/health/live", &[("x-request-id", &long)], "").await;
    assert_eq!(heard.header("x-request-id"), "");
}

#[tokio::test]
async fn a_full_edge_sheds_load_without_effect() {
    let options = Options { in_flight_max: 1, ..Options::default() };
    let product = product_with(options, Authenticator::LocalOwner);
    product.told(Answer::Unknown { why: "hang".into() });
    let body = json!({ "body": "x" }).to_string();
    let hanging = product.ask("POST", "/api/content/posts", &[], &body);
    tokio::pin!(hanging);
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut hanging).await.is_err());
    let shed = product.ask("POST", "/api/content/posts", &[], &body).await;
    assert_eq!(shed.problem(), (503, "overloaded".into()));
    assert_eq!(shed.header("retry-after"), "1");
    assert_eq!(product.get("/health/live").await.status, 200, "health is answered all the same");
}

#[tokio::test]
async fn a_draining_node_takes_nothing_new_and_finishes_what_it_has() {
    let product = product();
    let drain = product.edge.drain.clone();
    assert!(tokio::time::timeout(Duration::from_millis(5), drain.begun()).await.is_err());
    drain.begin();
    drain.begun().await;
    drain.done().await;
    let heard = product.post("/api/content/posts", &json!({ "body": "x" })).await;
    assert_eq!(heard.problem(), (503, "draining".into()));
    assert_eq!(heard.header("connection"), "close");
    assert_eq!(product.get("/health/ready").await.problem(), (503, "draining".into()));
    assert_eq!(product.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn health_says_what_the_parts_say() {
    let product = product();
    assert_eq!(product.get("/health").await.json()["status"], "ok");
    assert_eq!(product.get("/health/ready").await.status, 200);
    let detailed = product.get("/health/detailed").await.json();
    assert_eq!(
        (&detailed["ready"], &detailed["parts"][0]["figures"]["records"]),
        (&json!(true), &json!(7))
    );
    *product.health.failed.lock().unwrap() = true;
    assert_eq!(product.get("/health").await.problem(), (503, "not_ready".into()));
    assert_eq!(
        product.get("/health/ready").await.status,
        200,
        "commands do not wait for every part"
    );
    *product.health.unready.lock().unwrap() = Some("the log takes no records".into());
    let heard = product.get("/health/ready").await;
    assert_eq!(heard.problem(), (503, "not_ready".into()));
    assert_eq!(heard.json()["detail"], "the log takes no records");
}

#[tokio::test]
async fn metrics_can_be_served_apart() {
    let here = product();
    assert_eq!(here.get("/metrics").await.text, "recount_build_info 1\n");
    let options = Options { metrics_here: false, ..Options::default() };
    let apart = product_with(options, Authenticator::LocalOwner);
    assert_eq!(apart.get("/metrics").await.problem(), (404, "no_such_route".into()));
    let request = axum::http::Request::get("/metrics")
        .header("host", "localhost")
        .body(axum::body::Body::empty());
    let response = apart.edge.admin.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test]
async fn with_tokens_only_who_is_known_is_heard_and_only_as_far_as_its_roles_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    let line = |token: &str, roles: &str| {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let (head, tail) = (hash[..16].try_into().unwrap(), hash[16..].try_into().unwrap());
        let (head, tail) = (u128::from_be_bytes(head), u128::from_be_bytes(tail));
        format!("{head:032x}{tail:032x} local {token} {roles}\n")
    };
    std::fs::write(
        &path,
        line("alice", "member") + &line("vera", "viewer") + &line("olga", "owner"),
    )
    .unwrap();
    let product = product_with(Options::default(), Authenticator::from_file(&path).unwrap());
    let body = json!({ "body": "x" }).to_string();
    let as_ = |who: &str| format!("Bearer {who}");
    let nobody = product.ask("POST", "/api/content/posts", &[], &body).await;
    assert_eq!(nobody.problem(), (401, "unauthenticated".into()));
    assert_eq!(nobody.header("www-authenticate"), "Bearer realm=\"recount\"");
    for wrong in ["Bearer mallory", "Basic YWxpY2U6", "Bearer", "bearer  "] {
        let heard = product.ask("GET", "/api/content/posts", &[("authorization", wrong)], "").await;
        assert_eq!(heard.problem().0, 401, "{wrong}");
    }
    for (who, method, path, status) in [
        ("alice", "POST", "/api/content/posts", 201),
        ("olga", "POST", "/api/content/posts", 201),
        ("vera", "POST", "/api/content/posts", 403),
        ("vera", "GET", "/api/content/posts", 200),
        ("vera", "GET", "/metrics", 403),
        ("olga", "GET", "/metrics", 200),
        ("vera", "GET", "/registry/subjects", 200),
    ] {
        let body = if method == "POST" { body.as_str() } else { "" };
        let heard = product
            .ask(method, path, &[("authorization", &as_(who)), ("host", "any.test")], body)
            .await;
        assert_eq!(heard.status.as_u16(), status, "{who} {method} {path}: {}", heard.text);
    }
    for open in ["/health", "/health/live", "/health/ready", "/docs", "/api/openapi.json"] {
        assert_eq!(product.get(open).await.status, 200, "{open}");
    }
    assert_eq!(product.get("/api/nothing").await.problem().0, 401, "who is unknown learns nothing");
}

#[tokio::test]
async fn other_routes_stand_behind_the_same_gate_and_know_who_asks() {
    let product = product();
    let page =
        |axum::Extension(who): axum::Extension<Principal>| async move { who.actor.to_string() };
    let routes = Router::new().route("/console", get(page));
    let guarded = product.edge.guard("/console", Access::Read, routes);
    let ask = |host: &'static str| {
        let request = axum::http::Request::get("/console").header("host", host);
        guarded.clone().oneshot(request.body(axum::body::Body::empty()).unwrap())
    };
    let fine = ask("localhost").await.unwrap();
    assert_eq!(fine.status(), 200);
    assert_eq!(axum::body::to_bytes(fine.into_body(), 99).await.unwrap(), "owner");
    assert_eq!(ask("evil.test").await.unwrap().status(), 421);
}
