//! Append-only store of opaque entries in prewritten segments: one writer, many readers.
//!
//! It is not a log with lanes, frames or positions: it keeps bytes in the order they were
//! handed over, makes them durable with one device sync per group commit, and says exactly
//! where something is damaged. The layout is in `docs/formats/segment.md`, byte by byte.
//!
//! ```
//! use std::sync::mpsc;
//!
//! let dir = tempfile::tempdir()?;
//! let (store, recovery) = segment::Store::open(segment::Options::new(dir.path()))?;
//! assert!(recovery.created);
//!
//! let (tell, told) = mpsc::channel();
//! let entry = segment::Entry { lane: 3, bytes: b"post scheduled".to_vec() };
//! store.append(vec![entry], move |outcome| tell.send(outcome).expect("the caller waits"));
//! let locations = told.recv()??;
//!
//! assert_eq!(store.reader().read(locations[0])?, (3, b"post scheduled".to_vec()));
//! store.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A second writer is refused, and the message names the first:
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! let (_store, _) = segment::Store::open(segment::Options::new(dir.path()))?;
//! let refused = segment::Store::open(segment::Options::new(dir.path())).expect_err("in use");
//! assert!(refused.to_string().contains("another process writes to it"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Reading order: `format` (bytes), `block` (finding and checking blocks), `batch` and `queue`
//! (what waits), `prepare` (the next file), `writer` and `turns` (the I/O thread), `recover` (opening),
//! `reader`, `window` and `scan`, `verify`.

mod batch;
mod block;
mod catalog;
mod dir;
mod error;
mod format;
mod prepare;
mod queue;
mod reader;
mod recover;
mod scan;
mod store;
mod turns;
mod verify;
mod window;
mod writer;

pub use error::{AppendError, CloseError, OpenError, ReadError};
pub use format::{FORMAT_VERSION, UNIT_BYTES};
pub use reader::{Reader, Stamp};
pub use recover::{Recovery, TornTail};
pub use scan::{EntryRef, Scan};
pub use store::{Check, Options, Store};
pub use verify::{Finding, FindingKind, VerifyReport, verify};

/// Largest entry, in bytes. A reader must be able to hold one, and so must the queue.
pub const ENTRY_BYTES_MAX: usize = 16 << 20;

/// Largest call, in bytes as stored (12 more per entry): a call is one block, so that it is
/// atomic, and a block is built in memory.
pub const CALL_BYTES_MAX: usize = 32 << 20;

/// One opaque piece of data with the lane it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Carried for the reader's benefit; the store does not interpret it.
    pub lane: u32,
    /// At most [`ENTRY_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

/// An entry of somebody else's bytes, in two parts that are stored as one: for writers who would copy
/// them only to put something in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// As in [`Entry`].
    pub lane: u32,
    /// What comes first.
    pub head: &'a [u8],
    /// What follows; both together at most [`ENTRY_BYTES_MAX`].
    pub body: &'a [u8],
}

impl Parts<'_> {
    pub(crate) const fn bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

impl<'a> From<&'a Entry> for Parts<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self { lane: entry.lane, head: &[], body: &entry.bytes }
    }
}

/// Byte address of an entry in the whole store: grows in the order written, never changes.
///
/// `Location(0)` is before every entry, so `scan(Location(0))` reads everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Location(pub u64);

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
