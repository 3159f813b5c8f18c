//! The console over a product in memory, to look at the pages: `cargo run --release -p console
//! --example demo`. Not the product: it forgets everything when it stops.

#[path = "../demo/mod.rs"]
mod demo;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{Extension, Json, Router};
use demo::{Demo, Fact};
use domain::Principal;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let demo = Arc::new(Demo::seeded());
    let posts = Router::new()
        .route("/api/content/posts", post(draft))
        .route("/api/content/posts/{id}", put(edit).delete(withdraw))
        .route("/api/content/posts/{id}/schedule", post(schedule))
        .route("/api/social/publish", post(publish))
        .with_state(Arc::clone(&demo));
    let app = Router::new()
        .nest("/console", console::router(demo))
        .merge(posts)
        .layer(Extension(Principal::local_owner()));
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7_071_u16);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("http://{}/console", listener.local_addr()?);
    axum::serve(listener, app).await
}

type Answer = (StatusCode, Json<Value>);

fn say(demo: &Demo, id: Uuid, verb: &str, json: Value) -> Json<Value> {
    let at = chrono::Utc::now().into();
    let topic = "content.events";
    let fact = Fact { topic, category: "post", id, verb, actor: "owner", at, json };
    let head = demo.append(&fact);
    Json(json!({"id": id, "stream": head.meta.stream, "version": head.meta.version}))
}

async fn draft(State(demo): State<Arc<Demo>>, Json(body): Json<Value>) -> Answer {
    (StatusCode::CREATED, say(&demo, Uuid::now_v7(), "drafted", body))
}

async fn edit(
    State(demo): State<Arc<Demo>>,
    Path(id): Path<Uuid>,
    Json(body): Json<Value>,
) -> Json<Value> {
    say(&demo, id, "edited", body)
}

async fn schedule(
    State(demo): State<Arc<Demo>>,
    Path(id): Path<Uuid>,
    Json(body): Json<Value>,
) -> Json<Value> {
    say(&demo, id, "scheduled", body)
}

async fn publish(State(demo): State<Arc<Demo>>, Json(body): Json<Value>) -> Answer {
    let platforms = body["platforms"].as_array().cloned().unwrap_or_default();
    let platforms: Vec<&str> = platforms.iter().filter_map(Value::as_str).collect();
    let boost = body["boost"]["minor"].as_i64().unwrap_or(0);
    let stream = demo.publish(demo::sagas::state(99, boost, &platforms));
    (StatusCode::CREATED, Json(json!({"id": stream.id(), "stream": stream})))
}

async fn withdraw(State(demo): State<Arc<Demo>>, Path(id): Path<Uuid>) -> Json<Value> {
    say(&demo, id, "withdrawn", json!({"reason": "withdrawn by its author"}))
}
