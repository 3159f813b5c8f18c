//! What waits for the I/O thread: bounded, in order, already laid out as blocks.
//!
//! Callers copy their entries into the last block under one short lock; the I/O thread takes
//! the first block whole. So a group commit allocates nothing per entry and copies each byte
//! once.

use crate::batch::{self, Batch, Buffer, Done};
use crate::error::AppendError;
use crate::format::BLOCK_HEADER;
use crate::{CALL_BYTES_MAX, ENTRY_BYTES_MAX, Parts};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Buffers kept for reuse: one in flight, one filling, and a little slack. Larger ones, made
/// for a single big call, are given back to the system.
const FREE_BUFFERS_MAX: usize = 4;

/// Longest wait for callers who were just answered to ask again: a quarter of a device sync.
/// Without it a group of closed loops splits into two halves, each waiting for the other's
/// sync, and a single caller pays for waking the I/O thread every time.
const LINGER: Duration = Duration::from_micros(20);

/// Least charge of a call: a call without entries costs memory too.
const CALL_CHARGE: usize = 64;

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    free: Vec<Buffer>,
    /// Charged bytes that are not answered yet, those in flight included.
    waiting: usize,
    closed: bool,
    failed: Option<AppendError>,
    /// The I/O thread sleeps; spares a system call per append when it does not.
    asleep: bool,
    /// A caller wrote by itself: what the I/O thread waits for is another moment now.
    written: bool,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// Calls in `batches`; written under the lock, read without it by `linger` only.
    calls: AtomicUsize,
    bytes_max: usize,
    block_bytes: usize,
}

/// Why the I/O thread goes on.
pub(crate) enum Wake {
    /// Something waits to be written.
    Work,
    /// Nothing came until the time given, or a caller wrote by itself.
    Idle,
    /// Closed, and everything is taken.
    Closed,
}

impl Queue {
    /// `block_bytes` is the size at which a group commit stops growing.
    pub(crate) fn new(bytes_max: usize, block_bytes: usize) -> Self {
        let calls = AtomicUsize::new(0);
        Self { state: Mutex::default(), wake: Condvar::new(), calls, bytes_max, block_bytes }
    }

    /// A panic under the lock is impossible short of running out of memory, and the state is
    /// whole between any two statements, so a poisoned lock is used on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the call in line, or answers it at once from the caller's thread.
    pub(crate) fn push(&self, entries: &[Parts<'_>], done: Done) {
        match self.line_up(entries, done) {
            Ok(mut state) => {
                if std::mem::take(&mut state.asleep) {
                    drop(state);
                    self.wake.notify_one();
                }
            }
            Err((done, error)) => batch::answer_call(done, Err(error)),
        }
    }

    /// The same for a caller who takes it from there by itself: nobody is woken.
    pub(crate) fn push_quietly(&self, entries: &[Parts<'_>], done: Done) {
        if let Err((done, error)) = self.line_up(entries, done).map(drop) {
            batch::answer_call(done, Err(error));
        }
    }

    fn line_up(
        &self,
        entries: &[Parts<'_>],
        done: Done,
    ) -> Result<MutexGuard<'_, State>, (Done, AppendError)> {
        let encoded = batch::encoded_bytes(entries);
        let charge = encoded + CALL_CHARGE;
        if let Some(error) = self.too_large(entries, encoded) {
            return Err((done, error));
        }
        let mut state = self.lock();
        if let Some(error) = &state.failed {
            return Err((done, error.clone()));
        }
        if state.closed {
            return Err((done, AppendError::Closed));
        }
        if state.waiting + charge > self.bytes_max {
            let (waiting, limit) = (state.waiting, self.bytes_max);
            return Err((done, AppendError::Overloaded { waiting, limit }));
        }
        state.waiting += charge;
        if !state.batches.back().is_some_and(|batch| batch.fits(encoded)) {
            let batch = Batch::new(self.buffer(&mut state, encoded));
            state.batches.push_back(batch);
        }
        let batch = state.batches.back_mut().expect("one was just pushed");
        batch.push(entries, charge, done);
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(state)
    }

    fn too_large(&self, entries: &[Parts<'_>], encoded: usize) -> Option<AppendError> {
        let limit = CALL_BYTES_MAX.min(self.bytes_max.saturating_sub(CALL_CHARGE));
        if encoded > limit {
            return Some(AppendError::TooLarge { bytes: encoded, limit });
        }
        let largest = entries.iter().map(Parts::bytes).max().unwrap_or(0);
        (largest > ENTRY_BYTES_MAX)
            .then_some(AppendError::TooLarge { bytes: largest, limit: ENTRY_BYTES_MAX })
    }

    fn buffer(&self, state: &mut State, encoded: usize) -> Buffer {
        let needed = BLOCK_HEADER + encoded;
        if needed > self.block_bytes {
            return Buffer::new(needed);
        }
        state.free.pop().unwrap_or_else(|| Buffer::new(self.block_bytes))
    }

    /// Until something waits to be written, or until `idle_at` when given.
    pub(crate) fn wait(&self, idle_at: Option<Instant>) -> Wake {
        let mut state = self.lock();
        loop {
            if !state.batches.is_empty() {
                return Wake::Work;
            }
            if state.closed {
                return Wake::Closed;
            }
            let left = idle_at.map(|at| at.saturating_duration_since(Instant::now()));
            if std::mem::take(&mut state.written) || left.is_some_and(|left| left.is_zero()) {
                return Wake::Idle;
            }
            state.asleep = true;
            state = match left {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.asleep = false;
        }
    }

    /// The first block, if there is one. Only for whoever has the turn to write: blocks become durable in
    /// the order in which they are taken.
    pub(crate) fn take(&self) -> Option<Batch> {
        let batch = self.lock().batches.pop_front()?;
        self.calls.fetch_sub(batch.calls(), Ordering::Relaxed);
        Some(batch)
    }

    /// A caller wrote by itself while the I/O thread had nothing to confirm.
    pub(crate) fn written(&self) {
        self.lock().written = true;
        self.wake.notify_one();
    }

    /// Gives `answered` callers a moment to ask again, so that they share the next sync.
    pub(crate) fn linger(&self, answered: usize) {
        let begun = Instant::now();
        while self.calls.load(Ordering::Relaxed) < answered && begun.elapsed() < LINGER {
            // Lets them run, on a machine with few processors.
            std::thread::yield_now();
        }
    }

    /// Answers the calls of a block and takes its memory back.
    pub(crate) fn complete(&self, batch: Batch, outcome: Result<u64, &AppendError>) {
        // First, so that a caller who appends from its completion finds the room it gave up.
        self.lock().waiting -= batch.charged();
        let buffer = batch.complete(outcome);
        let mut state = self.lock();
        if buffer.capacity() <= self.block_bytes.next_multiple_of(crate::format::UNIT)
            && state.free.len() < FREE_BUFFERS_MAX
        {
            state.free.push(buffer);
        }
    }

    /// From here on every call is answered with this error.
    pub(crate) fn fail(&self, error: &AppendError) {
        self.lock().failed.get_or_insert_with(|| error.clone());
    }

    /// Answers everything that waits, when nobody is left to write it.
    pub(crate) fn abandon(&self, error: &AppendError) {
        let batches = std::mem::take(&mut self.lock().batches);
        for batch in batches {
            self.complete(batch, Err(error));
        }
    }

    pub(crate) fn failure(&self) -> Option<AppendError> {
        self.lock().failed.clone()
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }
}
