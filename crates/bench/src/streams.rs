//! The peer that is hardest to beat over HTTP: the `durable-streams` server, a log and nothing else: no
//! rules, no version check, no read models. Started by the bench, asked by its smallest client.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::Failed;
use crate::http::Pool;
use crate::load::{Answered, Call};
use crate::note::{self, AGGREGATES};
use crate::servers::{Peer, Servers, free, listens};

/// Its name in the rows.
pub(crate) const NAME: &str = "durable-streams 0.1.5, append over HTTP";
/// Names the server's binary; set by `cargo xtask bench`.
const BINARY: &str = "RECOUNT_PEER_DURABLE_STREAMS";

/// A running server with its streams.
pub(crate) type Streams = Peer<Asks>;

/// Its connections, and what is asked.
pub(crate) struct Asks {
    to: Pool,
    body: Vec<u8>,
}

impl Streams {
    /// Starts one on the device that is measured, durable as it is by default. `None`: not installed.
    pub(crate) fn start(runtime: &Runtime, dir: &Path) -> Result<Option<Self>, Failed> {
        let Some(binary) = std::env::var_os(BINARY) else { return Ok(None) };
        let at = free()?;
        let mut servers = Servers::default();
        let port = at.port().to_string();
        let data = dir.join("streams");
        servers.start(binary.as_ref(), &["--port", &port, "--data-dir"], |it| it.arg(data))?;
        listens(at)?;
        let body = note::schemas().encode(&note::event());
        let body = body.map_err(|error| Failed(error.to_string()))?.datum;
        let it = Self { servers, asks: Arc::new(Asks { to: Pool::to(at), body }) };
        for stream in 0..AGGREGATES {
            runtime.block_on(it.asks.ask("PUT", stream, b"")).map_err(Failed)?;
        }
        Ok(Some(it))
    }
}

impl Asks {
    async fn ask(&self, method: &str, stream: u64, body: &[u8]) -> Result<(), String> {
        let head = format!(
            "{method} /note-{stream} HTTP/1.1\r\nhost: {}\r\n\
             content-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
            self.to.at,
            body.len()
        );
        let (answer, _) = self.to.ask(&[head.as_bytes(), body].concat()).await?;
        if answer.starts_with(b"HTTP/1.1 2") {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&answer).into_owned())
        }
    }
}

impl Call for Asks {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        self.ask("POST", note::mix(number) % AGGREGATES, &self.body).await.map(|()| Answered::Yes)
    }
}
