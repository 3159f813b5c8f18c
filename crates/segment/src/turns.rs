//! Whose turn it is to write: the I/O thread's, or that of a caller who finds nothing under way and so
//! spares two changes of thread. Whoever has the turn takes blocks from the queue, so that they become
//! durable in its order. Not the writing itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::Parts;
use crate::batch::Done;
use crate::dir::WriterLock;
use crate::error::AppendError;
use crate::queue::{Queue, Wake};
use crate::writer::Writer;

pub(crate) struct Turns {
    queue: Arc<Queue>,
    /// Held while a block is written; `None` when the I/O thread has ended.
    writer: Mutex<Option<Writer>>,
}

impl Turns {
    pub(crate) fn new(queue: Arc<Queue>, writer: Writer) -> Self {
        Self { queue, writer: Mutex::new(Some(writer)) }
    }

    /// The I/O thread: until the store is closed and everything is answered.
    pub(crate) fn run(&self, lock: WriterLock) -> Result<(), AppendError> {
        let mut idle_at = None;
        loop {
            let wake = self.queue.wait(idle_at);
            // The writer lets no panic out.
            let mut turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(writer) = turn.as_mut() else { break };
            match wake {
                Wake::Work => {
                    let answered = take(&self.queue, writer);
                    idle_at = writer.mark_at();
                    drop(turn);
                    self.queue.linger(answered);
                }
                Wake::Idle => {
                    if writer.mark_at().is_some_and(|at| at <= Instant::now()) {
                        writer.confirm();
                    }
                    idle_at = writer.mark_at();
                }
                Wake::Closed => {
                    writer.confirm();
                    *turn = None;
                    break;
                }
            }
        }
        drop(lock);
        self.queue.failure().map_or(Ok(()), Err)
    }

    /// Writes a call on this thread when nothing is under way; otherwise hands it over.
    pub(crate) fn write_here(&self, entries: &[Parts<'_>], done: Done) {
        // Completions run while the turn is held: one that appends comes here too, and is put in line.
        let mut turn = self.writer.try_lock().ok();
        let Some(writer) = turn.as_mut().and_then(|turn| turn.as_mut()) else {
            return self.queue.push(entries, done);
        };
        let confirmed = writer.mark_at().is_none();
        self.queue.push_quietly(entries, done);
        // Its own call may lie behind those of others.
        while take(&self.queue, writer) > 0 {}
        let unconfirmed = writer.mark_at().is_some();
        drop(turn);
        if confirmed && unconfirmed {
            self.queue.written();
        }
    }
}

/// Writes the first block that waits; gives how many calls it answered.
fn take(queue: &Queue, writer: &mut Writer) -> usize {
    let Some(batch) = queue.take() else { return 0 };
    let calls = batch.calls();
    writer.commit(batch);
    calls
}
