//! How far a saga's pump has come in one lane: a stream of its own, one a lane that is read. Not the
//! pump.

use std::convert::Infallible;

use domain::{Aggregate, Decider, EventSet, Rejection, Routes};
use serde::{Deserialize, Serialize};

/// What can happen to a mark. Names and fields are the stored format.
#[derive(Debug, Clone, PartialEq, Eq, EventSet)]
#[event(namespace = "saga.pump")]
pub enum MarkEvent {
    /// Everything in the lane up to a place was offered to the saga, and is answered.
    #[event("moved.v1")]
    Moved {
        /// Name of the saga.
        saga: String,
        /// The topic that is read.
        topic: String,
        /// The lane in it, from 0.
        lane: u16,
        /// The last seq that is answered.
        seq: u64,
    },
}

/// Moves a mark; one that is there already, or further, stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Name of the saga.
    pub saga: String,
    /// The topic that is read.
    pub topic: String,
    /// The lane in it, from 0.
    pub lane: u16,
    /// The last seq that is answered.
    pub seq: u64,
}

/// A mark: the last seq that is answered, a lower bound. What lies behind it may have been offered
/// too, and will be again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PumpMark {
    /// The last seq that is answered; 0 before the first.
    pub seq: u64,
}

/// No move is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Never(Infallible);

impl Rejection for Never {
    fn rule(&self) -> &'static str {
        match self.0 {}
    }
}

impl Decider for PumpMark {
    const CATEGORY: &'static str = "pump";
    type Command = Move;
    type Event = MarkEvent;
    type State = Self;
    type Error = Never;

    fn decide(state: &Self, command: Move) -> Result<Vec<MarkEvent>, Never> {
        let Move { saga, topic, lane, seq } = command;
        let moved = MarkEvent::Moved { saga, topic, lane, seq };
        Ok(if seq > state.seq { vec![moved] } else { vec![] })
    }

    fn evolve(state: Self, event: &MarkEvent) -> Self {
        let MarkEvent::Moved { seq, .. } = event;
        Self { seq: state.seq.max(*seq) }
    }
}

impl Aggregate for PumpMark {
    fn routes(_: &mut impl Routes<Self>) {}

    fn show(state: &Self) -> Vec<(&'static str, String)> {
        vec![("seq", state.seq.to_string())]
    }
}
