//! The log on Apache Kafka: [`log::Log`] over librdkafka, read through a local replica. Not an owner of
//! lanes, and no type of the client library is seen from outside.
//!
//! A lane is a partition, a record is a record (`docs/formats/kafka.md`), and a handover is as durable as
//! the topic says: on all in-sync replicas, at least two of three. What the client library reports as
//! anything but an offset is `Unknown`, and then its producer is given up with all it has under way.
//!
//! Reading order: `record` (bytes), `options`, `topics` and `manifest` (what is in the cluster), `call`
//! and `writer` (handing over), `replica` and `tail` (reading), `kafka` (the trait), `election` (which node
//! should own what), `clock` (whether this one may).

mod ask;
mod call;
mod clock;
mod election;
mod ends;
mod error;
mod flights;
mod kafka;
mod manifest;
mod options;
mod record;
mod replica;
mod tail;
pub mod topics;
mod watch;
mod writer;

pub use election::{Elected, Election, Stands};
pub use error::{Finding, OpenError};
pub use kafka::{KafkaLog, Opened};
pub use options::{Durability, MESSAGE_TIMEOUT_MIN, Options};
