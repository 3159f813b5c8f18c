//! Speed of the store beside the bare device: entries per second and latency at 1, 64 and
//! 1,024 outstanding calls of one 250-byte entry, each beside a loop that writes the same
//! number of bytes per sync into a prewritten file, in the same run.
//!
//! `cargo run --release -p segment --example bench -- [directory] [seconds]`; the directory
//! decides which device is measured. Not a test: it asserts nothing.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use segment::{AppendError, Entry, Options, Store};
use std::error::Error;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const ENTRY_BYTES: usize = 250;

/// Bytes of such an entry in a block.
const STORED_BYTES: usize = ENTRY_BYTES + 12;

/// Prewritten part of the raw file; the loop starts over at its end.
const RAW_BYTES: u64 = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let at = args.next().map_or_else(|| PathBuf::from("."), PathBuf::from);
    let time = Duration::from_secs(args.next().map_or(Ok(5), |seconds| seconds.parse())?);
    println!("{:>26} {:>12} {:>9} {:>9} {:>9}", "", "entries/s", "p50 us", "p99 us", "max us");
    for outstanding in [1, 64, 1_024] {
        let dir = tempfile::tempdir_in(&at)?;
        let mut latencies = appends(dir.path(), outstanding, time)?;
        report(&format!("store, {outstanding} outstanding"), &mut latencies, time, 1);
        let block = (48 + outstanding * STORED_BYTES).next_multiple_of(4096);
        let mut latencies = raw(dir.path(), block, time)?;
        report(&format!("raw, {block} B a sync"), &mut latencies, time, outstanding);
        scan(dir.path())?;
    }
    Ok(())
}

/// Keeps `outstanding` calls under way: this thread sends one for each that is answered.
fn appends(dir: &Path, outstanding: usize, time: Duration) -> Result<Vec<u32>, Box<dyn Error>> {
    let (store, _) = Store::open(Options::new(dir))?;
    let (tell, told) = mpsc::channel::<Result<Instant, AppendError>>();
    let send = |store: &Store| {
        let tell = tell.clone();
        let begun = Instant::now();
        let entry = Entry { lane: 0, bytes: vec![7; ENTRY_BYTES] };
        store.append(vec![entry], move |outcome| {
            // The receiver is gone only after the last answer it wants.
            let _ = tell.send(outcome.map(|_| begun));
        });
    };
    for _ in 0..outstanding {
        send(&store);
    }
    let mut latencies = Vec::with_capacity(1 << 20);
    let start = Instant::now();
    while start.elapsed() < time {
        let begun = told.recv()??;
        latencies.push(micros(begun));
        send(&store);
    }
    for _ in 0..outstanding {
        told.recv()??;
    }
    store.close()?;
    Ok(latencies)
}

/// One write and one sync after the other, nothing else.
fn raw(dir: &Path, block: usize, time: Duration) -> Result<Vec<u32>, Box<dyn Error>> {
    let path = dir.join("raw");
    let file = std::fs::File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .custom_flags(libc::O_DIRECT)
        .open(&path)?;
    let mut memory = vec![0; block.max(1 << 20) + 4096];
    let aligned = memory.as_ptr().align_offset(4096);
    for offset in (0..RAW_BYTES).step_by(1 << 20) {
        file.write_all_at(&memory[aligned..aligned + (1 << 20)], offset)?;
    }
    file.sync_all()?;
    memory.fill(7);
    let mut latencies = Vec::with_capacity(1 << 17);
    let (start, mut offset) = (Instant::now(), 0);
    while start.elapsed() < time {
        let begun = Instant::now();
        file.write_all_at(&memory[aligned..aligned + block], offset)?;
        file.sync_data()?;
        latencies.push(micros(begun));
        offset += block as u64;
        if offset + block as u64 > RAW_BYTES {
            offset = 0;
        }
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(latencies)
}

/// Reads everything back, from the page cache as far as it is there.
fn scan(dir: &Path) -> Result<(), Box<dyn Error>> {
    let reader = segment::Reader::open_read_only(dir)?;
    let mut scan = reader.scan(segment::Location(0));
    let (start, mut entries, mut bytes) = (Instant::now(), 0_u64, 0_u64);
    while let Some(entry) = scan.next_entry()? {
        entries += 1;
        bytes += entry.bytes.len() as u64;
    }
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (rate, megabytes) = (entries as f64 / seconds, bytes as f64 / seconds / 1e6);
    println!("{:>26} {rate:>12.0}   {megabytes:.0} MB/s of {entries} entries", "scan");
    Ok(())
}

fn micros(begun: Instant) -> u32 {
    u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)
}

fn report(name: &str, latencies: &mut [u32], time: Duration, entries_each: usize) {
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let rate = (latencies.len() * entries_each) as f64 / time.as_secs_f64();
    println!("{name:>26} {rate:>12.0} {:>9} {:>9} {:>9}", at(50), at(99), at(100));
}
