//! Why a private server could not be started, each with a code and what to do.
//!
//! Not for errors of queries: those are the pools' affair.

use std::io;
use std::path::PathBuf;

/// Starting the private server failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No usable `initdb` and `postgres` on this machine.
    #[error(
        "no PostgreSQL server binaries found (looked in {searched}): install them (Debian: \
         `apt-get install postgresql`), point PG_BIN at their directory, or set DATABASE_URL"
    )]
    BinariesMissing {
        /// The places looked at.
        searched: String,
    },
    /// The cluster was written by a major version that is not installed.
    #[error(
        "{} was written by PostgreSQL {found}, but only {installed} is installed: install \
         PostgreSQL {found}, or move the directory away and let the read models be folded again \
         from the log", cluster.display()
    )]
    MajorVersion {
        /// The cluster's directory.
        cluster: PathBuf,
        /// Major version that wrote it.
        found: u32,
        /// Major versions that are installed.
        installed: String,
    },
    /// Another process of ours has this directory.
    #[error(
        "{} is in use by another running Recount: stop that one, or give this one another data \
         directory", home.display()
    )]
    InUse {
        /// Home of the server.
        home: PathBuf,
    },
    /// The user the server would run as cannot be used.
    #[error("cannot run PostgreSQL here: {detail}")]
    User {
        /// What is wrong, with the remedy.
        detail: String,
    },
    /// Something with files went wrong.
    #[error("could not {what} {}: {source}", path.display())]
    Files {
        /// What was attempted.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed ({status}); its last lines:\n{tail}")]
    Init {
        /// How it ended.
        status: String,
        /// What it said.
        tail: String,
    },
    /// The server ended before it took connections.
    #[error("PostgreSQL did not start ({status}); the last lines of {}:\n{tail}", log.display())]
    Died {
        /// How it ended.
        status: String,
        /// The server's log file.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// A server of an earlier run does not end.
    #[error(
        "process {pid}, a PostgreSQL server on this data directory left by an earlier run, does \
         not end: end it with `kill -9 {pid}` and start again"
    )]
    Leftover {
        /// Its process id.
        pid: i32,
    },
    /// A bug of ours.
    #[error("starting PostgreSQL failed inside Recount: {detail}")]
    Internal {
        /// What happened.
        detail: String,
    },
}

impl StartError {
    /// The stable code of the error; `docs/errors/` has a page for each.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BinariesMissing { .. } => "RC0301",
            Self::MajorVersion { .. } => "RC0302",
            Self::InUse { .. } => "RC0303",
            Self::User { .. } => "RC0304",
            Self::Files { .. } => "RC0305",
            Self::Init { .. } => "RC0306",
            Self::Died { .. } | Self::Internal { .. } => "RC0307",
            Self::Leftover { .. } => "RC0308",
        }
    }

    pub(super) fn files(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Files { what, path, source }
    }
}
