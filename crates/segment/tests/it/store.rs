//! What the store promises while nothing goes wrong. Damage and crashes are in their own files.

use crate::common::{self, append, append_one, entry, open, read_all, small};
use segment::{
    AppendError, ENTRY_BYTES_MAX, Location, OpenError, Options, ReadError, Reader, Store,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[test]
fn what_was_appended_is_read_back_by_scan_and_by_location() {
    let dir = tempfile::tempdir().unwrap();
    let (store, recovery) = Store::open(Options::new(dir.path())).unwrap();
    assert!(recovery.created);
    let bodies: Vec<Vec<u8>> = [0, 1, 250, 4084, 4096, 70_000].map(|len| vec![7; len]).into();
    let entries = bodies.iter().zip(0..).map(|(body, lane)| entry(lane, body.clone())).collect();
    let locations = append(&store, entries).unwrap();
    assert!(locations.is_sorted());

    let reader = store.reader();
    for ((body, lane), at) in bodies.iter().zip(0..).zip(&locations) {
        assert_eq!(reader.read(*at).unwrap(), (lane, body.clone()));
    }
    let scanned: Vec<_> = reader.scan(Location(0)).map(|entry| entry.unwrap()).collect();
    assert_eq!(scanned.iter().map(|(at, ..)| *at).collect::<Vec<_>>(), locations);
    assert_eq!(scanned.into_iter().map(|(.., body)| body).collect::<Vec<_>>(), bodies);
    store.close().unwrap();
    assert!(segment::verify(dir.path()).is_clean());
}

#[test]
fn a_call_without_entries_is_answered_in_its_turn() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    assert_eq!(append(&store, vec![]).unwrap(), vec![]);
    let (tell, told) = mpsc::channel();
    for turn in 0..10 {
        let entries = if turn % 2 == 0 { vec![entry(0, "x")] } else { vec![] };
        let tell = tell.clone();
        store.append(entries, move |outcome| tell.send((turn, outcome.unwrap())).unwrap());
    }
    let turns: Vec<_> = told.iter().take(10).map(|(turn, _)| turn).collect();
    assert_eq!(turns, (0..10).collect::<Vec<_>>());
}

#[test]
fn calls_of_many_threads_keep_the_order_of_each_thread() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = small(dir.path());
    options.segment_bytes = 64 * 4096;
    let store = open(options);
    std::thread::scope(|scope| {
        for lane in 0..8_u32 {
            let store = &store;
            scope.spawn(move || {
                let (tell, told) = mpsc::channel();
                for turn in 0..500_u32 {
                    let tell = tell.clone();
                    let entries = vec![entry(lane, turn.to_le_bytes()); 1 + turn as usize % 3];
                    store.append(entries, move |outcome| tell.send(outcome.unwrap()).unwrap());
                }
                drop(tell);
                let answers: Vec<_> = told.iter().flatten().collect();
                assert!(answers.is_sorted(), "completions come in the order of the file");
            });
        }
    });
    let mut next = [0_u32; 8];
    let all = read_all(&store);
    assert!(all.is_sorted_by_key(|(at, ..)| *at));
    let mut rest = all.iter().peekable();
    while let Some((_, lane, body)) = rest.next() {
        let turn = next[*lane as usize];
        assert_eq!(*body, turn.to_le_bytes());
        for _ in 0..turn % 3 {
            let (_, same_lane, same) = rest.next().unwrap();
            assert_eq!((same_lane, same), (lane, body), "a call is contiguous");
        }
        next[*lane as usize] += 1;
    }
    assert_eq!(next, [500; 8]);
    store.close().unwrap();
    assert!(segment::verify(dir.path()).is_clean());
}

#[test]
fn a_second_writer_is_refused_and_told_who_holds_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    match Store::open(small(dir.path())) {
        Err(OpenError::InUse { pid, .. }) => {
            // Containers may hide the kernel's list; a wrong pid is never shown.
            assert!(pid.is_none_or(|pid| pid == std::process::id()));
        }
        other => panic!("expected InUse, got {other:?}"),
    }
    store.close().unwrap();
    open(small(dir.path()));
}

#[test]
fn entries_that_do_not_fit_in_the_rest_of_a_segment_go_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    let mut random = common::Random(1);
    let mut written = Vec::new();
    for turn in 0..200_u32 {
        // Up to three times a whole segment.
        let len = random.below(if turn % 10 == 0 { 100_000 } else { 3_000 });
        let body = vec![turn as u8; usize::try_from(len).unwrap()];
        written.push((append_one(&store, turn, &body), turn, body));
    }
    assert_eq!(read_all(&store), written);
    for (at, lane, body) in &written {
        assert_eq!(store.reader().read(*at).unwrap(), (*lane, body.clone()));
        let first = store.reader().scan(*at).next().unwrap().unwrap();
        assert_eq!(first.0, *at, "a scan can begin at any entry");
    }
    store.close().unwrap();
    assert!(common::segments(dir.path()).len() > 20);
    assert_eq!(segment::verify(dir.path()).findings, vec![]);
}

#[test]
fn the_largest_entry_fits_and_a_larger_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(Options::new(dir.path()));
    let body = vec![1; ENTRY_BYTES_MAX];
    let at = append_one(&store, 9, &body);
    assert_eq!(store.reader().read(at).unwrap(), (9, body));
    let refused = append(&store, vec![entry(0, vec![0; ENTRY_BYTES_MAX + 1])]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "append of 16777217 bytes exceeds the limit of 16777216; split it"
    );
    let call = (0..3).map(|_| entry(0, vec![0; ENTRY_BYTES_MAX])).collect();
    assert!(matches!(append(&store, call), Err(AppendError::TooLarge { .. })));
}

#[test]
fn a_store_opened_many_times_keeps_everything_and_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for turn in 0..60_u32 {
        let (store, recovery) = Store::open(small(dir.path())).unwrap();
        assert_eq!(recovery.torn_tail, None);
        assert_eq!(recovery.end, store.durable_end());
        assert_eq!(read_all(&store), written);
        if turn % 3 != 0 {
            written.push((append_one(&store, turn, b"again"), turn, b"again".to_vec()));
        }
        store.close().unwrap();
        assert_eq!(segment::verify(dir.path()).findings, vec![]);
    }
}

#[test]
fn a_full_queue_answers_overloaded_at_once_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = small(dir.path());
    options.queue_bytes_max = 4096;
    let store = open(options);
    let (tell, told) = mpsc::channel();
    for _ in 0..200 {
        let tell = tell.clone();
        store.append(vec![entry(0, vec![0; 1000])], move |outcome| tell.send(outcome).unwrap());
    }
    let answers: Vec<_> = told.iter().take(200).collect();
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err()).collect::<Vec<_>>();
    assert!(refused.iter().all(|error| matches!(error, AppendError::Overloaded { .. })));
    assert!(!refused.is_empty() && refused.len() < 200, "{} refused", refused.len());
    assert_eq!(read_all(&store).len(), 200 - refused.len());
    append_one(&store, 0, b"room again");
}

#[test]
fn readers_never_see_past_the_durable_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    let at = append_one(&store, 0, b"one");
    let end = store.durable_end();
    let reader = store.reader();
    assert!(matches!(reader.read(Location(end.0 + 48)), Err(ReadError::PastEnd { .. })));
    assert!(matches!(reader.read(Location(at.0 + 1)), Err(ReadError::NotAnEntry { .. })));
    assert!(matches!(reader.read(Location(0)), Err(ReadError::NotAnEntry { .. })));
    let mut scan = reader.scan(end);
    assert!(scan.next().is_none());
    let next = append_one(&store, 1, b"two");
    assert_eq!(scan.next().unwrap().unwrap(), (next, 1, b"two".to_vec()), "a scan goes on");
}

#[test]
fn a_read_only_reader_follows_a_live_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    append_one(&store, 0, &0_u32.to_le_bytes());
    let done = Arc::new(AtomicBool::new(false));
    let (path, stop) = (dir.path().to_owned(), Arc::clone(&done));
    let observer = std::thread::spawn(move || {
        let reader = Reader::open_read_only(&path).unwrap();
        let mut scan = reader.scan(Location(0));
        let mut seen = 0_u32;
        loop {
            let last = stop.load(Ordering::SeqCst);
            reader.refresh().unwrap();
            while let Some(entry) = scan.next_entry().unwrap() {
                assert_eq!(entry.bytes[..4], seen.to_le_bytes());
                seen += 1;
            }
            if last {
                return seen;
            }
        }
    });
    for turn in 1..2_000_u32 {
        let mut body = vec![0; turn as usize % 900 + 4];
        body[..4].copy_from_slice(&turn.to_le_bytes());
        append_one(&store, 0, &body);
    }
    done.store(true, Ordering::SeqCst);
    assert_eq!(observer.join().unwrap(), 2_000);
    let late = Reader::open_read_only(dir.path()).unwrap();
    assert_eq!(late.scan(Location(0)).count(), 2_000);
}

#[test]
fn an_idle_store_confirms_its_last_block() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    append_one(&store, 0, b"one");
    let end = store.durable_end();
    let until = Instant::now() + Duration::from_secs(10);
    while store.durable_end() == end {
        assert!(Instant::now() < until, "no mark was written");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(store.durable_end().0, end.0 + 4096);
}

#[test]
fn a_completion_may_append_again_and_may_be_the_last_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(small(dir.path())));
    let (tell, told) = mpsc::channel();
    let owner = Arc::clone(&store);
    store.append(vec![entry(0, "first")], move |_| {
        let again = Arc::clone(&owner);
        owner.append(vec![entry(0, "second")], move |outcome| {
            tell.send(outcome.is_ok()).unwrap();
            drop(again);
        });
    });
    drop(store);
    assert!(told.recv().unwrap());
}

#[test]
fn a_panic_in_a_completion_harms_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    store.append(vec![entry(0, "first")], |_| panic!("on purpose, from a test"));
    append_one(&store, 0, b"second");
    assert_eq!(read_all(&store).len(), 2);
    store.close().unwrap();
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    open(small(dir.path())).close().unwrap();
    let file = common::last_segment(dir.path());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8] = 2;
    let sum = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&file, bytes).unwrap();
    let refused = Store::open(small(dir.path())).unwrap_err().to_string();
    assert!(refused.contains("format version is 2, this program reads up to 1"), "{refused}");
}

#[test]
fn errors_say_what_was_attempted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plain");
    std::fs::write(&file, "x").unwrap();
    let refused = Store::open(Options::new(&file)).unwrap_err().to_string();
    assert!(refused.contains("creating the directory"), "{refused}");
    let missing = Reader::open_read_only(dir.path().join("absent")).unwrap_err().to_string();
    assert!(missing.contains("listing"), "{missing}");
    let mut options = Options::new(dir.path());
    options.segment_bytes = 5000;
    assert!(matches!(Store::open(options), Err(OpenError::BadOptions { .. })));
}
