//! A block under construction: the calls that one group commit will answer. No I/O.

use crate::format::{self, BLOCK_HEADER, BlockHeader, ENTRY_HEADER, Kind, UNIT};
use crate::{AppendError, Location, Parts};

/// Completion of one call.
pub(crate) type Done = Box<dyn FnOnce(Result<Vec<Location>, AppendError>) + Send>;

/// Memory that starts at a multiple of the unit, as direct I/O demands. Over-allocated, so no
/// unsafe code is needed; never grown, because growing may move it.
#[derive(Debug)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    capacity: usize,
}

impl Buffer {
    pub(crate) fn new(bytes: usize) -> Self {
        let capacity = bytes.next_multiple_of(UNIT);
        let memory = vec![0; capacity + UNIT];
        let start = memory.as_ptr().align_offset(UNIT);
        assert!(start < UNIT, "a byte pointer can always be aligned");
        Self { memory, start, capacity }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.capacity]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.capacity]
    }
}

struct Call {
    entries: usize,
    done: Done,
}

/// What is fixed only when the block is about to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) seed: u32,
    pub(crate) number: u64,
    pub(crate) location: u64,
    pub(crate) prev: u32,
}

/// Calls in the order they came, already in the layout of a block.
pub(crate) struct Batch {
    buffer: Buffer,
    /// End of the last entry in the buffer.
    len: usize,
    /// Offset of every entry; below 4 GiB because a block is.
    entries: Vec<u32>,
    calls: Vec<Call>,
    /// Bytes charged to the queue.
    charged: usize,
}

/// Bytes that a call takes in a block.
pub(crate) fn encoded_bytes(entries: &[Parts<'_>]) -> usize {
    entries.iter().map(|entry| ENTRY_HEADER + entry.bytes()).sum()
}

impl Batch {
    pub(crate) fn new(buffer: Buffer) -> Self {
        Self { buffer, len: BLOCK_HEADER, entries: Vec::new(), calls: Vec::new(), charged: 0 }
    }

    pub(crate) fn fits(&self, encoded: usize) -> bool {
        self.len + encoded <= self.buffer.capacity()
    }

    pub(crate) fn push(&mut self, entries: &[Parts<'_>], charge: usize, done: Done) {
        for entry in entries {
            let at = self.len;
            let head = at + ENTRY_HEADER;
            let (body, end) = (head + entry.head.len(), head + entry.bytes());
            let out = self.buffer.bytes_mut();
            out[at..at + 4].copy_from_slice(&entry.lane.to_le_bytes());
            out[at + 4..at + 8].copy_from_slice(&short(entry.bytes()).to_le_bytes());
            out[head..body].copy_from_slice(entry.head);
            out[body..end].copy_from_slice(entry.body);
            self.entries.push(short(at));
            self.len = end;
        }
        self.calls.push(Call { entries: entries.len(), done });
        self.charged += charge;
    }

    /// Whether there is nothing to write: calls without an entry still get an answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn charged(&self) -> usize {
        self.charged
    }

    /// Bytes that the block will take in the file.
    pub(crate) fn stored_bytes(&self) -> u64 {
        format::round_up(self.len as u64)
    }

    /// Fills in every checksum and the padding; returns the block and its checksum.
    pub(crate) fn finish(&mut self, place: Place) -> (&[u8], u32) {
        let stored = self.len.next_multiple_of(UNIT);
        let bytes = &mut self.buffer.bytes_mut()[..stored];
        let mut digest = 0;
        let ends = self.entries.iter().skip(1).map(|at| *at as usize).chain([self.len]);
        for (at, end) in self.entries.iter().map(|at| *at as usize).zip(ends) {
            let (head, body) = bytes[at..end].split_at_mut(ENTRY_HEADER);
            let check =
                format::entry_check(place.seed, &head[..8], body, place.location + at as u64);
            head[8..12].copy_from_slice(&check.to_le_bytes());
            digest = format::digest(digest, check);
        }
        let header = BlockHeader {
            kind: Kind::Data,
            number: place.number,
            location: place.location,
            payload_len: short(self.len - BLOCK_HEADER),
            count: short(self.entries.len()),
            digest,
            prev: place.prev,
        }
        .encode(place.seed);
        bytes[..BLOCK_HEADER].copy_from_slice(&header);
        bytes[self.len..].fill(0);
        (bytes, format::u32_at(&header, 44))
    }

    /// Answers every call, in order, and gives the memory back.
    pub(crate) fn complete(self, outcome: Result<u64, &AppendError>) -> Buffer {
        let mut entries = self.entries.iter();
        for call in self.calls {
            let answer = match outcome {
                Ok(base) => Ok(entries
                    .by_ref()
                    .take(call.entries)
                    .map(|at| Location(base + u64::from(*at)))
                    .collect()),
                Err(error) => Err(error.clone()),
            };
            answer_call(call.done, answer);
        }
        self.buffer
    }
}

/// Runs a completion. A panic in it is the caller's (its hook has reported it) and must not
/// take the other calls of the group with it.
pub(crate) fn answer_call(done: Done, answer: Result<Vec<Location>, AppendError>) {
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| done(answer))));
}

fn short(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a block is bounded by CALL_BYTES_MAX, far below 4 GiB")
}
