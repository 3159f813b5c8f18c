//! Sagas over HTTP: lists, groups, one with all that is known of it, types, live. Not what operators do.

use std::time::Duration;

use domain::Row;
use domain::query::Condition;
use expect_test::expect;
use orchestrator::{Instance, SagaRow};
use projector::{LaneLag, Whose, row_json};
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use uuid::Uuid;

use crate::saga_kit::{begun, in_doubt, stream};
use crate::support::{Product, product};

/// A row in the read store that changed at this time.
fn put(product: &Product, n: u128, last_at: domain::Timestamp, version: u64) {
    let mut is = Instance::default();
    (is.started_at, is.last_at) = (last_at, last_at);
    let row = SagaRow::of(Uuid::from_u128(n), stream(n).to_string(), "local".into(), is);
    let mut row = row_json(SagaRow::COLUMNS, &row.into_values());
    row.insert("version".into(), version.into());
    let mut rows = product.reads.rows.lock().unwrap();
    rows.retain(|(_, id, _)| *id != Uuid::from_u128(n));
    rows.push((row, Uuid::from_u128(n), version));
}

fn now() -> domain::Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    domain::Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

#[tokio::test]
async fn a_list_is_asked_by_a_filter_and_tells_why() {
    let product = product();
    for n in 1..=3 {
        put(&product, n, now(), 7);
    }
    let path = "/api/sagas?filter=state:waiting%20age%3C2h%20sort:-risk&limit=2";
    let first = product.get(path).await.json();
    let row = &first["items"][0];
    assert_eq!(row["stream"], stream(1).to_string());
    assert_eq!((&row["revision"], &row["state"]), (&json!(7), &json!("waiting")));
    assert_eq!(row["why"], "It has not been started.");
    assert_eq!(
        (&row["instance"], &row["version"], &row["plan"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let next = first["next_cursor"].as_str().unwrap();
    let second = product.get(&format!("{path}&after={next}")).await.json();
    assert_eq!(
        (second["items"].as_array().unwrap().len(), &second["next_cursor"]),
        (1, &Value::Null)
    );
    let other = format!("/api/sagas?filter=state:done&after={next}");
    assert_eq!(product.get(&other).await.problem(), (400, "bad_cursor".into()));
    let asked = product.reads.asked.lock().unwrap();
    assert!(asked.iter().all(|query| {
        let terms = matches!(&query.only, Condition::All(all) if all.len() == 2);
        terms
            && (query.sort, query.descending) == ("at_risk", true)
            && matches!(&query.whose, Whose::Tenant(tenant) if tenant.as_str() == "local")
    }));
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused_with_its_place() {
    let product = product();
    let heard = product.get("/api/sagas?filter=state:parked%20age%3Esoon").await;
    assert_eq!(heard.problem(), (400, "bad_filter".into()));
    let body = heard.json();
    assert_eq!((&body["at"], &body["found"]), (&json!(18), &json!("`soon`")));
    assert!(body["possible"].as_str().unwrap().contains("90s"), "{body}");
    assert_eq!(product.get("/api/sagas?state=parked").await.problem().1, "bad_parameter");
}

#[tokio::test]
async fn a_filter_with_a_group_counts() {
    let product = product();
    let heard = product.get("/api/sagas?filter=state:parked%20group:error").await.json();
    expect![[r#"{"by":"error","groups":[{"at_risk":700,"count":3,"first_started_at":"1970-01-01T00:00:00.000017Z","last_at":"1970-01-01T00:00:00.000017Z","sample":"charge-7","value":"503 from payments"}]}"#]]
        .assert_eq(&heard.to_string());
    assert_eq!(product.reads.grouped.lock().unwrap()[0].by, ["failure"]);
}

#[tokio::test]
async fn a_list_waits_for_a_position() {
    let product = product();
    begun(&product, 1).await;
    let position =
        product.get(&format!("/api/sagas/{}", stream(1))).await.json()["position"].clone();
    let path = format!("/api/sagas?min_position={}", position.as_str().unwrap());
    assert_eq!(product.get(&path).await.status, 200);
    let waited = product.reads.waited.lock().unwrap();
    assert_eq!(product.topics.lane_name(waited[0].0[0].0).split('/').next(), Some("kit.sagas"));
}

#[tokio::test]
async fn one_saga_tells_all_that_is_known_of_it() {
    let product = product();
    in_doubt(&product, 1).await;
    let heard = product.get(&format!("/api/sagas/{}", stream(1))).await;
    let seen = heard.json();
    assert_eq!(heard.header("etag"), format!("\"{}\"", seen["revision"]));
    assert_eq!(
        seen["why"],
        "Parked at charge (in doubt): connection lost; asked whether it happened, the target cannot tell."
    );
    assert_eq!(
        (&seen["type"], &seen["step"], &seen["waits"]),
        (&json!("charge"), &json!("charge"), &json!("human"))
    );
    assert_eq!((&seen["at_risk"], &seen["currency"]), (&json!(500), &json!("EUR")));
    assert_eq!(seen["ledger"][0]["standing"], "unknown");
    assert_eq!((&seen["began_with"], &seen["knows"]), (&json!(["began"]), &json!(["began"])));
    let lines = seen["plan"]["lines"].as_array().unwrap();
    let names: Vec<_> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["charge", "confirm", "tell"]);
    let steps = seen["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    assert_eq!((&steps[0]["step"], &steps[0]["doubt"]), (&json!("charge"), &json!(true)));
    let may = |verb: &str, step: &str| {
        let actions = seen["actions"].as_array().unwrap();
        let action = actions.iter().find(|it| it["verb"] == verb && it["step"] == step).unwrap();
        action["why_not"].as_str().map(str::to_owned)
    };
    assert_eq!(
        (may("resolve", "charge"), may("skip", "charge"), may("hold", "")),
        (None, None, None)
    );
    assert_eq!(may("release", "").as_deref(), Some("nobody holds it"));
    let alone = product.get(&format!("/api/sagas/{}", Uuid::from_u128(1))).await;
    assert_eq!(alone.json()["stream"], seen["stream"]);
    let etag = heard.header("etag").to_owned();
    let path = format!("/api/sagas/{}", stream(1));
    assert_eq!(product.ask("GET", &path, &[("if-none-match", &etag)], "").await.status, 304);
}

#[tokio::test]
async fn what_is_no_saga_is_not_found() {
    let product = product();
    let post = product.draft().await;
    for other in ["charge-7", "nothing", &stream(9).to_string(), &format!("post-{post}"), &post] {
        let heard = product.get(&format!("/api/sagas/{other}")).await;
        assert_eq!(heard.problem(), (404, "not_found".into()), "{other}");
        let heard = product.get(&format!("/api/sagas/{other}/events")).await;
        assert_eq!(heard.problem(), (404, "not_found".into()), "{other}");
    }
}

#[tokio::test]
async fn the_events_of_a_saga_are_those_of_its_stream() {
    let product = product();
    begun(&product, 1).await;
    for path in
        [format!("/api/sagas/{}/events", stream(1)), format!("/api/streams/{}/events", stream(1))]
    {
        let events = product.get(&path).await.json();
        assert_eq!(events["items"][0]["type"], "saga.instance.started.v1", "{path}");
        assert_eq!(events["items"][0]["data"]["plan"], "charge", "{path}");
    }
}

#[tokio::test]
async fn the_types_tell_their_plans() {
    let product = product();
    let types = product.get("/api/sagas/types").await.json();
    let charge = &types["items"][0];
    assert_eq!((&charge["name"], &charge["version"]), (&json!("charge"), &json!(3)));
    assert_eq!(charge["lines"][0]["unknown"], "probe_then_park");
    assert!(charge["text"].as_str().unwrap().starts_with("charge 3\n"));
}

#[tokio::test]
async fn a_live_list_sends_each_change_once() {
    let product = product();
    put(&product, 2, now(), 1);
    let sse = ("accept", "text/event-stream");
    let response = product.send("GET", "/api/sagas?filter=state:waiting", &[sse], "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    let mut next = async || {
        let next = tokio::time::timeout(Duration::from_secs(20), body.next()).await.unwrap();
        String::from_utf8(next.unwrap().unwrap().into()).unwrap()
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let lane = product.topics.parse_lane("kit.sagas/2").unwrap();
    let moved =
        |seq| *product.reads.folded.lock().unwrap() = vec![LaneLag { lane, seq, events: 0, ms: 0 }];
    put(&product, 3, now(), 1);
    moved(7);
    let third = next().await;
    assert!(third.contains("event: saga\n") && third.contains(&stream(3).to_string()), "{third}");
    // Of a lane that lags: earlier than what was seen, and new all the same.
    put(&product, 4, now().plus_ms(-5_000), 1);
    moved(8);
    assert!(next().await.contains(&stream(4).to_string()));
    put(&product, 3, now(), 2);
    moved(9);
    let again = next().await;
    assert!(again.contains(&stream(3).to_string()) && again.contains("\"revision\":2"), "{again}");
    let id = third.lines().next().unwrap().strip_prefix("id: ").unwrap();
    let headers = [sse, ("last-event-id", id)];
    let resumed = product.send("GET", "/api/sagas", &headers, "").await;
    let first = resumed.into_body().into_data_stream().next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains(&stream(3).to_string()));
}
