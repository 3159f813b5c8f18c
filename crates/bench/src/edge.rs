//! The product's HTTP edge in this process, over the measured context, and its controls: a handler in the
//! same HTTP stack that parses the same JSON and answers the same bytes, and a server without any HTTP
//! stack that answers them too. Not the load on them.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::{Authenticator, Builder, HealthPort, LogHistory, Options, Part, Parts};
use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use domain::{LaneId, Sealer, TenantId};
use keyring::Keyring;
use lane::Commands;
use log::{Log, Topics};
use log_embedded::EmbeddedLog;
use projector::{
    Group, GroupQuery, ListQuery, Page, ProjectionStatus, ReadError, ReadStore, RowJson, Table,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::Failed;
use crate::http;
use crate::note;
use crate::ours::LANES;

/// The keyring, as the assembly gives it to the edge.
struct Keys(Keyring);

impl api::Keys for Keys {
    fn mac(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        self.0.mac(purpose, parts)
    }

    fn sealer(&self) -> &dyn Sealer {
        &self.0
    }
}

struct Well;

impl HealthPort for Well {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }
}

/// No read model: only commands are measured.
struct NoReads;

fn none<T>() -> Result<T, ReadError> {
    Err(ReadError::Unavailable("the bench has no read models".to_owned()))
}

#[async_trait]
impl ReadStore for NoReads {
    async fn one(
        &self,
        _: &Table,
        _: &TenantId,
        _: Uuid,
    ) -> Result<Option<(RowJson, u64)>, ReadError> {
        none()
    }

    async fn list(&self, _: &Table, _: &ListQuery) -> Result<Page, ReadError> {
        none()
    }

    async fn groups(&self, _: &Table, _: &GroupQuery) -> Result<Vec<Group>, ReadError> {
        none()
    }

    async fn wait_for(
        &self,
        _: &'static str,
        _: &[(LaneId, u64)],
        _: Duration,
    ) -> Result<(), ReadError> {
        none()
    }

    fn status(&self) -> Vec<ProjectionStatus> {
        Vec::new()
    }
}

/// Serves the edge until the runtime ends; its address.
pub(crate) fn product(runtime: &Runtime, dir: &Path) -> Result<SocketAddr, Failed> {
    let options = log_embedded::Options::new(dir.join("log")).topic("bench.events", LANES);
    let (log, _) = EmbeddedLog::open(&options).map_err(|error| Failed(error.to_string()))?;
    let log: Arc<dyn Log> = Arc::new(log);
    let topics: Topics = log.topics().clone();
    let schemas = note::schemas();
    let commands = Commands::start(Arc::clone(&log), note::deciders(), "bench")?;
    let ring = Keyring::open(&keyring::Options::new(dir.join("keys")));
    let ring = ring.map_err(|error| Failed(error.to_string()))?;
    let edge = Builder::new(Parts {
        forward: None,
        commands: Arc::new(commands),
        reads: Arc::new(NoReads),
        history: Arc::new(LogHistory::new(log, Arc::clone(&schemas)).context::<note::Bench>()),
        schemas,
        keys: Arc::new(Keys(ring)),
        health: Arc::new(Well),
        metrics: Arc::new(String::new),
        topics,
        auth: Authenticator::LocalOwner,
        cluster: None,
        options: Options::default(),
    })
    .context::<note::Bench>()
    .build();
    let (listener, at) = listener(runtime)?;
    drop(runtime.spawn(api::listen(listener, edge.router, edge.drain, Duration::ZERO)));
    Ok(at)
}

/// Serves the control: parses the body and answers `answer`, which is what the product answered.
pub(crate) fn null(runtime: &Runtime, answer: Vec<u8>) -> Result<SocketAddr, Failed> {
    let answer = Bytes::from(answer);
    let handler = move |body: Bytes| {
        let answer = answer.clone();
        async move {
            match serde_json::from_slice::<serde_json::Value>(&body) {
                Ok(_) => (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], answer),
                Err(_) => (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "text/plain")], answer),
            }
        }
    };
    let router = Router::new()
        .route("/api/bench/notes/{id}/lines", post(handler.clone()))
        .route("/api/batch", post(handler));
    let (listener, at) = listener(runtime)?;
    // As the product does it.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    drop(runtime.spawn(axum::serve(listener, router).into_future()));
    Ok(at)
}

/// Serves the control without a stack: finds the end of a request and writes the bytes of `answer`.
pub(crate) fn bare(runtime: &Runtime, answer: &[u8]) -> Result<SocketAddr, Failed> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    let answer = [format!("{head}{}\r\n\r\n", answer.len()).as_bytes(), answer].concat();
    let (answer, (listener, at)) = (Bytes::from(answer), listener(runtime)?);
    drop(runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            drop(stream.set_nodelay(true));
            drop(tokio::spawn(async move {
                let mut request = Vec::with_capacity(1024);
                // Until the client has enough, or goes.
                while http::read(&mut stream, &mut request).await.is_ok()
                    && stream.write_all(&answer).await.is_ok()
                {
                    request.clear();
                }
            }));
        }
    }));
    Ok(at)
}

fn listener(runtime: &Runtime) -> Result<(TcpListener, SocketAddr), Failed> {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let at = listener.local_addr()?;
    Ok((listener, at))
}
