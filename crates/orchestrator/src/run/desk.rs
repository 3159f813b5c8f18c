//! What edges ask of running sagas: one saga from its stream, a dry run, an order, and how types,
//! targets and timers stand. Not lists, which are the read model's.

use std::sync::Arc;

use domain::{ActorId, CommandKey, LaneId, Meta, StreamId, TenantId, Timestamp, Trace};
use lane::{Answer, Submit};
use log::{Body, Fingerprint, Record};
use uuid::Uuid;

use crate::run::clock::now;
use crate::run::means::blocking;
use crate::run::pump::Skipped;
use crate::run::runner::locked;
use crate::run::running::{Inner, Lag};
use crate::run::targets::TargetReport;
use crate::run::wire::Wire;
use crate::{Event, Folded, Instance, NotTaken, Order, Purpose, SagaType, Types};

/// Asks running sagas; cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk(pub(crate) Arc<Inner>);

/// A saga, folded from its stream now.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What the engine knows of it, and whether one of its events cannot be read.
    pub folded: Folded,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its lane.
    pub lane: LaneId,
    /// Its events, oldest first.
    pub events: Vec<Past>,
}

impl Seen {
    /// What the engine knows of it.
    pub const fn is(&self) -> &Instance {
        &self.folded.is
    }
}

/// An event of a saga as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Where, when, by whom.
    pub meta: Meta,
    /// The event; or why it cannot be read.
    pub event: Result<Event, String>,
}

/// An order on its way.
#[derive(Debug, Clone)]
pub struct Operate {
    /// The saga.
    pub stream: StreamId,
    /// Whose it must be.
    pub tenant: TenantId,
    /// What is asked for.
    pub order: Order,
    /// The idempotency key and what it was used for, when the caller gave one.
    pub key: Option<(CommandKey, Fingerprint)>,
    /// The conversation.
    pub correlation: Uuid,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
}

/// A timer that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTimer {
    /// When it fires.
    pub at: Timestamp,
    /// The name of the saga's type.
    pub saga: &'static str,
    /// The saga.
    pub stream: StreamId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its number in the saga.
    pub timer: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// The step it is for; empty for the saga.
    pub step: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// There is no such saga, or it is another tenant's.
    #[error("there is no saga {0}")]
    Absent(StreamId),
    /// The engine does not take it.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// The log cannot be read now.
    #[error("the saga cannot be read now: {0}")]
    Unavailable(String),
}

impl Desk {
    /// All registered types.
    pub fn types(&self) -> &Types {
        &self.0.types
    }

    pub(crate) fn type_of(&self, stream: &StreamId) -> Result<&Arc<dyn SagaType>, DeskError> {
        let absent = || DeskError::Absent(stream.clone());
        self.0.types.of(stream.category()).ok_or_else(absent)
    }

    /// A saga with its events; `tenant` is whose it must be, `None`: anybody's.
    pub async fn saga(
        &self,
        stream: &StreamId,
        tenant: Option<&TenantId>,
    ) -> Result<Seen, DeskError> {
        let ty = self.type_of(stream)?;
        let (log, schemas) =
            (Arc::clone(&self.0.means.log), self.0.means.deciders.schemas().clone());
        let (topic, of) = (ty.topic(), stream.clone());
        let reading = blocking(move || {
            let topic = log.topics().find(&topic).ok_or_else(|| format!("no topic {topic}"))?;
            let lane = log.topics().lane_for(topic, &of);
            let (mut folded, mut events) = (Folded::default(), Vec::<Past>::new());
            for stored in log.read_stream(lane, &of, 0).map_err(|error| error.to_string())? {
                let record = Record::decode(lane, &stored.bytes);
                let record = record.map_err(|error| error.to_string())?;
                if let Body::Event { meta, data, .. } = record.body {
                    folded.take(&schemas, &data, meta.recorded_at);
                    let event = schemas.decode(&data).map_err(|error| error.to_string());
                    events.push(Past { meta: *meta, event });
                }
            }
            let tenant = events.first().map(|past| past.meta.tenant.clone());
            Ok(tenant.map(|tenant| Seen { folded, tenant, lane, events }))
        });
        let seen = reading.await.map_err(DeskError::Unavailable)?;
        let seen = seen.filter(|seen| tenant.is_none_or(|tenant| *tenant == seen.tenant));
        seen.ok_or_else(|| DeskError::Absent(stream.clone()))
    }

    /// The events that an order would append now; nothing is done.
    pub async fn preview(
        &self,
        stream: &StreamId,
        tenant: Option<&TenantId>,
        order: &Order,
    ) -> Result<Vec<Event>, DeskError> {
        let seen = self.saga(stream, tenant).await?;
        if seen.folded.unreadable.is_some() {
            let why = "one of its events cannot be read; run a version that can";
            return Err(NotTaken::NotNow { verb: order.verb, why }.into());
        }
        Ok(self.type_of(stream)?.preview(seen.is(), order, now())?)
    }

    /// Gives an order; the answer is that of the command runtime, in which a refusal carries the
    /// engine's own sentence.
    pub async fn operate(&self, operate: Operate) -> Result<Answer, DeskError> {
        let Operate { stream, tenant, order, key, correlation, trace } = operate;
        let actor: ActorId = order.actor.clone();
        let wire = Wire::Order(order.clone());
        let command = self.type_of(&stream)?.command(order)?;
        let (key, fingerprint) = key.unzip();
        let submit = Submit {
            stream,
            command,
            key,
            fingerprint: fingerprint.unwrap_or_default(),
            expected: None,
            tenant,
            actor,
            correlation,
            causation: None,
            trace,
            fence: false,
            asked_at: None,
        };
        Ok(self.0.means.submitter.submit_to(submit, wire).await)
    }

    /// How the targets stand, by name.
    pub fn targets(&self) -> Vec<TargetReport> {
        let mut report = self.0.means.targets.report();
        for runner in &self.0.runners {
            let roster = locked(&runner.roster);
            for (name, steps) in roster.waiting() {
                if let Some(target) = report.iter_mut().find(|target| target.name == name) {
                    target.waiting += steps;
                }
            }
        }
        report
    }

    /// The timers that fire next, at most so many.
    pub fn timers(&self, limit: usize) -> Vec<DueTimer> {
        let mut all = Vec::new();
        for runner in &self.0.runners {
            let roster = locked(&runner.roster);
            all.extend(roster.timers().take(limit).filter_map(|(at, held, number)| {
                let timer = held.is().timers.get(&number)?;
                Some(DueTimer {
                    at,
                    saga: held.about.saga,
                    stream: held.about.stream.clone(),
                    tenant: held.about.tenant.clone(),
                    timer: number,
                    purpose: timer.purpose,
                    step: timer.step.clone(),
                })
            }));
        }
        all.sort_by_key(|timer| timer.at);
        all.truncate(limit);
        all
    }

    /// Running sagas that this node holds in memory.
    pub fn running(&self) -> usize {
        self.0.runners.iter().map(|runner| locked(&runner.roster).running()).sum()
    }

    /// Sagas with an event that cannot be read, and why.
    pub fn unreadable(&self) -> Vec<(StreamId, String)> {
        let of = |runner: &crate::run::running::LaneRunner| locked(&runner.roster).unreadable();
        self.0.runners.iter().flat_map(of).collect()
    }

    /// The last triggers that were skipped because they cannot be read.
    pub fn skipped(&self) -> Vec<Skipped> {
        self.0.skipped()
    }

    /// How far runners and pumps are behind their lanes.
    pub fn lag(&self) -> Vec<Lag> {
        self.0.lag()
    }

    /// Whether everything that lay in the lanes of sagas at the start was read, and sagas run.
    pub fn is_caught_up(&self) -> bool {
        self.0.lag().iter().all(|lag| lag.caught_up)
    }

    /// The last seq of a lane of facts that was told to a saga type, and answered.
    pub fn answered(&self, saga: &str, lane: LaneId) -> Option<u64> {
        self.0.answered(saga, lane)
    }
}
