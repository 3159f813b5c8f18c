//! Confluent's Python client as a reader of our topics: a foreign client that knows no line of ours.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::install;

const SCRIPT: &str = include_str!("../../counterparts/confluent/read.py");

/// The first events of a topic as that client decodes them, with the schemas of this registry.
pub fn confluent_events(brokers: &str, topic: &str, registry: &str, count: usize) -> Vec<Value> {
    let python = install::confluent();
    let dir = python.ancestors().nth(3).expect("a venv lies in a folder");
    let script = install::beside(dir, "read.py", SCRIPT);
    let mut read = Command::new(&python);
    read.arg(script).args([brokers, topic, registry, &count.to_string()]).stdin(Stdio::null());
    let output = read.output().expect("the reader can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Confluent's client failed:\n{said}");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
