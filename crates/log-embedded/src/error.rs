//! Why a log directory does not open. Not the errors of reading and appending, which are the log's.

use std::io;
use std::path::{Path, PathBuf};

use log::{ReadError, TopicsError};
use uuid::Uuid;

/// Why a log directory did not open. Nothing that was acknowledged has been changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process writes to it.
    #[error(
        "log {} is in use by another process{}; stop that process, or use another data directory",
        dir.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The log directory.
        dir: PathBuf,
        /// The process, when the system tells.
        pid: Option<u32>,
    },
    /// There is no log here, and opening read-only makes none.
    #[error("there is no log in {}; name the data directory of an installation", dir.display())]
    Absent {
        /// The log directory.
        dir: PathBuf,
    },
    /// What was acknowledged is damaged.
    #[error(
        "{} is damaged at byte {offset}: {what}; nothing was changed; run `recount audit verify` \
         for the whole list, then restore from a backup",
        file.display()
    )]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// Written by a later version of Recount.
    #[error(
        "{} has format version {version}, this version of Recount reads up to {known}; \
         run the version that wrote it, or a newer one",
        file.display()
    )]
    NewerVersion {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u32,
        /// The newest this program reads.
        known: u32,
    },
    /// The topics asked for are not those of the log.
    #[error(transparent)]
    Topics(#[from] TopicsError),
    /// It is another log than the one asked for.
    #[error("{} holds log {there}, not log {wanted}; name another directory", dir.display())]
    OtherLog {
        /// The log directory.
        dir: PathBuf,
        /// The id of its log.
        there: Uuid,
        /// The id asked for.
        wanted: Uuid,
    },
    /// A topic that cannot be.
    #[error(
        "topic `{name}` with {lanes} lanes cannot be made: a name is 1 to 200 of a-z 0-9 . _ -, \
         and there is at least one lane"
    )]
    BadTopic {
        /// Its name.
        name: String,
        /// Its lanes.
        lanes: u16,
    },
    /// The log could not be read while it was opened.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The segment store did not open for another reason.
    #[error("log {} did not open", dir.display())]
    Store {
        /// The log directory.
        dir: PathBuf,
        /// What the store says.
        source: segment::OpenError,
    },
    /// The system refused.
    #[error("{attempt} {} failed", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    /// For `map_err`.
    pub(crate) fn io(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { attempt, path: path.to_owned(), source }
    }

    /// What the segment store of the log in `dir` said.
    pub(crate) fn store(dir: &Path, error: segment::OpenError) -> Self {
        match error {
            segment::OpenError::InUse { pid, .. } => Self::InUse { dir: dir.to_owned(), pid },
            segment::OpenError::NewerVersion { file, version } => {
                Self::NewerVersion { file, version, known: segment::FORMAT_VERSION }
            }
            segment::OpenError::Corrupt { file, offset, what } => {
                Self::Damaged { file, offset, what: what.to_owned() }
            }
            segment::OpenError::Missing { file, .. } => {
                Self::Damaged { file, offset: 0, what: "the file is missing".to_owned() }
            }
            source => Self::Store { dir: dir.to_owned(), source },
        }
    }
}

/// What the segment store says while it is read, as the log's error.
pub(crate) fn read_error(error: &segment::ReadError) -> ReadError {
    match error {
        segment::ReadError::Io { attempt, path, offset, source } => ReadError::Unavailable(
            format!("{attempt} {} at offset {offset} failed: {source}", path.display()),
        ),
        segment::ReadError::Corrupt { file, offset, what } => {
            ReadError::Damaged(format!("{what} at byte {offset} of {}", file.display()))
        }
        other => ReadError::Damaged(other.to_string()),
    }
}
