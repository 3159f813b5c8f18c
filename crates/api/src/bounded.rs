//! A listener that takes so many connections at a time, and ends those on which nothing happens, sooner when
//! somebody waits for their place. Not the requests, which have a bound of their own.
//!
//! A connection costs a file handle and some buffers before it asks anything. When all places are taken, one
//! caller waits here and the others in the system's queue.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::running::Running;

/// Connections at a time: twice what runs and lives at once, and as much again for those that are kept open.
const CONNECTIONS_MAX: usize = 4_096;
const LIMITS: Limits = Limits {
    idle: Duration::from_secs(90),
    wanted: Duration::from_secs(10),
    look: Duration::from_secs(2),
};

/// How long nothing may be read or written on a connection.
#[derive(Clone, Copy)]
struct Limits {
    /// Ever: longer than any request takes, and than five signs of life of a live one.
    idle: Duration,
    /// While somebody waits for a place and no request runs here. A caller that keeps connections open for
    /// its next request opens another one.
    wanted: Duration,
    /// How often an idle connection looks whether it is to end.
    look: Duration,
}

/// The listener.
pub(crate) struct Bounded {
    listener: TcpListener,
    places: Arc<Places>,
}

struct Places {
    room: Arc<Semaphore>,
    /// Whether somebody waits for one.
    wanted: AtomicBool,
    limits: Limits,
}

impl Bounded {
    /// Half of the files that this process may open are for others: the log, the database, calls.
    pub(crate) fn new(listener: TcpListener) -> Self {
        let most = files_max().map_or(CONNECTIONS_MAX, |files| CONNECTIONS_MAX.min(files / 2));
        Self::with(listener, most.max(1), LIMITS)
    }

    fn with(listener: TcpListener, most: usize, limits: Limits) -> Self {
        let room = Arc::new(Semaphore::new(most));
        Self { listener, places: Arc::new(Places { room, wanted: AtomicBool::new(false), limits }) }
    }
}

impl Places {
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(place);
        }
        self.wanted.store(true, Ordering::Relaxed);
        // Nobody closes the semaphore; were it closed, connections would not be counted.
        let place = Arc::clone(&self.room).acquire_owned().await.ok();
        self.wanted.store(false, Ordering::Relaxed);
        place
    }
}

/// Files that this process may have open; None where the system does not tell.
fn files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    /// Whoever stops waiting here hangs up on the one that waits for a place: only a server that ends does.
    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.listener).await;
        let place = self.places.take().await;
        // Answers are small and written whole; waiting for more would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY is not set");
        }
        let moved = Instant::now();
        let look = Box::pin(tokio::time::sleep_until(moved + self.places.limits.wanted));
        let (places, running) = (Arc::clone(&self.places), Running::default());
        (Connection { stream, moved, look, running, places, _place: place }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with its place.
pub(crate) struct Connection {
    stream: TcpStream,
    /// When something was read or written last.
    moved: Instant,
    look: Pin<Box<Sleep>>,
    running: Running,
    places: Arc<Places>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// What counts its requests.
    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    fn seen<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.moved = Instant::now();
        }
        polled
    }

    /// Whether nothing has happened here for too long; looks again by itself.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let limits = self.places.limits;
        while self.look.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let short = self.places.wanted.load(Ordering::Relaxed) && !self.running.any();
            let at_most = if short { limits.wanted } else { limits.idle };
            if now - self.moved >= at_most {
                return true;
            }
            let next = (self.moved + limits.wanted).max(now + limits.look);
            self.look.as_mut().reset(next);
        }
        false
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        if polled.is_pending() && self.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.seen(polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.seen(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.seen(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
