//! What read models answer: the trait behind the query routes.

use async_trait::async_trait;
use domain::query::Condition;
use domain::{LaneId, TenantId, Timestamp, Value};
use uuid::Uuid;

use crate::{ProjectionStatus, Table};

/// A row as the API gives it: its columns as JSON, in order.
pub type RowJson = serde_json::Map<String, serde_json::Value>;

/// Whose rows are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those of one tenant.
    Tenant(TenantId),
    /// Those of all tenants: for who owns the installation, never for a tenant's own request.
    Everybody,
}

/// A question for a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Whose rows.
    pub whose: Whose,
    /// Which of them.
    pub only: Condition,
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

/// A question for counts.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupQuery {
    /// Whose rows.
    pub whose: Whose,
    /// Which of them.
    pub only: Condition,
    /// Rows that are equal in these columns are one group; of none: all rows are.
    pub by: Vec<&'static str>,
    /// Columns of times whose smallest and largest value are told.
    pub between: (&'static str, &'static str),
    /// A column of numbers that is added up.
    pub sum: &'static str,
    /// A column of text, of which one value is told.
    pub sample: &'static str,
    /// Most groups, 1 to 200; the largest come first.
    pub limit: u16,
}

/// Rows that have something in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they have in common: a value for each column asked by.
    pub by: Vec<Value>,
    /// How many rows.
    pub count: u64,
    /// The smallest time in the first of the two columns.
    pub first: Timestamp,
    /// The largest time in the second.
    pub last: Timestamp,
    /// The sum; saturates at the ends of its range.
    pub sum: i64,
    /// What one of them has in the column for it; the same each time while nothing changes.
    pub sample: String,
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

    /// How many rows have what in common.
    async fn groups(&self, table: &Table, query: &GroupQuery) -> Result<Vec<Group>, ReadError>;

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
