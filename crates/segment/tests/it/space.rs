//! No room for the next segment: a real limit of the system in a child process, which then
//! raises it.

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

#[test]
fn without_room_for_a_segment_appends_fail_whole_and_go_on_when_there_is_room() {
    if let Ok(dir) = std::env::var(CHILD) {
        return fill_then_make_room(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "space::without_room_for_a_segment_appends_fail_whole_and_go_on_when_there_is_room";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(verify(dir.path()).findings, vec![]);
    let store = open(small(dir.path()));
    assert_eq!(read_all(&store).last().unwrap().2, b"room again");
}
