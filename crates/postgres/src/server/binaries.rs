//! Finds installed PostgreSQL server binaries.
//!
//! Not an installer: what is missing is named in the error, nothing is downloaded.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::StartError;

/// Older ones lack what the cluster is made with, and are out of support.
const MAJOR_MIN: u32 = 13;

/// Directories whose `<version>/bin` holds a server on the systems we know.
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/usr", "bin"),
];

/// A directory with `initdb` and `postgres` of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    pub(super) major: u32,
}

/// The binaries for a cluster of major version `wanted`, or the newest for a new cluster.
pub(super) fn find(
    given: Option<&Path>,
    cluster: &Path,
    wanted: Option<u32>,
) -> Result<Binaries, StartError> {
    let dirs = given.map_or_else(candidates, |dir| vec![dir.to_path_buf()]);
    let found: Vec<Binaries> = dirs.iter().filter_map(|dir| look_into(dir)).collect();
    let newest = found.iter().max_by_key(|it| it.major).cloned();
    let Some(newest) = newest else {
        return Err(StartError::BinariesMissing {
            searched: given.map_or_else(
                || "PATH and /usr/lib/postgresql/*/bin".to_owned(),
                |dir| dir.display().to_string(),
            ),
        });
    };
    let Some(wanted) = wanted else { return Ok(newest) };
    found.iter().find(|it| it.major == wanted).cloned().ok_or_else(|| {
        let mut majors: Vec<u32> = found.iter().map(|it| it.major).collect();
        majors.sort_unstable();
        majors.dedup();
        let majors: Vec<String> = majors.iter().map(u32::to_string).collect();
        StartError::MajorVersion {
            cluster: cluster.to_path_buf(),
            found: wanted,
            installed: majors.join(", "),
        }
    })
}

/// Directories that may hold a server, without repetition.
fn candidates() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    dirs.extend(std::env::split_paths(&path));
    for (parent, bin) in VERSIONED {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Below general directories only what carries PostgreSQL's name is looked at.
            if parent == "/usr/lib/postgresql" || is_postgres_dir(&name) {
                dirs.push(entry.path().join(bin));
            }
        }
    }
    let mut seen: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        // Links in a directory of the PATH lead to the real one, where the others lie beside it.
        let Ok(real) = dir.join("postgres").canonicalize() else { continue };
        let Some(real) = real.parent().map(Path::to_path_buf) else { continue };
        if !seen.contains(&real) {
            seen.push(real);
        }
    }
    seen
}

fn is_postgres_dir(name: &str) -> bool {
    name.starts_with("postgresql") || name.starts_with("pgsql-")
}

fn look_into(dir: &Path) -> Option<Binaries> {
    if !dir.join("initdb").is_file() {
        return None;
    }
    // The usual layout tells the version without starting anything.
    let named = dir.parent().and_then(Path::file_name).and_then(|it| it.to_str()?.parse().ok());
    let major = match named {
        Some(major) if dir.join("postgres").is_file() => major,
        _ => ask(dir)?,
    };
    (major >= MAJOR_MIN).then(|| Binaries { dir: dir.to_path_buf(), major })
}

fn ask(dir: &Path) -> Option<u32> {
    let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
    major_of(&String::from_utf8_lossy(&output.stdout))
}

/// Major version out of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_of(text: &str) -> Option<u32> {
    let number = text.split_whitespace().find(|it| it.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_the_server_says() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(major_of("nonsense"), None);
    }

    #[test]
    fn a_directory_without_a_server_is_refused_by_name() {
        let empty = tempfile::tempdir().unwrap();
        let error = find(Some(empty.path()), Path::new("x"), None).unwrap_err();
        assert!(error.to_string().contains(&empty.path().display().to_string()), "{error}");
        assert_eq!(error.code(), "RC0301");
    }

    #[test]
    fn a_cluster_of_another_major_version_is_refused_with_both_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("16").join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for name in ["initdb", "postgres"] {
            std::fs::write(bin.join(name), "").unwrap();
        }
        let error = find(Some(&bin), Path::new("x"), Some(12)).unwrap_err().to_string();
        assert!(error.contains("PostgreSQL 12") && error.contains("only 16"), "{error}");
        assert_eq!(find(Some(&bin), Path::new("x"), Some(16)).unwrap().major, 16);
    }
}
