//! What the tests of the private server share: processes to kill, and a table to look at.
//!
//! No assertions about the server itself.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

const ROLE: &str = "RECOUNT_TEST_ROLE";
const DIR: &str = "RECOUNT_TEST_DIR";
const READY: &str = "parent is ready";

/// What a re-executed test process is there for.
pub(crate) enum Role {
    /// Start a server and hold it until killed.
    Hold(PathBuf),
    /// Start, write, stop, start, read, stop.
    Walk(PathBuf),
}

pub(crate) fn role() -> Option<Role> {
    let dir = PathBuf::from(std::env::var_os(DIR)?);
    match std::env::var(ROLE).unwrap().as_str() {
        "hold" => Some(Role::Hold(dir)),
        "walk" => Some(Role::Walk(dir)),
        other => panic!("no such role: {other}"),
    }
}

pub(crate) fn say_ready() {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{READY}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A short directory that only its owner can enter: when we are root, the server cannot.
pub(crate) fn dir() -> TempDir {
    tempfile::Builder::new().prefix("rcpg-").tempdir_in("/tmp").unwrap()
}

/// This test binary once more, in a process of its own.
pub(crate) struct Parent(Child);

impl Parent {
    pub(crate) fn spawn(dir: &Path) -> Self {
        Self(command(&std::env::current_exe().unwrap(), "hold", dir).spawn().unwrap())
    }

    /// Returns when its server is ready.
    pub(crate) fn hold(dir: &Path) -> Self {
        let mut parent = Self::spawn(dir);
        let mut lines = BufReader::new(parent.0.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == READY), "the parent ended before it was ready");
        parent
    }

    /// Gives the binary and a directory to a user who is not root.
    pub(crate) fn walk_as_plain_user() -> Self {
        let top = dir();
        fs::set_permissions(top.path(), Permissions::from_mode(0o755)).unwrap();
        let binary = top.path().join("tests");
        // Copied by another process: what this one has open for writing, a child that another test starts
        // meanwhile has too, and until its exec nobody can run it.
        let copy = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&binary).status();
        assert!(copy.unwrap().success());
        let home = top.path().join("home");
        fs::create_dir(&home).unwrap();
        chown(&home, Some(other_users()[0]), None).unwrap();
        let mut command = command(&binary, "walk", &home);
        let mut parent = Self(command.uid(other_users()[0]).current_dir("/").spawn().unwrap());
        parent.0.wait().unwrap();
        parent
    }

    pub(crate) fn expect_success(&mut self) {
        let status = self.0.wait().unwrap();
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let said: Vec<String> = lines.map(Result::unwrap).collect();
        assert!(status.success() && said.iter().any(|it| it == READY), "{}", said.join("\n"));
    }

    pub(crate) fn kill_9(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(binary: &Path, role: &str, dir: &Path) -> Command {
    let mut command = Command::new(binary);
    command.args(["--exact", "parent_for_the_other_tests", "--nocapture"]);
    command.env(ROLE, role).env(DIR, dir).stdout(Stdio::piped());
    command
}

/// Users without rights: `nobody` everywhere, and the one the server runs as when we are root.
pub(crate) fn other_users() -> Vec<u32> {
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let uid = |name: &str| {
        let line = accounts.lines().find(|it| it.starts_with(&format!("{name}:")))?;
        line.split(':').nth(2)?.parse().ok()
    };
    ["nobody", "postgres"].iter().filter_map(|name| uid(name)).collect()
}

pub(crate) fn psql_as(uid: u32, url: &str) -> String {
    let mut psql = Command::new("psql");
    let output = psql.args([url, "-c", "SELECT 1"]).uid(uid).current_dir("/").output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn pid(raw: i32) -> Pid {
    Pid::from_raw(raw).unwrap()
}

pub(crate) fn postmaster(home: &Path) -> Option<i32> {
    let text = fs::read_to_string(home.join("cluster").join("postmaster.pid")).ok()?;
    text.lines().next()?.parse().ok()
}

pub(crate) fn kill_9(raw: i32) {
    kill_process(pid(raw), Signal::KILL).unwrap();
}

/// A zombie that waits for its parent is dead.
pub(crate) fn lives(raw: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{raw}/stat")).unwrap_or_default();
    test_kill_process(pid(raw)).is_ok() && !stat.contains(") Z ")
}

/// The shell that stops the server when its parent is gone: it holds the server's log open.
pub(crate) fn guard(home: &Path) -> i32 {
    let log = fs::metadata(home.join("cluster").join("server.log")).unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let found = pids.find(|pid: &i32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let errors = fs::metadata(format!("/proc/{pid}/fd/2"));
        name.trim() == "sh" && errors.is_ok_and(|it| it.ino() == log.ino() && it.dev() == log.dev())
    });
    found.expect("a guard beside the server")
}

pub(crate) async fn eventually(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn insert(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    for sql in ["CREATE TABLE IF NOT EXISTS t (n int)", "INSERT INTO t VALUES (1)"] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
}

pub(crate) async fn count(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut connection).await.unwrap()
}

pub(crate) async fn setting(url: &str, name: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let sql = AssertSqlSafe(format!("SHOW {name}"));
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}
