//! How events are written for people, and how data leaves on stdout.

use std::io::Write as _;

use anyhow::Result;
use audit::{Recorded, position_text};
use log::Topics;

/// One line of a table of events.
pub(crate) fn row(topics: &Topics, event: &Recorded) -> String {
    let meta = &event.meta;
    let (at, stream) = (meta.recorded_at.to_string(), meta.stream.to_string());
    let place = position_text(topics, meta.position);
    format!("{at:<28} {place:<24} {stream:<44} {:>4}  {}", meta.version, event.data.event_type)
}

/// Writes a line of data. A reader who has seen enough (a closed pipe) ends the program quietly.
pub(crate) fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        done => Ok(done?),
    }
}
