//! The publishing saga over two nodes: asked of one, seen on the other, done once out there, also when the
//! node that runs it dies.

use std::time::{Duration, Instant};

use provider_sandbox::{Kind, Sandbox};
use reqwest::Client;
use serde_json::{Value, json};

use crate::nodes::{Ground, Node};

/// A saga with a pause in it, on a busy machine, with a node that dies meanwhile.
const ENDS_WITHIN: Duration = Duration::from_mins(2);

/// Posts until it is taken: a lane may change its owner.
async fn post(node: &Node, path: &str, key: &str, body: &Value) -> Value {
    let began = Instant::now();
    loop {
        let request = Client::new().post(format!("{}{path}", node.base));
        let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        let request = request.header("idempotency-key", key).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap_or_default();
        if status.is_success() {
            return answer;
        }
        assert!(
            // 409: asked before, and not answered yet.
            (status.is_server_error() || status.as_u16() == 409 || status.as_u16() == 429)
                && began.elapsed() < ENDS_WITHIN,
            "{path}: {status} {answer}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asks for a post to be published with a boost; gives the stream of the saga.
async fn publish(node: &Node, text: &str) -> String {
    let draft = json!({ "title": "News", "body": text });
    let drafted = post(node, "/api/content/posts", &format!("draft {text}"), &draft).await;
    let wish = json!({
        "post_id": drafted["id"], "platforms": ["bluesky", "mastodon"],
        "boost": { "minor": 500, "currency": "EUR" },
    });
    let asked = post(node, "/api/social/publish", &format!("publish {text}"), &wish).await;
    format!("publish_post-{}", asked["id"].as_str().unwrap())
}

/// Waits until a node says that a saga has ended, and gives how.
async fn ended(node: &Node, saga: &str) -> String {
    let began = Instant::now();
    loop {
        let url = format!("{}/api/sagas/{saga}", node.base);
        let answer = reqwest::get(url).await.unwrap();
        let told: Value = answer.json().await.unwrap_or_default();
        match told["state"].as_str() {
            Some(state @ ("done" | "undone")) => return state.to_owned(),
            _ => assert!(began.elapsed() < ENDS_WITHIN, "{saga} has not ended: {told:#}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What stands out there of a text: posts of it, however often they were tried.
fn standing(sandbox: &Sandbox, text: &str) -> usize {
    let works = sandbox.works();
    let posts = works.iter().filter(|it| it.kind == Kind::Posts && it.taken_back_at.is_none());
    posts.filter(|it| it.asked.to_string().contains(text)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_are_published_once_whichever_node_is_asked_and_though_one_dies() {
    let ground = Ground::new().await;
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(dir.path()).await.unwrap();
    let flags = ["--sandbox", &*sandbox.url()];
    let (a, mut b) = (ground.node_with("a", &flags), ground.node_with("b", &flags));
    ground.served(&a).await;

    // Enough that both nodes run some of them.
    let mut sagas = Vec::new();
    for n in 0..6 {
        let text = format!("all is well {n}");
        let node = if n % 2 == 0 { &a } else { &b };
        sagas.push((publish(node, &text).await, text, "done", 2));
    }
    let text = "not here [refuse on mastodon]".to_owned();
    sagas.push((publish(&b, &text).await, text, "undone", 0));
    for (saga, text, state, stands) in &sagas {
        for node in [&a, &b] {
            assert_eq!(ended(node, saga).await, *state, "{text} on {}", node.name);
        }
        assert_eq!(standing(&sandbox, text), *stands, "{text}");
    }
    // The list is folded apart from the sagas.
    let began = Instant::now();
    loop {
        let page = b.get("/api/content/posts?state=published&limit=50").await;
        if page["items"].as_array().is_some_and(|items| items.len() == 6) {
            break;
        }
        assert!(began.elapsed() < ENDS_WITHIN, "{page:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let mut sagas = Vec::new();
    for n in 0..6 {
        let text = format!("in spite of it {n}");
        sagas.push((publish(if n % 2 == 0 { &a } else { &b }, &text).await, text));
    }
    b.kill();
    for (saga, text) in &sagas {
        assert_eq!(ended(&a, saga).await, "done", "{text}");
        assert_eq!(standing(&sandbox, text), 2, "{text}");
    }
    let (valid, void) = ground.verify("a");
    eprintln!("13 publications ended as they should; {valid} records valid, {void} void");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_steers_a_saga_on_whichever_node_he_is() {
    let ground = Ground::new().await;
    let sandbox = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(sandbox.path()).await.unwrap();
    let flags = ["--sandbox", &*sandbox.url()];
    let (a, b) = (ground.node_with("a", &flags), ground.node_with("b", &flags));
    ground.served(&b).await;
    for n in 0..4 {
        let draft = json!({ "title": "later", "body": format!("later {n}") });
        let drafted = post(&a, "/api/content/posts", &format!("d{n}"), &draft).await;
        let plan = json!({ "publish_at": "2099-01-01T09:00:00Z", "platforms": ["bluesky"] });
        let path = format!("/api/content/posts/{}/schedule", drafted["id"].as_str().unwrap());
        post(&b, &path, &format!("s{n}"), &plan).await;
    }
    let began = Instant::now();
    let sagas = loop {
        let answer = reqwest::get(format!("{}/api/sagas?limit=50", a.base)).await.unwrap();
        let page: Value = answer.json().await.unwrap_or_default();
        let rows = page["items"].as_array().cloned().unwrap_or_default();
        if rows.len() == 4 {
            break rows;
        }
        assert!(began.elapsed() < ENDS_WITHIN, "not four sagas: {page:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    for saga in &sagas {
        let path = format!("/api/sagas/{}", saga["stream"].as_str().unwrap());
        // One of both nodes does not have the lane.
        let mut seen = 0;
        for (node, verb) in [(&a, "hold"), (&b, "release")] {
            let began = Instant::now();
            let revision = loop {
                // What the list shows, a node that does not have the lane may see a moment later.
                let answer = reqwest::get(format!("{}{path}", node.base)).await.unwrap();
                let told: Value = answer.json().await.unwrap_or_default();
                let revision = told["revision"].as_u64().unwrap_or(0);
                if revision > seen {
                    break revision;
                }
                assert!(began.elapsed() < ENDS_WITHIN, "{path} stays at {seen}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            let order = json!({ "reason": "to see whether it listens", "revision": revision });
            let acted =
                post(node, &format!("{path}/{verb}"), &format!("{verb}{path}"), &order).await;
            seen = acted["version"].as_u64().unwrap() - 1;
            assert!(seen >= revision, "{acted}");
        }
    }
}
