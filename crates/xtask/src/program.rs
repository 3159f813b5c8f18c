//! Running other programs: what they print, how they fail, how long they took.
//!
//! Knows no particular program.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Why a command of ours did not end well.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was called in a way it does not know.
    Usage(String),
    /// A step failed, for this reason.
    Step(String),
    /// Tests failed; the summary has said so.
    Tests,
}

/// A line of ours, on the stream that the tests' own output goes to, so that they stay in order.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Announces a step with the time since the beginning.
pub(crate) fn step(begun: Instant, what: &str) {
    eprintln!("[{:6.1}s] {what}", begun.elapsed().as_secs_f64());
}

/// The first directory of the PATH that holds a program.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|it| it.is_file())
}

/// Whether a program runs and ends well, silently.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|it| it.success())
}

/// Runs a program that shows its own output.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failed::Step(format!("{} failed: {status}", shown(command)))),
        Err(error) => Err(Failed::Step(format!("{} did not start: {error}", shown(command)))),
    }
}

/// Runs a program that shows its own output, and looks at every line of its standard output.
pub(crate) fn run_and_read(
    command: &mut Command,
    mut look: impl FnMut(&str),
) -> Result<(), Failed> {
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let failed = |what: String| Failed::Step(what);
    let mut child =
        started.map_err(|it| failed(format!("{} did not start: {it}", shown(command))))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|it| failed(format!("reading what tests print: {it}")))?;
            let line = String::from_utf8_lossy(&line);
            say(&line);
            look(&line);
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("{} failed: {status}", shown(command)))),
        Err(error) => Err(failed(format!("{}: {error}", shown(command)))),
    }
}

/// Runs a program whose output matters only when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|it| format!("{} did not start: {it}", shown(command)))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|it| !it.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(15)..].join("\n  ");
    Err(format!("{} failed ({}):\n  {last}", shown(command), output.status))
}

fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // A script as an argument would hide the name.
    let args = command.get_args().map(|it| it.to_string_lossy()).filter(|it| !it.contains('\n'));
    let line = args.fold(name, |line, arg| line + " " + &arg);
    format!("`{line}`")
}
