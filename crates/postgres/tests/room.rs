//! A PostgreSQL without room for a row, and then without room for its own log. Not other ways to break it,
//! which are in `folding.rs`.
//!
//! The disk is a small one in memory, which only root may make; where that is not allowed the test is left
//! out, and says so.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod db;
#[path = "../../projector/tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use db::{Db, LONG, must_equal_model, watch};
use projector::{Handle, ProjectionState};
use recount_postgres::server::State;
use support::{MemLog, Rng, added, random_frame};

/// Names the directory of the process that has the small disk.
const CHILD: &str = "RECOUNT_TEST_ROOM";
/// A new cluster with its log takes a third of this.
const DISK: &str = "size=224m,mode=700";
/// What is left when the disk is nearly full: some hundred rows.
const LEFT_BYTES: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_nothing_is_half_folded_and_with_room_everything_is() {
    const NAME: &str = "without_room_nothing_is_half_folded_and_with_room_everything_is";
    if let Some(dir) = std::env::var_os(CHILD) {
        return fill(Path::new(&dir)).await;
    }
    let tried = ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"];
    let allowed = Command::new("unshare").args(tried).stdin(Stdio::null()).output();
    if !rustix::process::geteuid().is_root()
        || !allowed.as_ref().is_ok_and(|it| it.status.success())
    {
        eprintln!("LEFT OUT: a small disk may not be made here: {allowed:?}");
        return;
    }
    let dir = tempfile::Builder::new().prefix("rcpg-").tempdir_in("/tmp").unwrap();
    // The mount is the child's own, and gone with it.
    let script = format!(r#"mount -t tmpfs -o {DISK} none "$0" && exec "$@""#);
    let mut child = Command::new("unshare");
    child.args(["--mount", "sh", "-c", &script]).arg(dir.path());
    child.arg(std::env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]);
    let status = child.env(CHILD, dir.path()).stdin(Stdio::null()).status();
    assert!(status.unwrap().success());
}

/// Takes all room but a little.
fn ballast(file: &Path) {
    let mut file = File::create(file).unwrap();
    let block = vec![7; 1 << 16];
    while file.write_all(&block).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length - LEFT_BYTES).unwrap();
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a projection waits for, when it is for room.
fn no_room(handle: &Handle) -> Option<String> {
    handle.status().into_iter().find_map(|it| match it.state {
        ProjectionState::Waiting { why } if why.contains("No space left") => Some(why),
        _ => None,
    })
}

async fn fill(dir: &Path) {
    let (db, log) = (Db::start_in(dir).await, MemLog::new(4));
    let (handle, mut rng) = (db.projector(&log, false), Rng(5));
    let watcher = watch(db.server.url(), &log);
    let mut id = 1_000_000;
    let mut write = |rows: u64| {
        for bucket in 0..rows {
            random_frame(&log, &mut rng, 60);
            id += 1;
            log.write(id, &[added(&"long ".repeat(300), i64::try_from(bucket % 7).unwrap())]);
        }
    };
    write(200);
    db::all_folded(&handle, &log).await;

    ballast(&dir.join("ballast"));
    write(3_000);
    until("there is no room for a row", || no_room(&handle).is_some()).await;
    eprintln!("{:?}", no_room(&handle));
    must_equal_model(db.server.url(), &log).await;

    // A new piece of its own log: for want of room there the whole server stops.
    let state = db.server.watch();
    for _ in 0..4 {
        use sqlx::Connection;
        let connected = sqlx::PgConnection::connect(db.server.url()).await;
        let Ok(mut connection) = connected else { break };
        write(20);
        let _ = sqlx::query("SELECT pg_switch_wal()").execute(&mut connection).await;
        if *state.borrow() != State::Ready {
            break;
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    eprintln!("without room for its own log: {:?}", *state.borrow());
    write(100);

    std::fs::remove_file(dir.join("ballast")).unwrap();
    let begun = Instant::now();
    db::all_folded(&handle, &log).await;
    eprintln!("with room everything is folded after {:?}", begun.elapsed());
    let looks = watcher.end().await;
    must_equal_model(db.server.url(), &log).await;
    assert!(looks > 5, "{looks} snapshots");
    handle.shutdown().await;
    db.stop().await;
}
