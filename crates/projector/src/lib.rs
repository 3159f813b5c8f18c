//! The projection runtime: folds lanes into rows, exactly once. Not SQL: rows go to a [`RowSink`],
//! questions to a [`ReadStore`]; both are implemented by the PostgreSQL adapter.

mod read;
mod sink;
mod status;

pub use read::{Compare, ListQuery, Page, ReadError, ReadStore, RowJson};
pub use sink::{Checkpoint, RowSink, RowTx, SinkError, StoredRow, Table};
pub use status::{LaneLag, ProjectionState, ProjectionStatus};
