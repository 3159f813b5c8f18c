//! Server-sent events: a bounded channel, heartbeats, an end. Not what is sent.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::codes;
use crate::parts::Shared;
use crate::problem::{Answered, Problem};

/// Events that may wait for a reader.
const BUFFER_EVENTS: usize = 64;

/// The reader has gone, was too slow, or the node is stopping.
#[derive(Debug)]
pub(crate) struct Gone;

/// The sending side.
pub(crate) struct Feed {
    to: mpsc::Sender<Bytes>,
    draining: watch::Receiver<bool>,
    heartbeat: Duration,
    slow: Duration,
    last: Instant,
}

/// Answers with a stream of what `follow` sends, if there is room for one more reader.
pub(crate) fn open<F, Fut>(edge: &Arc<Shared>, follow: F) -> Answered
where
    F: FnOnce(Arc<Shared>, Feed) -> Fut,
    Fut: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let Ok(permit) = Arc::clone(&edge.live).try_acquire_owned() else {
        let detail = "too many live connections are open; ask for the plain list";
        return Err(Problem::new(codes::TOO_MANY_LIVE, detail).retry_after(5));
    };
    let (to, from) = mpsc::channel(BUFFER_EVENTS);
    let options = &edge.options;
    let feed = Feed {
        to,
        draining: edge.draining.subscribe(),
        heartbeat: options.heartbeat,
        slow: options.slow_reader,
        last: Instant::now(),
    };
    let following = follow(Arc::clone(edge), feed);
    tokio::spawn(async move {
        let _permit = permit;
        let (Ok(()) | Err(Gone)) = following.await;
    });
    let stream = ReceiverStream::new(from).map(Ok::<_, std::convert::Infallible>);
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer by default, nginx among them, let it through.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Where a reader left off.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("last-event-id")?.to_str().ok()?.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

impl Feed {
    /// Sends an event. `id` and `event` are ours and hold no line breaks; JSON never does.
    pub(crate) async fn event(&mut self, id: &str, event: &str, data: &Value) -> Result<(), Gone> {
        self.send(format!("id: {id}\nevent: {event}\ndata: {data}\n\n")).await
    }

    async fn send(&mut self, text: String) -> Result<(), Gone> {
        if *self.draining.borrow() {
            return Err(Gone);
        }
        self.last = Instant::now();
        // A reader that leaves its buffer full is dropped: it resumes where it was.
        self.to.send_timeout(text.into(), self.slow).await.map_err(|_| Gone)
    }

    /// Waits so long, with a sign of life when it is due.
    pub(crate) async fn rest(&mut self, at_most: Duration) -> Result<(), Gone> {
        self.until(tokio::time::sleep(at_most)).await
    }

    /// Waits for something, with signs of life meanwhile.
    pub(crate) async fn until<T>(&mut self, what: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::pin!(what);
        loop {
            let beat = tokio::time::sleep_until(self.last + self.heartbeat);
            tokio::select! {
                biased;
                _ = self.draining.wait_for(|draining| *draining) => return Err(Gone),
                () = self.to.closed() => return Err(Gone),
                done = &mut what => return Ok(done),
                () = beat => {}
            }
            self.send(": still here\n\n".to_owned()).await?;
        }
    }
}
