//! The operators of the world: they hold and release sagas, take them back, try again what is parked, and
//! say what happened when a target cannot. Often two at once.

use std::sync::Arc;
use std::time::Duration;

use domain::{ActorId, StreamId};
use orchestrator::run::{Desk, Operate, Seen};
use orchestrator::{Cause, Direction, Order, Verb};
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::world::lock;

fn order(seen: &Seen, verb: Verb, step: &str, happened: bool) -> Operate {
    let order = Order {
        verb,
        step: step.to_owned(),
        actor: ActorId::from_static("eve"),
        reason: "the simulator wants it".to_owned(),
        revision: seen.is().revision,
        happened,
        output: None,
        ticket: None,
        approver: None,
    };
    Operate {
        stream: seen.events.first().map_or_else(
            || StreamId::new("publish_post", Uuid::nil()),
            |past| past.meta.stream.clone(),
        ),
        tenant: seen.tenant.clone(),
        order,
        key: None,
        correlation: Uuid::nil(),
        trace: None,
    }
}

/// Meddles now and then, until told that all is calm.
pub(crate) async fn meddle(cluster: Arc<Cluster>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if !cluster.world.strikes(Fault::Operator) {
            continue;
        }
        let Some(desk) = any_desk(&cluster) else { continue };
        let Some(stream) = some_saga(&cluster) else { continue };
        let Ok(seen) = desk.saga(&stream, None).await else { continue };
        let verb = *cluster.world.chance().pick(&[Verb::Hold, Verb::Release, Verb::Undo, Verb::Retry]);
        let parked = seen.is().parks.keys().next().cloned().unwrap_or_default();
        let step = if verb == Verb::Retry { parked } else { String::new() };
        // In two tabs.
        let first = desk.operate(order(&seen, verb, &step, false));
        let second = desk.operate(order(&seen, verb, &step, false));
        let _both = tokio::join!(first, second);
    }
}

fn any_desk(cluster: &Cluster) -> Option<Desk> {
    (0..cluster.len()).find_map(|node| cluster.desk(node))
}

fn some_saga(cluster: &Cluster) -> Option<StreamId> {
    let state = lock(&cluster.broker.state);
    let mut all: Vec<_> = state
        .lanes
        .values()
        .flat_map(|lane| lane.judge.versions.keys())
        .filter(|stream| stream.category() == "publish_post")
        .cloned()
        .collect();
    drop(state);
    all.sort_unstable();
    (!all.is_empty()).then(|| cluster.world.chance().pick(&all).clone())
}

/// Puts right what is parked: who knows says what happened, the rest is tried again.
pub(crate) async fn put_right(cluster: &Arc<Cluster>, stream: &StreamId) {
    let Some(desk) = any_desk(cluster) else { return };
    let Ok(seen) = desk.saga(stream, None).await else { return };
    let parks: Vec<_> = seen.is().parks.iter().map(|(step, park)| (step.clone(), park.cause)).collect();
    let Some((step, cause)) = parks.into_iter().next() else { return };
    let (verb, happened) = match cause {
        Cause::OperatorHold => (Verb::Release, false),
        Cause::InDoubt => {
            let step = seen.is().steps.get(&step);
            let key = step.and_then(|step| step.way(Direction::Forward).key);
            let book = lock(&cluster.targets.book);
            let deed = key.and_then(|key| book.deeds.get(&domain::saga::StepKey(key.0)));
            (Verb::Resolve, deed.is_some_and(|deed| !deed.taken_back))
        }
        _ if step.is_empty() && cause != Cause::Poison => (Verb::Release, false),
        _ => (Verb::Retry, false),
    };
    if let Err(error) = desk.operate(order(&seen, verb, &step, happened)).await {
        cluster.world.wrong(format!("{stream} is parked and cannot be put right: {error}"));
    }
}
