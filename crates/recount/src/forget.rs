//! `recount forget`: destroys the key of a subject, so that nothing that was sealed for it opens any more.
//! Not a deletion: the log stays as it is, and its chain holds.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgMatches, Command};
use domain::{StreamId, SubjectId};
use keyring::Keyring;

use crate::data::DataDir;
use crate::product;
use crate::settings::Settings;

/// The command; it takes every setting, which are those of the installation.
pub(crate) fn command(with_settings: fn(Command) -> Command) -> Command {
    let about = "Make what was sealed for a stream unreadable for ever: tokens, addresses, names";
    let stream = Arg::new("stream").value_name("STREAM").required(true);
    with_settings(Command::new("forget").about(about))
        .arg(stream.help("Whose, as recipient-0190e2a4-0000-7000-8000-000000000001"))
}

/// Runs it. An embedded log's product must be stopped; nodes on Kafka share their keys and may run.
#[expect(clippy::print_stdout, reason = "what was done is what is asked for")]
pub(crate) fn run(matches: &ArgMatches, settings: &Settings) -> Result<ExitCode> {
    let stream: StreamId =
        matches
            .get_one::<String>("stream")
            .and_then(|text| text.parse().ok())
            .context("name a stream, as recipient-0190e2a4-0000-7000-8000-000000000001")?;
    let data = DataDir::existing(&settings.data())?;
    let mut options = product::key_options(settings, &data);
    options.create = false;
    let keys = if product::log::is_kafka(settings)? {
        Keyring::open_shared(&options)?
    } else {
        Keyring::open(&options)?
    };
    if !keys.destroy(SubjectId(stream.id()))? {
        bail!("nothing is sealed for {stream}, or it was forgotten before");
    }
    println!("the key of {stream} is destroyed: what was sealed for it opens nowhere any more");
    println!("backups of the keys still have it: make a new one, and destroy those");
    Ok(ExitCode::SUCCESS)
}
