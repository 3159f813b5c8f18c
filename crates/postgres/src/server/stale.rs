//! Ends what an earlier run left behind: a server whose parent was killed, or the orphaned
//! children of a server that was killed itself.
//!
//! Touches no process that is not certainly a PostgreSQL server of this very directory: a process
//! id in a file proves nothing, the working directory of the process does.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::StartError;
use super::place::Prepared;

/// A server that got a signal is asked more urgently after each of these spans.
const STEPS: [(Signal, Duration); 3] = [
    // Fast: rolls back open transactions and writes a checkpoint.
    (Signal::INT, Duration::from_secs(15)),
    // Immediate: leaves the rest to crash recovery.
    (Signal::QUIT, Duration::from_secs(5)),
    (Signal::KILL, Duration::from_secs(5)),
];
/// Orphans notice the death of their server by themselves, usually at once.
const ORPHAN_STEPS: [(Option<Signal>, Duration); 3] = [
    (None, Duration::from_secs(1)),
    (Some(Signal::QUIT), Duration::from_secs(2)),
    (Some(Signal::KILL), Duration::from_secs(5)),
];
/// A killed process is gone as soon as the kernel gets to it.
const STARTING_WAIT: Duration = Duration::from_secs(5);
/// A process has no command line in the midst of `exec`, for microseconds unless the machine is busy.
/// A few programs never have one, hence a bound.
const EXEC_WAIT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);

/// Ends every server process of this cluster and removes its lock files.
pub(super) fn end(prepared: &Prepared) -> Result<(), StartError> {
    let cluster = &prepared.cluster;
    kill_starting(cluster)?;
    if let Some(main) = written_pid(cluster).filter(|&pid| belongs(pid, cluster)) {
        tracing::info!(pid = main.as_raw_nonzero().get(), "ending a PostgreSQL of an earlier run");
        let ended = STEPS.iter().any(|&(signal, span)| {
            // Gone already is as good as gone now.
            let _ = kill_process(main, signal);
            wait(span, || !belongs(main, cluster))
        });
        if !ended {
            return Err(StartError::Leftover { pid: main.as_raw_nonzero().get() });
        }
    }
    end_orphans(cluster)?;
    if cfg!(target_os = "linux") {
        // Nobody is left and we hold the lock: what the files say is about a dead process, whose
        // number another process of the same user may have by now, and PostgreSQL would give up.
        for file in [".s.PGSQL.5432.lock", ".s.PGSQL.5432"] {
            drop(fs::remove_file(prepared.socket_dir.join(file)));
        }
        drop(fs::remove_file(cluster.join("postmaster.pid")));
    }
    Ok(())
}

/// Kills what was on its way to become a server when its parent was killed, and guards without a
/// parent: left alone, a slow one could start beside ours a moment later.
fn kill_starting(cluster: &Path) -> Result<(), StartError> {
    let mut left = Vec::new();
    let begun = Instant::now();
    let gone = wait(STARTING_WAIT, || {
        let unclear;
        (left, unclear) = starting(cluster);
        for &pid in &left {
            // Gone already is what is wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
        left.is_empty() && (!unclear || begun.elapsed() > EXEC_WAIT)
    });
    match left.first().filter(|_| !gone) {
        Some(pid) => Err(StartError::Leftover { pid: pid.as_raw_nonzero().get() }),
        None => Ok(()),
    }
}

fn end_orphans(cluster: &Path) -> Result<(), StartError> {
    for (signal, span) in ORPHAN_STEPS {
        for pid in processes(cluster) {
            if let Some(signal) = signal {
                let _ = kill_process(pid, signal);
            }
        }
        if wait(span, || processes(cluster).is_empty()) {
            return Ok(());
        }
    }
    match processes(cluster).first() {
        Some(pid) => Err(StartError::Leftover { pid: pid.as_raw_nonzero().get() }),
        None => Ok(()),
    }
}

/// Kills the server processes that work in a directory which nobody needs any more.
pub(super) fn kill(dir: &Path) {
    for pid in processes(dir) {
        // Gone already is what is wanted.
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn wait(span: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if done() {
            return true;
        }
        if begun.elapsed() > span {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

/// The process id in the first line of `postmaster.pid`.
fn written_pid(cluster: &Path) -> Option<Pid> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok().filter(|&pid: &i32| pid > 1)?)
}

/// Whether the process is a PostgreSQL server that works in this directory.
#[cfg(target_os = "linux")]
fn belongs(pid: Pid, cluster: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let process = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    if name.trim_end() != "postgres" {
        return false;
    }
    // By identity, not by path: it also holds after a rename, and for paths nobody can walk.
    let (Ok(there), Ok(here)) = (fs::metadata(process.join("cwd")), fs::metadata(cluster)) else {
        return false;
    };
    there.dev() == here.dev() && there.ino() == here.ino()
}

#[cfg(target_os = "linux")]
fn processes(cluster: &Path) -> Vec<Pid> {
    all().filter(|&pid| belongs(pid, cluster)).collect()
}

/// Processes that carry the mark of this cluster and do not work in it (yet); and whether one may still
/// turn out to be such a process.
#[cfg(target_os = "linux")]
fn starting(cluster: &Path) -> (Vec<Pid>, bool) {
    let mark = mark(cluster);
    let mut unclear = false;
    let marked = |pid: &Pid| {
        let of = |what| format!("/proc/{}/{what}", pid.as_raw_nonzero());
        let line = fs::read(of("cmdline")).unwrap_or_default();
        // The kernel's threads, and what has ended and waits to be reaped, have no program either.
        unclear |= line.is_empty() && fs::read_link(of("exe")).is_ok();
        line.split(|&byte| byte == 0).any(|it| it == mark.as_encoded_bytes())
    };
    let marked: Vec<_> = all().filter(marked).filter(|&pid| !belongs(pid, cluster)).collect();
    (marked, unclear)
}

#[cfg(target_os = "linux")]
fn all() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|it| Pid::from_raw(it.file_name().to_str()?.parse().ok()?))
}

/// Whether the process is a PostgreSQL server that was started on this directory.
#[cfg(not(target_os = "linux"))]
fn belongs(pid: Pid, cluster: &Path) -> bool {
    let number = pid.as_raw_nonzero().to_string();
    let asked = std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &number]);
    let Ok(output) = { asked }.output() else { return false };
    let line = String::from_utf8_lossy(&output.stdout);
    line.contains("postgres") && line.contains(&*cluster.to_string_lossy())
}

/// Orphans cannot be told by their directory here; PostgreSQL itself refuses to start over them.
#[cfg(not(target_os = "linux"))]
fn processes(_: &Path) -> Vec<Pid> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn starting(_: &Path) -> (Vec<Pid>, bool) {
    (Vec::new(), false)
}

/// A word on the command line of everything that is to become a server of this cluster. PostgreSQL
/// takes it as a setting of an extension that it does not know, and ignores it.
pub(super) fn mark(cluster: &Path) -> OsString {
    let mut mark = OsString::from("recount.cluster=");
    mark.push(cluster);
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_another_kind_is_never_ours() {
        let dir = tempfile::tempdir().unwrap();
        let mut sleeper =
            std::process::Command::new("sleep").arg("60").current_dir(dir.path()).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(sleeper.id()).unwrap()).unwrap();
        fs::write(dir.path().join("postmaster.pid"), format!("{}\n", sleeper.id())).unwrap();
        assert_eq!(written_pid(dir.path()), Some(pid));
        assert!(!belongs(pid, dir.path()));
        assert!(processes(dir.path()).is_empty());
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
    }

    #[test]
    fn what_is_about_to_become_a_server_of_this_directory_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let slow = |of: &Path| {
            let mut slow = std::process::Command::new("sh");
            slow.args(["-c", "read -r line; :", "slow"]).stdin(std::process::Stdio::piped());
            slow.arg(mark(of)).spawn().unwrap()
        };
        let (mut ours, mut foreign) = (slow(dir.path()), slow(other.path()));
        // A killed one that waits for us to reap it has no command line any more.
        kill_starting(dir.path()).unwrap();
        assert!(!ours.wait().unwrap().success());
        assert!(foreign.try_wait().unwrap().is_none(), "another directory's is left alone");
        foreign.kill().unwrap();
        foreign.wait().unwrap();
    }

    #[test]
    fn a_damaged_pid_file_names_nobody() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "x\n", "-5\n", "0\n", "1\n"] {
            fs::write(dir.path().join("postmaster.pid"), text).unwrap();
            assert_eq!(written_pid(dir.path()), None, "{text:?}");
        }
    }
}
