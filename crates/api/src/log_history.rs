//! The history of streams straight from a log: the one implementation of [`HistoryPort`] that the
//! product needs. Not time travel and not search, which are the audit's.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use codec::Schemas;
use domain::context::Aggregates;
use domain::{Aggregate, Context, LaneId, StreamId, TenantId};
use log::{Body, Log, Record};
use orchestrator::Types;
use tokio::sync::watch;

use crate::ports::{HistoryError, HistoryPort, PastEvent};

/// Reads streams from a log.
pub struct LogHistory {
    log: Arc<dyn Log>,
    schemas: Arc<Schemas>,
    /// The topic of each category.
    topics: HashMap<String, String>,
    growth: Arc<HashMap<LaneId, watch::Sender<u64>>>,
}

impl std::fmt::Debug for LogHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogHistory").field("topics", &self.topics).finish_non_exhaustive()
    }
}

struct Categories<'a> {
    topic: String,
    into: &'a mut HashMap<String, String>,
}

impl Aggregates for Categories<'_> {
    fn aggregate<A: Aggregate>(&mut self) {
        self.into.insert(A::CATEGORY.to_owned(), self.topic.clone());
    }
}

impl LogHistory {
    /// Over a log, whose lanes it watches from now on.
    pub fn new(log: Arc<dyn Log>, schemas: Arc<Schemas>) -> Self {
        let lanes = log.topics().lanes().map(|lane| (lane, watch::Sender::new(0)));
        let growth: Arc<HashMap<_, _>> = Arc::new(lanes.collect());
        let grown = Arc::clone(&growth);
        log.on_growth(Box::new(move |lanes| {
            for to in lanes.iter().filter_map(|lane| grown.get(lane)) {
                to.send_modify(|times| *times += 1);
            }
        }));
        Self { log, schemas, topics: HashMap::new(), growth }
    }

    /// Takes the streams of a context in.
    #[must_use]
    pub fn context<C: Context>(mut self) -> Self {
        let topic = format!("{}.events", C::NAME);
        C::aggregates(&mut Categories { topic, into: &mut self.topics });
        self
    }

    /// Takes the streams of sagas in.
    #[must_use]
    pub fn sagas(mut self, types: &Types) -> Self {
        let all = types.all().map(|ty| (ty.category().to_owned(), ty.topic()));
        self.topics.extend(all);
        self
    }
}

#[async_trait]
impl HistoryPort for LogHistory {
    fn lane_of(&self, stream: &StreamId) -> Option<LaneId> {
        let topics = self.log.topics();
        let topic = topics.find(self.topics.get(stream.category())?)?;
        Some(topics.lane_for(topic, stream))
    }

    async fn events(
        &self,
        stream: &StreamId,
        tenant: &TenantId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<PastEvent>, HistoryError> {
        let Some(lane) = self.lane_of(stream) else { return Ok(Vec::new()) };
        let (log, schemas) = (Arc::clone(&self.log), Arc::clone(&self.schemas));
        let (stream, tenant) = (stream.clone(), tenant.clone());
        let reading = tokio::task::spawn_blocking(move || {
            read(&*log, &schemas, lane, (&stream, &tenant), after_seq, limit)
        });
        reading.await.map_err(|error| HistoryError(error.to_string()))?
    }

    fn growth(&self, lane: LaneId) -> watch::Receiver<u64> {
        let none = || watch::Sender::new(0).subscribe();
        self.growth.get(&lane).map_or_else(none, watch::Sender::subscribe)
    }
}

fn read(
    log: &dyn Log,
    schemas: &Schemas,
    lane: LaneId,
    (stream, tenant): (&StreamId, &TenantId),
    after_seq: u64,
    limit: usize,
) -> Result<Vec<PastEvent>, HistoryError> {
    let wrong = |error: &dyn std::fmt::Display| HistoryError(error.to_string());
    // Seqs begin at 1 and offsets at 0, and void records only push offsets back: the record behind
    // seq n has at least offset n.
    let stored = log.read_stream(lane, stream, after_seq).map_err(|error| wrong(&error))?;
    let mut out = Vec::new();
    for one in &stored {
        let record = Record::decode(lane, &one.bytes).map_err(|error| wrong(&error))?;
        let Body::Event { meta, data, .. } = record.body else { continue };
        if meta.tenant != *tenant || meta.position.seq <= after_seq {
            continue;
        }
        let fields = schemas.data_to_json(&data).map_err(|error| wrong(&error))?;
        let (meta, event_type) = (*meta, data.event_type.into_owned());
        out.push(PastEvent { meta, event_type, data: fields });
        if out.len() == limit {
            break;
        }
    }
    Ok(out)
}
