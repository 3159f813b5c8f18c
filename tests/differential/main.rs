//! The segment store beside SQLite: the same random operations on both, with crashes and new starts, and after each
//! the same content. Behind the feature `sqlite`, because SQLite is a minute of C: `cargo xtask differential`.
//!
//! More by `RECOUNT_ROUNDS`, others by `RECOUNT_SEED`.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use recount_tests::seeded;
use rusqlite::{Connection, params};
use segment::{Entry, Location, Options, Store};

/// Operations of a round.
const OPERATIONS: u64 = 400;

/// Both, with the same content.
struct Pair {
    dir: PathBuf,
    store: Store,
    sqlite: Connection,
}

type Row = (u64, u32, Vec<u8>);

/// Segments so small that a round fills many.
fn options(dir: &Path) -> Options {
    let mut options = Options::new(dir);
    options.first_segment_bytes = 6 * 4096;
    options.segment_bytes = 16 * 4096;
    options
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in from.read_dir().unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

impl Pair {
    fn open(dir: PathBuf) -> Self {
        let (store, beside) = (dir.join("store"), dir.join("sqlite"));
        std::fs::create_dir_all(&beside).unwrap();
        let sqlite = Connection::open(beside.join("entries")).unwrap();
        let made = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE IF NOT EXISTS \
                    entry (location INTEGER PRIMARY KEY, lane INTEGER NOT NULL, bytes BLOB NOT NULL)";
        sqlite.execute_batch(made).unwrap();
        let store = Store::open(options(&store)).unwrap().0;
        Self { dir, store, sqlite }
    }

    /// Appends to both; a call is one transaction.
    fn append(&mut self, entries: &[Entry]) {
        let (tell, told) = mpsc::channel();
        self.store.append(entries.to_vec(), move |outcome| tell.send(outcome).unwrap());
        let locations = told.recv().unwrap().unwrap();
        assert_eq!(locations.len(), entries.len());
        let transaction = self.sqlite.transaction().unwrap();
        for (at, entry) in locations.iter().zip(entries) {
            // A location that was given before is refused by the primary key.
            let values = params![i64::try_from(at.0).unwrap(), entry.lane, entry.bytes];
            transaction.execute("INSERT INTO entry VALUES (?1, ?2, ?3)", values).unwrap();
        }
        transaction.commit().unwrap();
    }

    /// What SQLite has from a location on.
    fn expected(&self, from: u64) -> Vec<Row> {
        let sql = "SELECT location, lane, bytes FROM entry WHERE location >= ?1 ORDER BY location";
        let mut asked = self.sqlite.prepare_cached(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let at: i64 = row.get(0)?;
            Ok((at.unsigned_abs(), row.get(1)?, row.get(2)?))
        };
        asked.query_map([i64::try_from(from).unwrap()], row).unwrap().map(Result::unwrap).collect()
    }

    /// Compares all from a place that the seed chooses, and one entry read by itself.
    fn compare(&self, choice: u64, what: &str) {
        let all = self.expected(0);
        let at = usize::try_from(choice).unwrap() % (all.len() + 1);
        let from = all.get(at).map_or(self.store.durable_end().0, |row| row.0);
        let from = if choice.is_multiple_of(3) { 0 } else { from };
        let scanned = self.store.reader().scan(Location(from)).map(Result::unwrap);
        let scanned: Vec<Row> = scanned.map(|(at, lane, bytes)| (at.0, lane, bytes)).collect();
        assert!(scanned == self.expected(from), "{what}: other entries from {from}");
        if let Some((at, lane, bytes)) = all.get(at) {
            let read = self.store.reader().read(Location(*at)).unwrap();
            assert!(read == (*lane, bytes.clone()), "{what}: another entry at {at}");
        }
    }

    /// What a killed process leaves of both is opened elsewhere.
    fn crash(self, to: PathBuf) -> Self {
        copy(&self.dir.join("store"), &to.join("store"));
        copy(&self.dir.join("sqlite"), &to.join("sqlite"));
        Self::open(to)
    }

    fn reopen(self) -> Self {
        let Self { dir, store, sqlite } = self;
        store.close().unwrap();
        sqlite.close().unwrap();
        Self::open(dir)
    }
}

fn number(name: &str) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[test]
fn after_any_operations_the_store_holds_what_sqlite_holds() {
    for seed in number("RECOUNT_SEED")..number("RECOUNT_SEED") + number("RECOUNT_ROUNDS") * 10 {
        let parent = tempfile::tempdir().unwrap();
        let mut pair = Pair::open(parent.path().join("0"));
        let (mut appended, mut crashes, mut starts) = (0, 0, 0);
        for turn in 0..OPERATIONS {
            let choice = |n: u64| seeded(seed, turn * 16 + n);
            let what = format!("seed {seed}, operation {turn}");
            match choice(0) % 20 {
                0 => {
                    crashes += 1;
                    pair = pair.crash(parent.path().join(format!("{}", turn + 1)));
                }
                1 => {
                    starts += 1;
                    pair = pair.reopen();
                }
                2..=4 => pair.compare(choice(1), &what),
                _ => {
                    let entry = |n| {
                        // Now and then larger than a segment.
                        let most = if choice(2 * n) % 50 == 0 { 100_000 } else { 3_000 };
                        let bytes = usize::try_from(choice(2 * n + 1) % most).unwrap();
                        Entry { lane: u32::try_from(n).unwrap(), bytes: vec![turn as u8; bytes] }
                    };
                    let entries: Vec<_> = (1..=choice(15) % 5).map(entry).collect();
                    appended += entries.len();
                    pair.append(&entries);
                }
            }
        }
        pair.compare(0, "at the end");
        eprintln!(
            "seed {seed}: {appended} entries, {crashes} crashes, {starts} new starts: the same"
        );
    }
}
