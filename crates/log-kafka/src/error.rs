//! Why a log on Kafka does not open. Not the errors of reading and appending, which are the log's.

use log::ReadError;
use rdkafka::error::KafkaError;

/// Why a log on Kafka did not open, or its topics could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No broker answered.
    #[error(
        "brokers {brokers} do not answer: {why}; check the address, and encryption and credentials"
    )]
    Unreachable {
        /// The addresses that were tried.
        brokers: String,
        /// What the client library says.
        why: String,
    },
    /// There is no log in this cluster.
    #[error(
        "there is no topic {topic} in this cluster; `recount topics apply` makes the topics of a log"
    )]
    Absent {
        /// The topic that says which log it is.
        topic: String,
    },
    /// Topics are not as the log needs them.
    #[error("topics of this cluster would not keep what they are given: {}", list(.0))]
    Topics(Vec<Finding>),
    /// The list of topics in the cluster cannot be used.
    #[error("topic {topic} does not say which log this is: {why}")]
    Manifest {
        /// The topic that says which log it is.
        topic: String,
        /// What is wrong with it.
        why: String,
    },
    /// There are fewer brokers than replicas.
    #[error(
        "{brokers} brokers cannot keep {replicas} replicas of every event; start more of them, or say \
         that events may be lost with a broker"
    )]
    TooFewBrokers {
        /// Brokers of the cluster.
        brokers: usize,
        /// Replicas that were asked for.
        replicas: i32,
    },
    /// The lanes of the log do not begin with their first record.
    #[error(
        "lane {lane} begins at offset {low}: records were deleted, so its history cannot be verified; \
         set retention.ms and retention.bytes to -1 and restore the log from a copy"
    )]
    Deleted {
        /// The lane, as people write it.
        lane: String,
        /// Its first offset.
        low: u64,
    },
    /// The user of the clients has not the rights that it needs.
    #[error(
        "this user may not look at topic {topic} and its settings; it needs the operations Describe, \
         DescribeConfigs, Read and Write on the topics, and Read on the group: grant them, as \
         kafka-acls.sh --add --allow-principal User:NAME --operation Describe --topic {topic}"
    )]
    NotAllowed {
        /// The topic that was asked for first.
        topic: String,
    },
    /// The cluster refused.
    #[error("{attempt} failed: {why}")]
    Refused {
        /// What was attempted.
        attempt: String,
        /// What the cluster or the client library says.
        why: String,
    },
    /// The local replica does not open.
    #[error("local replica of the log does not open: {0}")]
    Replica(#[source] log_embedded::OpenError),
    /// The log could not be read while it was opened.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl OpenError {
    /// For `map_err`: what was attempted.
    pub(crate) fn refused(attempt: impl Into<String>) -> impl FnOnce(KafkaError) -> Self {
        move |error| Self::Refused { attempt: attempt.into(), why: error.to_string() }
    }
}

/// A setting of a topic that is not what the log needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The topic, as the cluster names it.
    pub topic: String,
    /// Which setting.
    pub what: String,
    /// What it is.
    pub is: String,
    /// What it should be.
    pub should: String,
    /// What to do.
    pub fix: String,
}

/// A finding about a topic that is not there.
const EXISTENCE: &str = "existence";

impl Finding {
    pub(crate) fn missing(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            what: EXISTENCE.to_owned(),
            is: "missing".to_owned(),
            should: "there".to_owned(),
            fix: "run `recount topics apply`".to_owned(),
        }
    }

    pub(crate) fn is_missing(&self) -> bool {
        self.what == EXISTENCE
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { topic, what, is, should, fix } = self;
        if self.is_missing() {
            return write!(f, "topic {topic} is missing: {fix}");
        }
        write!(f, "topic {topic} has {what} {is}, not {should}: {fix}")
    }
}

fn list(findings: &[Finding]) -> String {
    let all: Vec<String> = findings.iter().map(Finding::to_string).collect();
    all.join("; ")
}
