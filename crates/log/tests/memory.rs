//! The conformance suite on the log in memory: it checks the suite as much as the log.

use std::sync::Arc;

use recount_log::conformance::{Rig, topics};
use recount_log::{Log, MemoryLog};
use uuid::Uuid;

struct InMemory;

impl Rig for InMemory {
    fn open(&mut self) -> Arc<dyn Log> {
        Arc::new(MemoryLog::new(topics(Uuid::from_u128(7))))
    }

    fn reopen(&mut self, _: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
        None
    }

    fn crash(&mut self, _: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
        None
    }
}

recount_log::conformance_tests!(InMemory);
