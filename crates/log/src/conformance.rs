//! The promises of [`crate::Log`] as checks that every adapter runs. Not tests of what only one
//! adapter has: its files, its brokers, its speed.
//!
//! An adapter writes a [`Rig`] and one line:
//!
//! ```
//! # use recount_log as log;
//! use std::sync::Arc;
//! use log::conformance::{Rig, topics};
//! use log::{Log, MemoryLog};
//!
//! struct InMemory;
//! impl Rig for InMemory {
//!     fn open(&mut self) -> Arc<dyn Log> {
//!         Arc::new(MemoryLog::new(topics(uuid::Uuid::nil())))
//!     }
//!     fn reopen(&mut self, log: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
//!         drop(log);
//!         None // it forgets with its process
//!     }
//!     fn crash(&mut self, _: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
//!         None
//!     }
//! }
//! log::conformance_tests!(InMemory);
//! # fn main() {}
//! ```

mod durability;
mod order;
mod scribe;
mod validity;

use std::sync::Arc;

use uuid::Uuid;

use crate::{Log, Topic, Topics};

pub use durability::{
    a_crash_takes_nothing_back_that_was_delivered, a_reopened_log_holds_what_it_held,
    growth_is_told_after_the_records_can_be_read, nothing_is_read_that_is_not_kept,
};
pub use order::{
    callers_at_once_are_kept_apart_and_in_order, done_is_called_once_with_a_delivery_each,
    offsets_are_contiguous_in_the_order_of_handover, pages_of_any_size_give_every_record_once,
    records_of_no_lane_are_refused, what_done_says_can_be_read,
};
pub use scribe::{Scribe, deliver, sample_event, sample_outcome, sample_stream};
pub use validity::{
    a_mismatch_is_void_with_an_alarm, a_stream_is_the_valid_records_with_its_id,
    readers_agree_at_every_position, what_the_rule_calls_void_takes_no_effect,
};

/// The topics that the suite asks for: name and lanes.
pub const TOPICS: [(&str, u16); 2] = [("suite.events", 4), ("suite.sagas", 2)];

/// [`TOPICS`] of a log with this id.
pub fn topics(log: Uuid) -> Topics {
    Topics::new(
        log,
        TOPICS
            .iter()
            .map(|(name, lanes)| Topic { name: (*name).to_owned(), lanes: *lanes })
            .collect(),
    )
}

/// Makes, closes and crashes the logs of one adapter.
pub trait Rig {
    /// A new and empty log with [`TOPICS`].
    fn open(&mut self) -> Arc<dyn Log>;

    /// The same log, closed in order and opened again; `None` when the adapter cannot. The log given
    /// has no other owner.
    fn reopen(&mut self, log: Arc<dyn Log>) -> Option<Arc<dyn Log>>;

    /// The log as a process finds it that comes after one that was killed; `None` when the adapter
    /// cannot.
    fn crash(&mut self, log: Arc<dyn Log>) -> Option<Arc<dyn Log>>;
}

/// Writes one test a promise; `$rig` makes a [`Rig`].
#[macro_export]
macro_rules! conformance_tests {
    ($rig:expr) => {
        $crate::conformance_tests! { $rig =>
            offsets_are_contiguous_in_the_order_of_handover
            callers_at_once_are_kept_apart_and_in_order
            done_is_called_once_with_a_delivery_each
            what_done_says_can_be_read
            records_of_no_lane_are_refused
            pages_of_any_size_give_every_record_once
            what_the_rule_calls_void_takes_no_effect
            a_mismatch_is_void_with_an_alarm
            a_stream_is_the_valid_records_with_its_id
            readers_agree_at_every_position
            nothing_is_read_that_is_not_kept
            a_reopened_log_holds_what_it_held
            a_crash_takes_nothing_back_that_was_delivered
            growth_is_told_after_the_records_can_be_read
        }
    };
    ($rig:expr => $($promise:ident)*) => {
        $(
            #[test]
            fn $promise() {
                $crate::conformance::$promise(&mut $rig);
            }
        )*
    };
}
