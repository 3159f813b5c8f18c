//! Commands that another node must answer: what is sent there, and what the caller hears.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use api::{ForwardPort, Forwarded, NotForwarded, elsewhere};
use async_trait::async_trait;
use axum::response::{IntoResponse as _, Response};
use lane::Answer;
use serde_json::{Value, json};

use crate::support::{Product, SECRET, product_among};

/// The other nodes: they answer in order what they were told to.
#[derive(Default)]
pub(crate) struct Others {
    answers: Mutex<VecDeque<Result<Response, NotForwarded>>>,
    pub(crate) asked: Mutex<Vec<(String, Forwarded)>>,
}

#[async_trait]
impl ForwardPort for Others {
    async fn forward(&self, url: &str, request: Forwarded) -> Result<Response, NotForwarded> {
        self.asked.lock().unwrap().push((url.to_owned(), request));
        self.answers.lock().unwrap().pop_front().unwrap()
    }
}

/// A node that does not serve the lane: `http://owner` does.
pub(crate) fn among(answers: Vec<Result<Response, NotForwarded>>) -> (Product, Arc<Others>) {
    let others = Arc::new(Others { answers: Mutex::new(answers.into()), ..Others::default() });
    let product = product_among(others.clone());
    let answer = Answer::Elsewhere { url: "http://owner".to_owned() };
    product.commands.next.lock().unwrap().push_back(answer);
    (product, others)
}

fn fine() -> Response {
    axum::Json(json!({ "from": "the owner" })).into_response()
}

fn moved(url: &str) -> Response {
    elsewhere(url).into_response()
}

const BODY: &str = r#"{"body":"hello"}"#;

#[tokio::test]
async fn the_owner_gets_the_request_as_it_came_and_the_caller_its_answer() {
    let (product, others) = among(vec![Ok(fine())]);
    let headers = [
        ("idempotency-key", "k-1"),
        ("authorization", "Bearer of-the-caller"),
        ("cookie", "session=1"),
        ("x-recount-principal", r#"{"tenant":"other","actor":"eve","roles":["operator"]}"#),
        ("x-recount-drawn", "0190e2a4-0000-7000-8000-000000000001"),
    ];
    let heard = product.ask("POST", "/api/content/posts", &headers, BODY).await;
    assert_eq!(heard.json(), json!({ "from": "the owner" }));
    let asked = others.asked.lock().unwrap();
    let (url, sent) = &asked[0];
    assert_eq!((url.as_str(), sent.path.as_str()), ("http://owner", "/api/content/posts"));
    assert_eq!((sent.method.as_str(), &*sent.body), ("POST", BODY.as_bytes()));
    assert_eq!(sent.headers["idempotency-key"], "k-1");
    for dropped in ["authorization", "cookie", "host"] {
        assert!(!sent.headers.contains_key(dropped), "{dropped} is the caller's alone");
    }
    let principal: Value =
        serde_json::from_slice(sent.headers["x-recount-principal"].as_bytes()).unwrap();
    assert_eq!((&principal["tenant"], &principal["actor"]), (&json!("local"), &json!("owner")));
    assert_ne!(sent.headers["x-recount-drawn"], "0190e2a4-0000-7000-8000-000000000001");
}

#[tokio::test]
async fn a_create_without_a_key_means_the_same_stream_on_every_node() {
    let (product, others) = among(vec![Ok(fine())]);
    product.ask("POST", "/api/content/posts", &[], BODY).await;
    let meant = product.commands.seen.lock().unwrap()[0].stream.to_string();
    let sent = others.asked.lock().unwrap()[0].1.headers.clone();
    let drawn = sent["x-recount-drawn"].to_str().unwrap().to_owned();
    assert_eq!(meant, format!("post-{drawn}"));
    // The owner believes another node.
    let owner = product_among(Arc::new(Others::default()));
    let principal = sent["x-recount-principal"].to_str().unwrap();
    let headers = [
        ("x-recount-cluster", SECRET),
        ("x-recount-principal", principal),
        ("x-recount-drawn", drawn.as_str()),
    ];
    let heard = owner.ask("POST", "/api/content/posts", &headers, BODY).await;
    assert_eq!(heard.json()["stream"], meant);
    // Nobody else.
    let heard =
        owner.ask("POST", "/api/content/posts", &[("x-recount-drawn", &*drawn)], BODY).await;
    assert_ne!(heard.json()["stream"], meant);
}

#[tokio::test]
async fn a_lane_that_moved_is_followed_once() {
    let (product, others) = among(vec![Ok(moved("http://next")), Ok(fine())]);
    let heard = product.ask("POST", "/api/content/posts", &[], BODY).await;
    assert_eq!(heard.json(), json!({ "from": "the owner" }));
    assert_eq!(others.asked.lock().unwrap()[1].0, "http://next");

    let (product, others) = among(vec![Ok(moved("http://next")), Ok(moved("http://owner"))]);
    let heard = product.ask("POST", "/api/content/posts", &[], BODY).await;
    assert_eq!(heard.problem(), (503, "lane_unavailable".into()));
    assert_eq!(heard.header("retry-after"), "1");
    assert_eq!(heard.header("x-recount-elsewhere"), "", "nodes only see it");
    assert_eq!(others.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_not_sent_is_asked_again_until_somebody_serves_the_lane() {
    let (product, others) = among(vec![
        Err(NotForwarded::Unreachable("refused".into())),
        Err(NotForwarded::Unreachable("refused".into())),
    ]);
    let answer = Answer::Elsewhere { url: "http://owner".to_owned() };
    product.commands.next.lock().unwrap().push_back(answer);
    // The third time it is this node itself.
    let heard = product.ask("POST", "/api/content/posts", &[], BODY).await;
    assert_eq!(heard.status.as_u16(), 201, "{}", heard.text);
    assert_eq!(others.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_not_answered_is_asked_again_with_a_key_only() {
    let (product, _) = among(vec![Err(NotForwarded::Lost("reset".into()))]);
    let heard = product.ask("POST", "/api/content/posts", &[], BODY).await;
    assert_eq!(heard.problem(), (503, "outcome_unknown".into()));
    let (product, _) = among(vec![Err(NotForwarded::Lost("reset".into()))]);
    let key = [("idempotency-key", "k-1")];
    let heard = product.ask("POST", "/api/content/posts", &key, BODY).await;
    assert_eq!(heard.status.as_u16(), 201, "{}", heard.text);
}

/// A node that took the request and never answers.
struct Frozen;

#[async_trait]
impl ForwardPort for Frozen {
    async fn forward(&self, _: &str, _: Forwarded) -> Result<Response, NotForwarded> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_silent_owner_is_not_waited_for_when_another_has_its_lane() {
    let product = product_among(Arc::new(Frozen));
    let answer = Answer::Elsewhere { url: "http://frozen".to_owned() };
    product.commands.next.lock().unwrap().extend([answer.clone(), answer]);
    let key = [("idempotency-key", "k-1")];
    let heard = product.ask("POST", "/api/content/posts", &key, BODY).await;
    assert_eq!(heard.status.as_u16(), 201, "{}", heard.text);
    assert!(product.commands.next.lock().unwrap().is_empty(), "it was looked after twice");
}

#[tokio::test]
async fn a_node_that_is_asked_by_a_node_says_where_and_asks_nobody() {
    let (product, others) = among(Vec::new());
    let principal = r#"{"tenant":"local","actor":"owner","roles":["member"]}"#;
    let headers = [("x-recount-cluster", SECRET), ("x-recount-principal", principal)];
    let heard = product.ask("POST", "/api/content/posts", &headers, BODY).await;
    assert_eq!(heard.header("x-recount-elsewhere"), "http://owner", "{}", heard.text);
    assert!(others.asked.lock().unwrap().is_empty());
}
