//! What clients asked and heard. Not the judgement of it.

use domain::{CommandKey, StreamId};
use lane::Answer;

/// What a client asks for.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Post(content::post::Command),
    Publication(social::publication::Command),
    Quota(billing::quota::Command),
}

/// One time that it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) sent_ms: u64,
    pub(crate) heard: Option<(u64, Answer)>,
}

/// One command with all its attempts, under one key.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) stream: StreamId,
    pub(crate) asked: Asked,
    pub(crate) key: CommandKey,
    pub(crate) expected: Option<u64>,
    pub(crate) attempts: Vec<Attempt>,
}

impl Op {
    /// From the first time it was sent to the first time an answer came that says what became of it.
    pub(crate) fn span(&self) -> (u64, Option<u64>) {
        let sent = self.attempts.iter().map(|it| it.sent_ms).min().unwrap_or_default();
        let told = |it: &Attempt| {
            let (at, answer) = it.heard.as_ref()?;
            matches!(answer, Answer::Accepted(_) | Answer::Refused(_)).then_some(*at)
        };
        (sent, self.attempts.iter().filter_map(told).min())
    }

    /// Whether every attempt was answered, and each with: nothing happened.
    pub(crate) fn failed(&self) -> bool {
        let never = |it: &Attempt| {
            matches!(it.heard, Some((_, Answer::Unavailable { .. } | Answer::Overloaded { .. })))
        };
        self.attempts.iter().all(never)
    }
}
