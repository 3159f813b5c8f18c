//! One run of the server: started as the right user, tied to us by a lifeline, watched to readiness.
//!
//! Not the decision what happens when it ends: that is `supervise`.
//!
//! The lifeline is a pipe whose writing end only we hold. A small shell beside the server reads
//! it; when we are gone, in whatever way, the kernel closes the pipe and the shell stops the
//! server. (A parent-death signal would be tied to one of our threads, not to us.)

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};

use super::cluster::{FORCED, tail};
use super::place::Prepared;
use super::{StartError, stale};

/// Ready is read from a file that the server writes; a look costs some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(3);
/// More than this of a log is never needed to say why a start failed.
const TAIL_BYTES_MAX: u64 = 8 << 10;
/// How long a stop may take at each urgency; see `stale` for the meaning of the signals.
const STOP_STEPS: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(20)),
    (Signal::QUIT, Duration::from_secs(5)),
    (Signal::KILL, Duration::from_secs(5)),
];

/// The cluster by way of an open directory, for a server that cannot walk to it by its path.
const BY_HANDLE: &str = "/proc/self/fd/9";

/// Beginning of every script. Standard output is the cluster's directory when it goes by handle.
const OPENING: &str = r#"
umask 077
if [ "$1" = /proc/self/fd/9 ]; then exec 9<&1; fi
exec 1>&2
cd / || exit
"#;

/// `$1` is the cluster, the rest the server's command line. The guard runs in a child of a child,
/// so that the server does not wait for it as for one of its own.
const RUN: &str = r#"
exec 8<&0 2>>"$1/server.log" || exit
exec 1>&2
( (
  trap '' HUP INT TERM
  read -r goodbye && exit 0
  kill -INT $$ 2>/dev/null || exit 0
  n=0
  while [ $n -lt 100 ]; do
    sleep 0.1
    kill -0 $$ 2>/dev/null || exit 0
    n=$((n + 1))
  done
  kill -QUIT $$ 2>/dev/null && sleep 5 && kill -KILL $$ 2>/dev/null
) <&8 8<&- 9<&- & )
shift
exec "$@" </dev/null 8<&-
"#;

/// A shell that runs a script as the server's user, with the name by which that user reaches `dir`.
pub(super) fn shell(
    prepared: &Prepared,
    dir: &Path,
    script: &str,
) -> Result<(Command, std::path::PathBuf), StartError> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{OPENING}{script}")).arg("recount-postgres");
    // Away from the terminal's signals: Ctrl-C is for us, and we stop the server in order.
    command.process_group(0).env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some(user) = prepared.user {
        command.uid(user.uid).gid(user.gid);
    }
    let data = if prepared.reachable {
        command.stdout(Stdio::null());
        dir.to_path_buf()
    } else {
        command.stdout(File::open(dir).map_err(StartError::files("open", dir))?);
        BY_HANDLE.into()
    };
    Ok((command, data))
}

/// A server process of ours.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Running {
    /// Waits until the server has ended by itself, and says how.
    pub(super) async fn ended(&mut self) -> String {
        let status = self.child.wait().await;
        if let Some(mut lifeline) = self.lifeline.take() {
            // Without this the guard would signal a process id that may be somebody else's by now.
            drop(lifeline.write_all(b"goodbye\n").await);
        }
        status.map_or_else(|error| error.to_string(), |it| it.to_string())
    }

    /// Stops the server, as gently as it lets us.
    pub(super) async fn stop(mut self) {
        for (signal, span) in STOP_STEPS {
            let pid = self.child.id().and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw);
            if let Some(pid) = pid {
                // It may have ended by itself a moment ago.
                let _ = kill_process(pid, signal);
            }
            if tokio::time::timeout(span, self.ended()).await.is_ok() {
                return;
            }
        }
        tracing::warn!("PostgreSQL does not end");
    }
}

/// Starts the server and returns when it takes connections.
pub(super) async fn start(prepared: &Prepared) -> Result<Running, StartError> {
    let log = prepared.log();
    let log_start = fs::metadata(&log).map_or(0, |it| it.len());
    let (mut command, data) = shell(prepared, &prepared.cluster, RUN)?;
    command.arg(&data).arg(prepared.binaries.dir.join("postgres")).arg("-D").arg(&data);
    let ours = FORCED.iter().map(|&(name, value)| (name, value));
    let theirs = prepared.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in theirs.chain(ours) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command
        .arg("-c")
        .arg(format!("unix_socket_directories={}", prepared.socket_setting().display()));
    command.arg("-c").arg(stale::mark(&prepared.cluster));
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let spawned = tokio::process::Command::from(command).spawn();
    let mut child = spawned.map_err(|source| match source.kind() {
        std::io::ErrorKind::PermissionDenied => StartError::User {
            detail: format!(
                "changing to user {} is not permitted ({source}): start as a plain user, or give \
                 the container the capabilities SETUID and SETGID",
                prepared.user.map_or(0, |it| it.uid)
            ),
        },
        _ => StartError::files("start a server in", &prepared.cluster)(source),
    })?;
    let lifeline = child.stdin.take();
    let mut running = Running { child, lifeline };
    loop {
        tokio::select! {
            status = running.ended() => {
                return Err(StartError::Died { status, tail: log_tail(&log, log_start), log });
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if is_ready(&prepared.cluster, running.child.id()) {
            return Ok(running);
        }
    }
}

/// The server writes its state into the eighth line of its lock file; `pg_ctl` reads it there too.
fn is_ready(cluster: &Path, pid: Option<u32>) -> bool {
    let Ok(text) = fs::read_to_string(cluster.join("postmaster.pid")) else { return false };
    let mut lines = text.lines();
    let written = lines.next().and_then(|it| it.trim().parse().ok());
    written == pid && pid.is_some() && lines.nth(6).is_some_and(|it| it.trim() == "ready")
}

/// The last lines of the log, of those that were written since `start`.
pub(super) fn log_tail(log: &Path, start: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(TAIL_BYTES_MAX))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().map_or_else(|error| format!("  (no log: {error})\n"), |text| tail(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_this_servers_own_word() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_ready(dir.path(), Some(7)));
        let text = |word| format!("7\n/d\n1\n5432\n/s\n\n 1 2\n{word}   \n");
        fs::write(dir.path().join("postmaster.pid"), text("starting")).unwrap();
        assert!(!is_ready(dir.path(), Some(7)));
        fs::write(dir.path().join("postmaster.pid"), text("ready")).unwrap();
        assert!(is_ready(dir.path(), Some(7)));
        assert!(!is_ready(dir.path(), Some(8)));
        assert!(!is_ready(dir.path(), None));
    }
}
