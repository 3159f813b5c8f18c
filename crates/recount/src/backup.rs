//! Backup and restore of what cannot be rebuilt: log and keyring. Not of the read database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgMatches, Command};

use crate::data::DataDir;

/// Files that belong to a running process, not to the data.
const LEFT_OUT: [&str; 2] = ["lock", "LOCK"];
/// Entries handed to the new store in one call: a few MiB.
const CALL_ENTRIES: usize = 4_096;

fn data_arg() -> Arg {
    let help = "Data directory [env RECOUNT_DATA]";
    Arg::new("data")
        .long("data")
        .value_name("DIR")
        .env("RECOUNT_DATA")
        .default_value("data")
        .help(help)
}

/// `recount backup`.
pub(crate) fn backup_command() -> Command {
    Command::new("backup")
        .about("Copy log and keyring into a new directory; the product may be running")
        .arg(data_arg())
        .arg(Arg::new("to").value_name("TO").required(true).help("Directory to make"))
}

/// `recount restore`.
pub(crate) fn restore_command() -> Command {
    Command::new("restore")
        .about("Make a data directory from a backup; read models are rebuilt at the next start")
        .arg(
            Arg::new("from").value_name("FROM").required(true).help("Directory that `backup` made"),
        )
        .arg(data_arg())
}

fn path(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<String>(name).map(PathBuf::from).unwrap_or_default()
}

/// Copies what is durable now; what is being written meanwhile is not in it.
pub(crate) fn backup(matches: &ArgMatches) -> Result<ExitCode> {
    let (data, to) = (path(matches, "data"), path(matches, "to"));
    DataDir::existing(&data)?;
    let bytes = copy_parts(&data, &to)?;
    say(&format!("backup of {} in {}: {bytes} bytes", data.display(), to.display()));
    say(&format!("check it: recount audit verify --data {}", to.display()));
    Ok(ExitCode::SUCCESS)
}

/// Copies back; the target must not exist, so nothing is lost.
pub(crate) fn restore(matches: &ArgMatches) -> Result<ExitCode> {
    let (from, data) = (path(matches, "from"), path(matches, "data"));
    DataDir::existing(&from).context("it is no backup of Recount")?;
    let bytes = copy_parts(&from, &data)?;
    say(&format!("restored {} from {}: {bytes} bytes", data.display(), from.display()));
    say(&format!("start it: recount up --data {}", data.display()));
    Ok(ExitCode::SUCCESS)
}

fn copy_parts(from: &Path, to: &Path) -> Result<u64> {
    if to.exists() {
        bail!("{} exists already; name a directory to make", to.display());
    }
    let unfinished = to.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("leftover {}", unfinished.display()))?;
    }
    fs::create_dir_all(&unfinished).with_context(|| format!("making {}", unfinished.display()))?;
    fs::copy(from.join("format"), unfinished.join("format")).context("copying the format file")?;
    let mut bytes = 0;
    if from.join("log").exists() {
        bytes += copy_log(&from.join("log"), &unfinished.join("log"))?;
    }
    // Behind the log: a key is durable before the first value under it is, so the copied log finds
    // all of its keys, however much is written meanwhile.
    if from.join("keys").exists() {
        bytes += copy(&from.join("keys"), &unfinished.join("keys"))?;
    }
    fs::rename(&unfinished, to).with_context(|| format!("making {}", to.display()))?;
    let parent =
        to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(parent).and_then(|dir| dir.sync_all())?;
    Ok(bytes)
}

/// Copies the log entry by entry into a new store: a plain copy of files that are being written could
/// hold a later block and miss an earlier one. Every checksum is checked on the way.
fn copy_log(from: &Path, to: &Path) -> Result<u64> {
    fs::create_dir(to).with_context(|| format!("making {}", to.display()))?;
    let reader = segment::Reader::open_read_only(from.join("segments"))?;
    fs::copy(from.join("manifest"), to.join("manifest"))
        .context("copying the manifest of the log")?;
    let (store, _) = segment::Store::open(segment::Options::new(to.join("segments")))?;
    let (mut bytes, mut entries) = (0, Vec::new());
    for entry in reader.scan(segment::Location(0)) {
        let (_, lane, content) = entry?;
        bytes += content.len() as u64;
        entries.push(segment::Entry { lane, bytes: content });
        if entries.len() == CALL_ENTRIES {
            append(&store, std::mem::take(&mut entries))?;
        }
    }
    append(&store, entries)?;
    store.close()?;
    Ok(bytes)
}

/// Appends and waits until it is durable.
fn append(store: &segment::Store, entries: Vec<segment::Entry>) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let (done, told) = std::sync::mpsc::channel();
    store.append(entries, move |result| {
        done.send(result).ok();
    });
    told.recv().context("the new log ended")??;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<u64> {
    let failed = || format!("copying {} to {}", from.display(), to.display());
    if from.is_dir() {
        fs::create_dir(to).with_context(failed)?;
        let mut bytes = 0;
        let mut entries =
            fs::read_dir(from).with_context(failed)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                bytes += copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        fs::File::open(to).and_then(|dir| dir.sync_all()).with_context(failed)?;
        return Ok(bytes);
    }
    let bytes = fs::copy(from, to).with_context(failed)?;
    fs::File::open(to).and_then(|file| file.sync_all()).with_context(failed)?;
    Ok(bytes)
}

#[expect(clippy::print_stdout, reason = "what was done is the output")]
fn say(line: &str) {
    println!("{line}");
}
