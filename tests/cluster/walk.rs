//! The user's walk over two nodes: whichever is asked, the answer is the same.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::nodes::{Ground, Node};

/// Sends a command; a lane that changes its owner is asked for again, as a client would.
async fn send(
    node: &Node,
    method: &str,
    path: &str,
    key: &str,
    body: &Value,
) -> (StatusCode, Value, bool) {
    for _ in 0..100 {
        let answer = sent(node, method, path, key, None, body).await;
        let replayed = answer.headers().get("idempotent-replayed").is_some_and(|v| v == "true");
        let status = answer.status();
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return (status, answer.json().await.unwrap_or_default(), replayed);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{method} {path} was not taken within 100 tries");
}

async fn sent(
    node: &Node,
    method: &str,
    path: &str,
    key: &str,
    version: Option<u64>,
    body: &Value,
) -> Response {
    let url = format!("{}{path}", node.base);
    let mut request =
        Client::new().request(method.parse().unwrap(), url).header("idempotency-key", key);
    if let Some(version) = version {
        request = request.header("if-match", format!("\"{version}\""));
    }
    request.json(body).send().await.unwrap()
}

/// Every post of the read model as a node tells it: stream -> (body, version).
pub(crate) async fn rows(node: &Node) -> BTreeMap<String, (String, u64)> {
    let (mut all, mut path) = (BTreeMap::new(), "/api/content/posts?limit=200".to_owned());
    loop {
        let page = node.get(&path).await;
        for row in page["items"].as_array().unwrap() {
            let stream = format!("post-{}", row["post_id"].as_str().unwrap());
            let body = row["body"].as_str().unwrap().to_owned();
            all.insert(stream, (body, row["version"].as_u64().unwrap()));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/content/posts?limit=200&after={cursor}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_post_is_drafted_on_one_node_and_goes_on_through_the_other() {
    let ground = Ground::new().await;
    let (a, b) = (ground.node("a"), ground.node("b"));
    eprintln!(
        "served through a after {:?}, b {:?}",
        ground.served(&a).await,
        ground.served(&b).await
    );
    let nodes = [&a, &b];
    // Enough posts that both nodes own some of them.
    for n in 0..8 {
        let (one, other) = (nodes[n % 2], nodes[(n + 1) % 2]);
        let draft =
            json!({"title": format!("post {n}"), "body": "Everything must go", "tags": ["sale"]});
        let (key, posts) = (format!("draft-{n}"), "/api/content/posts");
        let (status, first, _) = send(one, "POST", posts, &key, &draft).await;
        assert_eq!(status, StatusCode::CREATED, "{first}");
        let (status, again, replayed) = send(other, "POST", posts, &key, &draft).await;
        assert_eq!((status, &again, replayed), (StatusCode::CREATED, &first, true));
        let (status, reused, _) =
            send(other, "POST", posts, &key, &json!({"title": "z", "body": "z"})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{reused}");

        let post = format!("{posts}/{}", first["id"].as_str().unwrap());
        let edit = json!({"title": "edited", "body": "Nearly everything", "tags": []});
        let (status, edited, _) = send(other, "PUT", &post, &format!("edit-{n}"), &edit).await;
        assert_eq!((status, edited["version"].as_u64()), (StatusCode::OK, Some(2)), "{edited}");
        for node in nodes {
            let stale = sent(node, "PUT", &post, &format!("stale-{n}"), Some(1), &edit).await;
            assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
            assert_eq!(stale.headers().get("etag").unwrap(), "\"2\"");
            assert!(!stale.headers().contains_key("x-recount-elsewhere"), "nodes only see it");
        }
        let plan = json!({"publish_at": "2099-01-01T09:00:00Z", "platforms": ["mastodon"]});
        let schedule = format!("{post}/schedule");
        let (status, planned, _) = send(one, "POST", &schedule, &format!("plan-{n}"), &plan).await;
        assert_eq!((status, planned["version"].as_u64()), (StatusCode::OK, Some(3)), "{planned}");
        let token = planned["position"].as_str().unwrap();
        for node in nodes {
            let row = node.get(&format!("{post}?min_position={token}")).await;
            assert_eq!(
                (&row["state"], &row["title"]),
                (&json!("scheduled"), &json!("edited")),
                "{row}"
            );
            let path = format!("/api/streams/{}/events", first["stream"].as_str().unwrap());
            let mut types: Vec<Value> = Vec::new();
            // What another node wrote is on its way to the replica of this one.
            for _ in 0..200 {
                let history = node.get(&path).await;
                let items = history["items"].as_array().unwrap();
                types = items.iter().map(|it| it["type"].clone()).collect();
                if types.len() == 3 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(types.len(), 3, "{types:?}");
            assert_eq!(types[2], "content.post.scheduled.v1");
        }
    }
}

#[tokio::test]
async fn a_node_that_is_started_again_takes_its_lanes_back_before_anybody_is_elected() {
    const BACK: &str = "lanes of an earlier life are taken back";
    let ground = Ground::new().await;
    let port = kafka_up::free_ports(1).unwrap()[0];
    let mut first = ground.node_at("a", port, &[]);
    ground.served(&first).await;
    assert!(!first.said().iter().any(|line| line["message"] == BACK), "it had no earlier life");
    first.kill();
    let second = ground.node_at("a", port, &[]);
    eprintln!("started again, served after {:?}", ground.served(&second).await);
    let said = second.said();
    let back = said.iter().find(|line| line["message"] == BACK);
    let lanes = back.and_then(|line| line["lanes"].as_str()?.parse::<u32>().ok());
    assert!(lanes >= Some(2), "those of posts at least, which had answered: {said:?}");
    drop(second);
    let elsewhere = ground.node("a");
    ground.served(&elsewhere).await;
    let back = elsewhere.said().iter().filter(|line| line["message"] == BACK).count();
    assert_eq!(back, 1, "at another address it has no earlier life");
}

#[tokio::test]
async fn a_gateway_asks_the_nodes_whose_roles_and_contexts_have_the_lanes() {
    let ground = Ground::new().await;
    // Both at once: a saga reads topics of all contexts, and its plan is registered in one of them.
    let (content, others) = std::thread::scope(|scope| {
        let start = |name: &'static str, contexts: &'static str| {
            let ground = &ground;
            let flags = ["--roles", "commands,projections,sagas", "--contexts", contexts];
            scope.spawn(move || ground.node_with(name, &flags))
        };
        let content = start("content", "content");
        let others = start("others", "social,billing,notifications");
        (content.join().unwrap(), others.join().unwrap())
    });
    let gateway = ground.node_with("gateway", &["--roles", "gateway"]);
    ground.served(&gateway).await;
    let draft = json!({"title": "over", "body": "three nodes", "tags": []});
    let (status, post, _) = send(&gateway, "POST", "/api/content/posts", "d", &draft).await;
    assert_eq!(status, StatusCode::CREATED, "{post}");
    let account = json!({"platform": "bluesky", "handle": "ada.test", "access_token": "s3cret"});
    let (status, account, _) = send(&gateway, "POST", "/api/social/connect", "c", &account).await;
    assert_eq!(status, StatusCode::CREATED, "{account}");
    let (of_post, of_account) = (post["position"].as_str(), account["position"].as_str());
    for node in [&gateway, &content, &others] {
        let id = post["id"].as_str().unwrap();
        let path = format!("/api/content/posts/{id}?min_position={}", of_post.unwrap());
        assert_eq!(node.get(&path).await["title"], "over", "on {}", node.name);
        let path = format!("/api/social/accounts?min_position={}", of_account.unwrap());
        assert_eq!(node.get(&path).await["items"][0]["handle"], "ada.test", "on {}", node.name);
        for page in ["/console", "/console/sagas", "/docs"] {
            let answer = reqwest::get(format!("{}{page}", node.base)).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{page} of {}", node.name);
        }
    }
}
