//! One transaction of the row sink. It lives in a task of its own that is never dropped: who asks may
//! go away at any await, the task then rolls back and hands the connection back clean.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::LaneId;
use projector::{Changes, Checkpoint, RowTx, SinkError, StoredRow, Table};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Postgres};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::ddl::{Names, columns, ident};
use crate::error::{Fault, sink};
use crate::rows::{Statement, bind_rows, int, put_sql, stored, time};
use crate::sink::Of;

type Rows = HashMap<Uuid, StoredRow>;

enum Ask {
    Load(Vec<Uuid>, bool, oneshot::Sender<Result<Rows, SinkError>>),
    Commit(Box<Changes>, oneshot::Sender<Result<(), SinkError>>),
}

/// The caller's end.
pub(crate) struct Tx(mpsc::Sender<Ask>);

/// What a transaction is for.
pub(crate) struct Move {
    pub(crate) table: Table,
    pub(crate) lane: LaneId,
    pub(crate) topic: String,
    pub(crate) owner: Uuid,
    pub(crate) expected: Option<Checkpoint>,
    pub(crate) next: Checkpoint,
}

impl Move {
    fn of(&self) -> Of<'_> {
        Of { table: &self.table, topic: &self.topic, lane: i32::from(self.lane.index) }
    }
}

fn gone<T>(_: T) -> SinkError {
    SinkError::Unavailable("database task has ended".to_owned())
}

/// Starts the task; returns when the checkpoint has been moved inside the transaction.
pub(crate) async fn begin(pool: sqlx::PgPool, to: Move) -> Result<Tx, SinkError> {
    let (asks, asked) = mpsc::channel(1);
    let (answer, answered) = oneshot::channel();
    tokio::spawn(async move {
        let mut connection = match pool.acquire().await {
            Ok(connection) => connection,
            Err(error) => return drop(answer.send(Err(sink(&error)))),
        };
        let begun = open(&mut connection, &to).await;
        let stands = begun.is_ok();
        if answer.send(begun.map_err(|Fault(error)| error)).is_ok() && stands {
            serve(connection, &to, asked).await;
        } else {
            roll_back(connection).await;
        }
    });
    answered.await.map_err(gone)?.map(|()| Tx(asks))
}

async fn open(connection: &mut PoolConnection<Postgres>, to: &Move) -> Result<(), Fault> {
    sqlx::raw_sql("BEGIN").execute(&mut **connection).await?;
    let query = sqlx::query(
        "UPDATE recount.checkpoint SET seq = $6, epoch = $7, head = $8, offset_hint = $9 \
         WHERE projection = $1 AND revision = $2 AND build = $3 AND topic = $4 AND lane = $5 \
         AND seq = $10 AND owner = $11",
    );
    let moved = to
        .of()
        .bind(query)
        .bind(int(to.next.seq))
        .bind(int(to.next.epoch))
        .bind(to.next.head.0.to_vec())
        .bind(int(to.next.offset_hint))
        .bind(int(to.expected.map_or(0, |at| at.seq)))
        .bind(to.owner)
        .execute(&mut **connection)
        .await?;
    if moved.rows_affected() == 0 {
        return Err(Fault(SinkError::Lost { projection: to.table.projection }));
    }
    Ok(())
}

async fn serve(
    mut connection: PoolConnection<Postgres>,
    to: &Move,
    mut asked: mpsc::Receiver<Ask>,
) {
    while let Some(ask) = asked.recv().await {
        match ask {
            Ask::Load(keys, shared, answer) => {
                let rows = load(&mut connection, &to.table, keys, shared).await;
                let failed = rows.is_err();
                let heard = answer.send(rows.map_err(|Fault(error)| error)).is_ok();
                if failed || !heard {
                    break;
                }
            }
            Ask::Commit(changes, answer) => {
                let written = write(&mut connection, to, &changes).await;
                if let Err(Fault(error)) = written {
                    roll_back(connection).await;
                    drop(answer.send(Err(error)));
                    return;
                }
                let done = sqlx::raw_sql("COMMIT").execute(&mut *connection).await;
                let failed = done.is_err();
                drop(answer.send(done.map(drop).map_err(|error| sink(&error))));
                if failed {
                    break;
                }
                return;
            }
        }
    }
    roll_back(connection).await;
}

/// A connection that cannot even do this is not handed back.
async fn roll_back(mut connection: PoolConnection<Postgres>) {
    if sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.is_err() {
        connection.close_on_drop();
    }
}

async fn load(
    connection: &mut PoolConnection<Postgres>,
    table: &Table,
    keys: Vec<Uuid>,
    shared: bool,
) -> Result<Rows, Fault> {
    let names = Names::of(table);
    // One lock a table, not one a key: keys would fill the server's lock table. Own rows take it
    // together; a row may be one stream's own and another's shared one, so nobody goes without.
    let lock = if shared {
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
    } else {
        "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))"
    };
    sqlx::query(lock).bind(&names.table).execute(&mut **connection).await?;
    let (columns, key) = (columns(table), ident(table.key));
    let sql = format!("SELECT {columns} FROM {} WHERE {key} = ANY($1)", names.table);
    let found = sqlx::query(AssertSqlSafe(sql)).bind(keys).fetch_all(&mut **connection).await?;
    let mut rows = Rows::with_capacity(found.len());
    for row in &found {
        let row = stored(table, row)?;
        rows.insert(row.key, row);
    }
    Ok(rows)
}

/// At most one statement a kind of change, however large the batch.
async fn write(
    connection: &mut PoolConnection<Postgres>,
    to: &Move,
    changes: &Changes,
) -> Result<(), Fault> {
    let names = Names::of(&to.table);
    if !changes.put.is_empty() {
        let query = sqlx::query(AssertSqlSafe(put_sql(&to.table)));
        bind_rows(query, &to.table, &changes.put)?.execute(&mut **connection).await?;
    }
    if !changes.remove.is_empty() {
        let sql = format!("DELETE FROM {} WHERE {} = ANY($1)", names.table, ident(to.table.key));
        let query = sqlx::query(AssertSqlSafe(sql)).bind(&changes.remove);
        query.execute(&mut **connection).await?;
    }
    if !changes.park.is_empty() {
        park(to, changes)?.execute(&mut **connection).await?;
    }
    if !changes.unpark.is_empty() {
        let streams: Vec<_> = changes.unpark.iter().map(ToString::to_string).collect();
        let query = sqlx::query(
            "DELETE FROM recount.parked WHERE projection = $1 AND revision = $2 AND build = $3 \
             AND topic = $4 AND lane = $5 AND stream = ANY($6)",
        );
        to.of().bind(query).bind(streams).execute(&mut **connection).await?;
    }
    Ok(())
}

fn park<'q>(to: &'q Move, changes: &Changes) -> Result<Statement<'q>, Fault> {
    let query = sqlx::query(
        "INSERT INTO recount.parked (projection, revision, build, topic, lane, \
         stream, key, version, offset_hint, held, why, since) \
         SELECT $1, $2, $3, $4, $5, u.* FROM UNNEST($6::text[], $7::uuid[], $8::bigint[], \
         $9::bigint[], $10::bigint[], $11::text[], $12::timestamptz[]) AS u \
         ON CONFLICT (projection, revision, build, topic, lane, stream) DO UPDATE SET \
         key = EXCLUDED.key, version = EXCLUDED.version, offset_hint = EXCLUDED.offset_hint, \
         held = EXCLUDED.held, why = EXCLUDED.why, since = EXCLUDED.since",
    );
    let all = &changes.park;
    let since: Result<Vec<_>, _> = all.iter().map(|it| time(it.since)).collect();
    Ok(to
        .of()
        .bind(query)
        .bind(all.iter().map(|it| it.stream.to_string()).collect::<Vec<_>>())
        .bind(all.iter().map(|it| it.key).collect::<Vec<_>>())
        .bind(all.iter().map(|it| int(it.version)).collect::<Vec<_>>())
        .bind(all.iter().map(|it| int(it.offset)).collect::<Vec<_>>())
        .bind(all.iter().map(|it| int(it.held)).collect::<Vec<_>>())
        .bind(all.iter().map(|it| it.why.replace('\0', "\u{fffd}")).collect::<Vec<_>>())
        .bind(since?))
}

#[async_trait]
impl RowTx for Tx {
    async fn load(&mut self, keys: &[Uuid], shared: bool) -> Result<Rows, SinkError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Ask::Load(keys.to_vec(), shared, answer)).await.map_err(gone)?;
        answered.await.map_err(gone)?
    }

    async fn commit(self: Box<Self>, changes: Changes) -> Result<(), SinkError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Ask::Commit(Box::new(changes), answer)).await.map_err(gone)?;
        answered.await.map_err(gone)?
    }
}
