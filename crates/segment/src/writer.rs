//! What is written: one block and one sync per group commit, marks, and the change of segment.
//! Never retries a failed write or sync. Not when, nor by which thread, which `turns` says.

use crate::batch::{Batch, Buffer, Place};
use crate::catalog::Catalog;
use crate::dir;
use crate::error::{AppendError, IoFault};
use crate::format::{self, BLOCK_HEADER, BlockHeader, Kind, SegmentHeader, UNIT, UNIT_BYTES};
use crate::prepare::{Medium, Preparer};
use crate::queue::Queue;
use crate::store::Options;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Idleness after which the last block is confirmed by a mark. Long enough that a busy store
/// writes none, short enough that the unconfirmed window is small.
const MARK_AFTER: Duration = Duration::from_millis(10);

/// Pause after a failure for want of space: an attempt writes until the medium is full.
const SPACE_RETRY_AFTER: Duration = Duration::from_millis(100);

/// Each segment is this many times the one before, until the configured size: a store that
/// stays small takes little space, one that grows is never kept waiting long.
const GROWTH: u64 = 4;

/// The place behind the last block.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) header: SegmentHeader,
    pub(crate) medium: Medium,
    pub(crate) offset: u64,
    pub(crate) number: u64,
    /// Checksum of the last block, or of the segment header.
    pub(crate) prev: u32,
    /// Whether the last block needs no mark.
    pub(crate) marked: bool,
}

impl Tail {
    fn place(&self) -> Place {
        Place {
            seed: self.header.seed(),
            number: self.number,
            location: self.header.base + self.offset,
            prev: self.prev,
        }
    }

    /// A mark or a seal, which hold nothing, and their checksum.
    fn empty_block(&self, kind: Kind, offset: u64, unit: &mut Buffer) -> u32 {
        let header = BlockHeader {
            kind,
            number: self.number,
            location: self.header.base + offset,
            payload_len: 0,
            count: 0,
            digest: 0,
            prev: self.prev,
        }
        .encode(self.header.seed());
        unit.bytes_mut().fill(0);
        unit.bytes_mut()[..BLOCK_HEADER].copy_from_slice(&header);
        format::u32_at(&header, 44)
    }

    /// Confirms the last block. There is always room: see [`Tail::has_room`].
    pub(crate) fn mark(&mut self, unit: &mut Buffer) -> Result<(), IoFault> {
        let checksum = self.empty_block(Kind::Mark, self.offset, unit);
        self.medium.write(unit.bytes(), self.offset)?;
        self.medium.sync(self.offset)?;
        self.advance(UNIT_BYTES, checksum);
        self.marked = true;
        Ok(())
    }

    /// Confirms the last block of a segment that a next one already follows.
    pub(crate) fn seal(&self, unit: &mut Buffer) -> Result<(), IoFault> {
        let offset = self.header.seal_offset();
        self.empty_block(Kind::Seal, offset, unit);
        self.medium.write(unit.bytes(), offset)?;
        self.medium.sync(offset)
    }

    fn advance(&mut self, bytes: u64, checksum: u32) {
        self.offset += bytes;
        self.number += 1;
        self.prev = checksum;
    }

    /// For a block and the mark that may have to follow it.
    fn has_room(&self, stored: u64) -> bool {
        self.offset + stored + UNIT_BYTES <= self.header.seal_offset()
    }

    /// Header of the segment after this one; its seal takes one block number.
    pub(crate) fn next_header(&self, length: u64) -> SegmentHeader {
        SegmentHeader {
            store_id: self.header.store_id,
            base: self.header.end(),
            length,
            first_number: self.number + 1,
            prev: self.prev,
        }
    }
}

/// Gives a spare file its header and its name, durably, and returns the place of its first
/// block. Only then may the segment before be sealed: a sealed segment without a next one is a
/// missing file.
pub(crate) fn begin_segment(
    dir: &Path,
    mut medium: Medium,
    header: SegmentHeader,
    unit: &mut Buffer,
) -> Result<Tail, IoFault> {
    unit.bytes_mut().copy_from_slice(&header.encode());
    medium.write(unit.bytes(), 0)?;
    medium.sync(0)?;
    medium.rename(dir::segment_path(dir, header.base))?;
    dir::sync(dir)?;
    let (number, prev) = (header.first_number, header.checksum());
    Ok(Tail { header, medium, offset: UNIT_BYTES, number, prev, marked: true })
}

/// Why a block cannot be written now.
enum Refusal {
    NoSpace(AppendError),
    Failed(IoFault),
}

impl From<IoFault> for Refusal {
    fn from(fault: IoFault) -> Self {
        Self::Failed(fault)
    }
}

pub(crate) struct Writer {
    dir: PathBuf,
    segment_bytes: u64,
    sync: bool,
    queue: Arc<Queue>,
    catalog: Arc<Catalog>,
    preparer: Preparer,
    tail: Tail,
    unit: Buffer,
    /// When the last block was written.
    wrote_at: Instant,
    no_space: Option<(Instant, AppendError)>,
}

impl Writer {
    pub(crate) fn new(
        options: &Options,
        queue: Arc<Queue>,
        catalog: Arc<Catalog>,
        tail: Tail,
    ) -> Result<Self, IoFault> {
        let (dir, segment_bytes) = (options.dir.clone(), options.segment_bytes);
        let preparer = Preparer::start(&dir)?;
        let (unit, sync) = (Buffer::new(UNIT), options.sync);
        let (wrote_at, no_space) = (Instant::now(), None);
        let mut writer = Self {
            dir,
            segment_bytes,
            sync,
            queue,
            catalog,
            preparer,
            tail,
            unit,
            wrote_at,
            no_space,
        };
        writer.prepare_ahead();
        Ok(writer)
    }

    /// Writes a block and answers its calls. A broken invariant fails the store like a broken medium:
    /// nobody is left waiting.
    pub(crate) fn commit(&mut self, batch: Batch) {
        let work = std::panic::AssertUnwindSafe(|| self.commit_block(batch));
        if std::panic::catch_unwind(work).is_err() {
            let panicked = std::io::Error::other("the writer met a broken invariant");
            let error = self.fail(IoFault::new("writing", &self.dir, 0)(panicked));
            self.queue.abandon(&error);
        }
        self.wrote_at = Instant::now();
    }

    /// When the last block is to be confirmed by a mark, if nothing more is written; `None`: it is.
    pub(crate) fn mark_at(&self) -> Option<Instant> {
        let unmarked = !self.tail.marked && self.queue.failure().is_none();
        unmarked.then(|| self.wrote_at + MARK_AFTER)
    }

    fn commit_block(&mut self, mut batch: Batch) {
        if let Some(error) = self.queue.failure() {
            return self.queue.complete(batch, Err(&error));
        }
        if batch.is_empty() {
            return self.queue.complete(batch, Ok(0));
        }
        match self.write(&mut batch) {
            Ok(base) => self.queue.complete(batch, Ok(base)),
            Err(Refusal::NoSpace(error)) => self.queue.complete(batch, Err(&error)),
            Err(Refusal::Failed(fault)) => {
                let error = self.fail(fault);
                self.queue.complete(batch, Err(&error));
            }
        }
        self.prepare_ahead();
    }

    /// The group commit: returns the logical address of the block.
    fn write(&mut self, batch: &mut Batch) -> Result<u64, Refusal> {
        let stored = batch.stored_bytes();
        if !self.tail.has_room(stored) {
            self.roll(stored)?;
        }
        let (base, offset) = (self.tail.header.base + self.tail.offset, self.tail.offset);
        let (bytes, checksum) = batch.finish(self.tail.place());
        self.tail.medium.write(bytes, offset)?;
        if self.sync {
            self.tail.medium.sync(offset)?;
        }
        self.tail.advance(stored, checksum);
        self.tail.marked = false;
        self.catalog.set_durable_end(base + stored);
        Ok(base)
    }

    /// Confirms the last block, if it is not yet.
    pub(crate) fn confirm(&mut self) {
        if self.tail.marked || self.queue.failure().is_some() {
            return;
        }
        match self.tail.mark(&mut self.unit) {
            Ok(()) => self.catalog.set_durable_end(self.tail.header.base + self.tail.offset),
            Err(fault) => drop(self.fail(fault)),
        }
    }

    /// Every call that waits, and every later one, gets this error.
    fn fail(&self, fault: IoFault) -> AppendError {
        let error = fault.into();
        self.queue.fail(&error);
        error
    }

    fn next_length(&self) -> u64 {
        self.segment_bytes.min(self.tail.header.length.saturating_mul(GROWTH))
    }

    /// A quarter in: what is left of the segment lasts longer than preparing the next one,
    /// because a prepared file takes as many bytes and the medium is shared half and half.
    fn prepare_ahead(&mut self) {
        if self.no_space.is_none() && self.tail.offset > self.tail.header.length / 4 {
            self.preparer.order(self.next_length());
        }
    }

    /// Goes on to the next segment, with room for a block of `stored` bytes.
    fn roll(&mut self, stored: u64) -> Result<(), Refusal> {
        if let Some((since, error)) = &self.no_space
            && since.elapsed() < SPACE_RETRY_AFTER
        {
            return Err(Refusal::NoSpace(error.clone()));
        }
        // Header, block, its mark, seal.
        let (needed, length) = (stored + 3 * UNIT_BYTES, self.next_length());
        let spare = match self.preparer.take(needed, length) {
            Ok(spare) => spare,
            Err(fault) if fault.is_storage_full() => {
                return Err(self.out_of_space(fault, length.max(needed)));
            }
            Err(fault) => return Err(fault.into()),
        };
        let header = self.tail.next_header(spare.length);
        let next = match begin_segment(&self.dir, spare.medium, header, &mut self.unit) {
            Ok(next) => next,
            // A directory that cannot grow: the file still has its spare name.
            Err(fault) if fault.is_storage_full() && fault.attempt == "renaming" => {
                return Err(self.out_of_space(fault, spare.length));
            }
            Err(fault) => return Err(fault.into()),
        };
        self.tail.seal(&mut self.unit)?;
        self.tail = next;
        self.catalog.push(header);
        self.no_space = None;
        Ok(())
    }

    fn out_of_space(&mut self, fault: IoFault, bytes: u64) -> Refusal {
        let (dir, source) = (self.dir.clone(), Arc::new(fault.source));
        let error = AppendError::NoSpace { dir, bytes, source };
        self.no_space = Some((Instant::now(), error.clone()));
        Refusal::NoSpace(error)
    }
}
