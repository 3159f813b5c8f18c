//! Connections to the read database; not its tables.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

/// Folding: more connections than cores do not fold faster, and lanes take turns in milliseconds.
const WRITERS: u32 = 8;
/// Queries of the API and the console.
const READERS: u32 = 16;
/// A lane that gets no connection for so long reports that it waits, and tries again.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);
/// A query that gets no connection for so long is answered with 503.
const READER_PATIENCE: Duration = Duration::from_secs(2);

/// Two pools of one database, so that folding never starves queries, nor queries the folding.
#[derive(Debug, Clone)]
pub struct Pools {
    /// For the row sink.
    pub(crate) write: PgPool,
    /// For the read store.
    pub(crate) read: PgPool,
}

/// The URL of the database is not one.
#[derive(Debug, thiserror::Error)]
#[error("URL of the read database cannot be used: {0}; write postgres://user@host/database")]
pub struct ConnectError(String);

impl Pools {
    /// Pools for this URL (`DATABASE_URL`, or the one of the private server). Nothing is connected
    /// yet: the database may come up later, go and come back.
    pub fn new(url: &str) -> Result<Self, ConnectError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| ConnectError(error.to_string()))?
            .application_name("recount")
            .disable_statement_logging();
        let write = options.clone().options([
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            // A transaction whose client is silent holds a lane: let it go.
            ("idle_in_transaction_session_timeout", "15s"),
            ("default_transaction_isolation", "read committed"),
            // ROLLBACK outside of a transaction is what every release does.
            ("client_min_messages", "error"),
        ]);
        let read = options.options([
            ("statement_timeout", "5s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "15s"),
            ("default_transaction_read_only", "on"),
            ("client_min_messages", "error"),
        ]);
        Ok(Self {
            write: pool(WRITERS, WRITER_PATIENCE).connect_lazy_with(write),
            read: pool(READERS, READER_PATIENCE).connect_lazy_with(read),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), String> {
        let pool = self.read.clone();
        let asked = tokio::spawn(async move { pool.acquire().await?.ping().await });
        match asked.await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(panic) => Err(panic.to_string()),
        }
    }

    /// Closes all connections; transactions under way are rolled back.
    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}

/// A cancelled `BEGIN` of sqlx 0.9 can leave a transaction open in the pool: no connection comes back
/// without a rollback.
fn pool(most: u32, patience: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(patience)
        .idle_timeout(Duration::from_mins(10))
        .after_release(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql("ROLLBACK").execute(connection).await?;
                Ok(true)
            })
        })
}
