//! The private PostgreSQL server: made, started, watched and stopped by Recount itself.
//!
//! Not a connection pool and not a place for tables: it ends at a URL that clients can use.
//!
//! What it promises:
//! - one directory holds everything; the server listens on a unix socket and never on TCP;
//! - the server never runs as root, and only the operating-system user who started Recount gets in;
//! - it stops with its parent, however the parent ends (a lifeline pipe, see [`process`]);
//! - a leftover of a `kill -9`, of either side, is found and ended by the next start;
//! - when it dies under us it is started again, with a growing pause between attempts.

mod binaries;
mod cluster;
mod error;
mod place;
mod process;
mod stale;
mod supervise;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub use error::StartError;

/// Role and database that Recount owns in its private server.
pub const NAME: &str = "recount";

/// What a private server needs to know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Home of the server: cluster, log, socket and lock live below it. Made when absent.
    pub data_dir: PathBuf,
    /// Directory of `initdb` and `postgres`; searched for when `None`.
    pub bin_dir: Option<PathBuf>,
    /// Settings that win over ours, as `postgres -c name=value` would take them.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// The usual options; the environment variable `PG_BIN` names the binaries' directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let bin_dir =
            std::env::var_os("PG_BIN").filter(|it: &OsString| !it.is_empty()).map(PathBuf::from);
        Self { data_dir: data_dir.into(), bin_dir, settings: Vec::new() }
    }
}

/// Where the server stands, for banners, `doctor` and readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Started, not yet taking connections (crash recovery may be running).
    Starting,
    /// Taking connections.
    Ready,
    /// It ended by itself and is being started again.
    Restarting {
        /// How it ended, with the last lines of its log.
        why: String,
    },
    /// Stopped on request; nothing will start it again.
    Stopped,
}

/// The directory of the server binaries that a new private server would use, for `doctor`.
pub fn find_binaries() -> Result<PathBuf, StartError> {
    let given = Options::new("").bin_dir;
    binaries::find(given.as_deref(), Path::new(""), None).map(|found| found.dir)
}

/// A running private server. Dropping it stops the server too, without waiting for the end.
#[derive(Debug)]
pub struct Server {
    url: String,
    log: PathBuf,
    state: watch::Receiver<State>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Prepares the directory on first use, ends what an earlier run left behind, starts the
    /// server and returns when it takes connections.
    ///
    /// Dropping the future stops whatever it had started.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let prepared = tokio::task::spawn_blocking(move || place::prepare(&options))
            .await
            .unwrap_or_else(|panic| Err(StartError::Internal { detail: panic.to_string() }))?;
        let prepared = Arc::new(prepared);
        let url = prepared.url();
        let log = prepared.log();
        let (publish, state) = watch::channel(State::Starting);
        let running = process::start(&prepared).await?;
        publish.send_replace(State::Ready);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(supervise::run(prepared, running, publish, stopped));
        Ok(Self { url, log, state, stop: Some(stop), task })
    }

    /// Connection URL for sqlx (and libpq): a unix socket, the role and database [`NAME`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's own log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Follows the server's state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Stops the server (open transactions are rolled back, everything else is checkpointed) and
    /// returns when it has ended.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens when the task has ended already.
            let _ = stop.send(());
        }
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the task that watches PostgreSQL ended badly");
        }
    }
}
