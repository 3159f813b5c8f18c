//! The command runtime: owners of lanes as state machines, driven by thin shells. Not a log and not
//! HTTP: it decides commands on speculative state, hands frames to a [`log::Log`], and answers after
//! the commit.

mod answer;
mod submit;

pub use answer::{Accepted, Answer, Refused};
pub use submit::Submit;
