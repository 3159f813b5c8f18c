//! What the client library says by the way. Its errors of a connection are no errors of ours: it tries
//! again by itself; the last one is kept, to explain what did not succeed.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// Remembers the last complaint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Option<String>>>);

impl Watch {
    /// The last complaint, as `; brokers said: ...`; empty when there was none.
    pub(crate) fn why(&self) -> String {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|last| format!("; last error: {last}")).unwrap_or_default()
    }

    fn note(&self, what: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.to_owned());
    }
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "client library");
        if (level as i32) <= RDKafkaLogLevel::Error as i32 {
            self.note(message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "client library");
        self.note(reason);
    }
}

impl ConsumerContext for Watch {}
