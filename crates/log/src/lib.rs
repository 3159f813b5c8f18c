//! The log contract: how records look, which of them are valid, and what a log must do.
//!
//! Not a log itself: the adapters (embedded, Kafka, simulated) implement [`Log`] and pass
//! [`conformance`]. Every reader of every log decides validity with the one function
//! [`LaneState::step`].

mod adapter;
mod chain;
mod claim;
pub mod conformance;
mod copy;
mod follow;
mod medium;
mod memory;
mod mutants;
mod outcome;
mod parts;
mod peek;
mod recall;
mod record;
mod rule;
mod topics;
mod wire;

pub use adapter::{Delivery, Done, GrowthHook, Handover, Log, ReadError, Stored, VisitRecord};
pub use chain::{Chain, Head, Sha256Chain};
pub use claim::Claim;
pub use copy::{Copied, CopyError, copy};
pub use follow::{Follower, Frame, Voids, check_again, readable};
pub use medium::{Flaw, Medium, Place, Severity, Visit};
pub use memory::MemoryLog;
#[doc(hidden)]
pub use mutants::{Mutant, Part};
pub use outcome::{Outcome, Verdict};
pub use parts::{BodyParts, EventParts, Parts, envelope_of};
pub use peek::{Asked, is_of, stream_of};
pub use recall::{KEY_WINDOW_MS, KeyAt, Recall};
pub use record::{Body, DecodeError, Fingerprint, FrameBuilder, Header, Kind, Record, headers};
pub use rule::{LaneState, Step, Void};
pub use topics::{Topic, Topics, TopicsError, murmur2};
