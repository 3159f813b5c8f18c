//! Queries over HTTP.

use std::time::Duration;

use domain::query::Condition;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Product, product};

fn row(product: &Product, at: u128) -> Uuid {
    let id = Uuid::from_u128(at);
    let Value::Object(row) = json!({ "post_id": id, "state": "draft" }) else { unreachable!() };
    product.reads.rows.lock().unwrap().push((row, id, 17));
    id
}

#[tokio::test]
async fn a_row_has_the_version_of_its_stream_as_etag() {
    let product = product();
    let id = row(&product, 1);
    let path = format!("/api/content/posts/{id}");
    let heard = product.get(&path).await;
    assert_eq!((heard.status.as_u16(), heard.header("etag")), (200, "\"17\""));
    assert_eq!(heard.json()["state"], "draft");
    let known = product.ask("GET", &path, &[("if-none-match", "\"17\"")], "").await;
    assert_eq!(
        (known.status.as_u16(), known.text.as_str(), known.header("etag")),
        (304, "", "\"17\"")
    );
    let bare = product.ask("HEAD", &path, &[], "").await;
    assert_eq!((bare.status.as_u16(), bare.text.as_str()), (200, ""));
    let nobody = product.get(&format!("/api/content/posts/{}", Uuid::from_u128(9))).await;
    assert_eq!(nobody.problem(), (404, "not_found".into()));
    assert_eq!(product.get("/api/content/posts/seven").await.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_along_its_links() {
    let product = product();
    let ids: Vec<_> = (1..=5).map(|at| row(&product, at)).collect();
    let mut path = "/api/content/posts?limit=2&state=draft".to_owned();
    let mut seen = Vec::new();
    loop {
        let heard = product.get(&path).await;
        assert_eq!(heard.status, 200, "{}", heard.text);
        let body = heard.json();
        seen.extend(
            body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["post_id"].as_str().unwrap().parse::<Uuid>().unwrap()),
        );
        let link = heard.header("link").to_owned();
        if body["next_cursor"].is_null() {
            assert_eq!(link, "");
            break;
        }
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        assert!(path.contains(body["next_cursor"].as_str().unwrap()));
    }
    assert_eq!(seen, ids);
    let asked = product.reads.asked.lock().unwrap();
    assert!(
        asked.iter().all(|query| matches!(&query.only, Condition::All(all) if all.len() == 1)
            && query.limit == 2)
    );
    assert!(asked[1].after.is_some());
}

#[tokio::test]
async fn a_cursor_of_another_question_is_refused() {
    let product = product();
    for at in 1..=3 {
        row(&product, at);
    }
    let heard = product.get("/api/content/posts?limit=1&state=draft").await;
    let cursor = heard.json()["next_cursor"].as_str().unwrap().to_owned();
    for other in
        ["state=scheduled", "state=draft&sort=updated_at", "", "state=draft&sort=created_at"]
    {
        let path = format!("/api/content/posts?limit=1&{other}&after={cursor}").replace("&&", "&");
        assert_eq!(product.get(&path).await.problem(), (400, "bad_cursor".into()), "{path}");
    }
    let same = format!("/api/content/posts?after={cursor}&limit=2&state=draft");
    assert_eq!(product.get(&same).await.status, 200);
    assert_eq!(product.get("/api/content/posts?after=nonsense").await.problem().1, "bad_cursor");
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let product = product();
    row(&product, 1);
    let first = product.get("/api/content/posts").await;
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with("W/\""));
    let again = product.ask("GET", "/api/content/posts", &[("if-none-match", &etag)], "").await;
    assert_eq!(again.status, 304);
    row(&product, 2);
    let changed = product.ask("GET", "/api/content/posts", &[("if-none-match", &etag)], "").await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn a_parameter_that_is_unknown_or_wrong_is_refused() {
    let product = product();
    for wrong in [
        "stat=draft",
        "limit=0",
        "limit=201",
        "limit=x",
        "sort=body",
        "limit=1&limit=2",
        "state=a%00b",
        "tenant=x",
    ] {
        let heard = product.get(&format!("/api/content/posts?{wrong}")).await;
        assert_eq!(heard.problem(), (400, "bad_parameter".into()), "{wrong}");
    }
    assert_eq!(product.get("/api/content/posts?limit=200").await.status, 200);
    assert_eq!(
        product.get("/api/content/posts?min_position=AAAA").await.problem(),
        (400, "bad_position".into())
    );
}

#[tokio::test]
async fn a_query_waits_for_the_position_of_a_command() {
    let product = product();
    let drafted = product.post("/api/content/posts", &json!({ "body": "x" })).await.json();
    let position = drafted["position"].as_str().unwrap();
    let path = format!("/api/content/posts?min_position={position}");
    assert_eq!(product.get(&path).await.status, 200);
    let lane = {
        let waited = product.reads.waited.lock().unwrap();
        let (positions, at_most) = waited.last().unwrap();
        assert_eq!((positions.len(), *at_most), (1, Duration::from_secs(5)));
        assert_eq!(product.topics.name(positions[0].0.topic), "content.events");
        positions[0].0
    };
    *product.reads.behind.lock().unwrap() = Some(vec![(lane, 1)]);
    let heard = product.ask("GET", &path, &[("prefer", "wait=2")], "").await;
    assert_eq!(heard.problem(), (503, "not_yet".into()));
    assert_eq!(heard.header("retry-after"), "1");
    assert!(heard.json()["reached"].is_string());
    assert_eq!(product.reads.waited.lock().unwrap().last().unwrap().1, Duration::from_secs(2));
}

#[tokio::test]
async fn without_a_read_database_queries_fail_and_say_nothing_of_it() {
    let product = product();
    *product.reads.down.lock().unwrap() = true;
    let heard = product.get("/api/content/posts").await;
    assert_eq!(heard.problem(), (503, "read_model_unavailable".into()));
    assert!(!heard.text.contains("10.1.2.3"));
    assert_eq!(product.post("/api/content/posts", &json!({ "body": "x" })).await.status, 201);
}

#[tokio::test]
async fn a_fixed_list_is_the_same_for_everybody() {
    let product = product();
    let heard = product.get("/api/social/platforms").await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    assert!(heard.text.contains("bluesky"));
    let etag = heard.header("etag").to_owned();
    let again = product.ask("GET", "/api/social/platforms", &[("if-none-match", &etag)], "").await;
    assert_eq!(again.status, 304);
    assert_eq!(
        product.get("/api/social/platforms?x=1").await.problem(),
        (400, "bad_parameter".into())
    );
}
