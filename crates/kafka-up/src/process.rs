//! Processes by their number: whether they live, and signals to them. With the shell's own `kill`, so
//! that no C is needed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Error;

/// A process that somebody else, perhaps an earlier run of ours, has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pid(pub(crate) u32);

/// What is seen of a process from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Gone,
    Stopped,
    Alive,
}

impl Pid {
    /// The number in a file that a started process left.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        fs::read_to_string(file).ok()?.trim().parse().ok().map(Self)
    }

    /// Looks for a process of this number whose command line holds `mark`: the number alone may belong
    /// to another one by now.
    pub(crate) fn look(self, mark: &str) -> Seen {
        if !Path::new("/proc/self/stat").exists() {
            let there = shell("kill -0 \"$1\"", &[&self.0.to_string()]).is_ok();
            return if there { Seen::Alive } else { Seen::Gone };
        }
        let dir = Path::new("/proc").join(self.0.to_string());
        let line = fs::read(dir.join("cmdline")).unwrap_or_default();
        // A zombie has no command line.
        if !String::from_utf8_lossy(&line).contains(mark) {
            return Seen::Gone;
        }
        let stat = fs::read_to_string(dir.join("stat")).unwrap_or_default();
        // `pid (name) state ...`; the name may hold anything.
        match stat.rsplit(") ").next().and_then(|rest| rest.chars().next()) {
            Some('T' | 't') => Seen::Stopped,
            Some('Z' | 'X') | None => Seen::Gone,
            Some(_) => Seen::Alive,
        }
    }

    /// Sends a signal by its name, as `KILL`.
    pub(crate) fn signal(self, name: &str) -> Result<(), Error> {
        shell("kill -s \"$1\" \"$2\"", &[name, &self.0.to_string()])
    }
}

fn shell(script: &str, args: &[&str]) -> Result<(), Error> {
    let mut sh = Command::new("sh");
    sh.args(["-c", script, "kafka-up"]).args(args).stdin(Stdio::null());
    let output = sh.output().map_err(|error| Error::new(format!("sh did not start: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("`{script}` with {args:?} failed: {}", said.trim())))
}
