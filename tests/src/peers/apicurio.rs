//! Apicurio Registry: a registry of schemas that is not ours, with Confluent's REST API.

use std::process::Command;

use super::install;
use super::process::Process;

/// A running registry, empty and in memory.
#[derive(Debug)]
pub struct Apicurio(Process);

impl Apicurio {
    /// Starts one.
    pub fn start() -> Self {
        let (python, jar) = install::apicurio();
        let dir = python.ancestors().nth(3).expect("a venv lies in a folder");
        let text = include_str!("../../counterparts/apicurio/start.py");
        let mut command = Command::new(&python);
        command.arg(install::beside(dir, "start.py", text)).arg(jar);
        Self(Process::start("apicurio", command))
    }

    /// What clients of Confluent's registry are given.
    pub fn url(&self) -> String {
        self.0.url()
    }
}
