//! The row sink: tables, owners and checkpoints of projections in PostgreSQL. Transactions are in
//! `tx`, the swap of tables in `swap`.

use async_trait::async_trait;
use domain::{LaneId, TopicId};
use log::{Head, Topics};
use projector::{
    Checkpoint, Generation, Parked, RowSink, RowTx, SinkError, Standing, Table, Taken,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use uuid::Uuid;

use crate::ddl::{Names, create_view, make};
use crate::error::{Fault, spawned};
use crate::migrate::migrate;
use crate::rows::{Statement, uint};
use crate::tx::{Move, begin};
use crate::{Pools, swap};

/// The row sink. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PgSink {
    pool: PgPool,
    topics: Topics,
}

/// A lane of a table, as the checkpoint knows it.
pub(crate) struct Of<'a> {
    pub(crate) table: &'a Table,
    pub(crate) topic: &'a str,
    pub(crate) lane: i32,
}

impl Of<'_> {
    /// Binds `$1..$5`.
    pub(crate) fn bind<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        bind_table(query, self.table).bind(self.topic.to_owned()).bind(self.lane)
    }
}

fn number(of: u32) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}

/// Binds `$1..$3`.
pub(crate) fn bind_table<'q>(query: Statement<'q>, table: &Table) -> Statement<'q> {
    query.bind(table.projection).bind(number(table.revision)).bind(number(table.build))
}

impl PgSink {
    /// A sink for the log with these topics.
    pub fn new(pools: &Pools, topics: Topics) -> Self {
        Self { pool: pools.write.clone(), topics }
    }

    fn topic(&self, lane: LaneId) -> String {
        self.topics.name(lane.topic).to_owned()
    }
}

fn plain<T>(done: Result<T, Fault>) -> Result<T, SinkError> {
    done.map_err(|Fault(error)| error)
}

/// Opens a transaction in a connection of its own. To be used inside a spawned task only.
pub(crate) async fn open(
    pool: &PgPool,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, Fault> {
    Ok(pool.begin().await?)
}

fn generation(row: &PgRow, at: usize) -> Result<Option<Generation>, sqlx::Error> {
    let of = |number: i32| u32::try_from(number).unwrap_or_default();
    let found = (row.try_get::<Option<i32>, _>(at)?, row.try_get::<Option<i32>, _>(at + 1)?);
    Ok(match found {
        (Some(revision), Some(build)) => {
            Some(Generation { revision: of(revision), build: of(build) })
        }
        _ => None,
    })
}

/// Which tables of a projection there are.
pub(crate) async fn generations(
    connection: &mut PgConnection,
    projection: &'static str,
) -> Result<Option<(Generation, Option<Generation>)>, Fault> {
    let sql = "SELECT revision, build, next_revision, next_build FROM recount.revision \
               WHERE projection = $1 FOR UPDATE";
    let found = sqlx::query(sql).bind(projection).fetch_optional(connection).await?;
    let Some(row) = found else { return Ok(None) };
    let missing = || Fault(SinkError::Broken(format!("live revision of {projection} is null")));
    Ok(Some((generation(&row, 0)?.ok_or_else(missing)?, generation(&row, 2)?)))
}

pub(crate) fn checkpoint(row: &PgRow) -> Result<Option<Checkpoint>, sqlx::Error> {
    let (seq, head): (i64, Vec<u8>) = (row.try_get("seq")?, row.try_get("head")?);
    if seq == 0 {
        return Ok(None);
    }
    let short = |_| sqlx::Error::Decode("head of a checkpoint is not 32 bytes".into());
    Ok(Some(Checkpoint {
        seq: uint(seq),
        epoch: uint(row.try_get("epoch")?),
        head: Head(head.try_into().map_err(short)?),
        offset_hint: uint(row.try_get("offset_hint")?),
    }))
}

fn parked(row: &PgRow) -> Result<Parked, Fault> {
    let stream: String = row.try_get("stream")?;
    let since: chrono::DateTime<chrono::Utc> = row.try_get("since")?;
    Ok(Parked {
        stream: stream.parse().map_err(|error| SinkError::Broken(format!("{error}")))?,
        key: row.try_get("key")?,
        version: uint(row.try_get("version")?),
        offset: uint(row.try_get("offset_hint")?),
        held: uint(row.try_get("held")?),
        why: row.try_get("why")?,
        since: since.into(),
    })
}

async fn prepare(pool: PgPool, log: Uuid, table: Table) -> Result<(), Fault> {
    let mut tx = open(&pool).await?;
    migrate(&mut tx, log).await?;
    make(&mut tx, &table).await?;
    let first = "INSERT INTO recount.revision (projection, revision, build) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING";
    bind_table(sqlx::query(first), &table).execute(&mut *tx).await?;
    let there = generations(&mut tx, table.projection).await?;
    let names = Names::of(&table);
    if let Some((live, building)) = there {
        if live == table.generation() {
            let view = "SELECT to_regclass($1) IS NOT NULL";
            let there: bool =
                sqlx::query_scalar(view).bind(&names.view).fetch_one(&mut *tx).await?;
            if !there {
                let sql = create_view(&table, &names);
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
            }
        } else if building != Some(table.generation()) {
            if let Some(old) = building {
                swap::forget(&mut tx, &table, old).await?;
            }
            let note = "UPDATE recount.revision SET next_revision = $2, next_build = $3 \
                        WHERE projection = $1";
            bind_table(sqlx::query(note), &table).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

async fn take(pool: PgPool, of: Move) -> Result<Taken, Fault> {
    let mut tx = open(&pool).await?;
    let lane = Of { table: &of.table, topic: &of.topic, lane: i32::from(of.lane.index) };
    // A table that is neither live nor being built must not come to life again.
    let query = sqlx::query(
        "INSERT INTO recount.checkpoint (projection, revision, build, topic, lane, \
         seq, epoch, head, offset_hint, owner, owner_epoch) \
         SELECT $1, $2, $3, $4, $5, 0, 0, ''::bytea, 0, $6, 1 FROM recount.revision \
         WHERE projection = $1 AND ((revision = $2 AND build = $3) \
         OR (next_revision = $2 AND next_build = $3)) \
         ON CONFLICT (projection, revision, build, topic, lane) \
         DO UPDATE SET owner = $6, owner_epoch = checkpoint.owner_epoch + 1 \
         RETURNING seq, epoch, head, offset_hint",
    );
    let found = lane.bind(query).bind(of.owner).fetch_optional(&mut *tx).await?;
    let Some(found) = found else {
        let (name, revision) = (of.table.name, of.table.revision);
        let why =
            format!("{name} is not at revision {revision} any more; another version folds it");
        return Err(Fault(SinkError::Broken(why)));
    };
    let query = sqlx::query(
        "SELECT stream, key, version, offset_hint, held, why, since FROM recount.parked WHERE \
         projection = $1 AND revision = $2 AND build = $3 AND topic = $4 AND lane = $5",
    );
    let rows = lane.bind(query).fetch_all(&mut *tx).await?;
    let parked: Result<Vec<_>, Fault> = rows.iter().map(parked).collect();
    let taken = Taken { checkpoint: checkpoint(&found)?, parked: parked? };
    tx.commit().await?;
    Ok(taken)
}

async fn standing(
    pool: PgPool,
    topics: Topics,
    projection: &'static str,
) -> Result<Option<Standing>, Fault> {
    let mut tx = open(&pool).await?;
    migrate(&mut tx, topics.log()).await?;
    let found = generations(&mut tx, projection).await?;
    let mut standing = None;
    if let Some((live, building)) = found {
        let sql = "SELECT topic, lane, seq FROM recount.checkpoint \
                   WHERE projection = $1 AND revision = $2 AND build = $3";
        let query = sqlx::query_as(sql).bind(projection);
        let query = query.bind(number(live.revision)).bind(number(live.build));
        let rows: Vec<(String, i32, i64)> = query.fetch_all(&mut *tx).await?;
        let positions = rows.iter().filter_map(|row| position(&topics, row)).collect();
        standing = Some(Standing { live, building, positions });
    }
    tx.commit().await?;
    Ok(standing)
}

/// A checkpoint's lane and seq; `None` for a topic that this log does not have.
pub(crate) fn position(topics: &Topics, row: &(String, i32, i64)) -> Option<(LaneId, u64)> {
    let topic: TopicId = topics.find(&row.0)?;
    Some((LaneId { topic, index: u16::try_from(row.1).ok()? }, uint(row.2)))
}

#[async_trait]
impl RowSink for PgSink {
    async fn standing(&self, projection: &'static str) -> Result<Option<Standing>, SinkError> {
        let (pool, topics) = (self.pool.clone(), self.topics.clone());
        plain(spawned(standing(pool, topics, projection)).await)
    }

    async fn prepare(&self, table: &Table) -> Result<(), SinkError> {
        plain(spawned(prepare(self.pool.clone(), self.topics.log(), table.clone())).await)
    }

    async fn take(&self, table: &Table, lane: LaneId, owner: Uuid) -> Result<Taken, SinkError> {
        let next = Checkpoint { seq: 0, epoch: 0, head: Head::default(), offset_hint: 0 };
        let (table, topic) = (table.clone(), self.topic(lane));
        let of = Move { table, lane, topic, owner, expected: None, next };
        plain(spawned(take(self.pool.clone(), of)).await)
    }

    async fn look(
        &self,
        table: &Table,
        lane: LaneId,
    ) -> Result<Option<(Option<Checkpoint>, Uuid)>, SinkError> {
        let (pool, topic, table) = (self.pool.clone(), self.topic(lane), table.clone());
        let looked = spawned(async move {
            // The lock waits for a transaction whose commit is under way.
            let query = sqlx::query(
                "SELECT seq, epoch, head, offset_hint, owner FROM recount.checkpoint \
                 WHERE projection = $1 AND revision = $2 AND build = $3 AND topic = $4 \
                 AND lane = $5 FOR UPDATE",
            );
            let of = Of { table: &table, topic: &topic, lane: i32::from(lane.index) };
            let mut connection = pool.acquire().await?;
            let found = of.bind(query).fetch_optional(&mut *connection).await?;
            found.map(|row| Ok((checkpoint(&row)?, row.try_get("owner")?))).transpose()
        });
        plain(looked.await)
    }

    async fn begin(
        &self,
        table: &Table,
        lane: LaneId,
        owner: Uuid,
        expected: Option<&Checkpoint>,
        next: &Checkpoint,
    ) -> Result<Box<dyn RowTx>, SinkError> {
        let (table, topic) = (table.clone(), self.topic(lane));
        let to = Move { table, lane, topic, owner, expected: expected.copied(), next: *next };
        Ok(Box::new(begin(self.pool.clone(), to).await?))
    }

    async fn publish(&self, table: &Table) -> Result<bool, SinkError> {
        plain(spawned(swap::publish(self.pool.clone(), table.clone())).await)
    }
}
