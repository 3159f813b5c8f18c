//! The peer that runs handlers durably: Restate, with the bench's aggregate as one of its virtual objects
//! (one writer a key, its state durable before the answer), asked through its HTTP ingress. The handler
//! runs in Node.js, the SDK that Restate's users take most.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::Failed;
use crate::http::Pool;
use crate::load::{Answered, Call};
use crate::note::{self, AGGREGATES};
use crate::servers::{Peer, Servers, free, listens};

/// Its name in the rows.
pub(crate) const NAME: &str = "Restate 1.7.12, virtual object over HTTP";
/// Names the directory with its packages and `note.mjs`; set by `cargo xtask bench`.
const DIRECTORY: &str = "RECOUNT_PEER_RESTATE";
/// The server, in that directory.
const SERVER: &str = "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server";

/// A running server and its handler.
pub(crate) type Restate = Peer<Asks>;

/// Its connections, and what is asked.
pub(crate) struct Asks {
    to: Pool,
    body: String,
}

impl Restate {
    /// Starts one on the device that is measured; its log is synced, as by default. `None`: not installed.
    pub(crate) fn start(runtime: &Runtime, dir: &Path) -> Result<Option<Self>, Failed> {
        let Some(packages) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
            return Ok(None);
        };
        let (ingress, admin, fabric, handler) = (free()?, free()?, free()?, free()?);
        let mut servers = Servers::default();
        let base = dir.join("restate");
        let args = ["--bind-ip", "127.0.0.1", "--listen-mode", "tcp", "--base-dir"];
        servers.start(&packages.join(SERVER), &args, |it| {
            it.arg(base)
                .env("RESTATE_INGRESS__BIND_PORT", ingress.port().to_string())
                .env("RESTATE_ADMIN__BIND_PORT", admin.port().to_string())
                .env("RESTATE_BIND_PORT", fabric.port().to_string())
                .env("DO_NOT_TRACK", "1")
        })?;
        let port = handler.port().to_string();
        let node = packages.join("node_modules/node/bin/node");
        servers.start(&node, &["note.mjs", &port], |it| it.current_dir(&packages))?;
        for at in [ingress, admin, handler] {
            listens(at)?;
        }
        let note::Event::Written { author, text } = note::event();
        let body = serde_json::json!({ "author": author.0, "text": text }).to_string();
        let it = Self { servers, asks: Arc::new(Asks { to: Pool::to(ingress), body }) };
        let handler = serde_json::json!({ "uri": format!("http://{handler}") }).to_string();
        let register = async || -> Result<(), String> {
            let admin = Pool::to(admin);
            loop {
                let (head, body) = admin.ask(&post(&admin, "/deployments", "", &handler)).await?;
                if head.starts_with(b"HTTP/1.1 201") {
                    break;
                }
                // It listens before it is ready.
                if !head.starts_with(b"HTTP/1.1 5") {
                    return Err(String::from_utf8_lossy(&[head, body].concat()).into_owned());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(())
        };
        runtime.block_on(register()).map_err(Failed)?;
        Ok(Some(it))
    }
}

fn post(to: &Pool, path: &str, more: &str, body: &str) -> Vec<u8> {
    let (at, length) = (to.at, body.len());
    format!(
        "POST {path} HTTP/1.1\r\nhost: {at}\r\ncontent-type: application/json\r\n{more}\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

impl Call for Asks {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        let path = format!("/note/{}/write", note::mix(number) % AGGREGATES);
        let key = format!("idempotency-key: {number:032x}\r\n");
        let (head, body) = self.to.ask(&post(&self.to, &path, &key, &self.body)).await?;
        if head.starts_with(b"HTTP/1.1 200") {
            Ok(Answered::Yes)
        } else {
            Err(String::from_utf8_lossy(&[head, body].concat()).into_owned())
        }
    }
}
