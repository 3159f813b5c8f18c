//! What read models answer: the trait behind the query routes.

use async_trait::async_trait;
use domain::{LaneId, TenantId, Value};
use uuid::Uuid;

use crate::{ProjectionStatus, Table};

/// A row as the API gives it: its columns as JSON, in order.
pub type RowJson = serde_json::Map<String, serde_json::Value>;

/// How a filter compares.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare {
    /// The column; one of the table's.
    pub column: &'static str,
    /// How.
    pub test: domain::query::Test,
    /// With what; of the column's type.
    pub with: Value,
}

/// A question for a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Whose rows.
    pub tenant: TenantId,
    /// All must hold.
    pub filters: Vec<Compare>,
    /// Column to sort by; the key breaks ties.
    pub sort: &'static str,
    /// From the largest on.
    pub descending: bool,
    /// Behind the row with this sort value and key.
    pub after: Option<(Value, Uuid)>,
    /// Most rows, 1 to 200.
    pub limit: u16,
}

/// Rows of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The rows.
    pub items: Vec<RowJson>,
    /// Sort value and key of the last row when there are more.
    pub next: Option<(Value, Uuid)>,
}

/// A question could not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The read model is not there yet, or the database is down.
    #[error("read model is not available: {0}")]
    Unavailable(String),
    /// The question does not fit the table.
    #[error("query cannot be answered: {0}")]
    Invalid(String),
    /// The wanted position was not reached in time.
    #[error("read model {projection} has not reached the position yet")]
    Behind {
        /// Which.
        projection: &'static str,
        /// How far it is.
        reached: Vec<(LaneId, u64)>,
    },
}

/// Answers questions about read models.
#[async_trait]
pub trait ReadStore: Send + Sync + 'static {
    /// One row, with the version of its stream.
    async fn one(
        &self,
        table: &Table,
        tenant: &TenantId,
        key: Uuid,
    ) -> Result<Option<(RowJson, u64)>, ReadError>;

    /// Rows.
    async fn list(&self, table: &Table, query: &ListQuery) -> Result<Page, ReadError>;

    /// Waits until the projection has folded all of these positions, at most so long. Lanes that the
    /// projection does not read are ignored.
    async fn wait_for(
        &self,
        projection: &'static str,
        positions: &[(LaneId, u64)],
        at_most: std::time::Duration,
    ) -> Result<(), ReadError>;

    /// How every projection stands.
    fn status(&self) -> Vec<ProjectionStatus>;
}
