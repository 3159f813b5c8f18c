//! Writes that the system refuses: a real limit on file sizes in a child process, which then
//! raises it. A refused new segment is want of space; a refused write into a segment is not.

use crate::common::{append, entry, open, read_all, small};
use segment::{AppendError, Store, verify};
use std::process::Command;

const CHILD: &str = "SEGMENT_TEST_LIMITED_DIR";

/// Largest file of this process; beyond it a write fails with EFBIG.
fn limit_file_size(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    #[expect(unsafe_code, reason = "the standard library has no limits; plain calls by value")]
    // SAFETY: both calls only read their arguments.
    let outcome = unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit)
    };
    assert_eq!(outcome, 0);
}

/// The child: fills the store under the limit, then raises the limit.
fn fill_then_make_room(dir: &str) {
    let mut options = small(dir.as_ref());
    options.first_segment_bytes = 16 * 4096;
    options.segment_bytes = 64 * 4096;
    let store = Store::open(options).unwrap().0;
    limit_file_size(20 * 4096);
    let mut kept = Vec::new();
    let refused = loop {
        match append(&store, vec![entry(1, vec![1; 3000]), entry(2, vec![2; 3000])]) {
            Ok(locations) => kept.extend(locations),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::NoSpace { .. }), "{refused:?}");
    assert!(refused.is_retryable());
    assert!(!std::path::Path::new(dir).join("spare").exists(), "a failed attempt gives back");
    let before = read_all(&store);
    assert_eq!(before.iter().map(|(at, ..)| *at).collect::<Vec<_>>(), kept);

    limit_file_size(libc::RLIM_INFINITY);
    std::thread::sleep(std::time::Duration::from_millis(150));
    let more = append(&store, vec![entry(3, "room again")]).unwrap();
    assert_eq!(read_all(&store).len(), kept.len() + more.len());
    store.close().unwrap();
}

/// The child: a write into the segment in use fails once.
fn fail_once(dir: &str) {
    let store = open(small(dir.as_ref()));
    append(&store, vec![entry(1, "kept")]).unwrap();
    limit_file_size(4096);
    let (tell, told) = std::sync::mpsc::channel();
    for _ in 0..3 {
        let tell = tell.clone();
        store.append(vec![entry(2, "lost")], move |outcome| tell.send(outcome).unwrap());
    }
    for outcome in told.iter().take(3) {
        let error = outcome.unwrap_err();
        assert!(matches!(error, AppendError::Failed { .. }) && !error.is_retryable(), "{error:?}");
    }
    limit_file_size(libc::RLIM_INFINITY);
    let again = append(&store, vec![entry(3, "not retried")]).unwrap_err();
    assert!(matches!(again, AppendError::Failed { .. }), "{again:?}");
    assert_eq!(read_all(&store).len(), 1, "what is durable stays readable");
    assert!(store.close().is_err());
}

/// Runs the same test in a process of its own, where a limit harms no other test.
fn in_child(name: &str, dir: &std::path::Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn without_room_for_a_segment_appends_fail_whole_and_go_on_when_there_is_room() {
    if let Ok(dir) = std::env::var(CHILD) {
        return fill_then_make_room(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    in_child(
        "space::without_room_for_a_segment_appends_fail_whole_and_go_on_when_there_is_room",
        dir.path(),
    );
    assert_eq!(verify(dir.path()).findings, vec![]);
    let store = open(small(dir.path()));
    assert_eq!(read_all(&store).last().unwrap().2, b"room again");
}

#[test]
fn after_one_failed_write_every_append_fails_and_acknowledged_entries_are_kept() {
    if let Ok(dir) = std::env::var(CHILD) {
        return fail_once(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    in_child(
        "space::after_one_failed_write_every_append_fails_and_acknowledged_entries_are_kept",
        dir.path(),
    );
    let store = open(small(dir.path()));
    assert_eq!(read_all(&store)[0].2, b"kept");
}
