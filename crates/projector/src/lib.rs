//! The projection runtime: folds lanes into rows, exactly once. Not SQL: rows go to a [`RowSink`],
//! questions to a [`ReadStore`]; both are implemented by the PostgreSQL adapter.
//!
//! Reading order: [`Registry`] (typed folds, erased), `batch` (a batch folded in memory), `worker`
//! (one lane of one table), `supervisor` (the tables of a projection and their swap), [`Projector`].
//!
//! Promises: at every checkpoint the rows are the fold of the log up to it; two workers of one lane
//! never both win; a poison event parks its stream and nothing else; a rebuild ends in the same rows.

mod adopt;
mod batch;
mod cell;
mod json;
mod meter;
mod pace;
mod projector;
mod read;
mod registry;
mod replay;
mod rival;
mod sink;
mod status;
mod supervisor;
mod team;
mod work;
mod worker;

pub use json::{row_json, value_json};
pub use projector::{Handle, OrderError, Projector};
pub use read::{Group, GroupQuery, ListQuery, Page, ReadError, ReadStore, RowJson, Whose};
pub use registry::{Decode, Entry, Registry};
pub use replay::{Replay, Until, fold_all};
pub use sink::{
    Changes, Checkpoint, Generation, Parked, RowSink, RowTx, SinkError, Standing, StoredRow, Table,
    Taken,
};
pub use status::{LaneLag, ProjectionState, ProjectionStatus};
