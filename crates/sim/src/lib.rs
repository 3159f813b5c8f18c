//! The simulator: a cluster of the product on one thread, on made up time, network, log, read database
//! and targets, with every fault, from one seed. Not a test of the real adapters, and not of SQL.
//!
//! What is real: the command runtime (`lane`), the projector, the orchestrator, the contexts, their
//! codecs, read models and sagas. What is made up stands here: `broker` and `node_log` (the log),
//! `network` (the gateway), `sink` (the read database), `targets` (providers), `world` (time and chance).
//! `judge` and `check` say what must hold; they ask the log, never the product.
//!
//! Reading order: [`run`], `faults`, `world`, `broker`, `cluster`, `check`.

mod broker;
mod chance;
mod check;
mod clients;
mod cluster;
mod faults;
mod history;
mod judge;
mod lanes;
mod network;
mod node_log;
mod operator;
mod planted;
mod produce;
mod product;
mod run;
mod sink;
mod targets;
mod trace;
mod world;

pub use faults::Fault;
pub use planted::Planted;
pub use run::{Pulse, Report, Wish, run};
pub use trace::{ALLOWED, SOMETIMES};
