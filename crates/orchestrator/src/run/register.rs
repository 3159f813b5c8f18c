//! What is registered before a saga type runs: its plan, and from where each lane of its triggers is
//! read. Not the reading.

use std::sync::Arc;
use std::time::Duration;

use codec::Schemas;
use domain::{Decider, LaneId, StreamId};
use lane::Answer;
use log::{Body, Follower, Log, Record};

use crate::run::means::{Means, blocking};
use crate::run::pump::system;
use crate::run::wire::Wire;
use crate::{Plans, PumpMark, ReadFrom, SagaType};

/// Tries before a plan that cannot be registered keeps the node from starting.
const TRIES: u32 = 100;
/// Between them: ten seconds in all, longer than a lane takes to be taken over.
const PAUSE: Duration = Duration::from_millis(100);

/// Why sagas do not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The plan was changed under its version.
    #[error("{0}")]
    PlanChanged(String),
    /// Nobody carries the asks of a saga.
    #[error("saga {0} has no carrier")]
    NoCarrier(&'static str),
    /// The events of a saga, or of its triggers, have no schema or no topic here.
    #[error("saga {saga} reads events that are not registered: {why}")]
    NotRegistered {
        /// Which.
        saga: &'static str,
        /// What is missing.
        why: String,
    },
    /// Log or command runtime do not answer.
    #[error("saga {saga} cannot be registered: {why}")]
    Unavailable {
        /// Which.
        saga: &'static str,
        /// Why.
        why: String,
    },
}

/// The lanes that a saga's triggers come from, with the topic's name.
pub(crate) fn sources(
    ty: &dyn SagaType,
    means: &Means,
) -> Result<Vec<(String, LaneId)>, StartError> {
    let saga = ty.name();
    let missing = |why: String| StartError::NotRegistered { saga, why };
    let mut topics = std::collections::BTreeSet::new();
    for trigger in ty.triggers() {
        let schema = means.deciders.schemas().by_type(trigger);
        let schema = schema.ok_or_else(|| missing(format!("{trigger} has no schema")))?;
        topics.insert(format!("{}.events", schema.context()));
    }
    let mut lanes = Vec::new();
    for name in topics {
        let topic = means.log.topics().find(&name);
        let topic = topic.ok_or_else(|| missing(format!("there is no topic {name}")))?;
        lanes.extend(means.log.topics().lanes_of(topic).map(|lane| (name.clone(), lane)));
    }
    Ok(lanes)
}

/// Registers a saga type; gives, for each lane, the last seq that is not told to it. Who cannot take
/// the command itself waits until another node of the same program has registered it.
pub(crate) async fn register(
    ty: &Arc<dyn SagaType>,
    means: &Arc<Means>,
    sources: &[(String, LaneId)],
) -> Result<Vec<u64>, StartError> {
    let saga = ty.name();
    let unavailable = |why| StartError::Unavailable { saga, why };
    let mut why = String::new();
    for turn in 0..TRIES {
        let state = plans(ty, means).await.map_err(unavailable)?;
        let reads = missing(&state, means, sources).await.map_err(unavailable)?;
        let known = state.hashes.get(&ty.version()).is_some_and(|hash| hash == ty.hash());
        if known && reads.is_empty() {
            return from(&state, ty, means, sources).await.map_err(unavailable);
        }
        let command = ty.register(reads);
        let wire = Wire::from(&command);
        let submit = system(ty.plan_stream(), Box::new(command));
        match means.submitter.submit_to(submit, wire).await {
            Answer::Refused(refused) if refused.verdict != log::Verdict::Nothing => {
                return Err(StartError::PlanChanged(refused.detail));
            }
            // Read back with the next try.
            other => why = format!("{other:?}"),
        }
        // The first registration is read back at once; what is not there yet is waited for.
        tokio::time::sleep(if turn == 0 { Duration::ZERO } else { PAUSE }).await;
    }
    Err(StartError::Unavailable { saga, why })
}

/// Lanes that no registration names, from their end on.
async fn missing(
    state: &Plans,
    means: &Means,
    sources: &[(String, LaneId)],
) -> Result<Vec<ReadFrom>, String> {
    let mut reads = Vec::new();
    for (topic, lane) in sources {
        if !state.reads.contains_key(&(topic.clone(), lane.index)) {
            let seq = end(means, *lane).await?;
            reads.push(ReadFrom { topic: topic.clone(), lane: lane.index, seq });
        }
    }
    Ok(reads)
}

async fn from(
    state: &Plans,
    ty: &Arc<dyn SagaType>,
    means: &Arc<Means>,
    sources: &[(String, LaneId)],
) -> Result<Vec<u64>, String> {
    let mut from = Vec::new();
    for (topic, lane) in sources {
        let first = state.reads.get(&(topic.clone(), lane.index)).copied().unwrap_or_default();
        let mark = mark(ty, means, &(topic.clone(), lane.index)).await?;
        from.push(first.max(mark));
    }
    Ok(from)
}

async fn plans(ty: &Arc<dyn SagaType>, means: &Arc<Means>) -> Result<Plans, String> {
    fold::<Plans>(ty, means, ty.plan_stream()).await
}

/// The last seq of a lane that was told to a saga type, and answered.
pub(crate) async fn mark(
    ty: &Arc<dyn SagaType>,
    means: &Arc<Means>,
    (topic, lane): &(String, u16),
) -> Result<u64, String> {
    Ok(fold::<PumpMark>(ty, means, ty.pump_stream(topic, *lane)).await?.seq)
}

/// A stream of the program's own, folded from the log.
async fn fold<D: Decider>(
    ty: &Arc<dyn SagaType>,
    means: &Arc<Means>,
    stream: StreamId,
) -> Result<D::State, String>
where
    D::State: Send + 'static,
{
    let (log, schemas) = (Arc::clone(&means.log), Arc::clone(means.deciders.schemas()));
    let topic = ty.topic();
    blocking(move || folded::<D>(&*log, &schemas, &topic, &stream)).await
}

fn folded<D: Decider>(
    log: &dyn Log,
    schemas: &Schemas,
    topic: &str,
    stream: &StreamId,
) -> Result<D::State, String> {
    let topic = log.topics().find(topic).ok_or_else(|| format!("there is no topic {topic}"))?;
    let lane = log.topics().lane_for(topic, stream);
    let mut state = D::State::default();
    for stored in log.read_stream(lane, stream, 0).map_err(|error| error.to_string())? {
        let record = Record::decode(lane, &stored.bytes).map_err(|error| error.to_string())?;
        if let Body::Event { data, .. } = record.body {
            let event = schemas.decode(&data).map_err(|error| error.to_string())?;
            state = D::evolve(state, &event);
        }
    }
    Ok(state)
}

/// The last seq of a lane.
async fn end(means: &Means, lane: LaneId) -> Result<u64, String> {
    let log = Arc::clone(&means.log);
    blocking(move || {
        let mut follower = Follower::from_start(&*log, lane);
        while !follower.poll(&*log).map_err(|error| error.to_string())?.is_empty() {}
        Ok(follower.state().seq)
    })
    .await
}
