//! The command line: audits from the log alone, beside the running product or without it; and sagas
//! of a running product, over its API.
//!
//! Not the product: nothing here writes to the log. stdout is data, stderr is talk; exit codes are
//! stable.

mod audits;
mod events;
mod render;
mod replay;
mod saga;
mod stream;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Arg, ArgMatches, Command};
use codec::Schemas;
use domain::{EventData, StreamId, Timestamp};
use log::{Log, Medium};

/// A log directory, opened for reading.
pub struct Opened {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The schemas of all events.
    pub schemas: Arc<Schemas>,
}

impl Opened {
    fn history(&self) -> audit::History {
        audit::History::new(Arc::clone(&self.log), Arc::clone(&self.schemas))
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

/// Until where a replay goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The end of the log.
    End,
    /// What was recorded at or before this time.
    Time(domain::Timestamp),
}

/// What the assembly gives the command line: it knows the registered contexts and adapters.
pub trait Installation {
    /// Opens the log of a data directory for reading.
    fn open(&self, data: &Path) -> Result<Opened>;

    /// Differs from an earlier one when the log of a data directory has grown since.
    fn stamp(&self, data: &Path) -> u64;

    /// The log of a data directory as bytes at rest.
    fn medium(&self, data: &Path) -> Result<Box<dyn Medium>>;

    /// Checks every byte of what lies beside the log, keyring and format; a line about it, or what is
    /// wrong.
    fn verify_beside(&self, data: &Path) -> Result<String, String>;

    /// The state after these events, as lines of (name, value).
    fn show(
        &self,
        stream: &StreamId,
        events: &[(Timestamp, EventData)],
    ) -> Result<Vec<(String, String)>>;

    /// The names of all projections.
    fn projections(&self) -> Vec<String>;

    /// The rows of a projection, folded in memory.
    fn replay(
        &self,
        opened: &Opened,
        projection: &str,
        until: Until,
    ) -> Result<Vec<serde_json::Value>>;
}

/// Adds the verbs of this crate to a command.
pub fn subcommands(command: Command) -> Command {
    command.subcommands([
        stream::command(),
        events::command(),
        replay::command(),
        audits::command(),
        saga::command(),
    ])
}

/// Runs one of them.
pub fn run(verb: &str, matches: &ArgMatches, at: &dyn Installation) -> Result<ExitCode> {
    match verb {
        "stream" => stream::run(matches, at),
        "events" => events::run(matches, at),
        "replay" => replay::run(matches, at),
        "audit" => audits::run(matches, at),
        "saga" => saga::run(matches),
        other => bail!("`{other}` is no command"),
    }
}

/// `--data DIR`
fn data_arg() -> Arg {
    let arg =
        Arg::new("data").long("data").value_name("DIR").env("RECOUNT_DATA").default_value("data");
    arg.help("Data directory [env RECOUNT_DATA]")
}

/// `-o FORM`
fn output_arg(forms: &'static [&'static str]) -> Arg {
    let arg = Arg::new("output")
        .short('o')
        .long("output")
        .value_name("FORM")
        .value_parser(forms.to_vec());
    arg.default_value(forms[0]).help("Form of the answer")
}

fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.try_get_one::<String>(name).ok().flatten().map(String::as_str)
}

fn data(matches: &ArgMatches) -> PathBuf {
    PathBuf::from(text(matches, "data").unwrap_or("data"))
}
