//! The next segment file, written full of zeros before it is needed. Not in use until the
//! writer gives it a header and a name.
//!
//! Prewriting matters: a write that grows a file, or fills allocated but unwritten blocks,
//! makes the file system commit its own journal, which costs two to forty times the sync.

use crate::batch::Buffer;
use crate::dir;
use crate::error::IoFault;
use crate::format::{self, UNIT};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// One write of zeros: so small that a group commit beside it waits about 0.1 ms.
const PIECE_BYTES: usize = 256 << 10;

/// A file written past the page cache, in whole units.
#[derive(Debug)]
pub(crate) struct Medium {
    file: File,
    path: PathBuf,
}

impl Medium {
    /// Direct I/O where the file system has it; the same calls through the page cache where it
    /// has not (some network, memory and overlay file systems).
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, IoFault> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(create).custom_flags(libc::O_DIRECT);
        let file = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                // The failed attempt may have left an empty file behind.
                options.create_new(false).create(create).custom_flags(0).open(path)
            }
            other => other,
        }
        .map_err(IoFault::new("opening", path, 0))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// `bytes` comes from a [`Buffer`] and is whole units.
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), IoFault> {
        debug_assert!(bytes.len().is_multiple_of(UNIT) && offset.is_multiple_of(UNIT as u64));
        self.file.write_all_at(bytes, offset).map_err(IoFault::new("writing", &self.path, offset))
    }

    /// Makes what was written durable. `offset` is only for the message.
    pub(crate) fn sync(&self, offset: u64) -> Result<(), IoFault> {
        self.file.sync_data().map_err(IoFault::new("syncing", &self.path, offset))
    }

    /// Gives the file its name in the store.
    pub(crate) fn rename(&mut self, to: PathBuf) -> Result<(), IoFault> {
        std::fs::rename(&self.path, &to).map_err(IoFault::new("renaming", &self.path, 0))?;
        self.path = to;
        Ok(())
    }
}

/// A prewritten file.
#[derive(Debug)]
pub(crate) struct Spare {
    pub(crate) medium: Medium,
    pub(crate) length: u64,
}

/// Makes the spare file; `stop` ends it early. Leaves nothing behind on failure.
pub(crate) fn make_spare(dir: &Path, length: u64, stop: &AtomicBool) -> Result<Spare, IoFault> {
    let path = dir.join(dir::SPARE);
    let outcome = write_spare(&path, length, stop);
    if outcome.is_err() {
        // The space is needed elsewhere; the first error is the one to report.
        drop(dir::remove(&path));
    }
    outcome.map(|medium| Spare { medium, length })
}

fn write_spare(path: &Path, length: u64, stop: &AtomicBool) -> Result<Medium, IoFault> {
    dir::remove(path)?;
    let medium = Medium::open(path, true)?;
    let mut piece = Buffer::new(PIECE_BYTES);
    let mut offset = 0;
    while offset < length {
        if stop.load(Ordering::Relaxed) {
            return Err(IoFault::new("preparing", path, offset)(io::ErrorKind::Interrupted.into()));
        }
        let rest = usize::try_from(length - offset).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        medium.write(&piece.bytes()[..rest], offset)?;
        offset += rest as u64;
    }
    medium.file.sync_all().map_err(IoFault::new("syncing", path, 0))?;
    // Last, so that a file with this header is complete.
    piece.bytes_mut()[..UNIT].copy_from_slice(&format::spare_unit(length));
    medium.write(&piece.bytes()[..UNIT], 0)?;
    medium.sync(0)?;
    Ok(medium)
}

/// The thread that prepares, and at most one file on order or ready.
#[derive(Debug)]
pub(crate) struct Preparer {
    dir: PathBuf,
    stop: Arc<AtomicBool>,
    orders: Option<Sender<u64>>,
    ready: Receiver<Result<Spare, IoFault>>,
    ordered: bool,
    thread: Option<JoinHandle<()>>,
}

impl Preparer {
    pub(crate) fn start(dir: &Path) -> Result<Self, IoFault> {
        let stop = Arc::new(AtomicBool::new(false));
        let (orders, incoming) = channel::<u64>();
        let (outgoing, ready) = channel();
        let (in_dir, stopped) = (dir.to_owned(), Arc::clone(&stop));
        let work = move || {
            for length in incoming {
                if outgoing.send(make_spare(&in_dir, length, &stopped)).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("segment-spare".into())
            .spawn(work)
            .map_err(IoFault::new("starting a thread for", dir, 0))?;
        let (dir, orders, thread) = (dir.to_owned(), Some(orders), Some(thread));
        Ok(Self { dir, stop, orders, ready, ordered: false, thread })
    }

    /// Begins to prepare, unless that is under way or done.
    pub(crate) fn order(&mut self, length: u64) {
        if !self.ordered
            && let Some(orders) = &self.orders
        {
            // A thread that is gone shows in `take`.
            self.ordered = orders.send(length).is_ok();
        }
    }

    /// A file of at least `needed` bytes; `length` is ordered when none is under way.
    pub(crate) fn take(&mut self, needed: u64, length: u64) -> Result<Spare, IoFault> {
        loop {
            self.order(length.max(needed));
            let outcome = self.ready.recv().map_err(|_| {
                let gone = io::Error::other("the preparing thread has ended");
                IoFault::new("preparing", &self.dir.join(dir::SPARE), 0)(gone)
            })?;
            self.ordered = false;
            let spare = outcome?;
            if spare.length >= needed {
                return Ok(spare);
            }
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        // Not needed while the store is closed, and its space may be.
        drop(dir::remove(&self.dir.join(dir::SPARE)));
    }
}
