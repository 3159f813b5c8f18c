//! Rows after a history: read models, and the laws of a fold. Not PostgreSQL: what a fold says is
//! the same wherever its rows are kept.

use std::collections::BTreeMap;

use domain::{
    ActorId, Envelope, EventId, EventSet, LaneId, Meta, Position, Projection, StreamId, TenantId,
    TopicId, Value,
};
use uuid::Uuid;

use crate::{at, id};

/// What happened in each stream: the number of its id, and its events.
pub type History<E> = Vec<(u64, Vec<E>)>;

/// The rows that a history makes, in the order of their keys.
///
/// The stream `n` has the id [`id`]`(n)`; the `v`-th event of the `s`-th stream of the history is
/// recorded at second `1000 * s + v` after the kit's noon, by the actor `owner`.
///
/// # Panics
/// When a law does not hold: streams that come in another order, or interleaved, make the same
/// rows; a row is the same after a way through its columns; its key column holds the key.
#[track_caller]
pub fn rows<P: Projection>(history: impl IntoIterator<Item = (u64, Vec<P::Event>)>) -> Vec<P> {
    let streams: Vec<Vec<_>> = history
        .into_iter()
        .zip(1..)
        .map(|((stream, events), lane)| {
            let numbered = events.into_iter().zip(1..);
            numbered.map(|(event, version)| envelope(stream, lane, version, event)).collect()
        })
        .collect();
    let one_by_one = fold::<P>(streams.iter().flatten());
    let reversed = fold::<P>(streams.iter().rev().flatten());
    assert_eq!(one_by_one, reversed, "{} depends on the order of streams", P::NAME);
    let longest = streams.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|at| streams.iter().filter_map(move |s| s.get(at)));
    assert_eq!(one_by_one, fold::<P>(in_turn), "{} depends on how streams interleave", P::NAME);
    for (key, row) in &one_by_one {
        check_columns(*key, row);
    }
    one_by_one.into_values().collect()
}

fn fold<'a, P: Projection>(
    events: impl Iterator<Item = &'a Envelope<P::Event>>,
) -> BTreeMap<Uuid, P> {
    let mut rows = BTreeMap::new();
    for event in events {
        let Some(key) = P::key(event) else { continue };
        if let Some(row) = P::fold(rows.remove(&key), event) {
            rows.insert(key, row);
        }
    }
    rows
}

#[track_caller]
fn check_columns<P: Projection>(key: Uuid, row: &P) {
    let values = row.clone().into_values();
    assert_eq!(values.len(), P::COLUMNS.len(), "{} has as many values as columns", P::TABLE);
    for (column, value) in P::COLUMNS.iter().zip(&values) {
        let null = *value == Value::Null;
        assert!(!null || column.nullable, "{}.{} must not be null", P::TABLE, column.name);
        if column.name == P::KEY {
            assert_eq!(*value, Value::Uuid(key), "{}.{} is the key", P::TABLE, column.name);
        }
    }
    let back = P::from_values(values);
    assert_eq!(back.as_ref(), Ok(row), "{} is the same after its columns", P::TABLE);
}

/// An event as the kit records it: each stream in a lane of its own, so that positions and times do
/// not depend on how lanes interleave.
pub fn envelope<E: EventSet>(stream: u64, lane: u16, version: u64, event: E) -> Envelope<E> {
    let category = category(event.event_type()).to_owned();
    let stream =
        StreamId::parse_parts(&category, id(stream)).expect("an event type names its aggregate");
    let number = i64::from(lane) * 1_000 + i64::try_from(version).unwrap_or(i64::MAX);
    let meta = Meta {
        id: EventId(id(u64::from(lane) << 32 | version)),
        stream,
        version,
        position: Position { lane: LaneId { topic: TopicId(1), index: lane }, seq: version },
        recorded_at: at(number.saturating_mul(1_000)),
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("owner"),
        correlation: id(0),
        causation: None,
        key: None,
        trace: None,
    };
    Envelope { meta, payload: event }
}

/// `post` of `content.post.drafted.v1`.
fn category(event_type: &str) -> &str {
    event_type.split('.').nth(1).unwrap_or(event_type)
}
