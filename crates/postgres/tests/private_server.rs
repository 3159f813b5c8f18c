//! The private server against the real PostgreSQL: starts, stops, kills, leftovers, refusals.
//!
//! Not about queries. Runs as root and as a plain user; as root it also tries the plain user.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use common::{Parent, Role, count, eventually, insert, kill_9, postmaster, role};
use recount_postgres::server::{Options, Server, State};

/// Far above what a start takes, for a machine that does ten other things.
const PATIENCE: Duration = Duration::from_mins(1);

async fn start(dir: &std::path::Path) -> Server {
    Server::start(Options::new(dir)).await.unwrap()
}

/// Not a test of its own: the process that the tests below start and kill.
#[tokio::test]
async fn parent_for_the_other_tests() {
    match role() {
        None => {}
        Some(Role::Hold(dir)) => {
            let server = start(&dir).await;
            insert(server.url()).await;
            common::say_ready();
            std::future::pending::<()>().await;
        }
        Some(Role::Walk(dir)) => {
            let server = start(&dir).await;
            insert(server.url()).await;
            server.stop().await;
            let server = start(&dir).await;
            assert_eq!(count(server.url()).await, 1);
            server.stop().await;
            common::say_ready();
        }
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_a_stop_and_a_second_start() {
    let dir = common::dir();
    let begun = Instant::now();
    let server = start(dir.path()).await;
    eprintln!("first start with initdb: {:?}", begun.elapsed());
    insert(server.url()).await;
    for (name, value) in [("fsync", "on"), ("listen_addresses", ""), ("jit", "off")] {
        assert_eq!(common::setting(server.url(), name).await, value, "{name}");
    }
    let begun = Instant::now();
    let watch = server.watch();
    server.stop().await;
    eprintln!("stop: {:?}", begun.elapsed());
    assert_eq!(*watch.borrow(), State::Stopped);
    assert_eq!(postmaster(dir.path()), None);
    let begun = Instant::now();
    let server = start(dir.path()).await;
    eprintln!("second start: {:?}", begun.elapsed());
    assert_eq!(count(server.url()).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_directory_that_the_server_user_can_walk_to_works_by_its_path() {
    let dir = common::dir();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let server = start(&dir.path().join("postgres")).await;
    insert(server.url()).await;
    assert_eq!(count(server.url()).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_works() {
    let dir = common::dir();
    let long = dir.path().join("a".repeat(60)).join("b".repeat(60));
    let server = start(&long).await;
    insert(server.url()).await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_killed_under_us_comes_back_with_everything_committed() {
    let dir = common::dir();
    let server = start(dir.path()).await;
    let mut state = server.watch();
    for killed in 1..=3 {
        insert(server.url()).await;
        state.mark_unchanged();
        let begun = Instant::now();
        kill_9(postmaster(dir.path()).unwrap());
        let why = tokio::time::timeout(PATIENCE, state.wait_for(|it| *it != State::Ready)).await;
        assert!(matches!(&*why.unwrap().unwrap(), State::Restarting { why } if why.contains('9')));
        let ready = tokio::time::timeout(PATIENCE, state.wait_for(|it| *it == State::Ready)).await;
        drop(ready.unwrap().unwrap());
        eprintln!("kill -9 of the server until it is ready again: {:?}", begun.elapsed());
        assert_eq!(count(server.url()).await, killed);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_ends_with_its_killed_parent() {
    let dir = common::dir();
    let mut parent = Parent::hold(dir.path());
    let server = postmaster(dir.path()).unwrap();
    let begun = Instant::now();
    parent.kill_9();
    eventually("the server ends", || !common::lives(server)).await;
    eprintln!("kill -9 of the parent until the server has ended: {:?}", begun.elapsed());
    let begun = Instant::now();
    let again = start(dir.path()).await;
    eprintln!("next start: {:?}", begun.elapsed());
    assert_eq!(count(again.url()).await, 1);
    again.stop().await;
}

#[tokio::test]
async fn the_next_start_does_not_wait_for_the_end_of_a_killed_parents_server() {
    let dir = common::dir();
    let mut parent = Parent::hold(dir.path());
    parent.kill_9();
    let begun = Instant::now();
    let again = start(dir.path()).await;
    eprintln!("start right after kill -9 of the parent: {:?}", begun.elapsed());
    assert_eq!(count(again.url()).await, 1);
    again.stop().await;
}

#[tokio::test]
async fn a_server_that_lost_parent_and_guard_is_ended_by_the_next_start() {
    let dir = common::dir();
    let mut parent = Parent::hold(dir.path());
    let old = postmaster(dir.path()).unwrap();
    kill_9(common::guard(dir.path()));
    parent.kill_9();
    assert!(common::lives(old));
    let again = start(dir.path()).await;
    assert!(!common::lives(old));
    assert_eq!(count(again.url()).await, 1);
    again.stop().await;
}

#[tokio::test]
async fn a_parent_killed_at_any_moment_of_its_start_leaves_a_directory_that_starts() {
    let dir = common::dir();
    for moment in 0..12 {
        let mut parent = Parent::spawn(dir.path());
        tokio::time::sleep(Duration::from_millis(moment * 70)).await;
        parent.kill_9();
    }
    let server = start(dir.path()).await;
    insert(server.url()).await;
    server.stop().await;
    let left: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(left.iter().all(|it| !it.to_string_lossy().contains("unfinished")), "{left:?}");
}

#[tokio::test]
async fn a_dropped_server_ends() {
    let dir = common::dir();
    let server = start(dir.path()).await;
    let pid = postmaster(dir.path()).unwrap();
    drop(server);
    eventually("the server ends", || !common::lives(pid)).await;
}

#[tokio::test]
async fn a_directory_has_one_server_at_a_time() {
    let dir = common::dir();
    let server = start(dir.path()).await;
    let error = Server::start(Options::new(dir.path())).await.unwrap_err();
    assert_eq!(error.code(), "RC0303", "{error}");
    insert(server.url()).await;
    server.stop().await;
}

#[tokio::test]
async fn a_failed_start_shows_the_last_lines_of_the_servers_log() {
    let dir = common::dir();
    start(dir.path()).await.stop().await;
    let mut options = Options::new(dir.path());
    options.settings.push(("work_mem".to_owned(), "plenty".to_owned()));
    let error = Server::start(options).await.unwrap_err();
    assert_eq!(error.code(), "RC0307");
    assert!(error.to_string().contains("invalid value for parameter \"work_mem\""), "{error}");
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_left_alone() {
    let dir = common::dir();
    start(dir.path()).await.stop().await;
    let version = dir.path().join("cluster").join("PG_VERSION");
    let right = fs::read(&version).unwrap();
    fs::write(&version, "12\n").unwrap();
    let error = Server::start(Options::new(dir.path())).await.unwrap_err();
    assert_eq!(error.code(), "RC0302", "{error}");
    fs::write(&version, right).unwrap();
    start(dir.path()).await.stop().await;
}

#[tokio::test]
async fn a_plain_user_can_do_all_of_it_too() {
    if !common::is_root() {
        return; // every other test has shown it
    }
    Parent::walk_as_plain_user().expect_success();
}

#[tokio::test]
async fn another_user_of_the_machine_does_not_get_in() {
    if !common::is_root() {
        return; // needs a second user
    }
    let dir = common::dir();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let server = start(dir.path()).await;
    for user in common::other_users() {
        let said = common::psql_as(user, server.url());
        let refused = ["Permission denied", "Peer authentication failed"];
        assert!(refused.iter().any(|it| said.contains(it)), "user {user}: {said}");
    }
    server.stop().await;
}
