//! `recount events tail|get|export`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use audit::{Filter, History, Recorded};
use clap::{Arg, ArgMatches, Command};
use domain::{LaneId, Position};
use log::Topics;

use crate::{Installation, Opened, data, data_arg, output_arg, render, text};

/// How often `tail` looks for more: the log of another process tells nothing.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(crate) fn command() -> Command {
    let forms = output_arg(&["jsonl", "table", "cloudevents"]);
    let read = |name: &'static str, about: &'static str| {
        Command::new(name).about(about).arg(data_arg()).arg(forms.clone()).args(filter_args())
    };
    let get = Command::new("get")
        .about("One event, by its id or its position")
        .arg(
            Arg::new("event")
                .value_name("ID|POSITION")
                .required(true)
                .help("UUID, or as content.events/5@12"),
        )
        .arg(data_arg())
        .arg(forms.clone());
    let follow = Arg::new("no-follow").long("no-follow").action(clap::ArgAction::SetTrue);
    Command::new("events")
        .about("Read the log: every event, from every lane, in the order of time")
        .subcommand_required(true)
        .subcommand(read("export", "All events that pass, then stop"))
        .subcommand(
            read("tail", "All events that pass, then those that come")
                .arg(follow.help("Stop at the end")),
        )
        .subcommand(get)
}

fn filter_args() -> Vec<Arg> {
    let arg = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    vec![
        arg("type", "TYPE", "Only this event type; a trailing * means \"begins with\""),
        arg("tenant", "TENANT", "Only of this tenant"),
        arg("stream", "ID", "Only of this stream, as post-0190..."),
        arg("since", "TIME", "Only recorded at or after this time (RFC 3339)"),
        arg("until", "TIME", "Only recorded before this time (RFC 3339)"),
        arg("lane", "LANE", "Only of this lane or topic, as content.events/5 or content.events"),
        arg("limit", "N", "Stop after so many").value_parser(clap::value_parser!(u64)),
    ]
}

fn filter(matches: &ArgMatches, topics: &Topics) -> Result<Filter> {
    let time = |name: &str| {
        text(matches, name).map(str::parse).transpose().with_context(|| format!("--{name}"))
    };
    Ok(Filter {
        lanes: text(matches, "lane").map_or(Ok(Vec::new()), |name| lanes(name, topics))?,
        event_type: text(matches, "type").map(str::to_owned),
        tenant: text(matches, "tenant").map(str::parse).transpose()?,
        stream: text(matches, "stream").map(str::parse).transpose()?,
        since: time("since")?,
        until: time("until")?,
        ..Filter::default()
    })
}

fn lanes(name: &str, topics: &Topics) -> Result<Vec<LaneId>> {
    if let Some(topic) = topics.find(name) {
        return Ok(topics.lanes_of(topic).collect());
    }
    let known: Vec<_> = topics.all().iter().map(|topic| topic.name.as_str()).collect();
    let lane = topics.parse_lane(name);
    Ok(vec![lane.with_context(|| {
        format!("`{name}` is no lane or topic; topics are {}", known.join(", "))
    })?])
}

pub(crate) fn run(matches: &ArgMatches, at: &dyn Installation) -> Result<ExitCode> {
    let Some((verb, matches)) = matches.subcommand() else { return Ok(ExitCode::from(2)) };
    let data = data(matches);
    let mut seen = at.stamp(&data);
    let mut opened = at.open(&data)?;
    if verb == "get" {
        return get(matches, &opened);
    }
    let mut filter = filter(matches, opened.log.topics())?;
    let follow = verb == "tail" && !matches.get_flag("no-follow");
    let mut left = matches.get_one::<u64>("limit").copied();
    // Where to go on in each lane when the log was opened anew.
    let mut behind: BTreeMap<LaneId, u64> = BTreeMap::new();
    loop {
        for event in opened.history().timeline(filter.clone()) {
            let event = event?;
            write(matches, &opened, &event)?;
            behind.insert(event.meta.position.lane, event.meta.position.seq + 1);
            left = left.map(|left| left.saturating_sub(1));
            if left == Some(0) {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if !follow {
            return Ok(ExitCode::SUCCESS);
        }
        while at.stamp(&data) == seen {
            std::thread::sleep(LOOK_AGAIN);
        }
        seen = at.stamp(&data);
        opened = at.open(&data)?;
        filter.from =
            behind.iter().map(|(lane, seq)| Position { lane: *lane, seq: *seq }).collect();
    }
}

fn write(matches: &ArgMatches, opened: &Opened, event: &Recorded) -> Result<()> {
    let topics = opened.log.topics();
    render::line(&match text(matches, "output") {
        Some("table") => render::row(topics, event),
        Some("cloudevents") => event.to_cloud_event(&opened.schemas)?.to_string(),
        _ => event.to_json(topics, &opened.schemas).to_string(),
    })
}

fn get(matches: &ArgMatches, opened: &Opened) -> Result<ExitCode> {
    let wanted = text(matches, "event").unwrap_or_default();
    let history: History = opened.history();
    let found = match audit::parse_position(opened.log.topics(), wanted) {
        Some(position) => history.event(position)?,
        None => history.event_by_id(
            wanted.parse().context("give an event's id, or a position as content.events/5@12")?,
        )?,
    };
    write(matches, opened, &found.with_context(|| format!("no event is `{wanted}` in this log"))?)?;
    Ok(ExitCode::SUCCESS)
}
