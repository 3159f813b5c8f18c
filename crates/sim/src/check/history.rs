//! The whole history of the clients against the whole log: nothing that failed happened, nothing happened
//! that nobody asked for, versions follow real time, and each answer is what the rules say at its place
//! (I2, I3, I5, I22).

use std::collections::{BTreeMap, HashMap};

use domain::{CommandKey, Decider, StreamId};
use lane::Answer;
use log::{Body, Record, Verdict};

use crate::broker::{Broker, State};
use crate::clients::Clients;
use crate::cluster::Cluster;
use crate::history::{Asked, Op};
use crate::judge::Valid;
use crate::world::lock;

/// Checks all that clients asked.
pub(crate) fn history(cluster: &Cluster, clients: &Clients) {
    let ops = lock(&clients.ops);
    let state = lock(&cluster.broker.state);
    let mut wrong = Vec::new();
    let by_key: HashMap<CommandKey, &Op> = ops.iter().map(|op| (op.key, op)).collect();
    failures(&ops, &state, &mut wrong);
    ghosts(&by_key, &state, &mut wrong);
    texts_once(&cluster.broker, &state, &mut wrong);
    real_time(&ops, &mut wrong);
    rules(&cluster.broker, &by_key, &state, &mut wrong);
    drop(state);
    for wrong in wrong {
        cluster.world.wrong(wrong);
    }
}

fn frame<'a>(state: &'a State, key: &CommandKey) -> Option<&'a Valid> {
    let mut lanes = state.lanes.values();
    lanes.find_map(|lane| lane.judge.valid.get(*lane.judge.keys.get(key)?))
}

fn failures(ops: &[Op], state: &State, wrong: &mut Vec<String>) {
    for op in ops.iter().filter(|op| op.failed()) {
        if let Some(found) = frame(state, &op.key) {
            wrong.push(format!(
                "I22 {} was told that nothing happened; seq {}",
                op.stream, found.seq
            ));
        }
    }
}

fn ghosts(by_key: &HashMap<CommandKey, &Op>, state: &State, wrong: &mut Vec<String>) {
    for valid in state.lanes.values().flat_map(|lane| &lane.judge.valid) {
        let Body::Event { meta, .. } = &valid.record.body else { continue };
        if meta.actor.as_str() != "ann" {
            // Of a saga: its intent came first.
            if let Some(key) = meta.key.filter(|_| !meta.stream.category().contains('_'))
                && meta.actor.as_str().starts_with("saga:")
            {
                let key = uuid::Uuid::from_bytes(key.0);
                if state.intents.get(&key).is_none_or(|at| *at > valid.at_ms) {
                    wrong
                        .push(format!("I15 {} was asked by a saga before its intent", meta.stream));
                }
            }
            continue;
        }
        let asked = meta.key.and_then(|key| by_key.get(&key));
        if asked.is_none_or(|op| op.span().0 > valid.at_ms || op.stream != meta.stream) {
            wrong.push(format!("I2 {} has an event that nobody asked for", meta.stream));
        }
    }
}

/// Each text was asked for once; whatever became of its key, it stands at most once.
fn texts_once(broker: &Broker, state: &State, wrong: &mut Vec<String>) {
    let mut seen = HashMap::new();
    for valid in state.lanes.values().flat_map(|lane| &lane.judge.valid) {
        let Body::Event { meta, data, .. } = &valid.record.body else { continue };
        if meta.stream.category() != "post" {
            continue;
        }
        let Ok(event) = broker.schemas.decode::<content::post::Event>(data) else { continue };
        if let content::post::Event::Drafted { body, .. }
        | content::post::Event::Edited { body, .. } = event
            && seen.insert(body.clone(), valid.seq).is_some()
        {
            wrong.push(format!("I3 `{body}` was written twice"));
        }
    }
}

/// What returned before another was sent has the lower version.
fn real_time(ops: &[Op], wrong: &mut Vec<String>) {
    let mut by_stream: BTreeMap<&StreamId, Vec<(u64, u64, u64)>> = BTreeMap::new();
    for op in ops {
        for attempt in &op.attempts {
            let Some((heard, answer)) = &attempt.heard else { continue };
            let (version, first, replayed) = match answer {
                Answer::Accepted(it) => {
                    (it.version, it.version + 1 - it.events.len() as u64, it.replayed)
                }
                Answer::Refused(it) if it.version > 0 => (it.version, it.version, it.replayed),
                _ => continue,
            };
            // What was found under its key happened at any time since it was sent first.
            let sent = if replayed { op.span().0 } else { attempt.sent_ms };
            let accepted = matches!(answer, Answer::Accepted(_));
            by_stream.entry(&op.stream).or_default().push((sent, *heard, version));
            if accepted && first == 0 {
                wrong.push(format!("I4 {} has version 0", op.stream));
            }
        }
    }
    for (stream, mut all) in by_stream {
        let mut ends: Vec<_> = all.iter().map(|(_, heard, version)| (*heard, *version)).collect();
        ends.sort_unstable();
        all.sort_unstable();
        let (mut at, mut newest) = (0, 0);
        for (sent, _, version) in all {
            while at < ends.len() && ends[at].0 < sent {
                newest = newest.max(ends[at].1);
                at += 1;
            }
            if version < newest {
                wrong.push(format!(
                    "I5 {stream}: version {newest} was told before a command was sent that got {version}"
                ));
            }
        }
    }
}

/// Folds every stream and asks the rules again, with what was asked then.
fn rules(
    broker: &Broker,
    by_key: &HashMap<CommandKey, &Op>,
    state: &State,
    wrong: &mut Vec<String>,
) {
    for lane in state.lanes.values() {
        let mut streams: BTreeMap<&StreamId, Vec<&Record>> = BTreeMap::new();
        for valid in &lane.judge.valid {
            let stream = match &valid.record.body {
                Body::Event { meta, .. } => &meta.stream,
                Body::Outcome(outcome) => &outcome.stream,
                Body::Claim(_) => continue,
            };
            streams.entry(stream).or_default().push(&valid.record);
        }
        for (stream, records) in streams {
            let told = match stream.category() {
                "post" => {
                    again::<content::post::Post>(broker, by_key, &records, |asked| match asked {
                        Asked::Post(command) => Some(command.clone()),
                        _ => None,
                    })
                }
                "publication" => {
                    again::<social::publication::Publication>(broker, by_key, &records, |asked| {
                        match asked {
                            Asked::Publication(command) => Some(command.clone()),
                            _ => None,
                        }
                    })
                }
                "quota" => {
                    again::<billing::quota::Quota>(broker, by_key, &records, |asked| match asked {
                        Asked::Quota(command) => Some(command.clone()),
                        _ => None,
                    })
                }
                _ => Ok(()),
            };
            if let Err(why) = told {
                wrong.push(format!("I5 {stream}: {why}"));
            }
        }
    }
}

fn again<D: Decider>(
    broker: &Broker,
    by_key: &HashMap<CommandKey, &Op>,
    records: &[&Record],
    command: impl Fn(&Asked) -> Option<D::Command>,
) -> Result<(), String>
where
    D::Event: PartialEq + std::fmt::Debug,
{
    let (mut state, mut at) = (D::State::default(), 0);
    while at < records.len() {
        let record = records[at];
        let of = usize::from(record.header.of);
        if record.header.place != 0 || at + of > records.len() {
            return Err("a frame is not whole".to_owned());
        }
        let (key, refused) = match &record.body {
            Body::Event { meta, .. } => (meta.key, None),
            Body::Outcome(outcome) => (outcome.key, Some(outcome)),
            Body::Claim(_) => (None, None),
        };
        let op = key.and_then(|key| by_key.get(&key));
        let said = op.and_then(|op| command(&op.asked)).map(|it| D::decide(&state, it));
        let mut happened: Vec<D::Event> = Vec::new();
        if refused.is_none() {
            for record in &records[at..at + of] {
                let Body::Event { data, .. } = &record.body else { continue };
                happened.push(broker.schemas.decode(data).map_err(|error| error.to_string())?);
            }
        }
        match (&said, refused) {
            (Some(Ok(events)), None) if *events != happened => {
                return Err(format!("the rules say {events:?}, in the log is {happened:?}"));
            }
            (Some(Err(_)), None) => return Err("a refused command has events".to_owned()),
            (Some(Ok(events)), Some(outcome)) if !events.is_empty() => {
                let other = matches!(outcome.verdict, Verdict::WrongVersion);
                if !other {
                    return Err(format!("the rules allow it, in the log is {:?}", outcome.verdict));
                }
            }
            _ => {}
        }
        state = happened.iter().fold(state, D::evolve);
        at += of;
    }
    Ok(())
}
