//! The conformance suite of the log contract on real brokers.

use std::sync::Arc;

use kafka_up::Cluster;
use log::Log;
use log::conformance::Rig;
use log_kafka::Options;
use tempfile::TempDir;

use crate::support;

struct OnKafka {
    cluster: &'static Cluster,
    /// The log that was opened last, with all replicas so far.
    options: Option<Options>,
    replicas: Vec<TempDir>,
}

impl OnKafka {
    fn new(cluster: &'static Cluster) -> Self {
        Self { cluster, options: None, replicas: Vec::new() }
    }
}

impl Rig for OnKafka {
    fn open(&mut self) -> Arc<dyn Log> {
        let (log, options, replica) = support::create(self.cluster);
        self.options = Some(options);
        self.replicas.push(replica);
        log
    }

    fn reopen(&mut self, log: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
        assert_eq!(Arc::strong_count(&log), 1);
        drop(log);
        Some(support::open(self.options.as_ref().unwrap()))
    }

    /// Another node comes, which finds what is in the cluster and nothing else.
    fn crash(&mut self, log: Arc<dyn Log>) -> Option<Arc<dyn Log>> {
        let (after, options, replica) = support::elsewhere(self.options.as_ref().unwrap());
        self.options = Some(options);
        self.replicas.push(replica);
        drop(log);
        Some(after)
    }
}

mod on_one_broker {
    log::conformance_tests!(super::OnKafka::new(crate::support::one()));
}

mod on_three_brokers {
    log::conformance_tests!(super::OnKafka::new(crate::support::three()));
}
