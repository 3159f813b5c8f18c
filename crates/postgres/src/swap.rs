//! From one table of a projection to the next: in one transaction readers see the one or the other.

use std::collections::HashMap;

use projector::{Generation, SinkError, Table};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};

use crate::ddl::{Names, create_view};
use crate::error::Fault;
use crate::sink::{bind_table, generations, open};

/// Makes `table` live if it has reached the live one; else `false`.
pub(crate) async fn publish(pool: PgPool, table: Table) -> Result<bool, Fault> {
    let mut tx = open(&pool).await?;
    let Some((live, building)) = generations(&mut tx, table.projection).await? else {
        return Err(Fault(SinkError::Broken(format!("{} has no live table", table.name))));
    };
    if live == table.generation() {
        return Ok(true);
    }
    if building != Some(table.generation()) {
        return Err(Fault(SinkError::Broken(format!(
            "{} is not being built any more",
            table.name
        ))));
    }
    let old = Table { revision: live.revision, build: live.build, ..table.clone() };
    if !reached(&mut tx, &old, &table).await? {
        return Ok(false);
    }
    let names = Names::of(&table);
    let view = format!("DROP VIEW IF EXISTS {};\n{}", names.view, create_view(&table, &names));
    sqlx::raw_sql(AssertSqlSafe(view)).execute(&mut *tx).await?;
    let note = "UPDATE recount.revision SET revision = $2, build = $3, next_revision = NULL, \
                next_build = NULL, since = now() WHERE projection = $1";
    bind_table(sqlx::query(note), &table).execute(&mut *tx).await?;
    forget(&mut tx, &table, live).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whether the new table is as far as the old one on every lane; holds both where they are.
async fn reached(tx: &mut PgConnection, old: &Table, new: &Table) -> Result<bool, Fault> {
    // Both in one statement and one order: two locks taken in turn could meet another's.
    let sql = "SELECT revision = $2 AND build = $3, topic, lane, seq FROM recount.checkpoint \
               WHERE projection = $1 AND (revision, build) IN (($2, $3), ($4, $5)) \
               ORDER BY revision, build, topic, lane FOR UPDATE";
    let query = sqlx::query_as(sql)
        .bind(old.projection)
        .bind(i32::try_from(old.revision).unwrap_or(i32::MAX))
        .bind(i32::try_from(old.build).unwrap_or(i32::MAX))
        .bind(i32::try_from(new.revision).unwrap_or(i32::MAX))
        .bind(i32::try_from(new.build).unwrap_or(i32::MAX));
    let rows: Vec<(bool, String, i32, i64)> = query.fetch_all(tx).await?;
    let (olds, news): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.0);
    let at: HashMap<_, _> =
        news.into_iter().map(|(_, topic, lane, seq)| ((topic, lane), seq)).collect();
    let is_there = |(_, topic, lane, seq): &(bool, String, i32, i64)| {
        at.get(&(topic.clone(), *lane)).copied().unwrap_or_default() >= *seq
    };
    Ok(olds.iter().all(is_there))
}

/// Drops a table that no longer answers, its checkpoints and its parked streams.
pub(crate) async fn forget(
    tx: &mut PgConnection,
    table: &Table,
    old: Generation,
) -> Result<(), Fault> {
    let gone = Table { revision: old.revision, build: old.build, ..table.clone() };
    for sql in [
        "DELETE FROM recount.checkpoint WHERE projection = $1 AND revision = $2 AND build = $3",
        "DELETE FROM recount.parked WHERE projection = $1 AND revision = $2 AND build = $3",
    ] {
        bind_table(sqlx::query(sql), &gone).execute(&mut *tx).await?;
    }
    let drop = format!("DROP TABLE IF EXISTS {}", Names::of(&gone).table);
    tx.execute(sqlx::raw_sql(AssertSqlSafe(drop))).await?;
    Ok(())
}
