//! What the assembly gives the edge, and what all handlers share. Not the routes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use domain::Timestamp;
use log::Topics;
use projector::ReadStore;
use tokio::sync::{Semaphore, watch};

use crate::auth::{Authenticator, ClusterSecret, Gate};
use crate::forward::ForwardPort;
use crate::ports::{CommandPort, HealthPort, HistoryPort, Keys};

/// Bounds and habits of the edge.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most bytes of a body.
    pub body_bytes_max: usize,
    /// Most requests at a time, besides live ones and those that ask for health.
    pub in_flight_max: usize,
    /// Most live connections at a time.
    pub live_max: usize,
    /// How long a request may take until it is answered, waiting for a position included.
    pub deadline: Duration,
    /// How often a live connection gives a sign of life.
    pub heartbeat: Duration,
    /// How long a live connection may leave its buffer full.
    pub slow_reader: Duration,
    /// How often a read model is looked at for live lists.
    pub look_again: Duration,
    /// How long outcomes are kept by their keys, in days; published in the document.
    pub keys_kept_days: u32,
    /// Whether `/metrics` is served beside the API; not when there is an admin address.
    pub metrics_here: bool,
    /// Names this installation is reached by, besides loopback ones.
    pub hosts: Vec<String>,
    /// The version of the product, for the document.
    pub product_version: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_bytes_max: 1 << 20,
            in_flight_max: 1_024,
            live_max: 256,
            deadline: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            slow_reader: Duration::from_secs(30),
            look_again: Duration::from_millis(500),
            keys_kept_days: 7,
            metrics_here: true,
            hosts: Vec::new(),
            product_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Gives the text of `/metrics`.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// The rest of the program, as the edge sees it.
pub struct Parts {
    /// Takes commands.
    pub commands: Arc<dyn CommandPort>,
    /// Answers queries.
    pub reads: Arc<dyn ReadStore>,
    /// Reads streams.
    pub history: Arc<dyn HistoryPort>,
    /// The schemas of all events.
    pub schemas: Arc<codec::Schemas>,
    /// Keys.
    pub keys: Arc<dyn Keys>,
    /// Health.
    pub health: Arc<dyn HealthPort>,
    /// Metrics.
    pub metrics: MetricsText,
    /// The topics of the log.
    pub topics: Topics,
    /// Who asks.
    pub auth: Authenticator,
    /// The secret between nodes, if there are several.
    pub cluster: Option<ClusterSecret>,
    /// Asks other nodes, if there are several.
    pub forward: Option<Arc<dyn ForwardPort>>,
    /// Bounds.
    pub options: Options,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What handlers share.
pub(crate) struct Shared {
    pub(crate) commands: Arc<dyn CommandPort>,
    pub(crate) reads: Arc<dyn ReadStore>,
    pub(crate) history: Arc<dyn HistoryPort>,
    pub(crate) schemas: Arc<codec::Schemas>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) health: Arc<dyn HealthPort>,
    pub(crate) metrics: MetricsText,
    pub(crate) topics: Topics,
    pub(crate) gate: Gate,
    pub(crate) forward: Option<Arc<dyn ForwardPort>>,
    pub(crate) options: Options,
    pub(crate) in_flight: Semaphore,
    pub(crate) live: Arc<Semaphore>,
    pub(crate) draining: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let options = parts.options;
        Self {
            commands: parts.commands,
            reads: parts.reads,
            history: parts.history,
            schemas: parts.schemas,
            keys: parts.keys,
            health: parts.health,
            metrics: parts.metrics,
            topics: parts.topics,
            forward: parts.forward,
            gate: Gate::new(parts.auth, parts.cluster, options.hosts.clone()),
            in_flight: Semaphore::new(options.in_flight_max),
            live: Arc::new(Semaphore::new(options.live_max)),
            draining: watch::Sender::new(false),
            options,
        }
    }
}

/// Ends the service in good order.
#[derive(Clone)]
pub struct Drain(pub(crate) Arc<Shared>);

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drain").field(&*self.0.draining.borrow()).finish()
    }
}

impl Drain {
    /// From now on new requests are answered 503 and live connections end; running ones go on.
    pub fn begin(&self) {
        self.0.draining.send_replace(true);
    }

    /// Waits until it has begun.
    pub async fn begun(&self) {
        let mut draining = self.0.draining.subscribe();
        // The sender lives as long as `self`.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    /// Waits until no request is running.
    pub async fn done(&self) {
        let all = u32::try_from(self.0.options.in_flight_max).unwrap_or(u32::MAX);
        // Never closed.
        let _ = self.0.in_flight.acquire_many(all).await;
    }
}

/// Whether a header is there and says this, without regard to case.
pub(crate) fn accepts(headers: &HeaderMap, media: &str) -> bool {
    headers.get_all(axum::http::header::ACCEPT).iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value.split(',').any(|one| {
            one.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case(media))
        })
    })
}

/// The time.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_micros(since.map_or(0, |it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX)))
}
