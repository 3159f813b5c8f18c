//! Linearizability of small histories, by `stateright`'s tester: is there any order of the calls of a
//! stream, between their invocations and ends, that explains the answers? Knows nothing of the log.

use std::collections::BTreeMap;

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use crate::finding::Finding;
use crate::history::{Asked, Call, End, History, Told};

/// Calls of a stream that are searched at most: the search is exponential in how many overlap.
pub const OPS_MAX: usize = 200;

/// A stream that takes one command after the other.
#[derive(Debug, Clone, Default)]
struct OneAtATime {
    version: u64,
    /// What each key was answered.
    kept: BTreeMap<String, Answer>,
}

#[derive(Debug, Clone)]
enum Op {
    Command { key: String, expected: Option<u64>, adds: u64 },
    Read,
}

#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Accepted(u64),
    Refused,
    Conflict,
    Version(u64),
}

impl SequentialSpec for OneAtATime {
    type Op = Op;
    type Ret = Answer;

    /// A command without an answer takes effect, if it can: whether it did is for the search to say.
    fn invoke(&mut self, op: &Op) -> Answer {
        let Op::Command { key, expected, adds } = op else { return Answer::Version(self.version) };
        if let Some(kept) = self.kept.get(key) {
            return kept.clone();
        }
        if expected.is_some_and(|expected| expected != self.version) {
            return Answer::Conflict;
        }
        self.version += adds;
        self.kept.insert(key.clone(), Answer::Accepted(self.version));
        Answer::Accepted(self.version)
    }

    fn is_valid_step(&mut self, op: &Op, answer: &Answer) -> bool {
        // A rule may say no in any state; its answer is kept under the key.
        if let (Op::Command { key, .. }, Answer::Refused) = (op, answer) {
            return *self.kept.entry(key.clone()).or_insert(Answer::Refused) == Answer::Refused;
        }
        self.invoke(op) == *answer
    }
}

/// Streams whose calls have no order that explains their answers (I5), and how many streams were left
/// out because they have more than [`OPS_MAX`] calls.
pub fn linearizable(history: &History) -> (Vec<Finding>, usize) {
    let mut streams: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    let mut drawn: BTreeMap<&str, &str> = BTreeMap::new();
    for call in &history.calls {
        if let (Asked::Command { key, .. }, Some((_, End::Ok(Told::Accepted { stream, .. })))) =
            (&call.asked, &call.end)
        {
            drawn.insert(key, stream);
        }
    }
    for call in &history.calls {
        let stream = match &call.asked {
            Asked::Read { stream } | Asked::Command { stream: Some(stream), .. } => stream.as_str(),
            // Nobody was ever told of a stream under this key: its calls concern no other call.
            Asked::Command { key, .. } => match drawn.get(key.as_str()) {
                Some(stream) => stream,
                None => continue,
            },
        };
        streams.entry(stream).or_default().push(call);
    }
    let before = streams.len();
    streams.retain(|_, calls| calls.len() <= OPS_MAX);
    let left_out = before - streams.len();
    let bad = streams.into_iter().filter(|(_, calls)| !has_order(calls));
    let found = bad.map(|(stream, calls)| {
        let what = format!("{stream}: no order of its {} calls explains the answers", calls.len());
        Finding::new("I5", what)
    });
    (found.collect(), left_out)
}

fn has_order(calls: &[&Call]) -> bool {
    let mut moments: Vec<(u64, bool, &Call)> = Vec::with_capacity(2 * calls.len());
    for call in calls {
        moments.push((call.invoked, false, call));
        moments.extend(call.end.as_ref().map(|(at, _)| (*at, true, *call)));
    }
    moments.sort_by_key(|(at, end, call)| (*at, *end, call.call));
    let mut tester = LinearizabilityTester::new(OneAtATime::default());
    for (_, ended, call) in moments {
        // Each call is a thread of its own: the order within a process follows from the times.
        let taken = if ended { returned(&mut tester, call) } else { invoked(&mut tester, call) };
        if !taken {
            return false;
        }
    }
    tester.is_consistent()
}

type Tester = LinearizabilityTester<u64, OneAtATime>;

fn invoked(tester: &mut Tester, call: &Call) -> bool {
    // What failed for certain never began.
    if matches!(call.end, Some((_, End::Fail))) {
        return true;
    }
    let op = match &call.asked {
        Asked::Read { .. } if !matches!(call.end, Some((_, End::Ok(_)))) => return true,
        Asked::Read { .. } => Op::Read,
        Asked::Command { key, expected, adds, .. } => {
            Op::Command { key: key.clone(), expected: *expected, adds: *adds }
        }
    };
    tester.on_invoke(call.call, op).is_ok()
}

fn returned(tester: &mut Tester, call: &Call) -> bool {
    let Some((_, End::Ok(told))) = &call.end else { return true };
    let answer = match told {
        Told::Accepted { version, .. } => Answer::Accepted(*version),
        Told::Refused { .. } => Answer::Refused,
        Told::Conflict => Answer::Conflict,
        Told::Version(version) => Answer::Version(*version),
    };
    tester.on_return(call.call, answer).is_ok()
}
