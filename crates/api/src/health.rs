//! Health and metrics. Not their making: the assembly tells.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::auth::Access;
use crate::codes;
use crate::edge::Mounts;
use crate::operation::Operation;
use crate::parts::Shared;
use crate::ports::{Condition, Part};
use crate::problem::{Answered, Problem};
use crate::serve;

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Mounts `/health...`.
pub(crate) fn mount(mounts: &mut Mounts) {
    let small = || json!({ "$ref": "#/components/schemas/Health" });
    let get = |path: &str, id: &str, summary: &str| {
        Operation::get(path, id, summary).tag("health").gives(
            200,
            "Well",
            "application/json",
            small(),
            &[],
        )
    };
    let operation = get("/health", "get_health", "Whether everything works");
    mounts.always(operation.fails(&[codes::NOT_READY]), |edge, _, _| async move { health(&edge) });
    let operation =
        get("/health/live", "get_live", "Whether the process runs; never fails on purpose");
    mounts.always(operation, |_, _, _| async { Ok(says("ok")) });
    let operation = get("/health/ready", "get_ready", "Whether commands are taken");
    mounts.always(operation.fails(&[codes::NOT_READY, codes::DRAINING]), |edge, _, _| async move {
        ready(&edge)?;
        Ok(says("ok"))
    });
    let operation =
        Operation::get("/health/detailed", "get_health_detailed", "How every part does")
            .tag("health")
            .access(Access::Operate)
            .gives(
                200,
                "Every part, failed ones too",
                "application/json",
                json!({ "$ref": "#/components/schemas/HealthDetailed" }),
                &[],
            );
    mounts.always(operation, |edge, _, _| async move { Ok(detailed(&edge)) });
}

/// Mounts `/metrics`.
pub(crate) fn mount_metrics(mounts: &mut Mounts) {
    let operation = Operation::get("/metrics", "get_metrics", "Metrics for Prometheus")
        .tag("health")
        .access(Access::Operate)
        .gives(200, "Text exposition format", "text/plain", json!({ "type": "string" }), &[]);
    mounts.always(operation, |edge, _, _| async move {
        let mut response = Response::new(Body::from((edge.metrics)()));
        let media = HeaderValue::from_static(PROMETHEUS);
        response.headers_mut().insert(header::CONTENT_TYPE, media);
        Ok(response)
    });
}

fn says(status: &str) -> Response {
    serve::json(StatusCode::OK, json!({ "status": status }).to_string().into_bytes())
}

fn ready(edge: &Shared) -> Result<(), Problem> {
    if *edge.draining.borrow() {
        return Err(Problem::new(codes::DRAINING, "the node is stopping").retry_after(2));
    }
    edge.health.ready().map_err(|why| Problem::new(codes::NOT_READY, why).retry_after(1))
}

fn health(edge: &Arc<Shared>) -> Answered {
    ready(edge)?;
    let parts = edge.health.parts();
    let worst = worst(&parts);
    if worst == Condition::Fail {
        let failed: Vec<_> = parts
            .iter()
            .filter(|it| it.condition == Condition::Fail)
            .map(|it| it.name.as_str())
            .collect();
        let detail = format!("{} does not work; /health/detailed says more", failed.join(", "));
        return Err(Problem::new(codes::NOT_READY, detail).retry_after(2));
    }
    Ok(says(worst.as_str()))
}

fn worst(parts: &[Part]) -> Condition {
    parts.iter().map(|it| it.condition).max().unwrap_or(Condition::Ok)
}

fn detailed(edge: &Shared) -> Response {
    let parts = edge.health.parts();
    let ready = ready(edge);
    let lines: Vec<Value> = parts
        .iter()
        .map(|it| json!({ "name": it.name, "status": it.condition.as_str(), "says": it.says, "figures": it.figures }))
        .collect();
    let status = if ready.is_err() { Condition::Fail } else { worst(&parts) };
    let body = json!({
        "status": status.as_str(),
        "ready": ready.is_ok(),
        "requests_running": edge.options.in_flight_max - edge.in_flight.available_permits(),
        "live_connections": edge.options.live_max - edge.live.available_permits(),
        "parts": lines,
    });
    serve::json(StatusCode::OK, body.to_string().into_bytes())
}
