//! What the console asks of the product, answered over log, memory and projector.

mod events;
mod sagas;
mod streams;
mod verify;

use std::sync::{Arc, Mutex};

use api::Drain;
use async_trait::async_trait;
use audit::History;
use codec::Schemas;
use console::Ticks;
use console::{
    At, Backend, BackendError, Event, EventPage, EventQuery, Found, Installation, Lag, Lane,
    Lookup, Parked, Projection, ProjectionState, Steer, StreamPage, StreamQuery, StreamView,
    Verification,
};
use domain::{Principal, Role, StreamId, TenantId, Timestamp};
use futures_util::StreamExt as _;
use lane::Deciders;
use tokio_stream::wrappers::WatchStream;

use super::activity::Activity;
use super::reads::LateReads;

/// Answers the console.
#[derive(Clone)]
pub(crate) struct ConsoleBackend {
    pub(crate) history: History,
    pub(crate) deciders: Deciders,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) activity: Activity,
    pub(crate) reads: LateReads,
    pub(crate) desk: orchestrator::run::Desk,
    pub(crate) drain: Drain,
    pub(crate) verification: Arc<Mutex<Option<Verification>>>,
}

impl ConsoleBackend {
    /// Whether `who` may see what belongs to `tenant`: an owner sees every tenant.
    fn sees(who: &Principal, tenant: &TenantId) -> bool {
        who.tenant == *tenant || who.roles.contains(&Role::Owner)
    }

    /// Runs what may block on the medium.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let backend = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&backend)).await;
        done.unwrap_or_else(|panic| Err(BackendError::Unavailable(panic.to_string())))
    }
}

/// The clock of this node.
pub(crate) fn now() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[async_trait]
impl Backend for ConsoleBackend {
    fn now(&self) -> Timestamp {
        now()
    }

    fn live(&self) -> Ticks {
        // It ends with the product: an open page must not hold a stop up.
        let (drain, moved) = (self.drain.clone(), self.activity.moved());
        let begun = Box::pin(async move { drain.begun().await });
        Box::pin(WatchStream::from_changes(moved).take_until(begun))
    }

    fn desk(&self) -> Option<&dyn console::Desk> {
        Some(self)
    }

    async fn installation(&self, _who: &Principal) -> Result<Installation, BackendError> {
        Ok(Installation {
            environment: "local".to_owned(),
            production: false,
            engine: "embedded log".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    async fn streams(
        &self,
        who: &Principal,
        query: &StreamQuery,
    ) -> Result<StreamPage, BackendError> {
        let (who, query) = (who.clone(), query.clone());
        self.blocking(move |backend| Ok(backend.list_streams(&who, &query))).await
    }

    async fn stream(
        &self,
        who: &Principal,
        id: &StreamId,
        at: At,
    ) -> Result<Option<StreamView>, BackendError> {
        let (who, id) = (who.clone(), id.clone());
        self.blocking(move |backend| backend.view_stream(&who, &id, at)).await
    }

    async fn events(&self, who: &Principal, query: &EventQuery) -> Result<EventPage, BackendError> {
        Ok(self.list_events(who, query))
    }

    async fn event(
        &self,
        who: &Principal,
        lane: &str,
        seq: u64,
    ) -> Result<Option<Event>, BackendError> {
        let (who, lane) = (who.clone(), lane.to_owned());
        self.blocking(move |backend| backend.one_event(&who, &lane, seq)).await
    }

    async fn find(&self, who: &Principal, id: &Lookup) -> Result<Vec<Found>, BackendError> {
        let (who, id) = (who.clone(), id.clone());
        self.blocking(move |backend| backend.look_up(&who, &id)).await
    }

    async fn projections(&self, _who: &Principal) -> Result<Vec<Projection>, BackendError> {
        let topics = self.history.log().topics();
        let status = projector::ReadStore::status(&self.reads);
        Ok(status.into_iter().map(|one| shown(one, |lane| topics.lane_name(lane))).collect())
    }

    async fn steer(
        &self,
        who: &Principal,
        projection: &str,
        what: Steer,
        reason: &str,
    ) -> Result<(), BackendError> {
        if !who.has(&[Role::Operator]) {
            return Err(BackendError::Refused(
                "steering a projection needs the role operator".to_owned(),
            ));
        }
        let side = self.reads.get().map_err(|why| BackendError::Unavailable(why.to_string()))?;
        tracing::info!(projection, actor = who.actor.as_str(), what = ?what, reason, "projection is steered");
        let done = match what {
            Steer::Rebuild => side.projector.rebuild(projection).await,
            Steer::Pause => side.projector.pause(projection),
            Steer::Resume => side.projector.resume(projection),
        };
        done.map_err(|why| BackendError::Refused(why.to_string()))
    }

    async fn lanes(&self, _who: &Principal) -> Result<Vec<Lane>, BackendError> {
        let topics = self.history.log().topics();
        let recent = self.activity.recent();
        let lane = |id| {
            let name = topics.lane_name(id);
            let Some(head) = recent.lanes.get(&id) else {
                let head = topics.genesis(id).to_string();
                return Lane {
                    name,
                    epoch: 0,
                    records: 0,
                    void: 0,
                    head,
                    last_at: None,
                    owner: None,
                };
            };
            Lane {
                name,
                epoch: head.epoch,
                records: head.seq,
                void: head.voids,
                head: head.head.to_string(),
                last_at: head.last_at,
                owner: head.owner.clone(),
            }
        };
        Ok(topics.lanes().map(lane).collect())
    }

    async fn verify(&self, who: &Principal) -> Result<(), BackendError> {
        self.begin_verification(who);
        Ok(())
    }

    async fn verification(&self, _who: &Principal) -> Result<Option<Verification>, BackendError> {
        Ok(self.verification.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone())
    }
}

fn shown(
    status: projector::ProjectionStatus,
    name: impl Fn(domain::LaneId) -> String,
) -> Projection {
    let lag = |lane: projector::LaneLag| Lag {
        lane: name(lane.lane),
        seq: lane.seq,
        events: lane.events,
        ms: lane.ms,
    };
    Projection {
        name: status.name.to_owned(),
        context: status.table.split('.').next().unwrap_or_default().to_owned(),
        revision: status.revision,
        table: status.table.to_owned(),
        state: match status.state {
            projector::ProjectionState::Starting => ProjectionState::Starting,
            projector::ProjectionState::Live => ProjectionState::Live,
            projector::ProjectionState::Rebuilding { done, of } => {
                ProjectionState::Rebuilding { done, of }
            }
            projector::ProjectionState::Waiting { why } => ProjectionState::Waiting { why },
            projector::ProjectionState::Paused => ProjectionState::Paused,
        },
        lanes: status.lanes.into_iter().map(lag).collect(),
        parked: status.parked.into_iter().map(|(stream, why)| Parked { stream, why }).collect(),
        folded: status.folded,
    }
}
