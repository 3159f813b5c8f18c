//! How reports are printed, and how they go from one process to another. Not what is in them.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};
use sim::{ALLOWED, Fault, Report, SOMETIMES};

/// A line on standard output; a reader that went away is no reason to stop.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

pub(crate) fn to_json(report: &Report) -> Value {
    json!({
        "seed": report.seed,
        "digest": format!("{:016x}", report.digest),
        "events": report.events,
        "safety_ms": report.safety_ms,
        "rest_ms": report.rest_ms,
        "commands": report.commands,
        "records": report.records,
        "faults": report.faults,
        "seen": report.seen,
        "wrong": report.wrong,
    })
}

pub(crate) fn print_one(report: &Report) {
    say(&format!("seed {}: digest {:016x}, {} events", report.seed, report.digest, report.events));
    say(&format!(
        "{:.1} s under faults, {:.1} s to rest; {} commands, {} records",
        of_ms(report.safety_ms),
        of_ms(report.rest_ms),
        report.commands,
        report.records
    ));
    for (name, times) in report.faults.iter().chain(&report.seen).filter(|(_, times)| **times > 0) {
        say(&format!("{times:>10}  {name}"));
    }
    for wrong in &report.wrong {
        say(&format!("WRONG {wrong}"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
pub(crate) fn of_ms(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// What many seeds came to.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub(crate) seeds: u64,
    pub(crate) safety_ms: u64,
    rest_ms: u64,
    commands: u64,
    records: u64,
    events: u64,
    faults: BTreeMap<String, u64>,
    seen: BTreeMap<String, u64>,
    /// Seed and what is wrong.
    pub(crate) wrong: Vec<(u64, String)>,
}

impl Sum {
    pub(crate) fn add(&mut self, seed: u64, report: &Value) {
        let number = |name: &str| report[name].as_u64().unwrap_or(0);
        self.seeds += 1;
        self.safety_ms += number("safety_ms");
        self.rest_ms += number("rest_ms");
        self.commands += number("commands");
        self.records += number("records");
        self.events += number("events");
        for (name, sum) in [("faults", &mut self.faults), ("seen", &mut self.seen)] {
            for (what, times) in report[name].as_object().into_iter().flatten() {
                *sum.entry(what.clone()).or_default() += times.as_u64().unwrap_or(0);
            }
        }
        for wrong in report["wrong"].as_array().into_iter().flatten() {
            self.wrong.push((seed, wrong.as_str().unwrap_or("?").to_owned()));
        }
    }

    /// Rare states that were never reached.
    pub(crate) fn never(&self) -> Vec<&'static str> {
        SOMETIMES.iter().copied().filter(|what| !self.seen.contains_key(*what)).collect()
    }

    pub(crate) fn print(&self, took_s: f64, as_table: bool) {
        let hours = of_ms(self.safety_ms) / 3_600.0;
        let mut lines = vec![
            ("seeds".to_owned(), self.seeds.to_string()),
            ("simulated hours under faults".to_owned(), format!("{hours:.2}")),
            (
                "simulated hours until rest, without faults".to_owned(),
                format!("{:.2}", of_ms(self.rest_ms) / 3_600.0),
            ),
            (
                "simulated hours under faults an hour of this machine".to_owned(),
                format!("{:.0}", hours * 3_600.0 / took_s.max(0.001)),
            ),
            ("commands of clients".to_owned(), self.commands.to_string()),
            ("valid records".to_owned(), self.records.to_string()),
            ("things that happened".to_owned(), self.events.to_string()),
        ];
        let faults = Fault::ALL.iter().map(|kind| kind.name());
        lines.extend(faults.map(|it| (format!("fault: {it}"), count(&self.faults, it))));
        lines.extend(SOMETIMES.iter().map(|it| (format!("seen: {it}"), count(&self.seen, it))));
        lines.extend(ALLOWED.iter().map(|it| (format!("let pass: {it}"), count(&self.seen, it))));
        for (what, number) in lines {
            say(&if as_table {
                format!("| {what} | {number} |")
            } else {
                format!("{number:>12}  {what}")
            });
        }
    }
}

fn count(of: &BTreeMap<String, u64>, what: &str) -> String {
    of.get(what).copied().unwrap_or(0).to_string()
}
