//! Live lists: a word whenever the read model has moved on. Not the rows: the reader asks for them
//! with the position it was told.

use std::sync::Arc;

use axum::extract::Request;
use domain::{LaneId, TenantId};
use serde_json::json;

use super::ListRoute;
use crate::feed::{self, Feed, Gone};
use crate::parts::Shared;
use crate::position;
use crate::problem::Answered;

/// Opens a live list.
pub(crate) fn list(
    edge: &Arc<Shared>,
    route: &ListRoute,
    tenant: &TenantId,
    request: &Request,
) -> Answered {
    // The same parameters as for the list, so that a page can use one address for both.
    route.asking(tenant, request.uri())?;
    let resumed = feed::last_event_id(request.headers());
    let seen = resumed.map(|token| position::parse(&edge.topics, &token)).transpose()?;
    let projection = route.table.projection;
    feed::open(edge, move |edge, feed| follow(edge, feed, projection, seen))
}

async fn follow(
    edge: Arc<Shared>,
    mut feed: Feed,
    projection: &'static str,
    seen: Option<Vec<(LaneId, u64)>>,
) -> Result<(), Gone> {
    // Without a position the reader has just loaded the page: what stands now is known to it.
    let mut seen = seen.unwrap_or_else(|| folded(&edge, projection));
    loop {
        let now = folded(&edge, projection);
        if now != seen && !now.is_empty() {
            let token = position::token(&edge.topics, &now);
            let data = json!({ "projection": projection, "position": token });
            feed.event(&token, "changed", &data).await?;
            seen = now;
        }
        feed.rest(edge.options.look_again).await?;
    }
}

/// How far a projection is, lane by lane.
fn folded(edge: &Shared, projection: &str) -> Vec<(LaneId, u64)> {
    let status = edge.reads.status();
    let of = status.into_iter().find(|status| status.name == projection);
    let mut lanes: Vec<_> = of
        .map(|it| {
            it.lanes.into_iter().filter(|at| at.seq > 0).map(|at| (at.lane, at.seq)).collect()
        })
        .unwrap_or_default();
    lanes.sort_unstable();
    lanes
}
