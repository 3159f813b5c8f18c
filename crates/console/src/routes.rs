//! Which page answers where. Not the pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

use crate::backend::Backend;
use crate::cx::{Cx, Problem, Shell};
use crate::pages::{
    act, audit, event, go, help, log, overview, projections, pulse, saga, saga_orders, sagas,
    stream, streams,
};
use crate::{assets, live, secure};

/// The largest form is a reason of a few hundred characters.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// Every page of the console, to be nested at `/console`.
pub fn router(backend: Arc<dyn Backend>) -> Router {
    Router::new()
        .route("/", get(overview::get))
        .route("/go", get(go::get))
        .route("/streams", get(streams::get))
        .route("/streams/{id}", get(stream::get))
        .route("/pulse", get(pulse::get))
        .route("/sagas", get(sagas::get))
        .route("/sagas/{id}", get(saga::get))
        .route("/sagas/{id}/peek", get(sagas::peek))
        .route("/sagas/{id}/{verb}", get(saga_orders::ask).post(saga_orders::run))
        .route("/log", get(log::get))
        .route("/log/{topic}/{place}", get(event::get))
        .route("/projections", get(projections::list))
        .route("/projections/{name}", get(projections::one))
        .route("/projections/{name}/{act}", get(act::ask).post(act::run))
        .route("/audit", get(audit::get))
        .route("/audit/verify", post(audit::verify))
        .route("/audit/receipt.json", get(audit::receipt))
        .route("/help", get(help::get))
        .route("/prefs", post(help::set))
        .route("/live", get(live::get))
        .route("/assets/{name}", get(assets::serve))
        .fallback(missing)
        .with_state(Shell::new(backend))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn(secure::guard))
}

async fn missing(cx: Cx) -> axum::response::Response {
    let says = "There is no page at this address; the rail shows what there is.";
    cx.answer(Err(Problem::not_found(says))).await
}
