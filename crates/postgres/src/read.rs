//! Answers questions about read models from PostgreSQL. Columns come from the table's own list,
//! values are always bound, the tenant filters unless the question says "everybody".

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{ColumnType, LaneId, TenantId, Value};
use log::Topics;
use projector::{
    Group, GroupQuery, Handle, ListQuery, Page, ProjectionStatus, ReadError, ReadStore, RowJson,
    Table, row_json,
};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::Pools;
use crate::ask::{PAGE_MAX, group_sql, list_sql};
use crate::ddl::{Names, columns, ident};
use crate::error::{Unread, spawned};
use crate::rows::{Statement, time, uint, value, values};
use crate::sink::position;

/// How often a projector in another process is asked how far it is.
const POLL: Duration = Duration::from_millis(50);

/// The read store.
#[derive(Debug, Clone)]
pub struct PgReadStore {
    pool: PgPool,
    topics: Topics,
    local: Option<Handle>,
    /// When other processes fold too: the lanes that each projection reads.
    lanes: Option<BTreeMap<&'static str, Vec<LaneId>>>,
}

impl PgReadStore {
    /// A store over these pools. With the handle of a projector in this process, waiting for a
    /// position costs no query.
    pub fn new(pools: &Pools, topics: Topics, local: Option<Handle>) -> Self {
        Self { pool: pools.read.clone(), topics, local, lanes: None }
    }

    /// Other processes fold too: the database is asked how far a projection is, in all of these lanes,
    /// of which some may have no checkpoint yet.
    #[must_use]
    pub fn shared(self, lanes: BTreeMap<&'static str, Vec<LaneId>>) -> Self {
        Self { lanes: Some(lanes), ..self }
    }

    async fn fetch(&self, sql: String, binds: Vec<Value>) -> Result<Vec<PgRow>, ReadError> {
        let pool = self.pool.clone();
        let work = spawned(async move {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in binds {
                query = bind(query, value)?;
            }
            Ok::<_, Unread>(query.fetch_all(&pool).await?)
        });
        work.await.map_err(|Unread(error)| error)
    }

    async fn reached(&self, projection: &'static str) -> Result<Vec<(LaneId, u64)>, ReadError> {
        let pool = self.pool.clone();
        let work = spawned(async move {
            let sql = "SELECT c.topic, c.lane, c.seq FROM recount.checkpoint c \
                       JOIN recount.revision r USING (projection, revision, build) \
                       WHERE projection = $1";
            let rows: Vec<(String, i32, i64)> =
                sqlx::query_as(sql).bind(projection).fetch_all(&pool).await?;
            Ok::<_, Unread>(rows)
        });
        let rows = work.await.map_err(|Unread(error)| error)?;
        Ok(rows.iter().filter_map(|row| position(&self.topics, row)).collect())
    }
}

fn bind(query: Statement<'_>, value: Value) -> Result<Statement<'_>, sqlx::Error> {
    Ok(match value {
        Value::Null => query.bind(Option::<String>::None),
        Value::Text(text) => query.bind(text),
        Value::Uuid(id) => query.bind(id),
        Value::Int(number) => query.bind(number),
        Value::Bool(set) => query.bind(set),
        Value::Time(at) => query.bind(time(at)?),
        Value::Texts(all) => query.bind(all),
    })
}

/// A row as JSON: its columns, the version of its stream (what `If-Match` takes), and `stale` when its
/// stream is parked.
fn json(table: &Table, row: &PgRow) -> Result<RowJson, sqlx::Error> {
    let mut out = row_json(table.columns, &values(table, row)?);
    let version = uint(row.try_get(table.columns.len() + 1)?);
    out.insert("version".to_owned(), version.into());
    if row.try_get::<bool, _>(table.columns.len() + 2)? {
        out.insert("stale".to_owned(), serde_json::Value::Bool(true));
    }
    Ok(out)
}

/// A group as [`group_sql`] selects it.
fn group(table: &Table, query: &GroupQuery, row: &PgRow) -> Result<Group, sqlx::Error> {
    let ty = |name: &str| table.columns.iter().find(|column| column.name == name).map(|it| it.ty);
    let by = query.by.iter().enumerate();
    let by = by.map(|(at, name)| value(ty(name).unwrap_or(ColumnType::Text), row, at));
    let own = query.by.len();
    Ok(Group {
        by: by.collect::<Result<_, _>>()?,
        count: uint(row.try_get(own)?),
        first: row.try_get::<DateTime<Utc>, _>(own + 1)?.into(),
        last: row.try_get::<DateTime<Utc>, _>(own + 2)?.into(),
        sum: row.try_get::<Option<i64>, _>(own + 3)?.unwrap_or_default(),
        sample: row.try_get::<Option<String>, _>(own + 4)?.unwrap_or_default(),
    })
}

#[async_trait]
impl ReadStore for PgReadStore {
    async fn one(
        &self,
        table: &Table,
        tenant: &TenantId,
        key: Uuid,
    ) -> Result<Option<(RowJson, u64)>, ReadError> {
        let (columns, view, name) = (columns(table), Names::of(table).view, ident(table.key));
        let sql = format!("SELECT {columns} FROM {view} WHERE tenant_id = $1 AND {name} = $2");
        let binds = vec![Value::Text(tenant.as_str().to_owned()), Value::Uuid(key)];
        let rows = self.fetch(sql, binds).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let version = row.try_get(table.columns.len() + 1);
        let found = json(table, row).and_then(|json| Ok((json, uint(version?))));
        found.map(Some).map_err(|error| crate::error::read(&error))
    }

    async fn list(&self, table: &Table, query: &ListQuery) -> Result<Page, ReadError> {
        let (sql, binds) = list_sql(table, query)?;
        let mut rows = self.fetch(sql, binds).await?;
        let limit = usize::from(query.limit.clamp(1, PAGE_MAX));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let page = || -> Result<Page, sqlx::Error> {
            let items: Result<Vec<_>, _> = rows.iter().map(|row| json(table, row)).collect();
            let mut next = None;
            if let Some(last) = rows.last().filter(|_| more) {
                let values = values(table, last)?;
                let at = |name: &str| table.columns.iter().position(|column| column.name == name);
                let pick = |name: &str| at(name).and_then(|at| values.get(at).cloned());
                if let (Some(sort), Some(Value::Uuid(key))) = (pick(query.sort), pick(table.key)) {
                    next = Some((sort, key));
                }
            }
            Ok(Page { items: items?, next })
        };
        page().map_err(|error| crate::error::read(&error))
    }

    async fn groups(&self, table: &Table, query: &GroupQuery) -> Result<Vec<Group>, ReadError> {
        let (sql, binds) = group_sql(table, query)?;
        let rows = self.fetch(sql, binds).await?;
        let all: Result<Vec<_>, _> = rows.iter().map(|row| group(table, query, row)).collect();
        all.map_err(|error| crate::error::read(&error))
    }

    async fn wait_for(
        &self,
        projection: &'static str,
        positions: &[(LaneId, u64)],
        at_most: Duration,
    ) -> Result<(), ReadError> {
        if let (Some(local), None) = (&self.local, &self.lanes) {
            return local.wait_for(projection, positions, at_most).await;
        }
        let reads = self.lanes.as_ref().and_then(|lanes| lanes.get(projection));
        let deadline = tokio::time::Instant::now() + at_most;
        loop {
            let late = tokio::time::Instant::now() + POLL > deadline;
            match self.reached(projection).await {
                Ok(reached) => {
                    let at = |lane: LaneId| {
                        let found = reached.iter().find(|(it, _)| *it == lane).map(|(_, seq)| *seq);
                        let reads = reads.is_some_and(|reads| reads.contains(&lane));
                        found.or_else(|| reads.then_some(0))
                    };
                    if positions.iter().all(|(lane, seq)| at(*lane).is_none_or(|at| at >= *seq)) {
                        return Ok(());
                    }
                    if late {
                        return Err(ReadError::Behind { projection, reached });
                    }
                }
                // The database may be coming up, its tables may just be made.
                Err(error) if late => return Err(error),
                Err(_) => {}
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn status(&self) -> Vec<ProjectionStatus> {
        self.local.as_ref().map(Handle::status).unwrap_or_default()
    }
}
