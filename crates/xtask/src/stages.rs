//! The stages of `cargo xtask test`, one entry each, in the order in which they run.
//!
//! Only the table; `test` runs it, and `faults` builds by its lines.

use std::process::Command;

use crate::workspace::Workspace;

/// A stage: some commands, each of which must succeed.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Whether there is anything to run in this checkout.
    pub(crate) exists: fn(&Workspace) -> bool,
    pub(crate) commands: fn(&Workspace) -> Vec<Command>,
}

pub(crate) const STAGES: &[Stage] = &[
    Stage {
        name: "check",
        what: "formatting, lints, layers, tidiness",
        exists: |_| true,
        commands: |at| {
            vec![
                at.cargo(&["fmt", "--all", "--check"]),
                at.cargo(&[
                    "clippy",
                    "--release",
                    "--workspace",
                    "--all-targets",
                    // Rows that only a bench by hand runs.
                    "--features",
                    "bench/kafka",
                    "--quiet",
                    "--",
                    "-D",
                    "warnings",
                ]),
                at.cargo(&["test", "--release", "-p", "recount-tests", "--test", "tidy"]),
            ]
        },
    },
    Stage {
        name: "unit",
        what: "unit and service tests of every crate",
        exists: |_| true,
        commands: |at| {
            let mut tests = at.cargo(&unit_tests(at));
            // Each decoder is fuzzed so long, unless somebody says otherwise.
            if std::env::var_os("RECOUNT_FUZZ_MS").is_none() {
                tests.env("RECOUNT_FUZZ_MS", "5000");
            }
            vec![tests]
        },
    },
    Stage {
        name: "model",
        what: "model checking of the reader rule and the owner",
        exists: |at| at.has(MODEL),
        commands: |at| {
            vec![
                at.cargo(&["test", "--release", "-p", "model"]),
                at.cargo(&["run", "--release", "-p", "model"]),
            ]
        },
    },
    Stage {
        name: "mutants",
        what: "mistakes in the protocol, eight others every day: each must be noticed",
        exists: |at| at.has(MODEL),
        commands: |at| vec![at.cargo(&["run", "--quiet", "-p", "xtask", "--", "mutants"])],
    },
    Stage {
        name: "sim",
        what: "whole clusters on made up time, with every fault",
        exists: |at| at.has(SIM),
        commands: |at| {
            vec![
                // With tokio's made up clock, which nothing else is built with.
                at.cargo(&["test", "--release", "-p", "sim"]),
                at.cargo(&["run", "--release", "-p", "sim", "--", "--seeds", "500"]),
            ]
        },
    },
    Stage {
        name: "kafka",
        what: "log and product on real Kafka brokers; brokers and nodes are killed",
        exists: |_| true,
        commands: |at| {
            let on = |test: &str, rest: &[&str]| {
                let mut tests =
                    at.cargo(&[&END_TO_END[..], &["--test", test, "--"], rest].concat());
                tests.env("RECOUNT_BIN", at.binary());
                tests
            };
            let mut spine = on("e2e", &["walk::", "saga_cli::", "--test-threads=2"]);
            spine.env("RECOUNT_TEST_LOG", "kafka");
            vec![
                at.cargo(&LOG_KAFKA),
                build(at, "recount"),
                build(at, "foreign-client"),
                spine,
                on("cluster", &["--test-threads=1", "--nocapture"]),
            ]
        },
    },
    Stage {
        name: "e2e",
        what: "the built binary, end to end",
        exists: |_| true,
        commands: |at| {
            let mut tests = at.cargo(&END_TO_END);
            tests.env("RECOUNT_BIN", at.binary());
            vec![build(at, "recount"), tests]
        },
    },
    Stage {
        name: "browser",
        what: "the console in a real browser",
        exists: |at| !browser_tests(at).is_empty(),
        commands: |at| {
            let mut node = at.command("node");
            node.args(["--test", "--test-reporter=tap"]).args(browser_tests(at));
            node.env("RECOUNT_BIN", at.binary()).current_dir(at.top.join("tests/browser"));
            vec![build(at, "recount"), node]
        },
    },
];

const MODEL: &str = "crates/model/Cargo.toml";
const SIM: &str = "crates/sim/Cargo.toml";

/// The line of the log's tests on real brokers.
pub(crate) const LOG_KAFKA: [&str; 4] = ["test", "--release", "-p", "log-kafka"];
/// The line of the tests of the built binary.
pub(crate) const END_TO_END: [&str; 4] = ["test", "--release", "-p", "recount-tests"];

/// The line of every crate's own tests.
pub(crate) fn unit_tests(at: &Workspace) -> Vec<&'static str> {
    let mut args = vec!["test", "--release", "--workspace", "--exclude", "recount-tests"];
    for (name, manifest) in [("model", MODEL), ("sim", SIM)] {
        if at.has(manifest) {
            args.extend(["--exclude", name]);
        }
    }
    // They start brokers: a stage of their own.
    args.extend(["--exclude", "log-kafka"]);
    // Has no tests; its libraries would have others built anew.
    args.extend(["--exclude", "foreign-client"]);
    args
}

/// Builds a program, with the features that it has alone.
pub(crate) fn build(at: &Workspace, package: &str) -> Command {
    at.cargo(&["build", "--release", "-p", package])
}

/// Node's own tests; those that recount-tests drives carry other names.
fn browser_tests(at: &Workspace) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(at.top.join("tests/browser")) else { return Vec::new() };
    let names = entries.flatten().map(|it| it.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|it| it.ends_with(".test.mjs")).collect();
    names.sort_unstable();
    names
}
