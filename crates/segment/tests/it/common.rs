//! What the tests of the store share: small stores, waiting appends, copies of a directory.

use segment::{AppendError, Entry, Location, Options, Store};
use std::path::Path;
use std::sync::mpsc;

/// Segments so small that a few entries fill one.
pub(crate) fn small(dir: &Path) -> Options {
    let mut options = Options::new(dir);
    options.first_segment_bytes = 6 * 4096;
    options.segment_bytes = 8 * 4096;
    options
}

pub(crate) fn open(options: Options) -> Store {
    Store::open(options).expect("opens").0
}

pub(crate) fn entry(lane: u32, bytes: impl Into<Vec<u8>>) -> Entry {
    Entry { lane, bytes: bytes.into() }
}

/// Appends and waits for the answer.
pub(crate) fn append(store: &Store, entries: Vec<Entry>) -> Result<Vec<Location>, AppendError> {
    let (tell, told) = mpsc::channel();
    store.append(entries, move |outcome| tell.send(outcome).expect("the test waits"));
    told.recv().expect("every call is answered")
}

pub(crate) fn append_one(store: &Store, lane: u32, bytes: &[u8]) -> Location {
    append(store, vec![entry(lane, bytes)]).expect("appends")[0]
}

pub(crate) type Stored = (Location, u32, Vec<u8>);

pub(crate) fn read_all(store: &Store) -> Vec<Stored> {
    store.reader().scan(Location(0)).collect::<Result<_, _>>().expect("reads")
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in from.read_dir().unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// The last segment file.
pub(crate) fn last_segment(dir: &Path) -> std::path::PathBuf {
    segments(dir).pop().unwrap()
}

pub(crate) fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = dir.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|suffix| suffix == "segment"));
    files.sort();
    files
}

/// A small seeded generator, so that a failing test can be run again with its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
