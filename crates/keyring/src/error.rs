//! What can go wrong with keys. Never holds a key or a value.

use std::io;
use std::path::PathBuf;

use domain::SubjectId;

/// The keyring cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file cannot be read or written.
    #[error("{action} {} failed", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The master key is not there, but the keyring it wraps is.
    #[error("{} is missing; restore it from the backup of the keys: without it nothing sealed can be opened", .0.display())]
    MasterMissing(PathBuf),
    /// The master key's file is not what was written.
    #[error("{} is damaged ({why}); restore it from the backup of the keys", path.display())]
    MasterDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// The keyring was wrapped by another master key.
    #[error(
        "{} belongs to master key {expected}, but {} holds {found}; restore the master.key and the keyring of the same installation",
        path.display(), master.display()
    )]
    WrongMaster {
        /// The keyring.
        path: PathBuf,
        /// The master key's file.
        master: PathBuf,
        /// Id of the key that wrapped it.
        expected: String,
        /// Id of the key at hand.
        found: String,
    },
    /// The keyring is not there and none may be made.
    #[error("{} is missing, but the log is not empty; restore it from the backup of the keys", .0.display())]
    Missing(PathBuf),
    /// The keyring was written by a newer version.
    #[error("{} has format {found}, this version knows {known}; run the version that wrote it, or a newer one", path.display())]
    Newer {
        /// The keyring.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The keyring is not what was written.
    #[error("{} is damaged at byte {offset} ({why}); restore it from the backup of the keys", path.display())]
    Damaged {
        /// The keyring.
        path: PathBuf,
        /// Where the damaged part begins.
        offset: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// Another process has it open for writing.
    #[error("{} is in use by another process; stop it, or open the keys read-only", .0.display())]
    InUse(PathBuf),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

impl OpenError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// A sealed value cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// Its subject was forgotten on purpose.
    #[error(
        "{field} of {subject} cannot be opened: the key was destroyed, as it should be when a subject is forgotten"
    )]
    Destroyed {
        /// Whose it was.
        subject: SubjectId,
        /// Which field.
        field: String,
    },
    /// The keyring never had the key.
    #[error(
        "{field} of {subject} cannot be opened: its key {generation} is not in the keyring; restore the newest backup of the keys"
    )]
    NoKey {
        /// Whose it is.
        subject: SubjectId,
        /// Which key.
        generation: u32,
        /// Which field.
        field: String,
    },
    /// The bytes are not what was sealed for this field.
    #[error("{field} of {subject} cannot be opened: it was changed, or sealed for another field")]
    Changed {
        /// Whose it is.
        subject: SubjectId,
        /// Which field.
        field: String,
    },
    /// The key could not be read.
    #[error("{field} of {subject} cannot be opened: its key could not be read")]
    Keyring {
        /// Whose it is.
        subject: SubjectId,
        /// Which field.
        field: String,
        /// Why.
        source: Box<OpenError>,
    },
}

/// A key could not be destroyed; it is still there, and sealed values still open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestroyError {
    /// The keyring was opened to read only.
    #[error("the keyring is open read-only; destroy the key through the running server")]
    ReadOnly,
    /// The keyring could not be written.
    #[error("the key of {subject} could not be destroyed")]
    Keyring {
        /// Whose it is.
        subject: SubjectId,
        /// Why.
        source: OpenError,
    },
}

/// An error with its causes, for a message that carries text only.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
