//! Schema `recount`: the engine's own tables, by version. `docs/formats/read-tables.md` says what
//! each field means. Not the tables of projections.

use projector::SinkError;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Fault;

/// The version this program writes; it can take any older one here.
const VERSION: i32 = 1;

/// Steps from one version to the next.
const STEPS: [&str; 1] = [r"
CREATE SCHEMA IF NOT EXISTS recount;
CREATE TABLE recount.meta (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version int NOT NULL,
    log uuid NOT NULL
);
CREATE TABLE recount.revision (
    projection text PRIMARY KEY,
    revision int NOT NULL,
    build int NOT NULL,
    next_revision int,
    next_build int,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE recount.checkpoint (
    projection text NOT NULL,
    revision int NOT NULL,
    build int NOT NULL,
    topic text NOT NULL,
    lane int NOT NULL,
    seq bigint NOT NULL,
    epoch bigint NOT NULL,
    head bytea NOT NULL,
    offset_hint bigint NOT NULL,
    owner uuid NOT NULL,
    owner_epoch bigint NOT NULL,
    PRIMARY KEY (projection, revision, build, topic, lane)
) WITH (fillfactor = 50);
CREATE TABLE recount.parked (
    projection text NOT NULL,
    revision int NOT NULL,
    build int NOT NULL,
    topic text NOT NULL,
    lane int NOT NULL,
    stream text NOT NULL,
    key uuid NOT NULL,
    version bigint NOT NULL,
    offset_hint bigint NOT NULL,
    held bigint NOT NULL,
    why text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (projection, revision, build, topic, lane, stream)
);
"];

/// The lock under which tables are made, so that processes that start together do not race.
pub(crate) const DDL_LOCK: i64 = 0x7265_636f_756e_7401;

/// Brings the schema to [`VERSION`], inside an open transaction.
pub(crate) async fn migrate(connection: &mut PgConnection, log: Uuid) -> Result<(), Fault> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(DDL_LOCK)
        .execute(&mut *connection)
        .await?;
    let there = "SELECT to_regclass('recount.meta') IS NOT NULL";
    let there: bool = sqlx::query_scalar(there).fetch_one(&mut *connection).await?;
    let mut version = 0;
    if there {
        let found: (i32, Uuid) = sqlx::query_as("SELECT version, log FROM recount.meta")
            .fetch_one(&mut *connection)
            .await?;
        version = found.0;
        check(version, found.1, log)?;
    }
    for step in STEPS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        sqlx::raw_sql(*step).execute(&mut *connection).await?;
    }
    if version < VERSION {
        let note = "INSERT INTO recount.meta (version, log) VALUES ($1, $2) \
                    ON CONFLICT (only_one) DO UPDATE SET version = $1";
        sqlx::query(note).bind(VERSION).bind(log).execute(&mut *connection).await?;
    }
    Ok(())
}

fn check(version: i32, found: Uuid, log: Uuid) -> Result<(), Fault> {
    if version > VERSION {
        return Err(Fault(SinkError::Broken(format!(
            "schema recount has version {version}, this program knows up to {VERSION}; \
             run the newer program, or drop the read database: it is built again from the log"
        ))));
    }
    if found != log {
        return Err(Fault(SinkError::Broken(format!(
            "the read tables belong to log {found}, this is log {log}; use another database, \
             or drop schema recount and the projections' schemas"
        ))));
    }
    Ok(())
}
