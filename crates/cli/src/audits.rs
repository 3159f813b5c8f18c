//! `recount audit verify|heads`: is it still what was written?

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use audit::{LaneHead, Report, parse_heads};
use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use crate::{Installation, data, data_arg, output_arg, render, text};

pub(crate) fn command() -> Command {
    let expect = Arg::new("expect").long("expect").value_name("FILE");
    let verify = Command::new("verify")
        .about("Walk every byte and the chain of every lane; exit code 3 and the first bad record on a problem")
        .arg(data_arg())
        .arg(expect.help("Heads that `recount audit heads` printed earlier: finds a log that was cut back"))
        .arg(output_arg(&["table", "json"]));
    let heads =
        Command::new("heads").about("The head of every lane, to be kept elsewhere").arg(data_arg());
    Command::new("audit")
        .about("Prove the history")
        .subcommand_required(true)
        .subcommand(verify)
        .subcommand(heads)
}

pub(crate) fn run(matches: &ArgMatches, at: &dyn Installation) -> Result<ExitCode> {
    let Some((verb, matches)) = matches.subcommand() else { return Ok(ExitCode::from(2)) };
    if verb == "heads" {
        let opened = at.open(&data(matches))?;
        for head in audit::heads(&*opened.log)?.into_iter().filter(|head| head.seq > 0) {
            render::line(&head.to_string())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let kept: Vec<LaneHead> = match text(matches, "expect") {
        None => Vec::new(),
        Some(file) => parse_heads(
            &std::fs::read_to_string(file).with_context(|| format!("--expect {file}"))?,
        )?,
    };
    let dir = data(matches);
    let report = audit::verify(&*at.medium(&dir)?, &kept);
    let keys = at.verify_beside(&dir);
    if text(matches, "output") == Some("json") {
        render::line(&as_json(&report, &keys).to_string())?;
    } else {
        show(&report, &keys)?;
    }
    Ok(if report.is_clean() && keys.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn show(report: &Report, keys: &Result<String, String>) -> Result<()> {
    for lane in report.lanes.iter().filter(|lane| lane.records > 0) {
        let (name, valid, void, epoch) = (&lane.lane, lane.valid, lane.void, lane.epoch);
        render::line(&format!(
            "{name:<24} {valid:>10} valid {void:>6} void  epoch {epoch:>4}  head {}",
            lane.head
        ))?;
    }
    for note in &report.notes {
        render::line(&format!("note: {note}"))?;
    }
    for finding in &report.findings {
        render::line(&format!("PROBLEM: {finding}"))?;
    }
    match keys {
        Ok(says) => render::line(&format!("keyring: {says}"))?,
        Err(what) => render::line(&format!("PROBLEM: beside the log: {what}"))?,
    }
    render::line(&report.summary())
}

fn as_json(report: &Report, keys: &Result<String, String>) -> serde_json::Value {
    let lane = |lane: &audit::LaneReport| {
        json!({
            "lane": lane.lane, "records": lane.records, "valid": lane.valid, "void": lane.void,
            "epoch": lane.epoch, "head": lane.head.to_string(), "first_bad": lane.first_bad,
        })
    };
    let mut findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    findings.extend(keys.as_ref().err().map(|what| format!("beside the log: {what}")));
    json!({
        "lanes": report.lanes.iter().map(lane).collect::<Vec<_>>(),
        "findings": findings,
        "notes": report.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "bytes": report.bytes,
        "summary": report.summary(),
    })
}
