//! Where the private server lives and as whom it runs: directories, lock, user, socket.
//!
//! Starts no server; [`prepare`] leaves everything so that one can be started.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::{NAME, Options, StartError, binaries, cluster, stale};

/// A socket's path holds 107 bytes on Linux, 103 on macOS; the file's name takes 15 of them.
const SOCKET_DIR_BYTES_MAX: usize = 103 - 15;
/// A process that was killed a moment ago may hold the lock until the kernel is through with it.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// The server's log is kept for one more start beyond this size.
const LOG_BYTES_MAX: u64 = 8 << 20;

/// Users to run the server as when we are root, best first.
const SERVICE_USERS: [&str; 2] = ["postgres", "nobody"];

/// An operating-system user by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Everything a start needs to know; holds the lock of the home directory.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) cluster: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) binaries: Binaries,
    pub(super) settings: Vec<(String, String)>,
    /// Whom to become; `None` when the server runs as ourselves.
    pub(super) user: Option<User>,
    /// Whether that user can walk to the cluster by its path.
    pub(super) reachable: bool,
    _lock: File,
}

impl Prepared {
    pub(super) fn url(&self) -> String {
        let host = percent_encoded(&self.socket_dir);
        format!("postgres://{NAME}@localhost/{NAME}?host={host}")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.cluster.join("server.log")
    }

    /// Removes what lies outside of the home; not worth a word when it fails.
    pub(super) fn tidy(&self) {
        if self.socket_dir != self.cluster {
            drop(fs::remove_dir(&self.socket_dir));
        }
    }

    /// The socket's directory as the server is told it: it stands in its cluster when it runs.
    pub(super) fn socket_setting(&self) -> &Path {
        if self.socket_dir == self.cluster { Path::new(".") } else { &self.socket_dir }
    }
}

/// Makes the directories, takes the lock, ends leftovers, makes the cluster on first use.
pub(super) fn prepare(options: &Options) -> Result<Prepared, StartError> {
    fs::create_dir_all(&options.data_dir)
        .map_err(StartError::files("create", &options.data_dir))?;
    let home =
        options.data_dir.canonicalize().map_err(StartError::files("resolve", &options.data_dir))?;
    let lock = lock(&home)?;
    cluster::remove_unfinished(&home);
    let cluster = home.join("cluster");
    let version = cluster::version(&cluster)?;
    let binaries = binaries::find(options.bin_dir.as_deref(), &cluster, version)?;
    let user = user_for(&cluster)?;
    let socket_dir = socket_dir(&home, &cluster, user)?;
    let reachable = user.is_none_or(|user| can_walk_to(&home, user));
    let settings = options.settings.clone();
    let prepared =
        Prepared { cluster, socket_dir, binaries, settings, user, reachable, _lock: lock };
    stale::end(&prepared)?;
    if version.is_none() {
        cluster::make(&home, &prepared)?;
    }
    cluster::configure(&prepared)?;
    rotate_log(&prepared.log());
    Ok(prepared)
}

fn lock(home: &Path) -> Result<File, StartError> {
    let path = home.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StartError::files("open", &path))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_WAIT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StartError::InUse { home: home.to_path_buf() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(StartError::Files { what: "lock", path, source });
            }
        }
    }
}

/// Whom the server runs as: ourselves, or, when we are root, the cluster's owner or a service user.
fn user_for(cluster: &Path) -> Result<Option<User>, StartError> {
    let me = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(cluster).ok().map(|it| User { uid: it.uid(), gid: it.gid() });
    if me != 0 {
        return match owner {
            Some(owner) if owner.uid != me => Err(StartError::User {
                detail: format!(
                    "{} belongs to user {}, and this process runs as user {me}: start as that \
                     user or as root, or `chown -R` the directory",
                    cluster.display(),
                    owner.uid
                ),
            }),
            _ => Ok(None),
        };
    }
    if let Some(owner) = owner.filter(|it| it.uid != 0) {
        return Ok(Some(owner));
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = SERVICE_USERS.iter().find_map(|name| account(&accounts, name));
    let user = user.ok_or_else(|| StartError::User {
        detail: "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor \
                 `nobody` on this machine: add one (`useradd --system postgres`)"
            .to_owned(),
    })?;
    if cluster.exists() {
        // A directory restored by root: it has to belong to the server.
        own_tree(cluster, user)?;
    }
    Ok(Some(user))
}

/// Numbers of an account out of the text of `/etc/passwd`.
fn account(accounts: &str, name: &str) -> Option<User> {
    let line = accounts.lines().find(|it| it.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    (uid != 0).then_some(User { uid, gid })
}

fn own_tree(path: &Path, user: User) -> Result<(), StartError> {
    let failed = || StartError::files("hand over", path);
    if fs::symlink_metadata(path).map_err(failed())?.is_dir() {
        for entry in fs::read_dir(path).map_err(failed())? {
            own_tree(&entry.map_err(failed())?.path(), user)?;
        }
    }
    std::os::unix::fs::lchown(path, Some(user.uid), Some(user.gid)).map_err(failed())
}

/// The cluster itself (only its owner gets in), or a short directory when its path is too long.
fn socket_dir(home: &Path, cluster: &Path, user: Option<User>) -> Result<PathBuf, StartError> {
    if cluster.as_os_str().len() <= SOCKET_DIR_BYTES_MAX {
        return Ok(cluster.to_path_buf());
    }
    let at = fs::metadata(home).map_err(StartError::files("look at", home))?;
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|_| user.is_none());
    let name = format!("recount-{:x}-{:x}", at.dev(), at.ino());
    let dir = runtime.map(PathBuf::from).filter(|it| it.is_dir() && it.as_os_str().len() < 40);
    let dir = dir.unwrap_or_else(|| PathBuf::from("/tmp")).join(name);
    let failed = |what| StartError::files(what, &dir);
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed("create")(error));
        }
        _ => {}
    }
    // In a directory that everybody may write to, somebody else may have been there first.
    let found = fs::symlink_metadata(&dir).map_err(failed("look at"))?;
    let me = rustix::process::geteuid().as_raw();
    let mine = found.uid() == me || user.is_some_and(|it| it.uid == found.uid());
    if !found.is_dir() || !mine {
        return Err(StartError::User {
            detail: format!(
                "{} belongs to somebody else: remove it, or use a data directory with a path of \
                 at most {} bytes",
                dir.display(),
                SOCKET_DIR_BYTES_MAX - "/cluster".len()
            ),
        });
    }
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).map_err(failed("protect"))?;
    if let Some(user) = user {
        chown(&dir, Some(user.uid), Some(user.gid)).map_err(failed("hand over"))?;
    }
    Ok(dir)
}

/// Whether a user may pass every directory on the way; says no rather than guess (ACLs).
fn can_walk_to(dir: &Path, user: User) -> bool {
    dir.ancestors().all(|step| {
        fs::metadata(step).is_ok_and(|it| {
            let bit = match () {
                () if it.uid() == user.uid => 0o100,
                () if it.gid() == user.gid => 0o010,
                () => 0o001,
            };
            it.mode() & bit != 0
        })
    })
}

/// Keeps the log of the last starts bounded; failing to is not worth failing a start.
fn rotate_log(log: &Path) {
    if fs::metadata(log).is_ok_and(|it| it.len() > LOG_BYTES_MAX) {
        drop(fs::rename(log, log.with_extension("log.1")));
    }
}

fn percent_encoded(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes
        .map(
            |&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_name_and_root_is_none() {
        let text = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104::/x:/bin/sh\nevil:x:0:0::/:/x\n";
        assert_eq!(account(text, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(account(text, "nobody"), None);
        assert_eq!(account(text, "evil"), None);
    }

    #[test]
    fn a_closed_directory_on_the_way_is_noticed() {
        let top = tempfile::tempdir().unwrap();
        let inner = top.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o755)).unwrap();
        let nobody = User { uid: 4_000_000, gid: 4_000_000 };
        fs::set_permissions(top.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(can_walk_to(&inner, nobody));
        fs::set_permissions(top.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(!can_walk_to(&inner, nobody));
    }

    #[test]
    fn a_home_has_one_holder() {
        let home = tempfile::tempdir().unwrap();
        let held = lock(home.path()).unwrap();
        let error = lock(home.path()).unwrap_err();
        assert_eq!(error.code(), "RC0303");
        drop(held);
        lock(home.path()).unwrap();
    }

    #[test]
    fn odd_bytes_of_a_path_are_escaped_in_the_url() {
        assert_eq!(percent_encoded(Path::new("/a b/ü?&")), "/a%20b/%C3%BC%3F%26");
    }
}
