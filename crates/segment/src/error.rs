//! Errors, one enum per kind of call. Not here: findings of `verify`, which are data.

use crate::Location;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a store, or a reader of one, did not open. Nothing was changed on the medium.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another writer holds the directory.
    #[error(
        "opening the segment store {} for writing: another process writes to it{}; \
         stop that process, or open the store read-only",
        dir.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The store.
        dir: PathBuf,
        /// The writer, when the system tells (it does not across containers).
        pid: Option<u32>,
    },
    /// Written by a later version of this program.
    #[error(
        "opening {}: its format version is {version}, this program reads up to {}; \
         use the program version that wrote it",
        file.display(), crate::FORMAT_VERSION
    )]
    NewerVersion {
        /// The segment.
        file: PathBuf,
        /// Its version.
        version: u32,
    },
    /// Acknowledged data is damaged. Never repaired by cutting.
    #[error(
        "opening {}: {what} at offset {offset}; nothing was changed; \
         verify the store for the whole list, then put the file back from a copy",
        file.display()
    )]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A segment file is gone.
    #[error(
        "opening the segment store {}: the segment that begins at {base} ({}) is missing; \
         nothing was changed; put the file back from a copy",
        dir.display(), file.display()
    )]
    Missing {
        /// The store.
        dir: PathBuf,
        /// The file that should be there.
        file: PathBuf,
        /// Logical address of its first byte.
        base: u64,
    },
    /// Sizes that cannot work.
    #[error("opening the segment store {}: {what}", dir.display())]
    BadOptions {
        /// The store.
        dir: PathBuf,
        /// Which option, and its limits.
        what: &'static str,
    },
    /// The system refused.
    #[error("opening the segment store: {attempt} {} failed", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a call to append has no effect. Given to its completion.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// An entry or a call over its limit.
    #[error("append of {bytes} bytes exceeds the limit of {limit}; split it")]
    TooLarge {
        /// Size asked for.
        bytes: usize,
        /// Limit that it exceeds.
        limit: usize,
    },
    /// The queue is full.
    #[error("append with {waiting} bytes waiting exceeds the limit of {limit}; try again later")]
    Overloaded {
        /// Bytes that wait to be written.
        waiting: usize,
        /// `Options::queue_bytes_max`.
        limit: usize,
    },
    /// No room for the next segment. The call left no trace; later calls try again.
    #[error(
        "append to {}: no room for the next segment of {bytes} bytes; free space, \
         then try again",
        dir.display()
    )]
    NoSpace {
        /// The store.
        dir: PathBuf,
        /// Bytes that the next segment needs.
        bytes: u64,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A write or a sync failed, now or earlier. Whether this call is on the medium is unknown
    /// until the store is opened again; nothing is retried, because after a failed sync the
    /// system may have dropped the bytes and say "ok" the next time.
    #[error(
        "append failed for good: {attempt} {} at offset {offset} failed; \
         check the medium, then restart",
        file.display()
    )]
    Failed {
        /// What was attempted.
        attempt: &'static str,
        /// On which file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The store is closing.
    #[error("append to a store that is closed")]
    Closed,
}

impl AppendError {
    /// Whether the same call may succeed later, and surely had no effect until then.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::NoSpace { .. })
    }
}

/// Why the entries at a location cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Stored bytes are damaged.
    #[error(
        "reading {}: {what} at offset {offset}; \
         verify the store for the whole list, then put the file back from a copy",
        file.display()
    )]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The location is not where an entry begins.
    #[error("reading at {at}: no entry begins there; use locations that this store returned")]
    NotAnEntry {
        /// The location asked for.
        at: Location,
    },
    /// The location is not durable (yet).
    #[error("reading at {at}: the durable end is {end}")]
    PastEnd {
        /// The location asked for.
        at: Location,
        /// Where the durable entries end.
        end: Location,
    },
    /// The system refused.
    #[error("{attempt} {} at offset {offset} failed", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// Why closing was not clean. Everything acknowledged before is durable all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The store had failed, or failed while draining.
    #[error("closing the segment store: not everything that waited was written")]
    Failed(#[source] AppendError),
}

/// A failed system call with what it was for; each public error takes it over.
#[derive(Debug)]
pub(crate) struct IoFault {
    pub(crate) attempt: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) offset: u64,
    pub(crate) source: io::Error,
}

impl IoFault {
    /// For `map_err`: keeps the call sites one line long.
    pub(crate) fn new(
        attempt: &'static str,
        path: &Path,
        offset: u64,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { attempt, path: path.to_owned(), offset, source }
    }

    /// Whether waiting for free space is the remedy.
    pub(crate) fn is_storage_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge
                | io::ErrorKind::WriteZero
        )
    }
}

impl From<IoFault> for OpenError {
    fn from(fault: IoFault) -> Self {
        let IoFault { attempt, path, offset: _, source } = fault;
        Self::Io { attempt, path, source }
    }
}

impl From<IoFault> for ReadError {
    fn from(fault: IoFault) -> Self {
        let IoFault { attempt, path, offset, source } = fault;
        Self::Io { attempt, path, offset, source }
    }
}

impl From<IoFault> for AppendError {
    fn from(fault: IoFault) -> Self {
        let IoFault { attempt, path, offset, source } = fault;
        Self::Failed { attempt, file: path, offset, source: Arc::new(source) }
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Corrupt { file, offset, what } => Self::Corrupt { file, offset, what },
            ReadError::Io { attempt, path, source, .. } => Self::Io { attempt, path, source },
            // Opening asks for no location; kept total without a panic.
            ReadError::NotAnEntry { at } | ReadError::PastEnd { at, .. } => Self::Io {
                attempt: "reading",
                path: PathBuf::from(at.to_string()),
                source: io::ErrorKind::InvalidInput.into(),
            },
        }
    }
}
