//! What can go wrong with brokers on this machine.

use std::fmt;
use std::path::Path;

/// Why brokers could not be started or reached; made for a person who reads it.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// For `map_err`: what was tried with which file.
    pub(crate) fn io(what: &str, at: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let text = format!("{what} {}", at.display());
        move |error| Self(format!("{text}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
