//! Segment files under changed bytes: opened or refused, read or refused, and never an entry that was
//! not written. Single changes, all of which must be found, are in `damage.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::HashSet;
use std::path::Path;
use std::sync::mpsc;

use fuzz::{Bound, fuzz};
use segment::{Entry, Location, Options, Reader, Store, verify};

/// A file is read whole, some blocks of it twice; a scan keeps buffers of its own.
const BOUND: Bound = Bound { bytes: 96 << 20, per_byte: 64 };

/// A small store of a few entries; what they are.
fn written(dir: &Path) -> HashSet<(u32, Vec<u8>)> {
    let mut options = Options::new(dir);
    options.first_segment_bytes = 6 * 4096;
    options.segment_bytes = 8 * 4096;
    let (store, _) = Store::open(options).unwrap();
    let mut written = HashSet::new();
    for n in 0..12_u8 {
        let (lane, bytes) = (u32::from(n), vec![n; usize::from(n) * 40]);
        let (tell, told) = mpsc::channel();
        let entry = Entry { lane, bytes: bytes.clone() };
        store.append(vec![entry], move |outcome| tell.send(outcome).unwrap());
        told.recv().unwrap().unwrap();
        written.insert((lane, bytes));
    }
    store.close().unwrap();
    written
}

#[test]
fn a_segment_of_any_bytes_gives_what_was_written_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let written = written(dir.path());
    let listed = dir.path().read_dir().unwrap().map(|file| file.unwrap().path());
    let file = listed.filter(|file| file.extension().is_some_and(|it| it == "segment")).min();
    let file = file.unwrap();
    let whole = std::fs::read(&file).unwrap();
    // The zeros behind the last block are not worth changing; the rest of the file stays.
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // Longer inputs than the harness changes would be cut: their first blocks are enough.
    let seed = whole[..used.min(8 << 10)].to_vec();
    fuzz("segment", vec![seed], BOUND, |bytes| {
        let mut changed = whole.clone();
        let len = bytes.len().min(changed.len());
        changed[..len].copy_from_slice(&bytes[..len]);
        std::fs::write(&file, &changed).unwrap();
        let report = verify(dir.path());
        let mut said = format!("{:?}", report.findings.first().map(|it| it.kind));
        match Reader::open_read_only(dir.path()) {
            Err(error) => said.push_str(&error.to_string()),
            Ok(reader) => {
                for entry in reader.scan(Location(0)) {
                    match entry {
                        Ok((_, lane, bytes)) => {
                            assert!(written.contains(&(lane, bytes)), "nobody wrote this entry");
                        }
                        Err(error) => {
                            said.push_str(&error.to_string());
                            break;
                        }
                    }
                }
            }
        }
        said.replace(&dir.path().display().to_string(), "")
    });
}
