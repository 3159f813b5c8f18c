//! The product on Kafka: several nodes of the built binary on real brokers and a real PostgreSQL, with
//! nodes and brokers killed under load. Longer by `RECOUNT_ROUNDS`.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

mod compose;
mod copy;
mod kills;
mod load;
mod nodes;
mod publish;
mod raw;
mod registries;
mod secure;
mod tools;
mod topics;
mod walk;
