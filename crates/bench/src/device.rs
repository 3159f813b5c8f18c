//! Controls below everything: what the device and one processor give for the same bytes, with nothing
//! around. Not a part of the product.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use domain::{CommandKey, EventId, LaneId, Meta, Position, Timestamp};
use log::{Chain, Fingerprint, FrameBuilder, Head, Sha256Chain};
use segment::{AppendError, Entry, Options, Store};
use uuid::Uuid;

use crate::Failed;
use crate::measure::{Measured, cpu_s, tenths};
use crate::note;

/// Prewritten part of the file; the loop starts over at its end.
const FILE_BYTES: u64 = 256 << 20;
/// Direct writes begin and end here.
const UNIT: usize = 4096;
/// Header of a block of the segment store, and of one entry; the head before the frame.
const BLOCK_BYTES: usize = 48;
const ENTRY_BYTES: usize = 12 + 32;

/// How a write is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// `O_DSYNC`: the write itself returns when it is durable.
    Write,
    /// `fdatasync` behind it.
    Call,
}

/// Canonical bytes of the measured command.
pub(crate) fn frame(number: u64) -> Vec<u8> {
    let data = note::schemas().encode(&note::event()).expect("the event fits its schema");
    let mut frame = FrameBuilder::new(1, number + 1, 1);
    frame.event(&meta(number), &data, Some(Fingerprint([7; 16])));
    frame.finish()
}

fn meta(number: u64) -> Meta {
    let submit = note::submit(number % note::AGGREGATES, number);
    let lane = LaneId { topic: domain::TopicId(0), index: 0 };
    Meta {
        id: EventId(Uuid::from_u128(u128::from(number))),
        stream: submit.stream,
        version: number,
        position: Position { lane, seq: number + 1 },
        recorded_at: Timestamp::from_micros(1),
        tenant: submit.tenant,
        actor: submit.actor,
        correlation: submit.correlation,
        causation: None,
        key: submit.key,
        trace: None,
    }
}

/// Bytes of a block of the segment store that holds so many commands.
pub(crate) fn block_bytes(commands: u64) -> usize {
    let each = ENTRY_BYTES + frame(0).len();
    let commands = usize::try_from(commands).unwrap_or(usize::MAX);
    BLOCK_BYTES.saturating_add(commands.saturating_mul(each)).next_multiple_of(UNIT)
}

/// A prewritten file that is written past the page cache.
pub(crate) struct Prewritten {
    file: File,
    memory: Vec<u8>,
    start: usize,
    block: usize,
    sync: Sync,
    offset: u64,
}

impl Prewritten {
    /// Writes the file full once.
    pub(crate) fn new(dir: &Path, block: usize, sync: Sync) -> Result<Self, Failed> {
        let path = dir.join(format!("{sync:?}"));
        let mut options = File::options();
        options.create(true).truncate(true).write(true).custom_flags(libc::O_DIRECT);
        let file = options.open(&path)?;
        let piece = block.max(1 << 20);
        let memory = vec![0; piece + UNIT];
        let start = memory.as_ptr().align_offset(UNIT);
        for offset in (0..FILE_BYTES).step_by(1 << 20) {
            file.write_all_at(&memory[start..start + (1 << 20)], offset)?;
        }
        file.sync_all()?;
        if sync == Sync::Write {
            options.create(false).truncate(false).custom_flags(libc::O_DIRECT | libc::O_DSYNC);
        }
        let file = if sync == Sync::Write { options.open(&path)? } else { file };
        let mut it = Self { file, memory, start, block, sync, offset: 0 };
        it.memory.fill(7);
        Ok(it)
    }

    /// One durable write after the other; each counts for `commands`.
    pub(crate) fn run(&mut self, commands: u64, lasts: Duration) -> Result<Measured, Failed> {
        let (begun, before) = (Instant::now(), cpu_s());
        let mut latencies = Vec::with_capacity(1 << 16);
        while begun.elapsed() < lasts {
            let at = Instant::now();
            let bytes = &self.memory[self.start..self.start + self.block];
            self.file.write_all_at(bytes, self.offset)?;
            if self.sync == Sync::Call {
                self.file.sync_data()?;
            }
            latencies.push(tenths(at));
            self.offset += self.block as u64;
            if self.offset + self.block as u64 > FILE_BYTES {
                self.offset = 0;
            }
        }
        let count = latencies.len() as u64 * commands;
        Ok(Measured::new(count, begun.elapsed(), cpu_s() - before, latencies))
    }
}

/// The segment store alone: this thread keeps `calls` of one entry under way.
pub(crate) fn store(dir: &Path, calls: u64, lasts: Duration) -> Result<Measured, Failed> {
    let (store, _) = Store::open(Options::new(dir)).map_err(|error| Failed(error.to_string()))?;
    let (tell, told) = mpsc::channel::<Result<Instant, AppendError>>();
    let bytes = [vec![7; 32], frame(0)].concat();
    let send = |store: &Store| {
        let (tell, at) = (tell.clone(), Instant::now());
        let entry = Entry { lane: 0, bytes: bytes.clone() };
        // The receiver is gone only after the last answer it wants.
        store.append(vec![entry], move |outcome| drop(tell.send(outcome.map(|_| at))));
    };
    for _ in 0..calls {
        send(&store);
    }
    let next = || -> Result<Instant, Failed> {
        let answer = told.recv().map_err(|error| Failed(error.to_string()))?;
        answer.map_err(|error| Failed(error.to_string()))
    };
    let (begun, before) = (Instant::now(), cpu_s());
    let mut latencies = Vec::with_capacity(1 << 20);
    while begun.elapsed() < lasts {
        latencies.push(tenths(next()?));
        send(&store);
    }
    let (took, cpu) = (begun.elapsed(), cpu_s() - before);
    for _ in 0..calls {
        next()?;
    }
    store.close().map_err(|error| Failed(error.to_string()))?;
    Ok(Measured::new(latencies.len() as u64, took, cpu, latencies))
}

/// Encodes the event, builds the record and hashes it into the chain, over and over on one processor.
pub(crate) fn encode_and_hash(lasts: Duration) -> Measured {
    let (schemas, event) = (note::schemas(), note::event());
    let mut meta = meta(0);
    let mut head = Head::default();
    let (begun, before, mut count) = (Instant::now(), cpu_s(), 0_u64);
    while begun.elapsed() < lasts {
        for _ in 0..256 {
            let data = schemas.encode(black_box(&event)).expect("the event fits its schema");
            meta.version = count;
            meta.key = Some(CommandKey([7; 16]));
            let mut frame = FrameBuilder::new(1, count + 1, 1);
            frame.event(&meta, &data, Some(Fingerprint([7; 16])));
            head = Sha256Chain::extend(&head, &frame.finish());
            count += 1;
        }
    }
    black_box(head);
    Measured::new(count, begun.elapsed(), cpu_s() - before, Vec::new())
}
