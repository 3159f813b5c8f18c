//! The runtime of all projections of a process: started once, asked through a handle. Not the answers
//! to queries, which are the read store's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::LaneId;
use log::{Log, Topics};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::cell::ProjectionCell;
use crate::registry::{Decode, Entry, Registry};
use crate::sink::RowSink;
use crate::supervisor::{Order, Supervisor};
use crate::team::Growth;
use crate::worker::Shop;
use crate::{ProjectionStatus, ReadError};

/// How often the gauges are set.
const GAUGES: Duration = Duration::from_secs(1);
/// Longer than any statement may take: a shutdown behind it leaves the rest to the database.
const SHUTDOWN: Duration = Duration::from_secs(15);

/// The runtime.
#[derive(Debug, Clone, Copy)]
pub struct Projector;

/// What an operator asked for cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// There is no such projection.
    #[error("there is no projection {asked}; there are: {known}")]
    Unknown {
        /// The name asked for.
        asked: String,
        /// Those there are.
        known: String,
    },
    /// Not now.
    #[error("projection {projection}: {why}")]
    NotNow {
        /// Which.
        projection: String,
        /// Why.
        why: String,
    },
}

struct Inner {
    log: Arc<dyn Log>,
    projections: Vec<(Arc<ProjectionCell>, mpsc::UnboundedSender<Order>)>,
    moved: watch::Receiver<()>,
    stop: watch::Sender<bool>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

/// Asks the running projector. Cheap to clone; the projector ends with [`Handle::shutdown`].
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The context of the events of running sagas, which stand in the topic of each context's sagas.
const SAGAS: &str = "saga";

/// The lanes whose events a projection reads: of each context its facts, and of sagas the running
/// work of every context.
pub(crate) fn lanes_of(topics: &Topics, entry: &Entry) -> Vec<LaneId> {
    lanes_in(topics, &entry.contexts())
}

fn lanes_in(topics: &Topics, contexts: &[&str]) -> Vec<LaneId> {
    let mut all = Vec::new();
    for context in contexts {
        let facts = format!("{context}.events");
        let of_sagas = |name: &str| name.split_once('.').is_some_and(|(_, kind)| kind == "sagas");
        let reads = |name: &str| name == facts || (*context == SAGAS && of_sagas(name));
        for topic in topics.all().iter().filter(|topic| reads(&topic.name)) {
            all.extend(
                topics.find(&topic.name).into_iter().flat_map(|topic| topics.lanes_of(topic)),
            );
        }
    }
    all
}

impl Projector {
    /// Starts all projections. Returns at once: the read database may come up later, go and come back.
    /// Needs a tokio runtime.
    pub fn start<D: Decode>(
        log: Arc<dyn Log>,
        registry: Registry<D>,
        sink: &Arc<dyn RowSink>,
    ) -> Handle {
        let (moved, told) = watch::channel(());
        let (end, ended) = watch::channel(false);
        let growth = growth(&*log);
        let (mut tasks, mut projections) = (JoinSet::new(), Vec::new());
        for entry in registry.into_entries() {
            let lanes = lanes_of(log.topics(), &entry);
            let projection = Arc::new(ProjectionCell::new(entry, lanes));
            let shop = Shop {
                log: Arc::clone(&log),
                sink: Arc::clone(sink),
                owner: ambient::random_id(),
                projection: Arc::clone(&projection),
                moved: moved.clone(),
            };
            let (orders, taken) = mpsc::unbounded_channel();
            let growth = Arc::clone(&growth);
            tasks.spawn(Supervisor::new(shop, growth, taken, ended.clone()).run());
            projections.push((projection, orders));
        }
        let tasks = tokio::sync::Mutex::new(tasks);
        let handle = Handle(Arc::new(Inner { log, projections, moved: told, stop: end, tasks }));
        tokio::spawn(gauges(Arc::downgrade(&handle.0), ended));
        handle
    }
}

/// One counter a lane, raised by the log whenever the lane has grown.
fn growth(log: &dyn Log) -> Growth {
    let counters: Arc<HashMap<LaneId, watch::Sender<u64>>> =
        Arc::new(log.topics().lanes().map(|lane| (lane, watch::Sender::new(0))).collect());
    let raised = Arc::clone(&counters);
    log.on_growth(Box::new(move |lanes| {
        for counter in lanes.iter().filter_map(|lane| raised.get(lane)) {
            counter.send_modify(|count| *count += 1);
        }
    }));
    Arc::new(move |lane| {
        counters.get(&lane).map_or_else(|| watch::channel(0).1, watch::Sender::subscribe)
    })
}

async fn gauges(of: std::sync::Weak<Inner>, mut stopped: watch::Receiver<bool>) {
    loop {
        let Some(inner) = of.upgrade() else { return };
        for (projection, _) in &inner.projections {
            let status = projection.status(&*inner.log);
            let topics = inner.log.topics();
            crate::meter::standing(&status, projection.held(), |lane| topics.lane_name(lane));
        }
        drop(inner);
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(GAUGES) => {}
        }
    }
}

impl Handle {
    /// How every projection stands.
    pub fn status(&self) -> Vec<ProjectionStatus> {
        self.0.projections.iter().map(|(it, _)| it.status(&*self.0.log)).collect()
    }

    /// How far the live table of a projection is, lane by lane; `None`: there is no such projection.
    pub fn positions(&self, projection: &str) -> Option<Vec<(LaneId, u64)>> {
        self.find(projection).ok().map(|(cell, _)| cell.positions())
    }

    fn find(
        &self,
        name: &str,
    ) -> Result<&(Arc<ProjectionCell>, mpsc::UnboundedSender<Order>), OrderError> {
        let mut all = self.0.projections.iter();
        all.find(|(cell, _)| cell.entry.table.projection == name).ok_or_else(|| {
            let known: Vec<_> =
                self.0.projections.iter().map(|(cell, _)| cell.entry.table.projection).collect();
            OrderError::Unknown { asked: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Builds the table of a projection again from the first position, beside the live one, and swaps
    /// them at the end. Returns when the building has begun.
    pub async fn rebuild(&self, name: &str) -> Result<(), OrderError> {
        let not_now = |why: String| OrderError::NotNow { projection: name.to_owned(), why };
        let (answer, answered) = oneshot::channel();
        let gone = |_| not_now("the projector is shutting down".to_owned());
        self.order(name, Order::Rebuild(answer))?;
        answered.await.map_err(gone)?.map_err(not_now)
    }

    /// Stops folding until [`Self::resume`], or a restart of the process.
    pub fn pause(&self, name: &str) -> Result<(), OrderError> {
        self.order(name, Order::Pause)
    }

    /// Goes on folding.
    pub fn resume(&self, name: &str) -> Result<(), OrderError> {
        self.order(name, Order::Resume)
    }

    fn order(&self, name: &str, order: Order) -> Result<(), OrderError> {
        self.find(name)?.1.send(order).map_err(|_| OrderError::NotNow {
            projection: name.to_owned(),
            why: "the projector is shutting down".to_owned(),
        })
    }

    /// Waits until the live table of the projection holds all of these positions. Lanes that it does
    /// not read are ignored.
    pub async fn wait_for(
        &self,
        projection: &'static str,
        positions: &[(LaneId, u64)],
        at_most: Duration,
    ) -> Result<(), ReadError> {
        let Ok((cell, _)) = self.find(projection) else {
            return Err(ReadError::Unavailable(format!("there is no projection {projection}")));
        };
        let mut moved = self.0.moved.clone();
        let deadline = tokio::time::Instant::now() + at_most;
        loop {
            moved.borrow_and_update();
            let reached = cell.positions();
            let at = |lane: LaneId| reached.iter().find(|(it, _)| *it == lane).map(|(_, seq)| *seq);
            if positions.iter().all(|(lane, seq)| at(*lane).is_none_or(|at| at >= *seq)) {
                return Ok(());
            }
            let changed = tokio::time::timeout_at(deadline, moved.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                return Err(ReadError::Behind { projection, reached });
            }
        }
    }

    /// Ends all workers, each behind its transaction.
    pub async fn shutdown(&self) {
        self.0.stop.send_replace(true);
        let mut tasks = self.0.tasks.lock().await;
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN, all).await.is_err() {
            tracing::warn!(
                "projection workers did not end in time; their transactions are rolled back"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use log::Topic;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_events_of_sagas_stand_in_the_sagas_of_every_context() {
        let names = ["content.events", "content.sagas", "social.events", "social.sagas"];
        let all = names.map(|name| Topic { name: name.into(), lanes: 2 });
        let topics = Topics::new(Uuid::nil(), all.into());
        let lanes = |contexts: &[&str]| {
            let lanes = lanes_in(&topics, contexts);
            lanes.into_iter().map(|lane| topics.lane_name(lane)).collect::<Vec<_>>()
        };
        assert_eq!(lanes(&["content"]), ["content.events/0", "content.events/1"]);
        let sagas = ["content.sagas/0", "content.sagas/1", "social.sagas/0", "social.sagas/1"];
        assert_eq!(lanes(&["saga"]), sagas);
        assert_eq!(lanes(&["nothing"]), Vec::<String>::new());
    }
}
