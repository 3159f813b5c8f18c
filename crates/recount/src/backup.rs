//! Backup and restore of what cannot be rebuilt: log and keyring. Not of the read database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgMatches, Command};

use crate::data::DataDir;

/// Files that belong to a running process, not to the data.
const LEFT_OUT: [&str; 2] = ["lock", "LOCK"];
/// Bytes handed to the new store in one call, far below what a call may carry.
const CALL_BYTES: usize = 4 << 20;

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
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    if unfinished.exists() {
        bail!("{} is there, of a backup that runs or was cut off; remove it", unfinished.display());
    }
    fs::create_dir_all(&unfinished).with_context(|| format!("making {}", unfinished.display()))?;
    copy(&from.join("format"), &unfinished.join("format"))?;
    let mut bytes = 0;
    if from.join("log").exists() {
        bytes += copy_log(&from.join("log"), &unfinished.join("log"))?;
    }
    // Behind the log: a key is durable before the first value under it is, so the copied log finds
    // all of its keys, however much is written meanwhile.
    if from.join("keys").exists() {
        bytes += copy(&from.join("keys"), &unfinished.join("keys"))?;
    }
    sync(&unfinished)?;
    fs::rename(&unfinished, to).with_context(|| format!("making {}", to.display()))?;
    let parent =
        to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync(parent)?;
    Ok(bytes)
}

/// Copies the log entry by entry into a new store: a plain copy of files that are being written could
/// hold a later block and miss an earlier one. Every checksum is checked on the way.
fn copy_log(from: &Path, to: &Path) -> Result<u64> {
    fs::create_dir(to).with_context(|| format!("making {}", to.display()))?;
    let reader = segment::Reader::open_read_only(from.join("segments"))?;
    copy(&from.join("manifest"), &to.join("manifest"))?;
    let (store, _) = segment::Store::open(segment::Options::new(to.join("segments")))?;
    let (mut bytes, mut held, mut entries) = (0, 0, Vec::new());
    for entry in reader.scan(segment::Location(0)) {
        let (_, lane, content) = entry?;
        bytes += content.len() as u64;
        held += content.len();
        if held > CALL_BYTES {
            append(&store, std::mem::take(&mut entries))?;
            held = content.len();
        }
        entries.push(segment::Entry { lane, bytes: content });
    }
    append(&store, entries)?;
    store.close()?;
    sync(to)?;
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

/// Copies a file or a directory, durably; gives its bytes.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<u64> {
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
        sync(to)?;
        return Ok(bytes);
    }
    let bytes = fs::copy(from, to).with_context(failed)?;
    sync(to)?;
    Ok(bytes)
}

/// Makes a file or a directory durable.
fn sync(path: &Path) -> Result<()> {
    let synced = fs::File::open(path).and_then(|file| file.sync_all());
    synced.with_context(|| format!("making {} durable", path.display()))
}

#[expect(clippy::print_stdout, reason = "what was done is the output")]
fn say(line: &str) {
    println!("{line}");
}
