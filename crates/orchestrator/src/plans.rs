//! Which plans of a saga were ever registered, and from where its triggers are read: a stream of its
//! own, one a saga. Not the plan itself, which is code.

use std::collections::BTreeMap;

use domain::{Aggregate, Decider, EventSet, Rejection, Routes};
use serde::{Deserialize, Serialize};

/// What can happen to the plans of a saga. Names and fields are the stored format.
#[derive(Debug, Clone, PartialEq, Eq, EventSet)]
#[event(namespace = "saga.plan")]
pub enum PlanEvent {
    /// A program that runs the saga has registered its plan.
    #[event("registered.v1")]
    Registered {
        /// Name of the saga.
        saga: String,
        /// Version of the plan.
        version: u32,
        /// The first 16 digits of the SHA-256 of the plan's text.
        hash: String,
        /// The plan as text, a line a step.
        text: String,
        /// From where its triggers are read, for lanes that no earlier registration names.
        reads: Vec<ReadFrom>,
    },
}

/// A lane and the place behind which it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFrom {
    /// The topic.
    pub topic: String,
    /// The lane in it, from 0.
    pub lane: u16,
    /// The last seq that is not read; 0: from the first record.
    pub seq: u64,
}

/// A program registers the plan that it runs. Asked at every start; what stands already leaves no
/// event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Name of the saga.
    pub saga: String,
    /// Version of the plan.
    pub version: u32,
    /// The first 16 digits of the SHA-256 of the plan's text.
    pub hash: String,
    /// The plan as text.
    pub text: String,
    /// From where each lane of its triggers is read, unless it is known from before.
    pub reads: Vec<ReadFrom>,
}

/// Registered plans, as a fold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plans {
    /// The hash of each version.
    pub hashes: BTreeMap<u32, String>,
    /// Behind which seq each lane is read, by topic and lane.
    pub reads: BTreeMap<(String, u16), u64>,
}

/// A plan that cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "version {version} of {saga} was registered with the plan {was}, this program has {is}; give the changed plan a new version"
)]
pub struct PlanChanged {
    saga: String,
    version: u32,
    was: String,
    is: String,
}

impl Rejection for PlanChanged {
    fn rule(&self) -> &'static str {
        "plan_changed"
    }
}

impl Decider for Plans {
    const CATEGORY: &'static str = "plan";
    type Command = Register;
    type Event = PlanEvent;
    type State = Self;
    type Error = PlanChanged;

    fn decide(state: &Self, command: Register) -> Result<Vec<PlanEvent>, PlanChanged> {
        let Register { saga, version, hash, text, mut reads } = command;
        let known = state.hashes.get(&version);
        if let Some(was) = known.filter(|was| **was != hash) {
            return Err(PlanChanged { saga, version, was: was.clone(), is: hash });
        }
        reads.retain(|read| !state.reads.contains_key(&(read.topic.clone(), read.lane)));
        if known.is_some() && reads.is_empty() {
            return Ok(vec![]);
        }
        Ok(vec![PlanEvent::Registered { saga, version, hash, text, reads }])
    }

    fn evolve(mut state: Self, event: &PlanEvent) -> Self {
        let PlanEvent::Registered { version, hash, reads, .. } = event;
        state.hashes.insert(*version, hash.clone());
        for ReadFrom { topic, lane, seq } in reads {
            state.reads.entry((topic.clone(), *lane)).or_insert(*seq);
        }
        state
    }
}

impl Aggregate for Plans {
    fn routes(_: &mut impl Routes<Self>) {}

    fn show(state: &Self) -> Vec<(&'static str, String)> {
        let plans = state.hashes.iter().map(|(version, hash)| format!("{version} ({hash})"));
        let reads = state.reads.iter().map(|((topic, lane), seq)| format!("{topic}/{lane}@{seq}"));
        vec![
            ("versions", plans.collect::<Vec<_>>().join(", ")),
            ("reads_from", reads.collect::<Vec<_>>().join(", ")),
        ]
    }
}
