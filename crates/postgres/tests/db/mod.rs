//! What the tests of the read database share: one private server a test binary, a database a test,
//! and the table as the model sees it. No assertions about the sink itself.

#![allow(
    clippy::allow_attributes,
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "each test binary uses a part of it"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use log::Log;
use projector::{Handle, Projector, RowSink};
use recount_postgres::server::{Options, Server};
use recount_postgres::{PgSink, Pools};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{MemLog, registry};

/// Far above what anything takes, for a machine that does ten other things.
pub const LONG: Duration = Duration::from_mins(1);

/// A private server with a log beside it.
pub struct Db {
    pub dir: TempDir,
    pub server: Server,
    pub pools: Pools,
}

impl Db {
    pub async fn start() -> Self {
        Self::start_in(std::path::Path::new("/tmp")).await
    }

    pub async fn start_in(dir: &std::path::Path) -> Self {
        let dir = tempfile::Builder::new().prefix("rcpg-").tempdir_in(dir).unwrap();
        let server = Server::start(Options::new(dir.path())).await.unwrap();
        let pools = Pools::new(server.url()).unwrap();
        Self { dir, server, pools }
    }

    pub fn sink(&self, log: &MemLog) -> PgSink {
        PgSink::new(&self.pools, log.topics().clone())
    }

    pub fn projector(&self, log: &Arc<MemLog>, broken: bool) -> Handle {
        let sink: Arc<dyn RowSink> = Arc::new(self.sink(log));
        Projector::start(log.clone(), registry(broken), &sink)
    }

    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.server.url()).await.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connect().await;
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    pub fn postmaster(&self) -> Option<i32> {
        let file = self.dir.path().join("cluster").join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().next().and_then(|line| line.parse().ok())
    }

    pub async fn stop(self) {
        self.pools.close().await;
        self.server.stop().await;
    }
}

pub async fn all_folded(handle: &Handle, log: &MemLog) {
    for name in ["items", "buckets"] {
        if let Err(error) = handle.wait_for(name, &log.ends(), LONG).await {
            panic!("{error}: {:?}", handle.status());
        }
    }
}

pub type Items = BTreeMap<Uuid, (String, i64, u64, bool)>;

/// One snapshot of the live tables beside their checkpoints equals the model there. `Ok(false)`: the
/// database cannot be asked now.
pub async fn equals_model(url: &str, log: &MemLog) -> Result<bool, String> {
    let Ok(found) = snapshot(url, log).await else { return Ok(false) };
    let (items_at, items, buckets_at, buckets) = found;
    let wanted = log.items_at(&items_at, |_| false);
    if items != wanted {
        return Err(format!("at {items_at:?}\nfound {items:?}\nwanted {wanted:?}"));
    }
    let wanted = log.buckets_at(&buckets_at);
    if buckets != wanted {
        return Err(format!("at {buckets_at:?}\nfound {buckets:?}\nwanted {wanted:?}"));
    }
    Ok(true)
}

/// Compares the tables with the model once the database answers: it may be starting again.
pub async fn must_equal_model(url: &str, log: &MemLog) {
    let begun = std::time::Instant::now();
    while !equals_model(url, log).await.unwrap() {
        assert!(begun.elapsed() < LONG, "the database does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Compares the tables with the model, again and again.
pub struct Watcher {
    looks: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

/// Begins to compare.
pub fn watch(url: &str, log: &Arc<MemLog>) -> Watcher {
    let (looks, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let (url, log) = (url.to_owned(), log.clone());
    let (counted, stopped) = (looks.clone(), stop.clone());
    let task = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            if equals_model(&url, &log).await.unwrap() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    Watcher { looks, stop, task }
}

impl Watcher {
    /// How often tables were compared: not while the server is away.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Ends, and says how often it has compared.
    pub async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.looks.load(Ordering::Relaxed)
    }
}

type Positions = Vec<(domain::LaneId, u64)>;

async fn snapshot(
    url: &str,
    log: &MemLog,
) -> Result<(Positions, Items, Positions, BTreeMap<Uuid, i64>), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut connection).await?;
    // Names are looked up outside of any snapshot: this keeps a swap of tables out of ours.
    let hold = "SELECT projection FROM recount.revision FOR SHARE";
    sqlx::query(hold).execute(&mut connection).await?;
    let mut at = Vec::new();
    for projection in ["items", "buckets"] {
        let rows: Vec<(i32, i64)> = sqlx::query_as(
            "SELECT lane, seq FROM recount.checkpoint JOIN recount.revision \
             USING (projection, revision, build) WHERE projection = $1",
        )
        .bind(projection)
        .fetch_all(&mut connection)
        .await?;
        let lane =
            |index: i32| domain::LaneId { topic: log.shop(), index: u16::try_from(index).unwrap() };
        let positions =
            rows.into_iter().map(|(index, seq)| (lane(index), u64::try_from(seq).unwrap()));
        at.push(positions.collect::<Vec<_>>());
    }
    let items: Vec<(Uuid, String, i64, i64, bool)> =
        sqlx::query_as("SELECT item_id, name, count, stream_version, stale FROM shop.items")
            .fetch_all(&mut connection)
            .await?;
    let buckets: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT bucket, added FROM shop.buckets").fetch_all(&mut connection).await?;
    let items = items.into_iter().map(|(id, name, count, version, stale)| {
        (id, (name, count, u64::try_from(version).unwrap(), stale))
    });
    let buckets_at = at.pop().unwrap_or_default();
    Ok((at.pop().unwrap_or_default(), items.collect(), buckets_at, buckets.into_iter().collect()))
}
