//! Brokers and logs for the tests: the clusters are started once for all tests and die with them.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use codec::Schemas;
use kafka_up::Cluster;
use log::conformance::TOPICS;
use log_kafka::{Durability, KafkaLog, Options, topics};
use tempfile::TempDir;

/// A broker alone.
pub(crate) fn one() -> &'static Cluster {
    static ONE: OnceLock<Cluster> = OnceLock::new();
    ONE.get_or_init(|| Cluster::start(&kafka_up::Options::for_test(1)).unwrap())
}

/// Three brokers that replicate.
pub(crate) fn three() -> &'static Cluster {
    static THREE: OnceLock<Cluster> = OnceLock::new();
    THREE.get_or_init(|| Cluster::start(&kafka_up::Options::for_test(3)).unwrap())
}

/// Options of a new log with the suite's topics, which are its own by their names.
pub(crate) fn options(cluster: &Cluster, replica: &TempDir) -> Options {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let schemas = Arc::new(Schemas::builder().build().unwrap());
    let mut options = Options::new(cluster.bootstrap(), replica.path().join("replica"), schemas);
    options.prefix = format!("t{}.", NEXT.fetch_add(1, Ordering::Relaxed));
    for (name, lanes) in TOPICS {
        options = options.topic(name, lanes);
    }
    if cluster.brokers().len() < 3 {
        options.durability = Durability::None;
    }
    options
}

/// A new log.
pub(crate) fn create(cluster: &Cluster) -> (Arc<KafkaLog>, Options, TempDir) {
    let replica = tempfile::tempdir().unwrap();
    let options = options(cluster, &replica);
    topics::apply(&options, None).unwrap();
    (open(&options), options, replica)
}

/// The log of these options.
pub(crate) fn open(options: &Options) -> Arc<KafkaLog> {
    Arc::new(KafkaLog::open(options).unwrap().0)
}

/// The same log from another node: nothing is known locally.
pub(crate) fn elsewhere(options: &Options) -> (Arc<KafkaLog>, Options, TempDir) {
    let replica = tempfile::tempdir().unwrap();
    let mut options = options.clone();
    options.replica = replica.path().join("replica");
    (open(&options), options, replica)
}
