//! `recount replay`: a read model folded again in memory, from the log alone.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Arg, ArgMatches, Command};

use crate::{Installation, Until, data, data_arg, output_arg, render, text};

pub(crate) fn command() -> Command {
    Command::new("replay")
        .about("Fold a read model from the first event, now or as of a time, without any database")
        .arg(
            Arg::new("projection")
                .long("projection")
                .value_name("NAME")
                .required(true)
                .help("As posts"),
        )
        .arg(
            Arg::new("at")
                .long("at")
                .value_name("TIME")
                .help("Only what was recorded at or before this time"),
        )
        .arg(data_arg())
        .arg(output_arg(&["json", "jsonl"]))
}

pub(crate) fn run(matches: &ArgMatches, at: &dyn Installation) -> Result<ExitCode> {
    let name = text(matches, "projection").unwrap_or_default();
    let known = at.projections();
    if !known.iter().any(|projection| projection == name) {
        bail!("no projection is called `{name}`; there are {}", known.join(", "));
    }
    let until = match text(matches, "at") {
        Some(time) => Until::Time(time.parse()?),
        None => Until::End,
    };
    let opened = at.open(&data(matches))?;
    let rows = at.replay(&opened, name, until)?;
    if text(matches, "output") == Some("jsonl") {
        for row in rows {
            render::line(&row.to_string())?;
        }
    } else {
        render::line(&serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
