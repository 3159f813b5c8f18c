//! The aggregate that is measured: a note to which lines are added, one command one event of 200 bytes.
//! Not a context of the product.

use std::sync::Arc;

use codec::Schemas;
use domain::context::Aggregates;
use domain::{
    ActorId, Aggregate, Ask, CommandKey, Context, Decider, Describe, EventSet, Invalid, Method,
    Request, Route, Routes, StreamId, TenantId, UserId,
};
use lane::{Deciders, Submit};
use log::Fingerprint;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Aggregates of a row, unless it says otherwise.
pub(crate) const AGGREGATES: u64 = 10_000;
/// Length of the text, such that the datum has 200 bytes: two of length, sixteen of each id as text
/// would be longer, so the author takes 37.
const TEXT_CHARS: usize = 200 - 2 - 37;

/// The bench's own context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench;

impl Context for Bench {
    const NAME: &'static str = "bench";
    const SCHEMAS: &'static [&'static str] = &[include_str!("bench.note.written.v1.avsc")];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<Note>();
    }
}

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note;

/// What can be asked.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Add a line.
    Write {
        /// Who writes.
        author: UserId,
        /// What.
        text: String,
    },
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "bench.note")]
pub(crate) enum Event {
    /// A line was added.
    #[event("written.v1")]
    Written {
        /// Who wrote.
        author: UserId,
        /// What.
        text: String,
    },
}

/// How many lines it has, and who wrote the last.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct State {
    lines: u64,
    last: Option<UserId>,
}

/// Why a rule says no.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    /// There is nothing in the line.
    #[error("a line is not empty")]
    Empty,
}

impl domain::Rejection for Rejection {
    fn rule(&self) -> &'static str {
        "empty"
    }
}

impl Decider for Note {
    const CATEGORY: &'static str = "note";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(_: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        let Command::Write { author, text } = command;
        if text.is_empty() {
            return Err(Rejection::Empty);
        }
        Ok(vec![Event::Written { author, text }])
    }

    fn evolve(state: State, event: &Event) -> State {
        let Event::Written { author, .. } = event;
        State { lines: state.lines + 1, last: Some(*author) }
    }
}

impl Aggregate for Note {
    fn routes(to: &mut impl Routes<Self>) {
        to.command::<WriteLine>(Route {
            method: Method::Post,
            path: "/notes/{id}/lines",
            name: "write_line",
            summary: "Add a line to a note",
        });
    }

    fn show(state: &State) -> Vec<(&'static str, String)> {
        let last = state.last.map(|last| last.to_string()).unwrap_or_default();
        vec![("lines", state.lines.to_string()), ("last", last)]
    }
}

/// A line, as it comes over HTTP.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct WriteLine {
    /// Who writes.
    author: UserId,
    /// What.
    #[describe(max_chars = 1_000)]
    text: String,
}

impl Request<Note> for WriteLine {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Write { author: self.author, text: self.text })
    }
}

/// The schemas of the context.
pub(crate) fn schemas() -> Arc<Schemas> {
    let built = Schemas::builder().register::<Bench>().build();
    Arc::new(built.expect("the schema of the bench is sound"))
}

/// The rules of the context.
pub(crate) fn deciders() -> Deciders {
    let mut deciders = Deciders::new(schemas());
    deciders.add::<Bench>();
    deciders
}

/// Its event of 200 bytes.
pub(crate) fn event() -> Event {
    Event::Written { author: UserId(Uuid::from_u128(7)), text: "x".repeat(TEXT_CHARS) }
}

/// The stream of an aggregate.
pub(crate) fn stream(aggregate: u64) -> StreamId {
    StreamId::new("note", Uuid::from_u128(u128::from(mix(aggregate)) << 64 | 0x8000))
}

/// The command with this number to an aggregate, under a key of its own.
pub(crate) fn submit(aggregate: u64, number: u64) -> Submit {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mix(number).to_le_bytes());
    key[8..].copy_from_slice(&number.to_le_bytes());
    let Event::Written { author, text } = event();
    Submit {
        stream: stream(aggregate),
        command: Box::new(Command::Write { author, text }),
        key: Some(CommandKey(key)),
        fingerprint: Fingerprint(key),
        expected: None,
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("owner"),
        correlation: Uuid::from_bytes(key),
        causation: None,
        trace: None,
        fence: false,
        asked_at: None,
    }
}

/// Spreads numbers; the finaliser of `SplitMix64`.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_event_has_200_bytes() {
        let data = super::schemas().encode(&super::event()).unwrap();
        assert_eq!(data.datum.len(), 200);
    }
}
