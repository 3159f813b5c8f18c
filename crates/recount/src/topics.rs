//! `recount topics apply|check`: the topics of a log on Kafka, and the keys that go with a new one. Not
//! the log itself.

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Command};
use keyring::Keyring;

use crate::data::DataDir;
use crate::product;
use crate::settings::Settings;

/// Exit code of a check that found problems.
const FOUND: u8 = 3;

/// The command; both verbs take every setting.
pub(crate) fn command(with_settings: fn(Command) -> Command) -> Command {
    let verb =
        |name: &'static str, about: &'static str| with_settings(Command::new(name).about(about));
    Command::new("topics")
        .about("The topics of a log on Kafka")
        .subcommand_required(true)
        .subcommand(verb("apply", "Make what is missing, check what is there, make the keys"))
        .subcommand(verb("check", "Say what is not as the log needs it"))
}

/// Runs it.
#[expect(clippy::print_stdout, reason = "what was made or found is what is asked for")]
pub(crate) fn run(verb: &str, settings: &Settings) -> Result<ExitCode> {
    let schemas = product::schemas()?;
    let data = settings.data();
    let options = product::log::kafka(settings, &data.join("replica"), &schemas)?;
    if verb == "check" {
        let findings = log_kafka::topics::check(&options).map_err(product::log::coded)?;
        for finding in &findings {
            println!("{finding}");
        }
        if findings.is_empty() {
            println!("all topics are as the log needs them");
            return Ok(ExitCode::SUCCESS);
        }
        return Ok(ExitCode::from(FOUND));
    }
    let applied = log_kafka::topics::apply(&options, None).map_err(product::log::coded)?;
    let made = applied.made.len();
    println!("log {}: {made} topics made, the others are as they must be", applied.topics.log());
    let data = DataDir::prepare(&data)?;
    let mut keys = product::key_options(settings, &data);
    // Beside an empty log only: keys that are missing beside events are lost, not new.
    keys.create = applied.empty;
    if keys.create || !keys.ring_path().exists() {
        Keyring::open(&keys)?;
        println!("keys are in {}", keys.dir.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings of a verb.
pub(crate) fn settings_of(matches: &ArgMatches) -> Option<(&str, &ArgMatches)> {
    matches.subcommand()
}
