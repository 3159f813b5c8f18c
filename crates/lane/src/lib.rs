//! The command runtime: owners of lanes as state machines, driven by thin shells. Not a log and not
//! HTTP: it decides commands on speculative state, hands frames to a [`log::Log`], and answers after
//! the commit.
//!
//! Reading order: [`Tenure`] (the protocol), [`Owner`] (commands on top of it), [`Commands`] (the
//! shell that drives all owners of a node).

mod among;
mod answer;
mod cluster;
mod commands;
mod desk;
mod gather;
mod handler;
mod history;
mod keys;
mod known;
mod maps;
mod owner;
mod reading;
mod shell;
mod snapshots;
mod states;
mod submit;
mod tenure;
mod typed;

pub use answer::{Accepted, Answer, Refused};
pub use cluster::{Election, Node};
pub use commands::{Commands, LaneReport};
pub use gather::Gathered;
pub use handler::{AnyState, Deciders, FRAME_EVENTS_MAX, Handler, NoEvent, Refusal};
pub use history::History;
pub use keys::WINDOW_MS;
pub use owner::{Action, Mark, Owner, Ticket};
pub use snapshots::Snapshots;
pub use submit::Submit;
pub use tenure::{Delivered, Read, Tenure};
pub use typed::Typed;
