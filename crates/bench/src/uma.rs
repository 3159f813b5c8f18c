//! The peer that checks what a command relied on, `UmaDB`: an event store with append conditions over gRPC.
//! It decides nothing; the caller keeps what it saw last, as our owners do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::Runtime;
use umadb_client::AsyncUmaDbClient;
use umadb_dcb::{
    DcbAppendCondition, DcbError, DcbEvent, DcbEventStoreAsync as _, DcbQuery, DcbQueryItem,
};

use crate::Failed;
use crate::load::{Answered, Call};
use crate::note::{self, AGGREGATES};
use crate::servers::{Peer, Servers, free, listens};

/// Its name in the rows.
pub(crate) const NAME: &str = "UmaDB 0.7.8, conditional append over gRPC";
/// Names the server's binary; set by `cargo xtask bench`.
const BINARY: &str = "RECOUNT_PEER_UMADB";
/// Connections: more than one is quicker with many callers.
const CONNECTIONS: usize = 4;

/// A running server.
pub(crate) type Uma = Peer<Asks>;

/// Its connections, and what is asked.
pub(crate) struct Asks {
    to: Vec<AsyncUmaDbClient>,
    body: Vec<u8>,
    /// The newest position of each aggregate that a caller knows of; 0: none.
    seen: Vec<AtomicU64>,
}

impl Uma {
    /// Starts one on the device that is measured. `None`: not installed.
    pub(crate) fn start(runtime: &Runtime, dir: &Path) -> Result<Option<Self>, Failed> {
        let Some(binary) = std::env::var_os(BINARY) else { return Ok(None) };
        let at = free()?;
        let (listen, path) = (at.to_string(), dir.join("uma.db"));
        let mut servers = Servers::default();
        // Not with its pipelined writer, under which 64 callers made it report its own file as corrupt.
        let args = ["--listen", &listen, "--db-path"];
        servers.start(binary.as_ref(), &args, |it| it.arg(path))?;
        listens(at)?;
        let body = note::schemas().encode(&note::event());
        let body = body.map_err(|error| Failed(error.to_string()))?.datum;
        let mut to = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let url = format!("http://{at}");
            let client = runtime.block_on(AsyncUmaDbClient::connect(url, None, None, None));
            to.push(client.map_err(|error| Failed(error.to_string()))?);
        }
        let seen = (0..AGGREGATES).map(|_| AtomicU64::new(0)).collect();
        Ok(Some(Self { servers, asks: Arc::new(Asks { to, body, seen }) }))
    }
}

impl Asks {
    /// Appends unless there is something newer than what was seen; then it looks and tries again.
    async fn append(&self, number: u64) -> Result<(), DcbError> {
        let aggregate = note::mix(number) % AGGREGATES;
        let at = usize::try_from(aggregate).unwrap_or(0);
        let client = &self.to[usize::try_from(number).unwrap_or(0) % self.to.len()];
        let tag = format!("note-{aggregate}");
        let of_it = || DcbQuery::new().item(DcbQueryItem::new().tags([tag.as_str()]));
        let event = DcbEvent::default().event_type("written").tags([tag.as_str()]);
        let event = event.data(self.body.clone()).uuid(uuid::Uuid::new_v4());
        loop {
            let seen = self.seen[at].load(Ordering::Relaxed);
            let condition = DcbAppendCondition::new(of_it()).after((seen > 0).then_some(seen));
            match client.append(vec![event.clone()], Some(condition), None).await {
                Ok(position) => {
                    self.seen[at].fetch_max(position, Ordering::Relaxed);
                    return Ok(());
                }
                Err(DcbError::IntegrityError(_)) => {
                    let newest = client.read_with_head(Some(of_it()), None, true, Some(1)).await?;
                    if let Some(newest) = newest.0.first() {
                        self.seen[at].fetch_max(newest.position, Ordering::Relaxed);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Call for Asks {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        self.append(number).await.map(|()| Answered::Yes).map_err(|error| error.to_string())
    }
}
