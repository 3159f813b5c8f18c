//! Streams: their events as a list and live.

use std::time::Duration;

use api::{Authenticator, Options};
use axum::body::{Body, BodyDataStream};
use domain::LaneId;
use projector::LaneLag;
use serde_json::json;
use tokio_stream::StreamExt;

use crate::support::{Product, product, product_with};

const SSE: (&str, &str) = ("accept", "text/event-stream");

struct Reader(BodyDataStream);

impl Reader {
    fn of(body: Body) -> Self {
        Self(body.into_data_stream())
    }

    /// The next event or comment, as lines.
    async fn next(&mut self) -> Option<String> {
        let next =
            tokio::time::timeout(Duration::from_secs(40), self.0.next()).await.expect("in time");
        next.map(|bytes| String::from_utf8(bytes.unwrap().into()).unwrap())
    }
}

fn field<'a>(event: &'a str, name: &str) -> &'a str {
    event
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_else(|| panic!("{event}"))
}

async fn three_events(product: &Product) -> String {
    let id = product.draft().await;
    for body in ["second", "third"] {
        let path = format!("/api/content/posts/{id}");
        let heard = product.ask("PUT", &path, &[], &json!({ "body": body }).to_string()).await;
        assert_eq!(heard.status, 200, "{}", heard.text);
    }
    format!("/api/streams/post-{id}/events")
}

#[tokio::test]
async fn the_events_of_a_stream_are_read_in_pages() {
    let product = product();
    let path = three_events(&product).await;
    let first = product.get(&format!("{path}?limit=2")).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let first = first.json();
    assert_eq!(first["items"][0]["type"], "content.post.drafted.v1");
    assert_eq!(first["items"][0]["data"]["body"], "hello");
    assert_eq!(first["items"][0]["actor"], "owner");
    let next = first["next_cursor"].as_str().unwrap();
    let second = product.get(&format!("{path}?limit=2&after={next}")).await.json();
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!((&second["items"][0]["version"], &second["next_cursor"]), (&json!(3), &json!(null)));
    let all = product.get(&format!("{path}?limit=3")).await.json();
    assert!(all["next_cursor"].is_null(), "a page that holds the end has no next one");
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_not_found() {
    let product = product();
    let id = "0190e2a4-0000-7000-8000-000000000001";
    for stream in [format!("post-{id}"), format!("nothing-{id}"), "post".into(), "%00".into()] {
        let heard = product.get(&format!("/api/streams/{stream}/events")).await;
        assert_eq!(heard.problem(), (404, "not_found".into()), "{stream}");
    }
}

#[tokio::test]
async fn a_live_stream_goes_on_where_the_reader_left_off() {
    let product = product();
    let path = three_events(&product).await;
    let response = product.send("GET", &path, &[SSE], "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut reader = Reader::of(response.into_body());
    let mut ids = Vec::new();
    for (at, ty) in ["drafted", "edited", "edited"].iter().enumerate() {
        let event = reader.next().await.unwrap();
        assert_eq!(field(&event, "event"), format!("content.post.{ty}.v1"));
        let data: serde_json::Value = serde_json::from_str(field(&event, "data")).unwrap();
        assert_eq!(data["version"], at + 1);
        assert_eq!(data["position"], field(&event, "id"));
        ids.push(field(&event, "id").to_owned());
    }
    let id = path.split("post-").nth(1).unwrap().split('/').next().unwrap();
    product.ask("DELETE", &format!("/api/content/posts/{id}"), &[], "").await;
    let event = reader.next().await.unwrap();
    assert_eq!(field(&event, "event"), "content.post.withdrawn.v1");
    drop(reader);
    let resumed = product.send("GET", &path, &[SSE, ("last-event-id", &ids[1])], "").await;
    let event = Reader::of(resumed.into_body()).next().await.unwrap();
    assert_eq!(field(&event, "id"), ids[2]);
    let wrong = product.ask("GET", &path, &[SSE, ("last-event-id", "nonsense")], "").await;
    assert_eq!(wrong.problem(), (400, "bad_position".into()));
}

#[tokio::test]
async fn a_live_list_says_when_the_read_model_has_moved() {
    let product = product();
    let lane: LaneId = product.topics.parse_lane("content.events/2").unwrap();
    let response = product.send("GET", "/api/content/posts?state=draft", &[SSE], "").await;
    let mut reader = Reader::of(response.into_body());
    tokio::time::sleep(Duration::from_millis(50)).await;
    product.reads.folded.lock().unwrap().push(LaneLag { lane, seq: 7, events: 0, ms: 0 });
    let event = reader.next().await.unwrap();
    assert_eq!(field(&event, "event"), "changed");
    let data: serde_json::Value = serde_json::from_str(field(&event, "data")).unwrap();
    assert_eq!(
        (&data["projection"], &data["position"]),
        (&json!("posts"), &json!(field(&event, "id")))
    );
    let id = field(&event, "id").to_owned();
    product.reads.folded.lock().unwrap()[0].seq = 8;
    let resumed =
        product.send("GET", "/api/content/posts", &[SSE, ("last-event-id", &id)], "").await;
    let event = Reader::of(resumed.into_body()).next().await.unwrap();
    assert_ne!(field(&event, "id"), id);
}

#[tokio::test]
async fn a_quiet_connection_shows_signs_of_life_and_ends_with_the_node() {
    let options = Options { heartbeat: Duration::from_millis(30), ..Options::default() };
    let product = product_with(options, Authenticator::LocalOwner);
    let path = three_events(&product).await;
    let mut reader = Reader::of(product.send("GET", &path, &[SSE], "").await.into_body());
    for _ in 0..3 {
        reader.next().await.unwrap();
    }
    assert_eq!(reader.next().await.unwrap(), ": still here\n\n");
    product.edge.drain.begin();
    while reader.next().await.is_some() {}
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_dropped() {
    let quick = Duration::from_millis(5);
    let options =
        Options { heartbeat: quick, slow_reader: quick, live_max: 1, ..Options::default() };
    let product = product_with(options, Authenticator::LocalOwner);
    let path = three_events(&product).await;
    let idle = product.send("GET", &path, &[SSE], "").await;
    let full = product.ask("GET", &path, &[SSE], "").await;
    assert_eq!(full.problem(), (503, "too_many_live".into()));
    let mut freed = false;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        freed = product.send("GET", &path, &[SSE], "").await.status() == 200;
        if freed {
            break;
        }
    }
    assert!(freed, "the place of the reader that does not read becomes free");
    drop(idle);
}
