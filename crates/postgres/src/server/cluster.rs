//! The files of the private server: made once, configured before every start.
//!
//! Holds no tables of ours: schemas and migrations come from the projections.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::place::Prepared;
use super::process::shell;
use super::{NAME, StartError, stale};

/// Lines of a program's output that go into an error.
const TAIL_LINES: usize = 12;

/// Our settings, with the reason where it is not plain. Others may be put below the `include` in
/// `postgresql.conf`; what keeps data and doors safe stands on the command line and wins.
const SETTINGS: &[(&str, &str)] = &[
    ("max_connections", "40"),
    ("shared_buffers", "64MB"),
    ("work_mem", "8MB"),
    ("maintenance_work_mem", "64MB"),
    ("effective_cache_size", "512MB"),
    ("max_worker_processes", "4"),
    // One machine shares its cores with the log and the API; queries are short.
    ("max_parallel_workers_per_gather", "0"),
    ("autovacuum_max_workers", "2"),
    // Compiling a query costs more than our queries.
    ("jit", "off"),
    // No replicas: a rebuild's COPY into a fresh table then needs no WAL of its rows.
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("wal_compression", "on"),
    ("min_wal_size", "80MB"),
    ("max_wal_size", "512MB"),
    ("random_page_cost", "1.1"),
    ("timezone", "'UTC'"),
    ("log_timezone", "'UTC'"),
    ("log_line_prefix", "'%m [%p] '"),
    ("log_checkpoints", "off"),
    ("logging_collector", "off"),
    ("unix_socket_permissions", "0700"),
];

/// What no setting may change.
pub(super) const FORCED: &[(&str, &str)] =
    &[("listen_addresses", ""), ("fsync", "on"), ("full_page_writes", "on")];

const INIT: &str = r#"
"$2/initdb" -D "$1" -U "$3" -A peer -k -E UTF8 --locale=C $4 --no-instructions || exit
echo "CREATE DATABASE $3;" | "$2/postgres" --single -D "$1" postgres
"#;

/// Major version of the cluster, `None` when there is none yet.
pub(super) fn version(cluster: &Path) -> Result<Option<u32>, StartError> {
    let path = cluster.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let bad = || std::io::Error::other(format!("holds {text:?}, not a version"));
            let version = text.trim().parse();
            version.map(Some).map_err(|_| StartError::files("understand", &path)(bad()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StartError::files("read", &path)(error)),
    }
}

/// Makes a cluster beside its place and renames it when it is complete and on disk, so that a
/// crash in between leaves nothing that looks like one.
pub(super) fn make(home: &Path, prepared: &Prepared) -> Result<(), StartError> {
    let dir = home.join(format!("{UNFINISHED}{}", std::process::id()));
    let failed = |what| StartError::files(what, &dir);
    tracing::info!(dir = %prepared.cluster.display(), "making the private PostgreSQL cluster");
    DirBuilder::new().mode(0o700).create(&dir).map_err(failed("create"))?;
    if let Some(user) = prepared.user {
        chown(&dir, Some(user.uid), Some(user.gid)).map_err(failed("hand over"))?;
    }
    let (mut command, data) = shell(prepared, &dir, INIT)?;
    command.arg(data).arg(&prepared.binaries.dir).arg(NAME);
    // Bytewise order is fast and never changes with the C library; letters are Unicode's.
    command.arg(if cfg!(target_os = "linux") { "--lc-ctype=C.UTF-8" } else { "" });
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(failed("run initdb for"))?;
    if !output.status.success() {
        drop(fs::remove_dir_all(&dir));
        return Err(StartError::Init {
            status: output.status.to_string(),
            tail: tail(&String::from_utf8_lossy(&output.stderr)),
        });
    }
    let include = "# Settings of your own go below this line; `recount.conf` is written anew at \
                   every start.\ninclude 'recount.conf'\n";
    write(prepared, &dir.join("postgresql.conf"), include)?;
    // Only an empty directory gives way; anything else in this place is not ours to remove.
    drop(fs::remove_dir(&prepared.cluster));
    fs::rename(&dir, &prepared.cluster).map_err(failed("put into place"))?;
    File::open(home).and_then(|it| it.sync_all()).map_err(StartError::files("sync", home))
}

const UNFINISHED: &str = "cluster.unfinished-";
/// An `initdb` whose parent was killed goes on for a moment, and fails when its files are gone.
const REMOVE_TRIES: u32 = 200;
const REMOVE_PAUSE: Duration = Duration::from_millis(10);

/// Removes what a start that was killed while it made a cluster has left.
pub(super) fn remove_unfinished(home: &Path) {
    let Ok(entries) = fs::read_dir(home) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        for _ in 0..REMOVE_TRIES {
            stale::kill(&entry.path());
            drop(fs::remove_dir_all(entry.path()));
            if !entry.path().exists() {
                break;
            }
            std::thread::sleep(REMOVE_PAUSE);
        }
    }
}

/// Writes the files that are ours: settings, and who may connect.
pub(super) fn configure(prepared: &Prepared) -> Result<(), StartError> {
    let mut settings = String::from("# Written by Recount at every start.\n");
    for (name, value) in SETTINGS {
        writeln!(settings, "{name} = {value}").expect("a string takes what it is given");
    }
    let cluster = &prepared.cluster;
    write(prepared, &cluster.join("recount.conf"), &settings)?;
    let access = "# Written by Recount at every start: only its own user, only by the socket.\n\
                  local all all peer map=recount\n";
    write(prepared, &cluster.join("pg_hba.conf"), access)?;
    let me = own_name()?;
    let names = format!("# Written by Recount at every start.\nrecount \"{me}\" {NAME}\n");
    write(prepared, &cluster.join("pg_ident.conf"), &names)
}

/// Name of the user we run as; the C library knows it, and `id` asks it.
fn own_name() -> Result<String, StartError> {
    let unknown = |detail: String| StartError::User {
        detail: format!("the user of this process has no name ({detail}): add it to /etc/passwd"),
    };
    let output = Command::new("id").arg("-un").output().map_err(|it| unknown(it.to_string()))?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let odd = name.contains(['"', '\n']);
    if !output.status.success() || name.is_empty() || odd {
        return Err(unknown(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(name)
}

/// Writes a file of the server's user, never through a link that user may have put there.
fn write(prepared: &Prepared, path: &Path, text: &str) -> Result<(), StartError> {
    let fresh = PathBuf::from(format!("{}.new", path.display()));
    drop(fs::remove_file(&fresh));
    let written = File::options().write(true).create_new(true).open(&fresh).and_then(|mut file| {
        if let Some(user) = prepared.user {
            fchown(&file, Some(user.uid), Some(user.gid))?;
        }
        file.write_all(text.as_bytes())
    });
    written.and_then(|()| fs::rename(&fresh, path)).map_err(StartError::files("write", path))
}

/// The last lines of a program's output.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines[from..].iter().fold(String::new(), |all, line| all + "  " + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_lines() {
        let text = (0..30).fold(String::new(), |all, n| format!("{all}line {n}\n"));
        let tail = tail(&text);
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("  line 29\n"), "{tail}");
    }

    #[test]
    fn a_cluster_that_is_not_there_has_no_version_and_a_damaged_one_says_so() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(version(dir.path()).unwrap(), None);
        fs::write(dir.path().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(version(dir.path()).unwrap(), Some(15));
        fs::write(dir.path().join("PG_VERSION"), "?").unwrap();
        assert_eq!(version(dir.path()).unwrap_err().code(), "RC0305");
    }
}
