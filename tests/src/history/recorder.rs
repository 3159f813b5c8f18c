//! Writes a history down while it happens, as `docs/evidence/history.md` says, and hands it to the
//! checkers. Not the caller: it only says what it is about to ask and what it heard.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use checkers::{Asked, History, Line, Step, Told, analyse, linearizable, read_directory};
use serde_json::Value;

/// A history under way; shared by all callers.
#[derive(Debug)]
pub struct Recorder {
    began: Instant,
    lines: Mutex<Vec<Line>>,
}

impl Recorder {
    /// Nothing was asked yet.
    #[expect(clippy::new_without_default, reason = "it takes the time")]
    pub fn new() -> Self {
        Self { began: Instant::now(), lines: Mutex::default() }
    }

    /// What stands in the text of a command, so that it is found again in the log.
    pub fn marked(mark: &str) -> String {
        format!("#op:{mark}#")
    }

    /// A command that adds one event is about to be sent, for the first time or again; gives its number.
    pub fn invoke(&self, key: &str, stream: Option<&str>) -> u64 {
        let asked = Asked::Command {
            key: key.to_owned(),
            stream: stream.map(str::to_owned),
            expected: None,
            adds: 1,
            mark: key.to_owned(),
        };
        self.write(None, Step::Invoke(asked))
    }

    /// A question for the version of a stream, as the log has it, is about to be sent; gives its number.
    pub fn invoke_read(&self, stream: &str) -> u64 {
        self.write(None, Step::Invoke(Asked::Read { stream: stream.to_owned() }))
    }

    /// It was answered with this version.
    pub fn read(&self, call: u64, version: u64) {
        self.write(Some(call), Step::Ok(Told::Version(version)));
    }

    /// It was answered that it happened.
    pub fn accepted(&self, call: u64, answer: &Value) {
        let ids = answer["events"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = Told::Accepted {
            stream: text(&answer["stream"]),
            version: answer["version"].as_u64().unwrap_or_default(),
            events: ids.map(|event| text(&event["id"])).collect(),
        };
        self.write(Some(call), Step::Ok(told));
    }

    /// It was answered that it did not happen, and never will.
    pub fn refused(&self, call: u64, why: impl Into<String>) {
        self.write(Some(call), Step::Fail(why.into()));
    }

    /// Nobody can tell what became of it.
    pub fn unknown(&self, call: u64, why: impl Into<String>) {
        self.write(Some(call), Step::Unknown(why.into()));
    }

    /// Each call is a process of its own: what follows what is told by the times.
    fn write(&self, call: Option<u64>, is: Step) -> u64 {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let call = call.unwrap_or(lines.len() as u64);
        // Under the lock, so that the order of lines is that of times.
        let at = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        lines.push(Line { call, process: call, at, is });
        call
    }

    /// Everything that is not as it must be in the log of a product that has stopped.
    ///
    /// # Panics
    /// When the log cannot be read as its format says.
    pub fn check(&self, log: &Path) -> Vec<String> {
        let written = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        export(&written);
        // Reads are a matter of order, which `analyse` checks in linear time; a search would take for ever.
        let reads = |line: &Line| matches!(&line.is, Step::Invoke(Asked::Read { .. }));
        let reads: HashSet<u64> = written.iter().filter(|it| reads(it)).map(|it| it.call).collect();
        let commands = written.iter().filter(|line| !reads.contains(&line.call)).cloned();
        let of = |lines| History::of(lines).unwrap_or_else(|error| panic!("{error}"));
        let (commands, history) = (of(commands.collect()), of(written));
        let read = read_directory(log).unwrap_or_else(|error| panic!("{error}"));
        let (lanes, mut found) = read;
        found.extend(analyse(&history, &lanes));
        if found.is_empty() {
            found.extend(linearizable(&commands).0);
        }
        let records: u64 = lanes.iter().map(|lane| lane.seq).sum();
        eprintln!(
            "{} calls against {records} records: {} findings",
            history.calls.len(),
            found.len()
        );
        found.iter().map(ToString::to_string).collect()
    }
}

/// Keeps the history in the directory that `RECOUNT_HISTORIES` names, for checkers outside of this workspace.
fn export(lines: &[Line]) {
    let Some(dir) = std::env::var_os("RECOUNT_HISTORIES") else { return };
    let name = format!("{}-{}.jsonl", std::process::id(), lines.len());
    let file = std::fs::File::create(Path::new(&dir).join(name)).expect("the directory is there");
    let mut file = std::io::BufWriter::new(file);
    for line in lines {
        serde_json::to_writer(&mut file, line).expect("a line is JSON");
        writeln!(file).expect("the disk has room");
    }
}
