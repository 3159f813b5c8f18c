//! The pages as a client without a script gets them: what may be asked, what is refused, what is
//! text. Not what they look like: the browser test looks.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use domain::{ActorId, Principal, Role, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::demo::{Demo, Fact};
use crate::support::{HOSTILE, app, broken, get, post, send, strict};

const POST: Uuid = Uuid::from_u128(0x0190_e2a4_0000_7000_8000_0000_0000_0001);

fn drafted(demo: &Demo, title: &str) {
    let fact = Fact {
        topic: "content.events",
        category: "post",
        id: POST,
        verb: "drafted",
        actor: "ida",
        at: chrono::Utc::now().into(),
        json: json!({"title": title, title: title, "body": [title]}),
    };
    demo.append(&fact);
}

fn every_page() -> [String; 14] {
    let stream = format!("/console/streams/post-{POST}");
    [
        "/console".to_owned(),
        "/console/streams".to_owned(),
        stream.clone(),
        format!("{stream}?at=0"),
        format!("{stream}?at=1&vs=now"),
        format!("{stream}?at=2030-01-01T00:00:00Z"),
        "/console/log".to_owned(),
        "/console/log/content.events/1@1".to_owned(),
        "/console/projections".to_owned(),
        "/console/projections/posts".to_owned(),
        "/console/projections/posts/rebuild".to_owned(),
        "/console/projections/posts/pause".to_owned(),
        "/console/audit".to_owned(),
        "/console/help".to_owned(),
    ]
}

#[tokio::test]
async fn every_page_answers_with_one_heading_a_sentence_and_strict_headers() {
    let demo = Demo::seeded();
    drafted(&demo, "hello");
    let app = app(demo, Principal::local_owner());
    for path in every_page() {
        let answer = get(&app, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.body.contains("class=\"lede\""), "{path}");
        strict(&answer, &path);
    }
}

#[tokio::test]
async fn whatever_an_event_holds_is_text() {
    for hostile in HOSTILE {
        let demo = Demo::empty();
        drafted(&demo, hostile);
        let app = app(demo, Principal::local_owner());
        let asked: String =
            hostile.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
        let mut pages = every_page().to_vec();
        pages.push(format!("/console/log?q={asked}"));
        pages.push(format!("/console/streams?q={asked}"));
        pages.push(format!("/console/go?id={asked}"));
        pages.push(format!("/console/streams/post-{POST}?at={asked}"));
        pages.push(format!("/console/projections/{asked}"));
        for path in pages {
            let body = get(&app, &path).await.body;
            assert_eq!(broken(&body), None, "{hostile:?} in {path}");
        }
    }
}

#[tokio::test]
async fn an_act_needs_a_page_of_this_origin_a_role_and_a_reason() {
    let app_of = |who| app(Demo::seeded(), who);
    let owner = app_of(Principal::local_owner());
    let path = "/console/projections/posts/rebuild";
    let reason = "reason=the+table+was+edited+by+hand";
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(post(&owner, path, reason, site).await.status, StatusCode::FORBIDDEN);
    }
    let short = post(&owner, path, "reason=why", "same-origin").await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("A reason of 8 to 500 characters is needed; this one has 3."));
    let viewer = Principal {
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("vera"),
        roles: vec![Role::Viewer],
    };
    let viewer = app_of(viewer);
    let refused = post(&viewer, path, reason, "same-origin").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("the role operator is needed"));
    assert!(get(&viewer, "/console/projections").await.body.contains("Role needed: operator"));
    let done = post(&owner, path, reason, "same-origin").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(done.headers[header::LOCATION], "/console/projections/posts?did=rebuild");
    let after = get(&owner, "/console/projections/posts?did=rebuild").await.body;
    assert!(after.contains("The rebuild was started.") && after.contains("building"));
}

#[tokio::test]
async fn nobody_in_particular_sees_nothing() {
    let app = Router::new().nest("/console", console::router(Arc::new(Demo::seeded())));
    let answer = get(&app, "/console").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!answer.body.contains("Autumn"));
}

#[tokio::test]
async fn any_id_lands_on_what_it_means() {
    let demo = Demo::empty();
    drafted(&demo, "hello");
    let app = app(demo, Principal::local_owner());
    let stream = format!("/console/streams/post-{POST}");
    for (id, lands) in [
        (format!("post-{POST}"), stream.clone()),
        (POST.to_string(), stream.clone()),
        ("content.events/1@1".to_owned(), format!("{stream}?at=1")),
    ] {
        let answer = get(&app, &format!("/console/go?id={id}")).await;
        assert_eq!(answer.headers[header::LOCATION], lands, "{id}");
    }
    let nothing = get(&app, "/console/go?id=nothing").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(nothing.body.contains("Nothing has this id."));
}

#[tokio::test]
async fn a_file_is_kept_for_a_year_by_its_version_and_checked_by_its_tag() {
    let app = app(Demo::empty(), Principal::local_owner());
    let page = get(&app, "/console").await.body;
    let from = page.find("/console/assets/console.css").unwrap();
    let url: String = page[from..].chars().take_while(|c| *c != '"').collect();
    let pinned = get(&app, &url).await;
    assert_eq!(pinned.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(pinned.headers["content-type"], "text/css; charset=utf-8");
    let tag = pinned.headers[header::ETAG].clone();
    let again = Request::get("/console/assets/console.css").header(header::IF_NONE_MATCH, tag);
    let again = send(&app, again.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(again.headers["cache-control"], "no-cache");
    assert_eq!(get(&app, "/console/assets/../Cargo.toml").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_verification_runs_and_leaves_a_receipt() {
    let app = app(Demo::seeded(), Principal::local_owner());
    assert!(
        get(&app, "/console/audit").await.body.contains("Not verified since this process started.")
    );
    let begun = post(&app, "/console/audit/verify", "", "same-origin").await;
    assert_eq!(begun.headers[header::LOCATION], "/console/audit");
    let running = get(&app, "/console/audit").await.body;
    assert!(running.contains("Being verified:") && running.contains("http-equiv=\"refresh\""));
    assert_eq!(get(&app, "/console/audit/receipt.json").await.status, StatusCode::NOT_FOUND);
    tokio::time::sleep(std::time::Duration::from_millis(2_600)).await;
    assert!(get(&app, "/console/audit").await.body.contains("The history is whole."));
    let receipt = get(&app, "/console/audit/receipt.json").await;
    let read: serde_json::Value = serde_json::from_str(&receipt.body).unwrap();
    assert_eq!(read["lanes"].as_array().map(Vec::len), Some(32));
    assert_eq!(read["lanes"][0]["verdict"], "whole");
}
