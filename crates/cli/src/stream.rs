//! `recount stream show`: an aggregate as it was, from its events alone.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use audit::At;
use clap::{Arg, ArgMatches, Command};
use domain::StreamId;
use serde_json::{Map, Value, json};

use crate::{Installation, data, data_arg, output_arg, render, text};

pub(crate) fn command() -> Command {
    let show = Command::new("show")
        .about("Its events and the state they make, now or then")
        .arg(
            Arg::new("stream")
                .value_name("ID")
                .required(true)
                .help("As post-0190e2a4-0000-7000-8000-000000000001"),
        )
        .arg(
            Arg::new("at")
                .long("at")
                .value_name("VERSION|TIME")
                .help("As it was: after this version, or at this time"),
        )
        .arg(data_arg())
        .arg(output_arg(&["table", "json"]));
    Command::new("stream")
        .about("One aggregate through time")
        .subcommand_required(true)
        .subcommand(show)
}

fn when(text: Option<&str>) -> Result<At> {
    let Some(text) = text else { return Ok(At::Head) };
    if let Ok(version) = text.parse() {
        return Ok(At::Version(version));
    }
    let time = text.parse();
    Ok(At::Time(
        time.with_context(|| {
            format!("--at takes a version, as 7, or a time; `{text}` is neither")
        })?,
    ))
}

pub(crate) fn run(matches: &ArgMatches, at: &dyn Installation) -> Result<ExitCode> {
    let Some(("show", matches)) = matches.subcommand() else { return Ok(ExitCode::from(2)) };
    let stream: StreamId = text(matches, "stream").unwrap_or_default().parse()?;
    let when = when(text(matches, "at"))?;
    let opened = at.open(&data(matches))?;
    let all = opened.history().stream(&stream)?;
    let Some(head) = all.last().map(|event| event.meta.version) else {
        bail!("no event of {stream} is in this log");
    };
    let then: Vec<_> = all
        .into_iter()
        .filter(|event| when.includes(event.meta.version, event.meta.recorded_at))
        .collect();
    let data: Vec<_> =
        then.iter().map(|event| (event.meta.recorded_at, event.data.clone())).collect();
    let state = at.show(&stream, &data)?;
    let version = then.last().map_or(0, |event| event.meta.version);
    let topics = opened.log.topics();
    if text(matches, "output") == Some("json") {
        let events: Vec<_> =
            then.iter().map(|event| event.to_json(topics, &opened.schemas)).collect();
        let state: Map<String, Value> =
            state.into_iter().map(|(name, value)| (name, value.into())).collect();
        let shown = json!({
            "stream": stream.to_string(), "version": version, "head": head, "state": state, "events": events,
        });
        render::line(&serde_json::to_string_pretty(&shown)?)?;
    } else {
        render::line(&format!("{stream} at version {version} of {head}"))?;
        for (name, value) in &state {
            render::line(&format!("  {name:<16} {value}"))?;
        }
        for event in &then {
            render::line(&render::row(topics, event))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
