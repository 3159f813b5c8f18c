//! All sagas of a process: registered, then run, then stopped in good order. Not what a lane's runner
//! or a pump does.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::LaneId;
use lane::Deciders;
use log::Log;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::run::any::AnySaga;
use crate::run::carriers::Carriers;
use crate::run::desk::Desk;
use crate::run::means::{Means, Submitter};
use crate::run::meter;
use crate::run::pump::{Pump, PumpState, Skipped};
use crate::run::reader::{Place, Reader};
use crate::run::register::{StartError, register, sources};
use crate::run::roster::{Holding, Roster};
use crate::run::runner::{Runner, SharedRoster};
use crate::run::targets::Targets;
use crate::run::wakes::Wakes;
use crate::{SagaType, Types};

/// How often the gauges are set.
const GAUGES: Duration = Duration::from_secs(1);

/// What sagas run over.
pub struct Options {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The deciders, with the handlers of the types among them.
    pub deciders: Deciders,
    /// Where commands go.
    pub submitter: Arc<dyn Submitter>,
    /// The registered types.
    pub types: Types,
    /// Who carries the asks of each.
    pub carriers: Carriers,
    /// Whether this node has a lane.
    pub holding: Holding,
    /// How long calls under way may take to end when it stops.
    pub grace: Duration,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("types", &self.types)
            .field("holding", &self.holding)
            .finish_non_exhaustive()
    }
}

/// How far a runner or a pump is behind its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The saga type of a pump; `None`: the runner of a lane, for all types.
    pub saga: Option<&'static str>,
    /// The lane it reads, as `content.events/3`.
    pub lane: String,
    /// Records that it has not read.
    pub records: u64,
    /// Whether it has read all that lay in the lane at the start, and works.
    pub caught_up: bool,
}

pub(crate) struct LaneRunner {
    pub(crate) lane: LaneId,
    pub(crate) roster: SharedRoster,
    place: Place,
    caught_up: watch::Receiver<bool>,
    holds: watch::Receiver<bool>,
}

pub(crate) struct LanePump {
    pub(crate) saga: &'static str,
    pub(crate) lane: LaneId,
    place: Place,
    pub(crate) state: Arc<PumpState>,
}

/// What a desk looks at.
pub(crate) struct Inner {
    pub(crate) means: Arc<Means>,
    pub(crate) types: Types,
    /// By category.
    pub(crate) kinds: std::collections::BTreeMap<&'static str, Arc<dyn AnySaga>>,
    pub(crate) runners: Vec<LaneRunner>,
    pub(crate) pumps: Vec<LanePump>,
}

/// Running sagas.
pub struct Running {
    desk: Desk,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("desk", &self.desk).finish_non_exhaustive()
    }
}

impl Running {
    /// What edges ask.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Begins nothing more, lets calls under way end within the grace time, and tells their answers.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Registers all types, then runs them. It returns when the plans are registered; what was running
/// goes on behind it. Needs a tokio runtime.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let Options { log, deciders, submitter, types, carriers, holding, grace } = options;
    let targets = Targets::default();
    let means = Arc::new(Means { log: Arc::clone(&log), deciders, submitter, targets });
    let wakes = Wakes::of(&*log);
    let (stop, stopped) = watch::channel(false);
    let mut pumps = Vec::new();
    for ty in types.all() {
        let kind = carriers.0.get(ty.category()).ok_or(StartError::NoCarrier(ty.name()))?;
        let sources = sources(&**ty, &means)?;
        let from = register(ty, &means, &sources).await?;
        for ((topic, lane), from) in sources.into_iter().zip(from) {
            pumps.push(Pump {
                means: Arc::clone(&means),
                kind: Arc::clone(kind),
                ty: Arc::clone(ty),
                reader: Reader::from_start(Arc::clone(&log), lane),
                source: (topic, lane.index),
                from,
                growth: wakes.lane(lane),
                stop: stopped.clone(),
                state: PumpState::at(from),
            });
        }
    }
    let runners = runners(&types, &carriers, &means, &wakes, &holding, (&stopped, grace))?;
    let lane_runners = runners.iter().map(|runner| LaneRunner {
        lane: runner.reader.lane(),
        roster: Arc::clone(&runner.roster),
        place: runner.reader.place(),
        caught_up: runner.caught_up.subscribe(),
        holds: runner.holds.subscribe(),
    });
    let lane_pumps = pumps.iter().map(|pump| LanePump {
        saga: pump.ty.name(),
        lane: pump.reader.lane(),
        place: pump.reader.place(),
        state: Arc::clone(&pump.state),
    });
    let inner = Arc::new(Inner {
        means,
        types,
        kinds: carriers.0.clone(),
        runners: lane_runners.collect(),
        pumps: lane_pumps.collect(),
    });
    let mut tasks = JoinSet::new();
    for runner in runners {
        tasks.spawn(runner.run());
    }
    for pump in pumps {
        tasks.spawn(behind(Arc::clone(&inner), pump));
    }
    tasks.spawn(gauges(Arc::clone(&inner), stopped));
    Ok(Running { desk: Desk(inner), stop, tasks })
}

/// One runner for each lane of each topic that sagas stand in.
fn runners(
    types: &Types,
    carriers: &Carriers,
    means: &Arc<Means>,
    wakes: &Wakes,
    holding: &Holding,
    (stop, grace): (&watch::Receiver<bool>, Duration),
) -> Result<Vec<Runner>, StartError> {
    let mut by_topic = std::collections::BTreeMap::<String, Vec<Arc<dyn AnySaga>>>::new();
    for ty in types.all() {
        if let Some(kind) = carriers.0.get(ty.category()) {
            by_topic.entry(ty.topic()).or_default().push(Arc::clone(kind));
        }
    }
    let mut runners = Vec::new();
    for (name, kinds) in by_topic {
        let missing = || StartError::NotRegistered {
            saga: kinds.first().map_or("?", |kind| kind.name()),
            why: format!("there is no topic {name}"),
        };
        let topics = means.log.topics();
        for lane in topics.lanes_of(topics.find(&name).ok_or_else(missing)?) {
            let roster = Roster::new(kinds.iter().cloned(), holding.clone());
            runners.push(Runner {
                means: Arc::clone(means),
                roster: Arc::new(std::sync::Mutex::new(roster)),
                reader: Reader::from_start(Arc::clone(&means.log), lane),
                growth: wakes.lane(lane),
                caught_up: watch::Sender::new(false),
                holds: watch::Sender::new(false),
                stop: stop.clone(),
                grace,
            });
        }
    }
    Ok(runners)
}

/// A pump begins when all runners have read what was there: a saga that it starts is a new one then,
/// with nothing under way. It runs on the node that has the lane of its mark; where it begins, it
/// reads the mark that the last one left.
async fn behind(inner: Arc<Inner>, mut pump: Pump) {
    let mark = pump.mark_lane();
    let mut holds = watch::channel(false).1;
    for runner in &inner.runners {
        let mut caught_up = runner.caught_up.clone();
        tokio::select! {
            _ = pump.stop.wait_for(|stop| *stop) => return,
            _ = caught_up.wait_for(|caught_up| *caught_up) => {}
        }
        if Some(runner.lane) == mark {
            holds = runner.holds.clone();
        }
    }
    loop {
        let mut stop = pump.stop.clone();
        let held = tokio::select! {
            // Runners stop too, which looks like a loss.
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            held = held(&mut holds) => held,
        };
        if !held {
            tracing::error!(saga = pump.ty.name(), "no runner has the lane of a pump's mark");
            return;
        }
        let lost = async {
            holds.wait_for(|holds| !*holds).await.ok();
        };
        pump.run(lost).await;
    }
}

/// Waits until this node has the lane; `false`: it never will, its runner is gone. What a runner said
/// last stands when it is gone, and is not believed then.
async fn held(holds: &mut watch::Receiver<bool>) -> bool {
    holds.wait_for(|holds| *holds).await.is_ok() && holds.has_changed().is_ok()
}

async fn gauges(inner: Arc<Inner>, mut stop: watch::Receiver<bool>) {
    loop {
        for lag in inner.lag() {
            let (part, saga) = lag.saga.map_or(("runner", "all"), |saga| ("pump", saga));
            meter::lag(part, saga, &lag.lane, lag.records);
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(GAUGES) => {}
        }
    }
}

impl Inner {
    pub(crate) fn lag(&self) -> Vec<Lag> {
        let log = &self.means.log;
        let behind = |lane, place: &Place| log.end(lane).saturating_sub(place.offset());
        let name = |lane| log.topics().lane_name(lane);
        let runners = self.runners.iter().map(|it| Lag {
            saga: None,
            lane: name(it.lane),
            records: behind(it.lane, &it.place),
            caught_up: *it.caught_up.borrow(),
        });
        let all = self.runners.iter().all(|it| *it.caught_up.borrow());
        let pumps = self.pumps.iter().map(|it| Lag {
            saga: Some(it.saga),
            lane: name(it.lane),
            records: behind(it.lane, &it.place),
            caught_up: all,
        });
        runners.chain(pumps).collect()
    }

    pub(crate) fn skipped(&self) -> Vec<Skipped> {
        let of = |pump: &LanePump| {
            pump.state.skipped.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        self.pumps.iter().flat_map(of).collect()
    }

    /// The last seq of a lane that the pump of a saga has answered.
    pub(crate) fn answered(&self, saga: &str, lane: LaneId) -> Option<u64> {
        let pump = self.pumps.iter().find(|pump| pump.saga == saga && pump.lane == lane)?;
        Some(pump.state.seq.load(Ordering::Relaxed))
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.types.all().map(|ty: &Arc<dyn SagaType>| ty.name()).collect();
        f.debug_struct("Sagas").field("types", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{held, watch};

    #[tokio::test]
    async fn a_runner_that_is_gone_has_no_lane_whatever_it_said_last() {
        let (says, mut holds) = watch::channel(true);
        assert!(held(&mut holds).await);
        drop(says);
        assert!(!held(&mut holds).await);
        let (_, mut never) = watch::channel(false);
        assert!(!held(&mut never).await);
    }
}
