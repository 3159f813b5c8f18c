//! Commands over HTTP.

use axum::http::StatusCode;
use lane::Answer;
use serde_json::json;

use crate::support::{product, product_with};

#[tokio::test]
async fn a_command_that_creates_says_what_became_of_it_and_where_it_is() {
    let product = product();
    let heard = product.post("/api/content/posts", &json!({ "body": "hello" })).await;
    assert_eq!(heard.status, StatusCode::CREATED);
    let body = heard.json();
    let id = body["id"].as_str().unwrap();
    assert_eq!(body["stream"], format!("post-{id}"));
    assert_eq!(body["version"], 1);
    assert_eq!(body["events"][0]["type"], "content.post.drafted.v1");
    assert!(!body["position"].as_str().unwrap().is_empty());
    assert_eq!(heard.header("etag"), "\"1\"");
    assert_eq!(heard.header("location"), format!("/api/content/posts/{id}"));
    assert_eq!(heard.header("api-version"), "v1");
    assert_eq!(heard.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn a_retry_with_the_same_key_gets_the_first_answer() {
    let product = product();
    let key = [("idempotency-key", "\"k-1\"")];
    let first =
        product.ask("POST", "/api/content/posts", &key, r#"{"body":"hello","tags":["a"]}"#).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let bare = [("idempotency-key", "k-1")];
    let again = product
        .ask("POST", "/api/v1/content/posts", &bare, r#"{ "tags": ["a"], "body": "hello" }"#)
        .await;
    assert_eq!(again.status, 201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.json(), first.json());
    let other = product.ask("POST", "/api/content/posts", &bare, r#"{"body":"other"}"#).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
}

#[tokio::test]
async fn a_key_belongs_to_its_route_and_its_aggregate() {
    let product = product();
    let (one, two) = (product.draft().await, product.draft().await);
    let key = [("idempotency-key", "same")];
    for id in [&one, &two] {
        let heard = product.ask("DELETE", &format!("/api/content/posts/{id}"), &key, "").await;
        assert_eq!(
            (heard.status.as_u16(), heard.header("idempotent-replayed")),
            (200, ""),
            "{}",
            heard.text
        );
    }
    let upper = one.to_uppercase();
    let heard = product.ask("DELETE", &format!("/api/content/posts/{upper}"), &key, "{}").await;
    assert_eq!(heard.header("idempotent-replayed"), "true", "{}", heard.text);
}

#[tokio::test]
async fn an_expected_version_guards_a_change() {
    let product = product();
    let id = product.draft().await;
    let path = format!("/api/content/posts/{id}");
    let heard = product.ask("PUT", &path, &[("if-match", "\"1\"")], r#"{"body":"new"}"#).await;
    assert_eq!((heard.status.as_u16(), heard.header("etag")), (200, "\"2\""), "{}", heard.text);
    let stale = product.ask("PUT", &path, &[("if-match", "\"1\"")], r#"{"body":"newer"}"#).await;
    assert_eq!(stale.problem(), (412, "wrong_version".into()));
    assert_eq!((stale.json()["version"].as_u64(), stale.header("etag")), (Some(2), "\"2\""));
    let exists = product.ask("PUT", &path, &[("if-none-match", "*")], r#"{"body":"newer"}"#).await;
    assert_eq!(exists.problem(), (412, "wrong_version".into()));
    let weak = product.ask("PUT", &path, &[("if-match", "W/\"1\"")], r#"{"body":"newer"}"#).await;
    assert_eq!(weak.problem(), (400, "bad_precondition".into()));
}

#[tokio::test]
async fn a_refusal_carries_the_name_of_the_rule() {
    let product = product();
    let nobody = "/api/content/posts/0190e2a4-0000-7000-8000-000000000001";
    let absent = product.ask("PUT", nobody, &[], r#"{"body":"x"}"#).await;
    assert_eq!(absent.problem(), (404, "no_such_post".into()));
    let id = product.draft().await;
    let path = format!("/api/content/posts/{id}");
    assert_eq!(product.ask("DELETE", &path, &[], "").await.status, 200);
    let conflict = product.ask("PUT", &path, &[("idempotency-key", "k")], r#"{"body":"x"}"#).await;
    assert_eq!(conflict.problem(), (409, "not_allowed".into()));
    assert_eq!(conflict.json()["version"], 2);
    let again = product.ask("PUT", &path, &[("idempotency-key", "k")], r#"{"body":"x"}"#).await;
    assert_eq!(again.problem(), (409, "not_allowed".into()));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let late = json!({ "publish_at": "2001-01-01T00:00:00Z", "platforms": ["sandbox"] });
    let id = product.draft().await;
    let invalid = product.post(&format!("/api/content/posts/{id}/schedule"), &late).await;
    assert_eq!(invalid.problem(), (422, "in_the_past".into()));
}

#[tokio::test]
async fn nothing_to_do_is_no_error_and_no_event() {
    let product = product();
    let id = product.draft().await;
    let path = format!("/api/content/posts/{id}/unschedule");
    let heard = product.ask("POST", &path, &[], "").await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    assert_eq!((&heard.json()["events"], &heard.json()["version"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn a_wrong_body_is_refused_with_the_place_and_without_an_event() {
    let product = product();
    let long = "x".repeat(100_001);
    let post = "/api/content/posts";
    let schedule = "/api/content/posts/0190e2a4-0000-7000-8000-000000000001/schedule";
    let cases = [
        (post, json!({ "body": "x", "role": "owner" }), "/role", "unknown_field"),
        (post, json!({ "body": 7 }), "/body", "wrong_type"),
        (post, json!({ "title": "x" }), "/body", "missing"),
        (post, json!({ "body": "x", "tags": ["a", 7] }), "/tags/1", "wrong_type"),
        (post, json!({ "body": long }), "/body", "too_long"),
        (post, json!({ "body": "x", "tags": vec!["t"; 1_000] }), "/tags", "too_many"),
        (post, json!({ "body": " " }), "/body", "empty"),
        (post, json!([]), "", "missing"),
        (post, json!("x"), "", "wrong_type"),
        (schedule, json!({ "publish_at": "tomorrow", "platforms": ["x"] }), "/publish_at", "wrong"),
        (
            schedule,
            json!({ "publish_at": "2030-01-01T00:00:00Z", "platforms": ["myspace"] }),
            "/platforms/0",
            "unknown_word",
        ),
    ];
    for (path, body, pointer, code) in cases {
        let heard = product.post(path, &body).await;
        let said = heard.json()["errors"][0].clone();
        if body.is_array() {
            assert_eq!(heard.status, 422, "{}", heard.text);
            continue;
        }
        assert_eq!(heard.problem(), (422, "invalid_request".into()), "{}", heard.text);
        assert_eq!((&said["pointer"], &said["code"]), (&json!(pointer), &json!(code)), "{said}");
    }
    assert!(product.commands.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_secret_of_a_wrong_body_is_not_repeated() {
    let product = product();
    let body = json!({ "platform": "sandbox", "handle": ["hunter2"], "access_token": "hunter2" });
    let heard = product.post("/api/social/connect", &body).await;
    assert_eq!(heard.status, 422);
    let body = json!({ "platform": "hunter2", "handle": "h", "access_token": "hunter2" });
    let word = product.post("/api/social/connect", &body).await;
    let body = json!({ "platform": "x", "handle": true, "access_token": { "hunter2": 1 } });
    let other = product.post("/api/social/connect", &body).await;
    for text in [heard.text, word.text, other.text] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_json_is_refused_before_it_is_read() {
    let product = product();
    let post = "/api/content/posts";
    for broken in ["{", "{\"body\":\"x\"} x", "nonsense", "{\"body\":\"\u{1}\"}"] {
        assert_eq!(
            product.ask("POST", post, &[], broken).await.problem(),
            (400, "malformed_json".into()),
            "{broken}"
        );
    }
    for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let heard = product.ask("POST", post, &[("content-type", media)], r#"{"body":"x"}"#).await;
        assert_eq!(heard.problem(), (415, "unsupported_media_type".into()), "{media}");
    }
    let packed = [("content-encoding", "gzip")];
    assert_eq!(product.ask("POST", post, &packed, r#"{"body":"x"}"#).await.problem().0, 415);
    let fine = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(product.ask("POST", post, &fine, r#"{"body":"x"}"#).await.status, 201);
    let deep = format!("{{\"body\":{}{}}}", "[".repeat(40), "]".repeat(40));
    assert_eq!(product.ask("POST", post, &[], &deep).await.json()["errors"][0]["code"], "too_deep");
}

#[tokio::test]
async fn a_body_at_the_limit_passes_and_one_byte_more_does_not() {
    let product = product();
    let padded = |bytes: usize| format!("{}{{\"body\":\"x\"}}", " ".repeat(bytes - 12));
    let heard = product.ask("POST", "/api/content/posts", &[], &padded(1 << 20)).await;
    assert_eq!(heard.status, 201, "{}", heard.text);
    let heard = product.ask("POST", "/api/content/posts", &[], &padded((1 << 20) + 1)).await;
    assert_eq!(heard.problem(), (413, "body_too_large".into()));
    let claimed = [("content-length", "99999999")];
    let heard = product.ask("POST", "/api/content/posts", &claimed, "{}").await;
    assert_eq!(heard.problem(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn a_bad_key_a_bad_id_and_a_parameter_are_refused() {
    let product = product();
    let key = [("idempotency-key", "a b")];
    assert_eq!(
        product.ask("POST", "/api/content/posts", &key, "{}").await.problem(),
        (400, "bad_idempotency_key".into())
    );
    assert_eq!(
        product.ask("DELETE", "/api/content/posts/7", &[], "").await.problem(),
        (404, "not_found".into())
    );
    assert_eq!(
        product.ask("POST", "/api/content/posts?x=1", &[], "{}").await.problem(),
        (400, "bad_parameter".into())
    );
}

#[tokio::test]
async fn what_the_runtime_cannot_do_says_when_to_ask_again() {
    let product = product();
    let why = || "host 10.1.2.3 is down".to_owned();
    let cases = [
        (Answer::StillRunning, 409, "still_running"),
        (Answer::Overloaded { retry_after_ms: 1_500 }, 429, "too_many_commands"),
        (Answer::Unavailable { why: why() }, 503, "lane_unavailable"),
        (Answer::Unknown { why: why() }, 503, "outcome_unknown"),
    ];
    for (answer, status, code) in cases {
        let seconds = if matches!(answer, Answer::Overloaded { .. }) { "2" } else { "1" };
        product.told(answer);
        let heard = product
            .ask("POST", "/api/content/posts", &[("idempotency-key", "k")], r#"{"body":"x"}"#)
            .await;
        assert_eq!(heard.problem(), (status, code.into()));
        assert_eq!(heard.header("retry-after"), seconds);
        assert!(!heard.text.contains("10.1.2.3"), "{}", heard.text);
    }
    product.told(Answer::KeyReused);
    let heard = product.post("/api/content/posts", &json!({ "body": "x" })).await;
    assert_eq!(heard.problem(), (422, "idempotency_key_reused".into()));
}

#[tokio::test]
async fn a_command_without_an_answer_may_have_happened() {
    let deadline = std::time::Duration::from_millis(20);
    let options = api::Options { deadline, ..api::Options::default() };
    let product = product_with(options, api::Authenticator::LocalOwner);
    product.told(Answer::Unknown { why: "hang".into() });
    let heard = product
        .ask("POST", "/api/content/posts", &[("idempotency-key", "k")], r#"{"body":"x"}"#)
        .await;
    assert_eq!(heard.problem(), (503, "outcome_unknown".into()));
    assert!(heard.json()["detail"].as_str().unwrap().contains("same key"));
}

#[tokio::test]
async fn a_create_with_a_key_has_the_same_stream_through_any_node() {
    let (one, two) = (product(), product());
    let key = [("idempotency-key", "k-1")];
    let mut ids = Vec::new();
    for node in [one, two] {
        let heard = node.ask("POST", "/api/content/posts", &key, r#"{"body":"x"}"#).await;
        ids.push(heard.json()["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap());
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[0].get_version_num(), 8);
}

#[tokio::test]
async fn a_command_carries_who_asks_and_the_trace_of_its_caller() {
    let product = product();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    product.told(Answer::StillRunning);
    let heard = product
        .ask("POST", "/api/content/posts", &[("traceparent", &parent)], r#"{"body":"x"}"#)
        .await;
    assert_eq!(heard.json()["trace_id"], trace);
    assert!(heard.header("traceparent").starts_with(&format!("00-{trace}-")));
    assert_ne!(heard.header("traceparent"), parent);
    product.told(Answer::StillRunning);
    product.post("/api/content/posts", &json!({ "body": "x" })).await;
    let seen = product.commands.seen.lock().unwrap();
    assert_eq!((seen[0].tenant.as_str(), seen[0].actor.as_str()), ("local", "owner"));
    assert_eq!(
        seen[0].trace.map(|it| u128::from_be_bytes(it.trace_id)),
        u128::from_str_radix(trace, 16).ok()
    );
    assert_eq!(seen[1].trace, None, "a trace that nobody follows stays out of the log");
    assert!(seen[1].key.is_none());
}
