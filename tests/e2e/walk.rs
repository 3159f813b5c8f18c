//! The user's walk: draft, edit, schedule, list, withdraw, connect; the same call again.

use recount_tests::Product;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

async fn send(
    client: &Client,
    method: &str,
    url: String,
    key: &str,
    body: &Value,
) -> (StatusCode, Value, bool) {
    let method = method.parse().unwrap();
    let request = client.request(method, url).header("idempotency-key", key).json(body);
    let answer = request.send().await.unwrap();
    let replayed = answer.headers().get("idempotent-replayed").is_some_and(|v| v == "true");
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default(), replayed)
}

#[tokio::test]
async fn a_post_is_drafted_edited_scheduled_listed_and_withdrawn_and_a_repeat_gets_the_same_answer()
{
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let client = Client::new();
    let posts = product.url("/api/content/posts");

    let draft = json!({"title": "Autumn sale", "body": "Everything must go", "tags": ["sale"]});
    let (status, first, _) = send(&client, "POST", posts.clone(), "draft-1", &draft).await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    assert_eq!(
        (first["version"].as_u64(), first["events"][0]["type"].as_str()),
        (Some(1), Some("content.post.drafted.v1"))
    );
    let id = first["id"].as_str().unwrap().to_owned();
    let post = format!("{posts}/{id}");

    let (_, again, replayed) = send(&client, "POST", posts.clone(), "draft-1", &draft).await;
    assert_eq!((again, replayed), (first.clone(), true));

    let edit =
        json!({"title": "Autumn sale", "body": "Nearly everything must go", "tags": ["sale"]});
    let (status, edited, _) = send(&client, "PUT", post.clone(), "edit-1", &edit).await;
    assert_eq!((status, edited["version"].as_u64()), (StatusCode::OK, Some(2)), "{edited}");

    let plan = json!({"publish_at": "2099-01-01T09:00:00Z", "platforms": ["bluesky", "mastodon"]});
    let (status, scheduled, _) =
        send(&client, "POST", format!("{post}/schedule"), "plan-1", &plan).await;
    assert_eq!((status, scheduled["version"].as_u64()), (StatusCode::OK, Some(3)), "{scheduled}");

    let token = scheduled["position"].as_str().unwrap();
    let page = product
        .get(&format!("/api/content/posts?min_position={token}&state=scheduled&platform=bluesky"))
        .await;
    assert_eq!(page["items"][0]["post_id"], id.as_str(), "{page}");
    assert_eq!(page["items"][0]["body"], "Nearly everything must go");
    let calendar = product.get(&format!("/api/content/calendar?min_position={token}")).await;
    assert_eq!(calendar["items"][0]["post_id"], id.as_str(), "{calendar}");

    let (status, gone, _) = send(&client, "DELETE", post.clone(), "gone-1", &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{gone}");
    let token = gone["position"].as_str().unwrap();
    let calendar = product.get(&format!("/api/content/calendar?min_position={token}")).await;
    assert_eq!(calendar["items"].as_array().map(Vec::len), Some(0), "{calendar}");

    // Through a restart too.
    let mut product = product;
    assert_eq!(product.stop(), 0);
    let product = product.restart();
    // A new client: the old one would send on a connection that the restart has closed.
    let client = Client::new();
    let (status, again, replayed) =
        send(&client, "POST", product.url("/api/content/posts"), "draft-1", &draft).await;
    assert_eq!((status, again, replayed), (StatusCode::CREATED, first, true));
    let row = product.get(&format!("/api/content/posts/{id}?min_position={token}")).await;
    assert_eq!(row["state"], "withdrawn", "{row}");
}

#[tokio::test]
async fn if_match_guards_a_version_and_an_etag_saves_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let client = Client::new();
    let (_, post, _) =
        send(&client, "POST", product.url("/api/content/posts"), "a", &json!({"body": "one"}))
            .await;
    let url = product.url(&format!("/api/content/posts/{}", post["id"].as_str().unwrap()));
    let stale = client
        .put(&url)
        .header("if-match", "\"7\"")
        .json(&json!({"body": "two"}))
        .send()
        .await
        .unwrap();
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale.headers()["content-type"], "application/problem+json");
    let right = client
        .put(&url)
        .header("if-match", "\"1\"")
        .json(&json!({"body": "two"}))
        .send()
        .await
        .unwrap();
    assert_eq!(right.status(), StatusCode::OK);
    assert_eq!(right.headers()["etag"], "\"2\"");
    let token = right.json::<Value>().await.unwrap()["position"].as_str().unwrap().to_owned();
    let read = product.read(client.get(format!("{url}?min_position={token}"))).await;
    assert_eq!(read.headers()["etag"], "\"2\"");
    let saved = client.get(&url).header("if-none-match", "\"2\"").send().await.unwrap();
    assert_eq!(saved.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn an_account_is_connected_and_listed_and_platforms_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let client = Client::new();
    let body = json!({"platform": "bluesky", "handle": "ada.test", "access_token": "s3cret-token"});
    let (status, account, _) =
        send(&client, "POST", product.url("/api/social/connect"), "c", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{account}");
    let token = account["position"].as_str().unwrap();
    let accounts = product.get(&format!("/api/social/accounts?min_position={token}")).await;
    assert_eq!(accounts["items"][0]["handle"], "ada.test", "{accounts}");
    let platforms = product.get("/api/social/platforms").await;
    assert!(platforms.to_string().contains("bluesky"), "{platforms}");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let client = Client::new();
    let mut token = String::new();
    for n in 0..25 {
        let body = json!({"body": format!("post {n}")});
        let (_, post, _) =
            send(&client, "POST", product.url("/api/content/posts"), &format!("p{n}"), &body).await;
        token = post["position"].as_str().unwrap().to_owned();
        product.get(&format!("/api/content/posts?limit=1&min_position={token}")).await;
    }
    let mut seen = Vec::new();
    let mut next = format!("/api/content/posts?limit=10&min_position={token}");
    loop {
        let page = product.get(&next).await;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["body"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("/api/content/posts?limit=10&after={cursor}"),
            None => break,
        }
    }
    let newest_first: Vec<_> = (0..25).rev().map(|n| format!("post {n}")).collect();
    assert_eq!(seen, newest_first);
}

#[tokio::test]
async fn the_events_of_a_stream_come_live_and_the_registry_explains_them() {
    let dir = tempfile::tempdir().unwrap();
    let product = Product::start(&dir.path().join("data"));
    let client = Client::new();
    let (_, post, _) =
        send(&client, "POST", product.url("/api/content/posts"), "a", &json!({"body": "one"}))
            .await;
    let stream = post["stream"].as_str().unwrap();
    let url = product.url(&format!("/api/streams/{stream}/events"));
    let mut live = client.get(url).header("accept", "text/event-stream").send().await.unwrap();
    let mut text = String::new();
    let edit = product.url(&format!("/api/content/posts/{}", post["id"].as_str().unwrap()));
    send(&client, "PUT", edit, "b", &json!({"body": "two"})).await;
    let wait = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while !text.contains("content.post.edited.v1") {
            text.push_str(&String::from_utf8_lossy(&live.chunk().await.unwrap().unwrap()));
        }
    });
    wait.await.unwrap_or_else(|_| panic!("the edit came not: {text}"));
    assert!(text.contains("event: content.post.drafted.v1") && text.contains("id: "), "{text}");

    let subjects = product.get("/registry/subjects").await;
    let subject = subjects.as_array().unwrap()[0].as_str().unwrap().to_owned();
    let version = product.get(&format!("/registry/subjects/{subject}/versions/latest")).await;
    let schema = product.get(&format!("/registry/schemas/ids/{}", version["id"])).await;
    assert_eq!(schema["schema"], version["schema"]);
}

#[tokio::test]
async fn the_first_command_is_acknowledged_before_the_read_database_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let product = Product::start(&data);
    let (status, ..) = send(
        &Client::new(),
        "POST",
        product.url("/api/content/posts"),
        "a",
        &json!({"body": "one"}),
    )
    .await;
    assert_eq!(status, StatusCode::CREATED);
    println!("exec to banner {:?}", product.started_in);
}
