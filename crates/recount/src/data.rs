//! The data directory: what lies where, and whether this version may touch it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The layout this version writes.
const FORMAT: u32 = 1;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    #[error("RC0101: data directory {} cannot be used: {why}; check its owner and rights, or name another with --data", dir.display())]
    Unusable { dir: PathBuf, why: std::io::Error },
    #[error("RC0102: data directory {} was written by a newer version (layout {found}, this one knows {FORMAT}); run that version", dir.display())]
    Newer { dir: PathBuf, found: u32 },
    #[error("RC0103: {} is not empty and no data directory of Recount; name another with --data", dir.display())]
    Foreign { dir: PathBuf },
}

/// An opened data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Creates it when it is missing, and refuses what is not ours or newer.
    pub(crate) fn prepare(dir: &Path) -> Result<Self, DataError> {
        let unusable = |why| DataError::Unusable { dir: dir.to_owned(), why };
        fs::create_dir_all(dir).map_err(unusable)?;
        let dir_full = dir.canonicalize().map_err(unusable)?;
        if Self::check(&dir_full)?.is_none() {
            if fs::read_dir(&dir_full).map_err(unusable)?.next().is_some() {
                return Err(DataError::Foreign { dir: dir_full });
            }
            fs::write(dir_full.join("format"), format!("recount data {FORMAT}\n"))
                .map_err(unusable)?;
            fs::File::open(&dir_full).and_then(|it| it.sync_all()).map_err(unusable)?;
        }
        Ok(Self(dir_full))
    }

    /// Opens an existing one for reading.
    pub(crate) fn existing(dir: &Path) -> Result<Self, DataError> {
        match Self::check(dir)? {
            Some(_) => Ok(Self(dir.to_owned())),
            None => {
                Err(DataError::Unusable { dir: dir.to_owned(), why: ErrorKind::NotFound.into() })
            }
        }
    }

    fn check(dir: &Path) -> Result<Option<u32>, DataError> {
        let text = match fs::read_to_string(dir.join("format")) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(DataError::Unusable { dir: dir.to_owned(), why }),
        };
        let found =
            text.trim().strip_prefix("recount data ").and_then(|number| number.parse().ok());
        match found {
            Some(found) if found <= FORMAT => Ok(Some(found)),
            Some(found) => Err(DataError::Newer { dir: dir.to_owned(), found }),
            None => Err(DataError::Foreign { dir: dir.to_owned() }),
        }
    }

    /// The log.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The local replica of a log on Kafka: a copy, can be deleted.
    pub(crate) fn replica(&self) -> PathBuf {
        self.0.join("replica")
    }

    /// What tools read without the running product: the log, or the replica of one on Kafka.
    pub(crate) fn history(&self) -> PathBuf {
        history_in(&self.0)
    }

    /// The keyring.
    pub(crate) fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The private PostgreSQL: can be deleted, a restart rebuilds it.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    /// States of long histories: can be deleted, they are made again.
    pub(crate) fn snapshots(&self) -> PathBuf {
        self.0.join("snapshots")
    }

    /// What stands in the sandbox; needs no backup.
    pub(crate) fn sandbox(&self) -> PathBuf {
        self.0.join("sandbox")
    }

    /// Itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// Where the history lies in a data directory.
pub(crate) fn history_in(data: &Path) -> PathBuf {
    let (log, replica) = (data.join("log"), data.join("replica"));
    if !log.exists() && replica.exists() { replica } else { log }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_made_and_known_again() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("d");
        DataDir::prepare(&data).unwrap();
        DataDir::prepare(&data).unwrap();
        DataDir::existing(&data).unwrap();
    }

    #[test]
    fn a_newer_layout_and_a_foreign_directory_are_refused_and_untouched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("format"), "recount data 9\n").unwrap();
        assert!(
            DataDir::prepare(dir.path())
                .unwrap_err()
                .to_string()
                .contains("newer version (layout 9")
        );
        fs::remove_file(dir.path().join("format")).unwrap();
        fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
        assert!(DataDir::prepare(dir.path()).unwrap_err().to_string().contains("not empty"));
        assert!(!dir.path().join("format").exists());
    }
}
