//! Lists and groups of sagas, from the read model. Not live ones.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use domain::Value as Cell;
use domain::query::Condition;
use orchestrator::filter::{Filter, Wrong};
use projector::{Group, GroupQuery, ListQuery, Table, Whose, value_json};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{live, show};
use crate::asked::Asked;
use crate::codes;
use crate::parts::{Shared, accepts, now};
use crate::problem::{Answered, Problem};
use crate::query::cursor::{self, Question};
use crate::query::{self, LIMIT, params};
use crate::serve;

/// What was asked.
struct Asking {
    filter: Filter,
    limit: u16,
    after: Option<String>,
    min_position: Option<String>,
}

fn asking(uri: &Uri) -> Result<Asking, Problem> {
    let mut asking =
        Asking { filter: Filter::default(), limit: LIMIT, after: None, min_position: None };
    for (name, value) in params::pairs(uri.query())? {
        match &*name {
            "filter" => asking.filter = Filter::parse(&value).map_err(bad_filter)?,
            "limit" => asking.limit = params::limit(&value)?,
            "after" => asking.after = Some(value.into_owned()),
            "min_position" => asking.min_position = Some(value.into_owned()),
            name => {
                let known = "is unknown here; known: filter, limit, after, min_position";
                return Err(params::wrong(name, known));
            }
        }
    }
    Ok(asking)
}

fn bad_filter(wrong: Wrong) -> Problem {
    Problem::new(codes::BAD_FILTER, wrong.to_string())
        .with("at", wrong.at)
        .with("found", wrong.found)
        .with("possible", wrong.possible)
}

/// Sagas that pass a filter.
pub(crate) async fn sagas(
    edge: Arc<Shared>,
    table: Arc<Table>,
    asked: Asked,
    request: Request,
) -> Answered {
    let (parts, _) = request.into_parts();
    let Asking { filter, limit, after, min_position } = asking(&parts.uri)?;
    let tenant = &asked.principal.tenant;
    if accepts(&parts.headers, "text/event-stream") {
        return live::open(&edge, &table, tenant, filter, &parts.headers);
    }
    query::reach(&edge, table.projection, min_position.as_deref(), &parts.headers).await?;
    let (at, whose) = (now(), Whose::Tenant(tenant.clone()));
    let only = filter.condition(at);
    let body = if let Some(group) = filter.group {
        let by = vec![group.column()];
        let groups = groups(&edge, &table, whose, only, by, limit).await?;
        json!({ "by": group.as_str(), "groups": groups })
    } else {
        let (sort, descending) = filter.order();
        let question = Question::of(&[table.name, tenant.as_str(), &filter.to_string()]);
        let after = after.map(|text| cursor::read(question, &text)).transpose()?;
        let query = ListQuery { whose, only, sort, descending, after, limit };
        let page = edge.reads.list(&table, &query).await;
        let page = page.map_err(|error| query::read_problem(&edge, &error))?;
        let next: Option<(Cell, Uuid)> = page.next;
        let next = next.and_then(|(value, key)| cursor::write(question, &value, key));
        let items: Vec<_> = page.items.into_iter().map(|row| show::row(row, at)).collect();
        json!({ "items": items, "next_cursor": next })
    };
    Ok(serve::json(StatusCode::OK, body.to_string().into_bytes()))
}

async fn groups(
    edge: &Shared,
    table: &Table,
    whose: Whose,
    only: Condition,
    by: Vec<&'static str>,
    limit: u16,
) -> Result<Vec<Value>, Problem> {
    let (between, sum, sample) = (("started_at", "last_at"), "at_risk", "stream");
    let query = GroupQuery { whose, only, by, between, sum, sample, limit };
    let groups = edge.reads.groups(table, &query).await;
    let groups = groups.map_err(|error| query::read_problem(edge, &error))?;
    let one = |group: Group| {
        json!({
            "value": group.by.first().map(value_json),
            "count": group.count,
            "first_started_at": group.first,
            "last_at": group.last,
            "at_risk": group.sum,
            "sample": group.sample,
        })
    };
    Ok(groups.into_iter().map(one).collect())
}
