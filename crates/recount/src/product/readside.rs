//! The read side: a PostgreSQL (private, or the one that is named) and the projections over it. It is
//! started behind everything else and tried again until it is there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use codec::Schemas;
use log::Log;
use postgres::server::Server;
use postgres::{PgReadStore, PgSink, Pools};
use projector::{Projector, Registry, RowSink};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::reads::{LateReads, ReadSide};
use crate::contexts;
use crate::data::DataDir;
use crate::settings::Settings;

/// Pause before the private server is tried again when it could not be started.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// The read side, starting or there.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Stops projections, then the private server.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.ok();
    }
}

/// What of the folding is this node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// All: there is no other node.
    All,
    /// What no other node folds; checkpoints say which.
    Some,
    /// Nothing: it reads what others fold.
    Reads,
}

/// Starts it.
pub(crate) fn start(
    settings: &Settings,
    data: &DataDir,
    log: &Arc<dyn Log>,
    schemas: &Arc<Schemas>,
    reads: LateReads,
    share: Share,
) -> Running {
    let (stop, stopped) = watch::channel(false);
    let url = settings.some("database-url").map(str::to_owned);
    let options = postgres::server::Options::new(data.postgres());
    let (log, schemas) = (Arc::clone(log), Arc::clone(schemas));
    let task = tokio::spawn(async move {
        let server = match url {
            Some(url) => Ok((url, None)),
            None => private(options, stopped.clone())
                .await
                .map(|server| (server.url().to_owned(), Some(server))),
        };
        let Ok((url, server)) = server else { return };
        match serve(&url, &log, schemas, &reads, share) {
            Ok(()) => {
                stopped.clone().wait_for(|stopped| *stopped).await.map(|_| ()).unwrap_or_default();
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "read models are not served");
            }
        }
        if let Ok(side) = reads.get() {
            side.projector.shutdown().await;
            side.pools.close().await;
        }
        if let Some(server) = server {
            server.stop().await;
        }
    });
    Running { stop, task }
}

/// The private server, tried until it starts; `Err` when we stop first.
async fn private(
    options: postgres::server::Options,
    mut stopped: watch::Receiver<bool>,
) -> Result<Server, ()> {
    loop {
        let started = tokio::select! {
            started = Server::start(options.clone()) => started,
            _ = stopped.wait_for(|stopped| *stopped) => return Err(()),
        };
        match started {
            Ok(server) => return Ok(server),
            Err(error) => {
                tracing::error!(%error, "the private PostgreSQL is not there; commands go on without read models");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TRY_AGAIN) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return Err(()),
        }
    }
}

fn serve(
    url: &str,
    log: &Arc<dyn Log>,
    schemas: Arc<Schemas>,
    reads: &LateReads,
    share: Share,
) -> Result<()> {
    let pools = Pools::new(url)?;
    let mut registry = Registry::new(Arc::clone(&schemas));
    contexts::read_models(&mut registry);
    let lanes = registry.lanes(log.topics());
    if share == Share::Reads {
        registry = Registry::new(schemas);
    }
    let sink: Arc<dyn RowSink> = Arc::new(PgSink::new(&pools, log.topics().clone()));
    let projector = Projector::start(Arc::clone(log), registry, &sink);
    let store = PgReadStore::new(&pools, log.topics().clone(), Some(projector.clone()));
    // Of several nodes, the one that folds a lane may be another: the database knows how far it is.
    let store = if share == Share::All { store } else { store.shared(lanes) };
    reads.arrive(ReadSide { store, projector, pools });
    Ok(())
}
