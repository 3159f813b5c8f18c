//! Writes and syncs that the system refuses: a real limit on file sizes in a child process, which then
//! raises it; a file system that is full; a sync that fails. A refused new segment is want of space; a
//! refused write into a segment is not.

use crate::common::{append, entry, open, read_all, small};
use segment::{AppendError, Store, verify};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

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
    assert!(!Path::new(dir).join("spare").exists(), "a failed attempt gives back");
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

/// The child: fills a file system of 2 MB, of which 1 MB is given back then.
fn fill_a_disk(dir: &str) {
    let (ballast, dir) = (Path::new(dir).join("ballast"), Path::new(dir).join("store"));
    std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let mut options = small(&dir);
    options.segment_bytes = 32 * 4096;
    let store = Store::open(options.clone()).unwrap().0;
    let mut kept = 0;
    let refused = loop {
        match append(&store, vec![entry(1, vec![1; 3000]), entry(2, vec![2; 3000])]) {
            Ok(locations) => kept += locations.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::NoSpace { .. }), "{refused:?}");
    assert_eq!(read_all(&store).len(), kept, "none in part");
    std::fs::remove_file(&ballast).unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while let Err(error) = append(&store, vec![entry(3, "room again")]) {
        assert!(error.is_retryable() && Instant::now() < until, "{error:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(read_all(&store).len(), kept + 1);
    store.close().unwrap();
    assert_eq!(verify(&dir).findings, vec![]);
    assert_eq!(read_all(&open(options)).len(), kept + 1);
}

/// The child: goes on until a sync fails, and then it must not go on. Tells how many entries were
/// acknowledged; nothing when it could not even be opened.
fn sync_fails(dir: &str) {
    let tell = |said: String| std::fs::write(Path::new(dir).with_extension("kept"), said).unwrap();
    let Ok((store, _)) = Store::open(small(dir.as_ref())) else { return tell(String::new()) };
    let mut kept = 0;
    let refused = loop {
        match append(&store, vec![entry(1, "kept")]) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100, "no sync failed");
    };
    assert!(matches!(refused, AppendError::Failed { .. }), "{refused:?}");
    // What the system has of the pages since, nobody knows: a second sync would say that all is well.
    for _ in 0..3 {
        let again = append(&store, vec![entry(2, "not retried")]).unwrap_err();
        assert!(matches!(again, AppendError::Failed { .. }), "{again:?}");
    }
    assert_eq!(read_all(&store).len(), kept, "what is durable stays readable");
    assert!(store.close().is_err());
    tell(kept.to_string());
}

/// Runs the same test in a process of its own, where a limit harms no other test.
fn in_child(name: &str, dir: &Path) {
    by(Command::new(std::env::current_exe().unwrap()), name, dir);
}

/// The same, by a command that runs what it is given.
fn by(mut command: Command, name: &str, dir: &Path) {
    let output = command.args(["--exact", name, "--nocapture"]).env(CHILD, dir).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Whether this machine allows what a test needs: a container may not. Tells so, for a test that is left
/// out must be seen.
#[cfg(target_os = "linux")]
pub(crate) fn allowed(what: &str, args: &[&str]) -> bool {
    let tried = Command::new(what).args(args).output();
    let allowed = tried.as_ref().is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("LEFT OUT: `{what} {}` is not allowed here: {tried:?}", args.join(" "));
    }
    allowed
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

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_refuses_whole_appends_until_there_is_room() {
    const NAME: &str = "space::a_full_disk_refuses_whole_appends_until_there_is_room";
    if let Ok(dir) = std::env::var(CHILD) {
        return fill_a_disk(&dir);
    }
    let mounts = r#"[ "$(id -u)" = 0 ] || user=--map-root-user
        unshare $user --mount mount -t tmpfs none /mnt"#;
    if !allowed("sh", &["-c", mounts]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Mounts are the child's own, and gone with it.
    let mut command = Command::new("sh");
    let script = r#"[ "$(id -u)" = 0 ] || user=--map-root-user
        exec unshare $user --mount sh -c 'mount -t tmpfs -o size=2m none "$0" && exec "$@"' "$@""#;
    command.args(["-c", script, "sh"]).arg(dir.path()).arg(std::env::current_exe().unwrap());
    by(command, NAME, dir.path());
}

#[test]
#[cfg(target_os = "linux")]
fn after_one_failed_sync_every_append_fails_and_acknowledged_entries_are_kept() {
    const NAME: &str =
        "space::after_one_failed_sync_every_append_fails_and_acknowledged_entries_are_kept";
    if let Ok(dir) = std::env::var(CHILD) {
        return sync_fails(&dir);
    }
    if !allowed("strace", &["-o", "/dev/null", "true"]) {
        return;
    }
    let mut served = 0;
    for nth in 1..=6 {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("store");
        let mut command = Command::new("strace");
        let inject = format!("inject=fdatasync:error=EIO:when={nth}");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", &inject]);
        command.arg(std::env::current_exe().unwrap());
        by(command, NAME, &dir);
        let said = std::fs::read_to_string(dir.with_extension("kept")).unwrap();
        let Ok(kept) = said.parse::<usize>() else { continue };
        served += 1;
        // The refused entry may be there after all; the acknowledged ones are.
        let stored = read_all(&open(small(&dir)));
        assert!(stored.len() == kept || stored.len() == kept + 1, "{kept} {}", stored.len());
        assert!(stored.iter().all(|(_, lane, bytes)| (*lane, bytes.as_slice()) == (1, b"kept")));
    }
    assert!(served > 0, "it was never opened");
}
