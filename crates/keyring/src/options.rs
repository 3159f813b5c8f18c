//! Where the keys are. Not who may use them: that is the file system's affair.

use std::path::PathBuf;

/// Where the keys are.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of `keyring`, and of `master.key` unless that lies elsewhere.
    pub dir: PathBuf,
    /// The file of the master key, as one that is mounted from a secret store.
    pub master_file: Option<PathBuf>,
    /// Whether missing files may be made: only where the log is empty, else they are lost, not new.
    pub create: bool,
}

impl Options {
    /// Both files in one directory, made when missing.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), master_file: None, create: true }
    }

    /// The file of wrapped keys.
    pub fn ring_path(&self) -> PathBuf {
        self.dir.join("keyring")
    }

    /// The file of the master key.
    pub fn master_path(&self) -> PathBuf {
        self.master_file.clone().unwrap_or_else(|| self.dir.join("master.key"))
    }
}
