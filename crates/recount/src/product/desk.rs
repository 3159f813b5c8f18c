//! Sagas as the API reads them: over the runtime's own desk. Not what operators do, which goes the way
//! of every command.

use api::{HistoryError, SagaDesk, SagaPast, SagaSeen};
use async_trait::async_trait;
use domain::{StreamId, TenantId};
use orchestrator::Types;
use orchestrator::run::{Desk, DeskError, Past};

/// The desk of the API.
pub(crate) struct ApiDesk(pub(crate) Desk);

#[async_trait]
impl SagaDesk for ApiDesk {
    fn types(&self) -> &Types {
        self.0.types()
    }

    async fn saga(
        &self,
        stream: &StreamId,
        tenant: &TenantId,
    ) -> Result<Option<SagaSeen>, HistoryError> {
        let seen = match self.0.saga(stream, Some(tenant)).await {
            Ok(seen) => seen,
            Err(DeskError::Absent(_)) => return Ok(None),
            Err(error) => return Err(HistoryError(error.to_string())),
        };
        let past = |Past { meta, event }| SagaPast { meta, event };
        Ok(Some(SagaSeen {
            is: seen.folded.is,
            unreadable: seen.folded.unreadable.map(|poison| poison.0),
            events: seen.events.into_iter().map(past).collect(),
        }))
    }
}
