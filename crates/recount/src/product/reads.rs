//! Read models that may come later than the API: until the database is there, every question is told
//! so. Commands do not wait for them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use domain::{LaneId, TenantId};
use postgres::{PgReadStore, Pools};
use projector::{
    Group, GroupQuery, Handle, ListQuery, Page, ProjectionStatus, ReadError, ReadStore, RowJson,
    Table,
};
use uuid::Uuid;

/// The read side, once it is there.
#[derive(Debug)]
pub(crate) struct ReadSide {
    pub(crate) store: PgReadStore,
    pub(crate) projector: Handle,
    pub(crate) pools: Pools,
}

/// A read side that may not be there yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct LateReads(Arc<OnceLock<ReadSide>>);

impl LateReads {
    /// It is there.
    pub(crate) fn arrive(&self, side: ReadSide) {
        assert!(self.0.set(side).is_ok(), "the read side comes once");
    }

    /// The read side, or why not.
    pub(crate) fn get(&self) -> Result<&ReadSide, ReadError> {
        self.0
            .get()
            .ok_or_else(|| ReadError::Unavailable("the read database is starting".to_owned()))
    }
}

#[async_trait]
impl ReadStore for LateReads {
    async fn one(
        &self,
        table: &Table,
        tenant: &TenantId,
        key: Uuid,
    ) -> Result<Option<(RowJson, u64)>, ReadError> {
        self.get()?.store.one(table, tenant, key).await
    }

    async fn list(&self, table: &Table, query: &ListQuery) -> Result<Page, ReadError> {
        self.get()?.store.list(table, query).await
    }

    async fn groups(&self, table: &Table, query: &GroupQuery) -> Result<Vec<Group>, ReadError> {
        self.get()?.store.groups(table, query).await
    }

    async fn wait_for(
        &self,
        projection: &'static str,
        positions: &[(LaneId, u64)],
        at_most: Duration,
    ) -> Result<(), ReadError> {
        let began = tokio::time::Instant::now();
        while self.0.get().is_none() && began.elapsed() < at_most {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let left = at_most.saturating_sub(began.elapsed());
        self.get()?.store.wait_for(projection, positions, left).await
    }

    fn status(&self) -> Vec<ProjectionStatus> {
        self.0.get().map(|side| side.projector.status()).unwrap_or_default()
    }
}
