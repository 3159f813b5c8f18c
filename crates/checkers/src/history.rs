//! The history: what clients asked and were told, one JSON line each, in the order of writing. Written
//! by a load driver in its own process: `invoke` before it sends, the end after it heard.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One line. `docs/evidence/history.md` describes the format for readers in other languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Names the call; the same in both of its lines.
    pub call: u64,
    /// Who calls: one call at a time. After an unknown outcome the driver goes on under a new number.
    pub process: u64,
    /// Nanoseconds on the monotonic clock of the machine.
    pub at: u64,
    /// What happened.
    pub is: Step,
}

/// The two lines of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is about to be sent.
    Invoke(Asked),
    /// It was answered.
    Ok(Told),
    /// It did not happen, and the answer said so; with the reason.
    Fail(String),
    /// It happened or not: no answer, or one that said so.
    Unknown(String),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A change.
    Command {
        /// The idempotency key, of this tenant and operation.
        key: String,
        /// The stream; `None` when the product draws it.
        stream: Option<String>,
        /// The version it must be decided at, if the client says one.
        expected: Option<u64>,
        /// How many events it leaves when it is accepted.
        adds: u64,
        /// Stands as `#op:MARK#` in a text of the command, and so in its events: by it they are known
        /// again without decoding. Another mark under the same key is another body.
        mark: String,
    },
    /// A strong read of a stream's version.
    Read {
        /// The stream.
        stream: String,
    },
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It happened.
    Accepted {
        /// The stream.
        stream: String,
        /// Its version after the command.
        version: u64,
        /// The ids of the events, in order.
        events: Vec<String>,
    },
    /// A rule said no; the answer is kept under the key.
    Refused {
        /// The rule.
        rule: String,
    },
    /// The stream was at another version than the expected one; nothing is kept.
    Conflict,
    /// The version that a read saw.
    Version(u64),
}

/// One call with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub call: u64,
    /// Who called.
    pub process: u64,
    /// When it was invoked.
    pub invoked: u64,
    /// What was asked.
    pub asked: Asked,
    /// When it ended and how; nothing is known of one without an end either.
    pub end: Option<(u64, End)>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Answered.
    Ok(Told),
    /// It did not happen.
    Fail,
    /// It happened or not.
    Unknown,
}

/// All calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// In the order of their invocation.
    pub calls: Vec<Call>,
}

/// The lines are no history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A line is no JSON of this format.
    #[error("line {line} of the history cannot be read")]
    NotALine {
        /// From 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// An end without an invocation, a second end, a second invocation.
    #[error("line {line} of the history does not fit the lines before it: call {call} {what}")]
    Misplaced {
        /// From 1.
        line: usize,
        /// Which call.
        call: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl History {
    /// From JSON lines; empty ones are skipped.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let parsed = numbered.map(|(line, text)| {
            let parsed = serde_json::from_str(text);
            parsed.map(|it| (line, it)).map_err(|source| HistoryError::NotALine { line, source })
        });
        Self::pair(parsed.collect::<Result<Vec<_>, _>>()?)
    }

    /// From lines in the order of writing.
    pub fn of(lines: Vec<Line>) -> Result<Self, HistoryError> {
        Self::pair((1..).zip(lines).collect())
    }

    fn pair(lines: Vec<(usize, Line)>) -> Result<Self, HistoryError> {
        let mut calls: Vec<Call> = Vec::new();
        let mut places: BTreeMap<u64, usize> = BTreeMap::new();
        let mut busy: BTreeSet<u64> = BTreeSet::new();
        for (line, Line { call, process, at, is }) in lines {
            let misplaced = |what| HistoryError::Misplaced { line, call, what };
            let end = match is {
                Step::Invoke(asked) => {
                    if !busy.insert(process) {
                        return Err(misplaced("is of a process that still waits"));
                    }
                    if places.insert(call, calls.len()).is_some() {
                        return Err(misplaced("was invoked before"));
                    }
                    calls.push(Call { call, process, invoked: at, asked, end: None });
                    continue;
                }
                Step::Ok(told) => End::Ok(told),
                Step::Fail(_) => End::Fail,
                Step::Unknown(_) => End::Unknown,
            };
            let place = places.get(&call).ok_or_else(|| misplaced("was not invoked"))?;
            if calls[*place].end.is_some() {
                return Err(misplaced("ended before"));
            }
            if end != End::Unknown {
                busy.remove(&process);
            }
            calls[*place].end = Some((at, end));
        }
        Ok(Self { calls })
    }

    /// As JSON lines, ordered by time.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::with_capacity(2 * self.calls.len());
        for Call { call, process, invoked, asked, end } in &self.calls {
            let line = |at: u64, is| Line { call: *call, process: *process, at, is };
            lines.push(line(*invoked, Step::Invoke(asked.clone())));
            lines.extend(end.as_ref().map(|(at, end)| {
                let is = match end {
                    End::Ok(told) => Step::Ok(told.clone()),
                    End::Fail => Step::Fail(String::new()),
                    End::Unknown => Step::Unknown(String::new()),
                };
                line(*at, is)
            }));
        }
        lines.sort_by_key(|line| line.at);
        lines
    }
}

/// The mark in the bytes of an event: what stands between `#op:` and the next `#`.
pub fn mark_in(bytes: &[u8]) -> Option<&str> {
    const BEGIN: &[u8] = b"#op:";
    let at = bytes.windows(BEGIN.len()).position(|window| window == BEGIN)? + BEGIN.len();
    let len = bytes[at..].iter().position(|byte| *byte == b'#')?;
    std::str::from_utf8(&bytes[at..at + len]).ok()
}
