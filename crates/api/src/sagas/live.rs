//! Sagas that pass a filter, live: each row again whenever it has changed. Not those that no longer
//! pass, and not those that pass by the mere passing of time: a reader that shows a list asks for it
//! again.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use domain::query::{Compare, Condition, Test};
use domain::{LaneId, TenantId, Timestamp, Value};
use orchestrator::filter::Filter;
use projector::{ListQuery, RowJson, Table, Whose};

use super::show;
use crate::feed::{self, Feed, Gone};
use crate::parts::{Shared, now};
use crate::problem::Answered;

/// How far behind the newest change of another lane a change may come to the read model, in
/// milliseconds: lanes are folded side by side, each with the time of its own log.
const LANES_APART_MS: i64 = 10_000;
/// Rows asked for at once.
const BATCH: u16 = 200;

/// What a reader follows.
struct Following {
    table: Table,
    tenant: TenantId,
    filter: Filter,
    /// Changes before it are known to the reader.
    begun: Timestamp,
    /// The latest change that was seen.
    since: Timestamp,
    /// Versions that were seen, of the rows that may come again, with the time of their change.
    sent: HashMap<String, (u64, Timestamp)>,
    /// Whether nothing was looked at yet.
    first: bool,
}

/// Opens a live list.
pub(crate) fn open(
    edge: &Arc<Shared>,
    table: &Table,
    tenant: &TenantId,
    filter: Filter,
    headers: &HeaderMap,
) -> Answered {
    // The `id` of an event is the time of the change, in microseconds; what is none is a new reader.
    let resumed = feed::last_event_id(headers).and_then(|id| id.parse().ok());
    let begun = resumed.map_or_else(now, Timestamp::from_micros);
    let (table, tenant, since) = (table.clone(), tenant.clone(), begun);
    let following =
        Following { table, tenant, filter, begun, since, sent: HashMap::new(), first: true };
    feed::open(edge, move |edge, feed| follow(edge, feed, following))
}

async fn follow(edge: Arc<Shared>, mut feed: Feed, mut it: Following) -> Result<(), Gone> {
    let mut seen = None;
    loop {
        let folded = folded(&edge, it.table.projection);
        if seen.as_ref() != Some(&folded) {
            // What cannot be read now is read the next time: `since` stays.
            if it.changes(&edge, &mut feed).await? {
                seen = Some(folded);
            }
        }
        feed.rest(edge.options.look_again).await?;
    }
}

impl Following {
    /// Sends what has changed; false: the read model does not answer, or there is more.
    async fn changes(&mut self, edge: &Shared, feed: &mut Feed) -> Result<bool, Gone> {
        let from = Value::Time(self.since.plus_ms(-LANES_APART_MS));
        let changed = Condition::Is(Compare { column: "last_at", test: Test::From, with: from });
        let mut query = ListQuery {
            whose: Whose::Tenant(self.tenant.clone()),
            only: Condition::All(vec![changed, self.filter.condition(now())]),
            sort: "last_at",
            descending: false,
            after: None,
            limit: BATCH,
        };
        loop {
            let Ok(page) = edge.reads.list(&self.table, &query).await else { return Ok(false) };
            for row in page.items {
                self.send(feed, row).await?;
            }
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        self.first = false;
        let old = self.since.plus_ms(-LANES_APART_MS);
        self.sent.retain(|_, (_, at)| *at >= old);
        Ok(true)
    }

    async fn send(&mut self, feed: &mut Feed, row: RowJson) -> Result<(), Gone> {
        let text = |name: &str| row.get(name).and_then(|it| it.as_str()).unwrap_or_default();
        let key = text("key").to_owned();
        let version = row.get("version").and_then(serde_json::Value::as_u64).unwrap_or_default();
        let at: Timestamp = text("last_at").parse().unwrap_or_default();
        // Before the reader came: it has loaded the page.
        let news = !self.first || at >= self.begun;
        let before = self.sent.insert(key, (version, at));
        if news && before.is_none_or(|(before, _)| before < version) {
            let id = at.max(self.since).as_micros().to_string();
            feed.event(&id, "saga", &show::row(row, now())).await?;
        }
        self.since = self.since.max(at);
        Ok(())
    }
}

/// How far the read model is, lane by lane.
fn folded(edge: &Shared, projection: &str) -> Vec<(LaneId, u64)> {
    let status = edge.reads.status().into_iter().find(|status| status.name == projection);
    let lanes = status.map(|status| status.lanes).unwrap_or_default();
    lanes.into_iter().map(|at| (at.lane, at.seq)).collect()
}
