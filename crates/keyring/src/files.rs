//! Files that are there whole or not at all, private to their owner. Not their content.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::OpenError;

/// Makes a directory only its owner can enter.
pub(crate) fn make_dir(dir: &Path) -> Result<(), OpenError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(OpenError::io("making directory", dir))
}

/// Writes a file beside its place and moves it there once it is on disk. Returns the open file.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<File, OpenError> {
    let new = beside(path);
    let write = || {
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        Ok(file)
    };
    let file = write().map_err(OpenError::io("writing", path))?;
    sync_dir(path)?;
    Ok(file)
}

/// Removes what a crash inside [`replace`] left.
pub(crate) fn remove_leftover(path: &Path) -> Result<(), OpenError> {
    let new = beside(path);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(OpenError::io("removing", new)(error))
        }
        _ => Ok(()),
    }
}

/// The bytes of a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, OpenError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::io("reading", path)(error)),
    }
}

/// Waits until nobody else writes in the directory; nobody does until the returned file is dropped.
pub(crate) fn lock_in_turn(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("keyring.lock");
    let file = OpenOptions::new().write(true).open(&path);
    let file = file.map_err(OpenError::io("opening", &path))?;
    file.lock().map_err(OpenError::io("locking", path))?;
    Ok(file)
}

/// Takes the directory for one writer, until the returned file is dropped.
pub(crate) fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("keyring.lock");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(OpenError::io("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(OpenError::io("locking", path)(error)),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn sync_dir(path: &Path) -> Result<(), OpenError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(OpenError::io("syncing directory", dir))
}
