//! The operators of the world: they hold and release sagas, take them back, try again what is parked, and
//! say what happened when a target cannot. Often two at once.

use std::sync::Arc;
use std::time::Duration;

use domain::saga::StepKey;
use domain::{ActorId, StreamId};
use lane::Submit;
use log::Fingerprint;
use orchestrator::run::{Desk, Operate, Seen, Submitter};
use orchestrator::{Cause, Direction, Order, Verb};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::network::Route;
use crate::world::lock;

/// What an operator says of a step in doubt, and what it gave.
#[derive(Default)]
struct Says {
    happened: bool,
    output: Option<Value>,
}

fn order(seen: &Seen, verb: Verb, step: &str, says: Says) -> Operate {
    let Says { happened, output } = says;
    let order = Order {
        verb,
        step: step.to_owned(),
        actor: ActorId::from_static("eve"),
        reason: "the simulator wants it".to_owned(),
        revision: seen.is().revision,
        happened,
        output,
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
        let verb =
            *cluster.world.chance().pick(&[Verb::Hold, Verb::Release, Verb::Undo, Verb::Retry]);
        let parked = seen.is().parks.keys().next().cloned().unwrap_or_default();
        let step = if verb == Verb::Retry { parked } else { String::new() };
        // In two tabs.
        let first = desk.operate(order(&seen, verb, &step, Says::default()));
        let second = desk.operate(order(&seen, verb, &step, Says::default()));
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

/// Whether a step in doubt happened, as its target knows; what it gave, if the operator cares to say.
fn knows(cluster: &Cluster, seen: &Seen, step: &str) -> Option<Says> {
    let key = seen.is().steps.get(step)?.way(Direction::Forward).key?;
    let happened = {
        let book = lock(&cluster.targets.book);
        book.deeds.get(&StepKey(key.0)).is_some_and(|deed| !deed.taken_back)
    };
    let money = seen.is().steps.get(step)?.money.clone();
    let says = cluster.world.chance().percent(50);
    let output = money
        .filter(|_| says)
        .map(|amount| json!({ "charged": { "reference": reference(seen), "amount": amount } }));
    Some(Says { happened, output: output.filter(|_| happened) })
}

/// The provider's own name of the charge of a saga.
fn reference(seen: &Seen) -> String {
    seen.is().id.map_or_else(String::new, |id| format!("ch-{id}"))
}

/// The payment provider tells by itself of a charge that nobody has heard of.
async fn webhook(cluster: &Arc<Cluster>, seen: &Seen) {
    let Some((id, amount)) =
        seen.is().id.zip(seen.is().steps.get("charge-boost").and_then(|step| step.money.clone()))
    else {
        return;
    };
    let command = billing::payment::Command::Charge { reference: reference(seen), amount };
    let submit = Submit {
        stream: StreamId::new("payment", id.0),
        command: Box::new(command),
        key: None,
        fingerprint: Fingerprint::default(),
        expected: None,
        tenant: seen.tenant.clone(),
        actor: ActorId::from_static("webhook"),
        correlation: Uuid::nil(),
        causation: None,
        trace: None,
        fence: false,
        asked_at: None,
    };
    Route { cluster: Arc::clone(cluster), from: None }.submit(submit).await;
}

/// Puts right what is parked: who knows says what happened, the rest is tried again.
pub(crate) async fn put_right(cluster: &Arc<Cluster>, stream: &StreamId) {
    let Some(desk) = any_desk(cluster) else { return };
    let Ok(seen) = desk.saga(stream, None).await else { return };
    let parks: Vec<_> =
        seen.is().parks.iter().map(|(step, park)| (step.clone(), park.cause)).collect();
    let Some((step, cause)) = parks.into_iter().next() else { return };
    let nothing = Says::default();
    let (verb, says) = match cause {
        Cause::OperatorHold => (Verb::Release, nothing),
        Cause::InDoubt => (Verb::Resolve, knows(cluster, &seen, &step).unwrap_or_default()),
        _ if step.is_empty() && cause != Cause::Poison => (Verb::Release, nothing),
        _ => {
            if step == "settle-payment" {
                webhook(cluster, &seen).await;
            }
            (Verb::Retry, nothing)
        }
    };
    if let Err(error) = desk.operate(order(&seen, verb, &step, says)).await {
        cluster.world.wrong(format!("{stream} is parked and cannot be put right: {error}"));
    }
}
