//! The history of streams, for the API: read from the log, opened through the schemas.

use std::sync::Arc;

use api::{HistoryError, HistoryPort, PastEvent};
use async_trait::async_trait;
use codec::Schemas;
use domain::{LaneId, StreamId, TenantId};
use lane::Deciders;
use log::{Body, Log, Record};
use tokio::sync::watch;

use super::growth::Growth;

/// Reads streams from the log.
#[derive(Clone)]
pub(crate) struct History {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) deciders: Deciders,
    pub(crate) growth: Growth,
}

impl History {
    /// The lane of a stream, by the context of its category.
    pub(crate) fn lane(&self, stream: &StreamId) -> Option<LaneId> {
        let context = self.deciders.context_of(stream.category())?;
        let topic = self.log.topics().find(&format!("{context}.events"))?;
        Some(self.log.topics().lane_for(topic, stream))
    }

    /// The valid records of a stream, oldest first. Blocks on the medium.
    pub(crate) fn records(&self, stream: &StreamId) -> Result<Vec<(u64, Record)>, HistoryError> {
        let Some(lane) = self.lane(stream) else { return Ok(Vec::new()) };
        let stored = self
            .log
            .read_stream(lane, stream, 0)
            .map_err(|error| HistoryError(error.to_string()))?;
        let decode = |one: log::Stored| match Record::decode(lane, &one.bytes) {
            Ok(record) => Ok((one.offset, record)),
            Err(error) => Err(HistoryError(format!("offset {}: {error}", one.offset))),
        };
        stored.into_iter().map(decode).collect()
    }
}

#[async_trait]
impl HistoryPort for History {
    fn lane_of(&self, stream: &StreamId) -> Option<LaneId> {
        self.lane(stream)
    }

    async fn events(
        &self,
        stream: &StreamId,
        tenant: &TenantId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<PastEvent>, HistoryError> {
        let (history, stream, tenant) = (self.clone(), stream.clone(), tenant.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut events = Vec::new();
            for (_, record) in history.records(&stream)? {
                let Body::Event { meta, data, .. } = record.body else { continue };
                if meta.tenant != tenant || meta.position.seq <= after_seq {
                    continue;
                }
                let json = history
                    .schemas
                    .data_to_json(&data)
                    .map_err(|error| HistoryError(error.to_string()))?;
                events.push(PastEvent {
                    meta: *meta,
                    event_type: data.event_type.into_owned(),
                    data: json,
                });
                if events.len() == limit {
                    break;
                }
            }
            Ok(events)
        });
        read.await.unwrap_or_else(|panic| Err(HistoryError(panic.to_string())))
    }

    fn growth(&self, lane: LaneId) -> watch::Receiver<u64> {
        self.growth.lane(lane)
    }
}
