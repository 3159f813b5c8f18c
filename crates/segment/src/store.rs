//! The writing side: options, opening, appending, closing. Reading is in `reader`.

use crate::catalog::Catalog;
use crate::dir::{self, WriterLock};
use crate::error::{AppendError, CloseError, IoFault, OpenError};
use crate::format::{SEGMENT_BYTES_MIN, UNIT_BYTES};
use crate::queue::Queue;
use crate::reader::Reader;
use crate::recover::{self, Recovery};
use crate::turns::Turns;
use crate::writer::Writer;
use crate::{CALL_BYTES_MAX, Entry, Location, Parts};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A group commit stops growing here: at 1 MiB the device already runs at its full rate, and
/// more would only add to the wait of the first call in it.
const BLOCK_BYTES: u64 = 1 << 20;

/// How much opening reads before it lets anyone write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Every byte of every segment: damage anywhere refuses the start. About one second per
    /// gigabyte.
    Everything,
    /// The header and the seal of every segment, and every byte of the last one. For owners
    /// who read the older segments themselves; reading checks every entry in any case.
    LastSegment,
}

/// Where a store is and how large its parts are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Directory of the store, created when absent; on a local file system.
    pub dir: PathBuf,
    /// Size of a full-grown segment file: 64 MiB. A call that needs more gets a larger one.
    pub segment_bytes: u64,
    /// Size of the first segment file: 1 MiB, so that a small store stays small. Each next one
    /// is four times as large, up to `segment_bytes`.
    pub first_segment_bytes: u64,
    /// Bound on what waits to be written: 64 MiB. More is answered with `Overloaded` at once.
    pub queue_bytes_max: usize,
    /// How much opening reads: everything.
    pub check: Check,
    /// Whether a group commit waits for the device: yes. Without it a power cut may take back what was
    /// answered, and leave damage: for copies of what is kept elsewhere.
    pub sync: bool,
}

impl Options {
    /// The defaults, for this directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 64 << 20,
            first_segment_bytes: 1 << 20,
            queue_bytes_max: 2 * CALL_BYTES_MAX,
            check: Check::Everything,
            sync: true,
        }
    }

    fn validate(&self) -> Result<(), OpenError> {
        let bad = |what| Err(OpenError::BadOptions { dir: self.dir.clone(), what });
        for bytes in [self.segment_bytes, self.first_segment_bytes] {
            if bytes < SEGMENT_BYTES_MIN || !bytes.is_multiple_of(UNIT_BYTES) {
                return bad("segment sizes must be multiples of 4096, at least 16384");
            }
        }
        if self.queue_bytes_max < 4096 {
            return bad("queue_bytes_max must be at least 4096");
        }
        Ok(())
    }

    /// Bounded by the segment too, or half of each small segment would stay empty.
    fn block_bytes(&self) -> usize {
        let bytes = BLOCK_BYTES.min(self.segment_bytes / 8).max(UNIT_BYTES);
        usize::try_from(bytes).expect("bounded by 1 MiB")
    }
}

/// The one writer of a store. Dropping it closes it too, without saying how that went.
pub struct Store {
    queue: Arc<Queue>,
    turns: Arc<Turns>,
    catalog: Arc<Catalog>,
    dir: PathBuf,
    sync: bool,
    thread: Option<JoinHandle<Result<(), AppendError>>>,
}

impl Store {
    /// Opens for writing and reading, and says what had to be repaired. Refuses, and changes
    /// nothing, when acknowledged data is damaged.
    pub fn open(options: Options) -> Result<(Self, Recovery), OpenError> {
        options.validate()?;
        dir::create(&options.dir)?;
        let lock = WriterLock::take(&options.dir)?;
        let (tail, segments, recovery) = recover::recover(&options)?;
        let catalog = Arc::new(Catalog::owned(&options.dir, segments));
        catalog.set_durable_end(recovery.end.0);
        let queue = Arc::new(Queue::new(options.queue_bytes_max, options.block_bytes()));
        let writer = Writer::new(&options, Arc::clone(&queue), Arc::clone(&catalog), tail)?;
        let turns = Arc::new(Turns::new(Arc::clone(&queue), writer));
        let (dir, sync, theirs) = (options.dir, options.sync, Arc::clone(&turns));
        let thread = std::thread::Builder::new()
            .name("segment-io".into())
            // The lock goes with the one who writes, and is given back when that one ends.
            .spawn(move || theirs.run(lock))
            .map_err(IoFault::new("starting a thread for", &dir, 0))?;
        let store = Self { queue, turns, catalog, dir, sync, thread: Some(thread) };
        Ok((store, recovery))
    }

    /// Hands entries over. They become durable together or not at all, in the order of the
    /// calls; `done` then gets the location of each. Does not wait for I/O.
    ///
    /// `done` runs on the I/O thread, or on that of a caller of [`append_here`](Self::append_here) whose
    /// turn it is, and holds up the next group commit: it should hand over and return. It may append
    /// again. A call refused at once (`Overloaded`, `TooLarge`,
    /// `Closed`, `Failed`) is answered on the caller's thread, before this returns.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "entries are freed on the thread that made them, not on the I/O thread"
    )]
    pub fn append(
        &self,
        entries: Vec<Entry>,
        done: impl FnOnce(Result<Vec<Location>, AppendError>) + Send + 'static,
    ) {
        let entries: Vec<Parts<'_>> = entries.iter().map(Parts::from).collect();
        self.append_parts(&entries, done);
    }

    /// The same with bytes that stay the caller's.
    pub fn append_parts(
        &self,
        entries: &[Parts<'_>],
        done: impl FnOnce(Result<Vec<Location>, AppendError>) + Send + 'static,
    ) {
        self.queue.push(entries, Box::new(done));
    }

    /// The same for a caller who has nothing else to do: when nothing is under way, the entries are
    /// written, and `done` runs, on this thread before this returns. That spares two changes of thread.
    /// Without `sync` nobody waits for the device, and the caller shall not either: they are put in line.
    pub fn append_here(
        &self,
        entries: &[Parts<'_>],
        done: impl FnOnce(Result<Vec<Location>, AppendError>) + Send + 'static,
    ) {
        if self.sync {
            self.turns.write_here(entries, Box::new(done));
        } else {
            self.append_parts(entries, done);
        }
    }

    /// Everything before is durable; the next block begins here or later.
    pub fn durable_end(&self) -> Location {
        Location(self.catalog.durable_end())
    }

    /// A reader of what is durable; many may be in use at once, on any thread.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.catalog))
    }

    /// The directory of the store.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes and answers everything that waits, confirms the last block, and gives the
    /// directory free.
    pub fn close(mut self) -> Result<(), CloseError> {
        self.stop().map_err(CloseError::Failed)
    }

    fn stop(&mut self) -> Result<(), AppendError> {
        self.queue.close();
        match self.thread.take() {
            // The last owner may be a completion on the I/O thread, which cannot wait for
            // itself; it ends by itself once it returns.
            Some(thread) if thread.thread().id() != std::thread::current().id() => {
                thread.join().unwrap_or(Err(AppendError::Closed))
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.stop());
    }
}
