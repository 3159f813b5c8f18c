//! What a client of the edge sees, through the router. Not a server: nothing listens.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod batch;
mod commands;
mod document;
mod edge;
mod forward;
mod listen;
mod live;
mod measure;
mod queries;
mod registry;
mod saga_acts;
mod saga_kit;
mod sagas;
mod support;
mod tenants_own;
