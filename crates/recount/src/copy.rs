//! `recount log copy`: moves the history of an embedded log into topics of a Kafka cluster, and the keys
//! beside it. The embedded log stays as it is. Not a backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgMatches, Command};
use log::Log as _;
use log_embedded::EmbeddedLog;
use log_kafka::{KafkaLog, topics};

use crate::backup::copy as copy_files;
use crate::data::DataDir;
use crate::product;
use crate::settings::Settings;

/// How long what the cluster has may take to be in the replica of a copy that goes on.
const CATCH_UP_MAX: Duration = Duration::from_mins(10);

/// The command; it takes every setting, which are those of the new installation.
pub(crate) fn command(with_settings: fn(Command) -> Command) -> Command {
    let from = Arg::new("from").long("from").value_name("DIR").required(true);
    let to = Arg::new("to").long("to").value_parser(["kafka"]).required(true);
    let copy = Command::new("copy")
        .about("Copy the history of an embedded log into empty topics; run it again to go on")
        .arg(from.help("Data directory of the embedded log, which stays as it is"))
        .arg(to.help("Where to: topics of the cluster of --brokers"));
    Command::new("log")
        .about("Move a log")
        .subcommand_required(true)
        .subcommand(with_settings(copy))
}

/// Runs it.
pub(crate) fn run(matches: &ArgMatches, settings: &Settings) -> Result<ExitCode> {
    let from = matches.get_one::<String>("from").map(PathBuf::from).unwrap_or_default();
    let source = DataDir::existing(&from)?;
    let (old, _) = EmbeddedLog::open_read_only(source.log())?;
    let data = settings.data();
    if data.exists() && data.canonicalize()? == from.canonicalize()? {
        bail!("--data is the directory of the new node, --from that of the old log");
    }
    let data = DataDir::prepare(&data)?;
    let schemas = product::schemas()?;
    let mut options = product::log::kafka(settings, &data.replica(), &schemas)?;
    // The same topics in the same order with the same lanes: positions name them by number.
    options.topics =
        old.topics().all().iter().map(|topic| (topic.name.clone(), topic.lanes)).collect();
    topics::apply(&options, Some(old.topics().log())).map_err(product::log::coded)?;
    let (new, opened) = KafkaLog::open(&options).map_err(product::log::coded)?;
    if opened.records > 0 {
        say(&format!("{} records are there already: they are compared", opened.records));
        new.catch_up(CATCH_UP_MAX);
    }
    let copied = log::copy(&old, &new, |lane, copied| {
        if copied.written + copied.there > 0 {
            let name = old.topics().lane_name(lane);
            let (written, there) = (copied.written, copied.there);
            say(&format!("{name:<24} {written:>10} written {there:>10} were there"));
        }
    })?;
    say(&format!(
        "{} records written, {} were there, {} void ones left out; every head is the same",
        copied.written, copied.there, copied.left_out
    ));
    if copied.since > 0 {
        // Its keys are newer too.
        say(&format!("{} records are newer there: that log is in use already", copied.since));
        return Ok(ExitCode::SUCCESS);
    }
    keys(&source.keys(), &product::key_options(settings, &data).dir)?;
    say("stop the product on the old log, run this once more, then start it on the new one");
    Ok(ExitCode::SUCCESS)
}

/// Behind the log: a key is durable before the first value under it is.
fn keys(from: &Path, to: &Path) -> Result<()> {
    let same = || -> std::io::Result<bool> { Ok(from.canonicalize()? == to.canonicalize()?) };
    if !from.exists() || same().unwrap_or(false) {
        return Ok(());
    }
    // Made anew each time: an older copy may lack keys.
    let (new, old) = (to.with_extension("unfinished"), to.with_extension("replaced"));
    for leftover in [&new, &old] {
        if leftover.exists() {
            fs::remove_dir_all(leftover)
                .with_context(|| format!("removing {}", leftover.display()))?;
        }
    }
    copy_files(from, &new)?;
    let failed = || format!("putting the keys in {}", to.display());
    if to.exists() {
        fs::rename(to, &old).with_context(failed)?;
    }
    fs::rename(&new, to).with_context(failed)?;
    if old.exists() {
        fs::remove_dir_all(&old).with_context(failed)?;
    }
    say(&format!("keys are in {}", to.display()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was copied is the output")]
fn say(line: &str) {
    println!("{line}");
}
