//! One running product: opens what it stands on, starts its roles, serves, and ends in good order.
//!
//! Commands do not wait for the read side: PostgreSQL may come up behind them, go and come back.

mod activity;
mod banner;
mod books;
mod cluster;
mod console;
pub(crate) mod demo;
mod desk;
mod edge;
mod growth;
mod health;
mod keys;
pub(crate) mod log;
mod providers;
mod reads;
mod readside;
mod sagas;
mod webhook;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::log::Log;
use anyhow::{Context as _, Result, bail};
use api::{Access, Authenticator, Edge};
use audit::History;
use axum::Router;
use axum::response::Redirect;
use codec::Schemas;
use domain::Context;
use keyring::Keyring;
use lane::{Deciders, Snapshots};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::contexts::{self, Contexts};
use crate::data::DataDir;
use crate::settings::Settings;
use crate::telemetry;

use activity::Activity;
use books::Books;
use cluster::Place;
use console::ConsoleBackend;
use growth::Growth;
use reads::LateReads;

/// How long running requests may take to end when the product stops.
const DRAIN_MAX: Duration = Duration::from_secs(20);

/// What a data directory holds, opened.
pub(crate) struct Opened {
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) deciders: Deciders,
    pub(crate) log: Arc<dyn Log>,
    /// How its cluster is reached, if it is on Kafka.
    pub(crate) kafka: Option<log_kafka::Options>,
    pub(crate) keys: Arc<Keyring>,
}

/// The schemas of all registered contexts.
pub(crate) fn schemas() -> Result<Arc<Schemas>> {
    struct Register(Option<codec::SchemasBuilder>);
    impl Contexts for Register {
        fn context<C: Context>(&mut self) {
            self.0 = self.0.take().map(codec::SchemasBuilder::register::<C>);
        }
    }
    let mut register = Register(Some(Schemas::builder()));
    contexts::all(&mut register);
    let builder = register.0.context("schemas are registered once")?;
    // The language of sagas is one; it is written among the running work of every context.
    let topics = sagas::topics();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let builder = builder.shared("saga", &topics, orchestrator::SCHEMAS);
    Ok(Arc::new(builder.build().context("schemas of the registered contexts")?))
}

/// The deciders of all registered contexts, and of their sagas.
pub(crate) fn deciders(schemas: &Arc<Schemas>) -> Deciders {
    struct Register(Deciders);
    impl Contexts for Register {
        fn context<C: Context>(&mut self) {
            self.0.add::<C>();
        }
    }
    let mut register = Register(Deciders::new(Arc::clone(schemas)));
    contexts::all(&mut register);
    sagas::types().handlers(&mut register.0);
    register.0
}

/// The topics of all registered contexts: facts and running work.
fn topics() -> Vec<String> {
    struct Register(Vec<String>);
    impl Contexts for Register {
        fn context<C: Context>(&mut self) {
            self.0.push(format!("{}.events", C::NAME));
            self.0.push(orchestrator::topic(C::NAME));
        }
    }
    let mut register = Register(Vec::new());
    contexts::all(&mut register);
    register.0
}

/// Where the keys are.
pub(crate) fn key_options(settings: &Settings, data: &DataDir) -> keyring::Options {
    let dir = settings.some("keys").map_or_else(|| data.keys(), Into::into);
    let mut options = keyring::Options::new(dir);
    options.master_file = settings.some("master-key-file").map(Into::into);
    options
}

/// Opens log and keys for writing.
fn open(settings: &Settings, data: &DataDir) -> Result<Opened> {
    let schemas = schemas()?;
    let log::OpenLog { log, kafka } = log::open(settings, data, &schemas)?;
    let mut options = key_options(settings, data);
    let keys = if kafka.is_some() {
        // Other nodes have them too; `topics apply` makes them.
        options.create = false;
        Keyring::open_shared(&options)?
    } else {
        options.create = log.topics().lanes().all(|lane| log.end(lane) == 0);
        Keyring::open(&options)?
    };
    let mut deciders = deciders(&schemas);
    match Snapshots::open(data.snapshots()) {
        Ok(snapshots) => deciders = deciders.with_snapshots(snapshots),
        // Everything is as right without, and slower for long histories.
        Err(error) => tracing::warn!(%error, "states are not kept in {:?}", data.snapshots()),
    }
    Ok(Opened { schemas, deciders, log, kafka, keys: Arc::new(keys) })
}

/// Runs the product until it is told to stop; a demo lives in it, if one is asked for.
pub(crate) async fn run(settings: &Settings, began: Instant, demo: bool) -> Result<()> {
    let metrics = telemetry::start_metrics()?;
    let auth = authenticator(settings)?;
    let (listener, address) = bind(settings.get("listen"), &auth).await?;
    let data = DataDir::prepare(&settings.data())?;
    let Opened { schemas, deciders, log: log_dyn, kafka, keys } = open(settings, &data)?;
    let growth = Growth::of(&*log_dyn);
    let mut place = Place::take(settings, kafka, address, &log_dyn, &deciders)?;
    let commands = place.commands.clone();
    let reads = LateReads::default();
    let books = Books {
        log: Arc::clone(&log_dyn),
        schemas: Arc::clone(&schemas),
        keys: Arc::clone(&keys),
        reads: reads.clone(),
    };
    let mut providers = providers::start(settings, &data, books, address).await?;
    let sagas = sagas::start(&log_dyn, &deciders, &place, &providers.ports).await?;
    let read_side =
        readside::start(settings, &data, &log_dyn, &schemas, reads.clone(), place.share);
    let edge = edge::build(edge::Over {
        settings,
        auth,
        log: &log_dyn,
        schemas: &schemas,
        commands: commands.clone(),
        reads: reads.clone(),
        keys: Arc::clone(&keys),
        desk: sagas.desk(),
        metrics,
        forward: place.forward(),
    })?;
    let activity = Activity::follow(&log_dyn, &growth);
    let history = deciders.categories().fold(
        History::new(Arc::clone(&log_dyn), Arc::clone(&schemas)),
        |history, category| {
            history.category(category, deciders.topic_of(category).unwrap_or_default())
        },
    );
    let backend = ConsoleBackend {
        drain: edge.drain.clone(),
        history,
        deciders,
        schemas,
        activity,
        reads,
        desk: sagas.desk(),
        verification: Arc::default(),
    };
    let router = edge.router.clone().merge(pages(&edge, backend));
    let router = router.merge(providers.routes(&edge, &commands, keys));
    let router = router.merge(place.routes(&edge, sagas.desk()));

    // Before anybody can know that it is up: who then asks it to stop is heard.
    let asked = Asked::listen()?;
    banner::print(address, data.path(), providers.sandbox.is_some(), began.elapsed());
    let served = tokio::spawn(api::listen(listener, router, edge.drain.clone(), DRAIN_MAX));
    let why = demo::beside(demo.then_some(address), until_stopped(&*log_dyn, asked)).await;
    place.resign().await;
    tracing::info!(why = %why.as_ref().err().map_or_else(|| "asked to".to_owned(), ToString::to_string), "stopping");
    edge.drain.begin();
    served.await.ok();
    sagas.stop().await;
    if tokio::time::timeout(DRAIN_MAX, commands.stop()).await.is_err() {
        tracing::warn!("commands were still open at the end of the grace time");
    }
    drop(edge);
    read_side.stop().await;
    drop(log_dyn);
    why
}

/// The console, for those who may read.
fn pages(edge: &Edge, backend: ConsoleBackend) -> Router {
    let home = axum::routing::get(|| async { Redirect::permanent("/console") });
    let pages = Router::new().route("/console/", home);
    let pages = pages.nest("/console", ::console::router(Arc::new(backend)));
    edge.guard("/console", Access::Read, pages)
}

/// How callers are known.
fn authenticator(settings: &Settings) -> Result<Authenticator> {
    match settings.some("tokens") {
        None => Ok(Authenticator::LocalOwner),
        Some(file) => Ok(Authenticator::from_file(Path::new(file))?),
    }
}

async fn bind(listen: &str, auth: &Authenticator) -> Result<(TcpListener, SocketAddr)> {
    let Ok(address) = listen.parse::<SocketAddr>() else {
        bail!("RC0104: --listen must be an address with a port, as 127.0.0.1:7070, not `{listen}`");
    };
    api::may_bind(address, auth).context("set --tokens FILE, or listen on loopback")?;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("RC0105: {address} cannot be listened on; choose another with --listen, or stop what holds it")
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Hears who asks it to stop; a signal ends the process at once as long as nobody listens.
struct Asked {
    terminate: Signal,
    interrupt: Signal,
}

impl Asked {
    fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("SIGINT")?,
        })
    }
}

/// Waits for SIGTERM, Ctrl-C, or a log that takes no more records.
async fn until_stopped(log: &dyn Log, mut asked: Asked) -> Result<()> {
    let mut look = tokio::time::interval(Duration::from_millis(250));
    loop {
        tokio::select! {
            _ = asked.terminate.recv() => return Ok(()),
            _ = asked.interrupt.recv() => return Ok(()),
            _ = look.tick() => if let Some(why) = log.failed() {
                bail!("RC0106: the log takes no more records: {why}; what was acknowledged is safe; mend the disk and start again");
            },
        }
    }
}
