//! The directory of a store: names, listing, the writer's lock. Not the content of files.

use crate::error::{IoFault, OpenError};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Name of the next segment while it is prepared; anything under this name may be deleted.
pub(crate) const SPARE: &str = "spare";
const SUFFIX: &str = ".segment";

/// File of the segment that begins at `base`: sixteen hexadecimal digits, so that names sort
/// as the segments do.
pub(crate) fn segment_path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:016x}{SUFFIX}"))
}

/// What lies in a directory.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Base addresses by name, ascending.
    pub(crate) bases: Vec<u64>,
    pub(crate) spare: bool,
    /// Names that no store makes, as far as they can be shown.
    pub(crate) unknown: Vec<PathBuf>,
}

pub(crate) fn list(dir: &Path) -> Result<Listing, IoFault> {
    let mut listing = Listing::default();
    let entries = dir.read_dir().map_err(IoFault::new("listing", dir, 0))?;
    for entry in entries {
        let name = entry.map_err(IoFault::new("listing", dir, 0))?.file_name();
        match name.to_str().and_then(base_of) {
            Some(base) => listing.bases.push(base),
            None if name == SPARE => listing.spare = true,
            None => listing.unknown.push(dir.join(name)),
        }
    }
    listing.bases.sort_unstable();
    listing.unknown.sort_unstable();
    Ok(listing)
}

fn base_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let base = u64::from_str_radix(digits, 16).ok()?;
    // The other spellings of the same number (upper case, a sign) are not ours.
    (format!("{base:016x}") == digits).then_some(base)
}

/// Makes created, renamed and deleted names durable.
pub(crate) fn sync(dir: &Path) -> Result<(), IoFault> {
    File::open(dir).and_then(|handle| handle.sync_all()).map_err(IoFault::new(
        "syncing the directory",
        dir,
        0,
    ))
}

/// Creates the directory when it is absent, durably.
pub(crate) fn create(dir: &Path) -> Result<(), IoFault> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir).map_err(IoFault::new("creating the directory", dir, 0))?;
    match dir.parent() {
        Some(parent) if parent != Path::new("") => sync(parent),
        _ => Ok(()),
    }
}

/// The writer's lock: held as long as this lives, given back by the system when the process
/// ends in whatever way.
///
/// The lock (`flock`) is on the directory itself: there is no lock file that could be damaged,
/// deleted, or left behind.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _dir: File,
}

impl WriterLock {
    pub(crate) fn take(dir: &Path) -> Result<Self, OpenError> {
        let handle = File::open(dir).map_err(IoFault::new("opening the directory", dir, 0))?;
        match handle.try_lock() {
            Ok(()) => Ok(Self { _dir: handle }),
            Err(TryLockError::WouldBlock) => {
                Err(OpenError::InUse { dir: dir.to_owned(), pid: holder(&handle) })
            }
            Err(TryLockError::Error(source)) => {
                Err(IoFault::new("locking the directory", dir, 0)(source).into())
            }
        }
    }
}

/// The process that holds the lock, from the kernel's list. None where that list is not to be
/// had, or does not show the holder.
fn holder(dir: &File) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let metadata = dir.metadata().ok()?;
    holder_in(&locks, metadata.dev(), metadata.ino())
}

/// A line is `1: FLOCK  ADVISORY  WRITE 4242 fe:00:131 0 EOF`.
fn holder_in(locks: &str, dev: u64, inode: u64) -> Option<u32> {
    let major = (dev >> 8) & 0xfff;
    let minor = (dev & 0xff) | ((dev >> 12) & 0xf_ff00);
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let flock = words.next()? == "FLOCK" && words.nth(1)? == "WRITE";
        let pid = words.next()?.parse().ok()?;
        (flock && words.next()? == file).then_some(pid)
    })
}

/// Deletes a file that may be absent.
pub(crate) fn remove(path: &Path) -> Result<(), IoFault> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(IoFault::new("deleting", path, 0)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_by_device_and_inode_only() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 fe:00:131 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 8 fe:01:131 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 4242 fe:00:131 0 EOF\n";
        assert_eq!(holder_in(locks, 0xfe00, 131), Some(4242));
        assert_eq!(holder_in(locks, 0xfe00, 132), None);
    }

    #[test]
    fn only_the_exact_spelling_of_a_name_is_a_segment() {
        assert_eq!(base_of("0000000000100000.segment"), Some(0x10_0000));
        for name in ["100000.segment", "000000000010000A.segment", "0000000000100000.segmen"] {
            assert_eq!(base_of(name), None, "{name}");
        }
    }
}
