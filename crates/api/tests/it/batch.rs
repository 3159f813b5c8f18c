//! Many commands in one request.

use std::time::Duration;

use api::{Authenticator, Options};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use lane::Answer;
use serde_json::{Value, json};

use crate::forward::among;
use crate::support::{Heard, Product, product, product_with};

async fn batch(product: &Product, commands: &Value) -> Heard {
    product.post("/api/batch", &json!({ "commands": commands })).await
}

fn draft(key: &str) -> Value {
    json!({ "path": "/api/content/posts", "idempotency_key": key, "body": { "body": "hello" } })
}

fn answers(heard: &Heard) -> Vec<Value> {
    assert_eq!(heard.status, StatusCode::OK, "{}", heard.text);
    heard.json()["answers"].as_array().unwrap().clone()
}

fn statuses(heard: &Heard) -> Vec<u64> {
    answers(heard).iter().map(|it| it["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn each_command_of_a_batch_gets_its_own_answer_in_their_order() {
    let product = product();
    let id = product.draft().await;
    let path = format!("/api/content/posts/{id}");
    let absent = "/api/v1/content/posts/0190e2a4-0000-7000-8000-000000000001";
    let heard = batch(
        &product,
        &json!([
            draft("a"),
            { "method": "PUT", "path": path, "idempotency_key": "b", "expected_version": 7, "body": { "body": "x" } },
            { "method": "PUT", "path": absent, "idempotency_key": "c", "body": { "body": "x" } },
            { "path": "/api/content/nothing", "idempotency_key": "d" },
            { "path": "/api/content/posts", "idempotency_key": "", "body": { "body": "x" } },
            { "path": "/api/content/posts", "idempotency_key": "e", "body": { "bod": "x" } },
            { "path": "/api/content/posts", "idempotency_key": "f", "body": ["x"] },
            { "path": "/api/content/posts?a=b", "idempotency_key": "g", "body": { "body": "x" } },
            { "method": "PUT", "path": "/api/content/posts/me", "idempotency_key": "h", "body": { "body": "x" } },
            draft("i"),
        ]),
    )
    .await;
    assert_eq!(statuses(&heard), [201, 412, 404, 404, 400, 422, 422, 404, 404, 201]);
    let all = answers(&heard);
    let codes: Vec<_> = all.iter().filter_map(|it| it["body"]["code"].as_str()).collect();
    let expected = [
        "wrong_version",
        "no_such_post",
        "no_such_route",
        "bad_idempotency_key",
        "invalid_request",
        "invalid_request",
        "no_such_route",
        "not_found",
    ];
    assert_eq!(codes, expected);
    assert_eq!(all[1]["body"]["version"], 1);
    assert_eq!(all[5]["body"]["errors"][0]["pointer"], "/bod");
    let id = all[0]["body"]["id"].as_str().unwrap();
    assert_eq!(all[0]["location"], format!("/api/content/posts/{id}"));
    assert_eq!(all[0]["body"]["events"][0]["type"], "content.post.drafted.v1");
}

#[tokio::test]
async fn a_batch_that_is_sent_again_gets_the_same_answers_and_does_nothing_more() {
    let product = product();
    let commands =
        json!([draft("a"), draft("b"), { "path": "/api/nowhere", "idempotency_key": "c" }]);
    let first = batch(&product, &commands).await;
    let again = batch(&product, &commands).await;
    assert_eq!(statuses(&first), [201, 201, 404]);
    for (first, again) in answers(&first).iter().zip(answers(&again)).take(2) {
        assert_eq!((&again["body"], &again["replayed"]), (&first["body"], &json!(true)));
        assert_eq!(first["replayed"], Value::Null);
    }
}

#[tokio::test]
async fn a_key_is_the_same_in_a_batch_and_alone() {
    let product = product();
    let key = [("idempotency-key", "\"a\"")];
    let alone = product.ask("POST", "/api/content/posts", &key, r#"{"body":"hello"}"#).await;
    assert_eq!(alone.status, 201);
    let heard = batch(&product, &json!([draft("a")])).await;
    assert_eq!(answers(&heard)[0]["body"], alone.json());
    assert_eq!(answers(&heard)[0]["replayed"], true);
    let mut other = draft("a");
    other["body"]["body"] = "another".into();
    let heard = batch(&product, &json!([other])).await;
    assert_eq!(answers(&heard)[0]["body"]["code"], "idempotency_key_reused");
}

#[tokio::test]
async fn a_request_that_is_no_batch_is_refused_whole() {
    let product = product();
    let refused = |body: &'static str| product.ask("POST", "/api/batch", &[], body);
    for (body, status, pointer) in [
        ("{", 400, ""),
        ("[]", 422, ""),
        ("{}", 422, "/commands"),
        (r#"{"commands":[]}"#, 422, "/commands"),
        (r#"{"commands":{}}"#, 422, "/commands"),
        (r#"{"commands":[{"path":"/api/content/posts"}]}"#, 422, "/commands/0/idempotency_key"),
        (r#"{"commands":[["POST","/api/content/posts","k",null,{}]]}"#, 422, "/commands/0"),
        (
            r#"{"commands":[{"path":"/api/content/posts","idempotency_key":"k","method":"GET"}]}"#,
            422,
            "/commands/0/method",
        ),
        (
            r#"{"commands":[{"path":"/api/content/posts","idempotency_key":"k","expected_version":-1}]}"#,
            422,
            "/commands/0/expected_version",
        ),
        (
            r#"{"commands":[{"path":"/api/content/posts","idempotency_key":"k","bodi":{}}]}"#,
            422,
            "/commands/0/bodi",
        ),
        (r#"{"commands":[],"more":1}"#, 422, "/more"),
    ] {
        let heard = refused(body).await;
        assert_eq!(heard.problem().0, status, "{body}: {}", heard.text);
        if status == 422 {
            assert_eq!(heard.json()["errors"][0]["pointer"], pointer, "{body}: {}", heard.text);
        }
    }
    let plain = [("content-type", "text/plain")];
    let heard = product.ask("POST", "/api/batch", &plain, "{}").await;
    assert_eq!(heard.problem(), (415, "unsupported_media_type".into()));
    let key = [("idempotency-key", "k")];
    let heard = product.ask("POST", "/api/batch", &key, r#"{"commands":[]}"#).await;
    assert_eq!(heard.problem(), (400, "bad_idempotency_key".into()));
    let heard = product.ask("POST", "/api/batch?a=b", &[], r#"{"commands":[]}"#).await;
    assert_eq!(heard.problem().0, 400);
    // Nothing was taken under this key.
    let heard = batch(&product, &json!([draft("k")])).await;
    assert_eq!((statuses(&heard), &answers(&heard)[0]["replayed"]), (vec![201], &Value::Null));
}

#[tokio::test]
async fn a_batch_has_at_most_so_many_commands_and_bytes() {
    let product = product();
    let all: Vec<_> = (0..256).map(|at| draft(&format!("k-{at}"))).collect();
    let heard = batch(&product, &json!(all)).await;
    assert_eq!(statuses(&heard), vec![201; 256]);
    let all: Vec<_> = (0..257).map(|at| draft(&format!("k-{at}"))).collect();
    let heard = batch(&product, &json!(all)).await;
    assert_eq!(heard.problem(), (422, "invalid_request".into()));
    assert_eq!(heard.json()["errors"][0]["code"], "too_many");
    let small = Options { body_bytes_max: 100, ..Options::default() };
    let product = product_with(small, Authenticator::LocalOwner);
    let heard = batch(&product, &json!([draft("a"), draft("b")])).await;
    assert_eq!(heard.problem(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn what_may_have_happened_is_told_of_its_command_alone() {
    let product = product();
    let unknown = Answer::Unknown { why: "cut".to_owned() };
    product.commands.next.lock().unwrap().push_back(unknown);
    let heard = batch(&product, &json!([draft("a"), draft("b")])).await;
    assert_eq!(statuses(&heard), [503, 201]);
    let all = answers(&heard);
    assert_eq!(all[0]["body"]["code"], "outcome_unknown");
    assert_eq!(all[0]["retry_after_s"], 1);
}

#[tokio::test]
async fn what_was_not_answered_in_time_is_unknown_and_the_others_have_their_answers() {
    let short = Options { deadline: Duration::from_secs(3), ..Options::default() };
    let product = product_with(short, Authenticator::LocalOwner);
    let hang = Answer::Unknown { why: "hang".to_owned() };
    product.commands.next.lock().unwrap().push_back(hang);
    let heard = batch(&product, &json!([draft("a"), draft("b")])).await;
    assert_eq!(statuses(&heard), [503, 201]);
    assert_eq!(answers(&heard)[0]["body"]["code"], "outcome_unknown");
}

#[tokio::test]
async fn a_command_of_a_batch_is_asked_at_the_node_that_serves_its_lane() {
    let there = axum::Json(json!({ "from": "the owner" })).into_response();
    let (product, others) = among(vec![Ok(there)]);
    // Both are asked here first; what is another node's is looked for here once more on its way there.
    {
        let mut next = product.commands.next.lock().unwrap();
        let elsewhere = next[0].clone();
        next.extend([Answer::Unknown { why: "ask".to_owned() }, elsewhere]);
    }
    let mut command = draft("a");
    command["expected_version"] = 0.into();
    let heard = batch(&product, &json!([command, draft("b")])).await;
    assert_eq!(statuses(&heard), [200, 201]);
    assert_eq!(answers(&heard)[0]["body"]["from"], "the owner");
    let asked = others.asked.lock().unwrap();
    let (url, request) = &asked[0];
    assert_eq!(
        (asked.len(), url.as_str(), request.path.as_str()),
        (1, "http://owner", "/api/content/posts")
    );
    assert_eq!(request.headers["idempotency-key"], "a");
    assert_eq!(request.headers["if-none-match"], "*");
    assert_eq!(&request.body[..], br#"{"body":"hello"}"#);
}
