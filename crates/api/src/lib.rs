//! The HTTP edge: commands, queries, streams, the schema registry, OpenAPI, health. Not rules, not
//! storage, not a listener's life: the assembly plugs [`Parts`] in and serves [`Edge::router`].
//!
//! A request passes `serve.rs` (trace, gate, limits), then a handler: `command`, `query`,
//! `history`, `registry`, `sagas`. All routes come from contexts and projections as they are registered; the
//! OpenAPI document and the reference page are made of the same [data](Builder).

mod asked;
mod auth;
mod bounded;
mod codes;
mod command;
mod docs;
mod edge;
mod feed;
mod forward;
mod health;
mod history;
mod listen;
mod log_history;
mod measure;
mod openapi;
mod operation;
mod parts;
mod ports;
mod position;
mod problem;
mod query;
mod registry;
mod running;
mod sagas;
mod serve;

pub use auth::{
    Access, Authenticator, CLUSTER_SECRET, ClusterSecret, MayNotBind, TokenFile, TokenFileError,
    may_bind,
};
pub use codes::{CODES, Code};
pub use edge::{Builder, Edge, Guard, Registrar};
pub use forward::{ForwardPort, Forwarded, NotForwarded, elsewhere, on_behalf, without_connection};
pub use listen::listen;
pub use log_history::LogHistory;
pub use parts::{Drain, MetricsText, Options, Parts};
pub use ports::{
    CommandPort, Condition, HealthPort, HistoryError, HistoryPort, Keys, Part, PastEvent,
};
pub use problem::Problem;
pub use sagas::{SagaDesk, SagaPast, SagaSeen};
