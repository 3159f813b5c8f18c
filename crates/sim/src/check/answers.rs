//! An answer when it is heard: what it says is durable and is what the log says (I1, I3, I22).

use domain::{CommandKey, StreamId};
use lane::{Accepted, Answer, Refused};
use log::{Body, Verdict};

use crate::broker::State;
use crate::cluster::Cluster;
use crate::history::Op;
use crate::world::lock;

/// Checks one answer.
pub(crate) fn answer(cluster: &Cluster, op: &Op, answer: &Answer) {
    let state = lock(&cluster.broker.state);
    let wrong = match answer {
        Answer::Accepted(accepted) => is_accepted(&state, op, accepted).err(),
        Answer::Refused(refused) => is_refused(&state, op, refused).err(),
        _ => None,
    };
    drop(state);
    if let Some(wrong) = wrong {
        cluster.world.wrong(format!("I1 {} of {}: {wrong}", kind(answer), op.stream));
    }
}

const fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted(accepted) if accepted.replayed => "repeated yes",
        Answer::Accepted(_) => "yes",
        Answer::Refused(refused) if refused.replayed => "repeated no",
        _ => "no",
    }
}

fn is_accepted(state: &State, op: &Op, told: &Accepted) -> Result<(), String> {
    let Some(lane) = state.lanes.get(&told.position.lane) else {
        return Err("its lane is none".to_owned());
    };
    let count = told.events.len() as u64;
    for (n, (id, event_type)) in (1..).zip(&told.events) {
        let seq = told.position.seq + n - count;
        let version = told.version + n - count;
        let Some(found) = lane.judge.at(seq) else {
            return Err(format!(
                "position {seq} is not in the log, which ends at {}",
                lane.judge.seq
            ));
        };
        let Body::Event { meta, data, .. } = &found.record.body else {
            return Err(format!("position {seq} is no event"));
        };
        if (meta.id, &*data.event_type, meta.version) != (*id, event_type.as_str(), version) {
            return Err(format!(
                "position {seq} holds {} {} of version {}, told was {id} {event_type} of {version}",
                meta.id, data.event_type, meta.version
            ));
        }
        is_of(&meta.stream, meta.key, op, seq)?;
    }
    Ok(())
}

fn is_refused(state: &State, op: &Op, told: &Refused) -> Result<(), String> {
    let seq = told.position.seq;
    let found = state.lanes.get(&told.position.lane).and_then(|lane| lane.judge.at(seq));
    let Some(found) = found else { return Err(format!("outcome {seq} is not in the log")) };
    let Body::Outcome(outcome) = &found.record.body else {
        return Err(format!("position {seq} is no outcome"));
    };
    let same = outcome.verdict == told.verdict
        && outcome.version == told.version
        && outcome.rule == told.rule
        && outcome.detail == told.detail;
    if !same {
        return Err(format!("position {seq} says {outcome:?}, told was {told:?}"));
    }
    if told.verdict == Verdict::WrongVersion && op.expected == Some(told.version) {
        return Err(format!("refused at version {}, which it expected", told.version));
    }
    is_of(&outcome.stream, outcome.key, op, seq)
}

fn is_of(stream: &StreamId, key: Option<CommandKey>, op: &Op, seq: u64) -> Result<(), String> {
    if *stream == op.stream && key == Some(op.key) {
        return Ok(());
    }
    Err(format!("position {seq} is another command's, of {stream}"))
}
