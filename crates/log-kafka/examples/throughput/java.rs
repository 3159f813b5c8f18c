//! Kafka's own measuring tool.

use std::time::Duration;

use kafka_up::Cluster;

use crate::DATUM_BYTES;

/// Lets `ProducerPerformance` send records of the same size without headers, one by one, and says in its
/// own words what it came to.
pub(crate) fn run(cluster: &Cluster, records: u64, lasts: Duration) -> String {
    let mut tool = cluster.tool("org.apache.kafka.tools.ProducerPerformance").unwrap();
    tool.args(["--topic", "raw.events", "--throughput", "-1"]);
    tool.args(["--record-size", &DATUM_BYTES.to_string()]);
    tool.args(["--num-records", &(records * lasts.as_secs()).to_string()]);
    let bootstrap = format!("bootstrap.servers={}", cluster.bootstrap());
    tool.args(["--producer-props", &bootstrap, "acks=all", "linger.ms=0"]);
    let said = tool.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines().last().unwrap_or_default().to_owned()
}
