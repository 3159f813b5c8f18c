//! What brokers to start, and their settings, each with its reason. Not the starting.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::jars::cache_dir;

/// Which brokers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// How many: 1 or 3 as a rule. From 3 on everything is replicated 3 times with 2 in sync.
    pub brokers: u16,
    /// Where data, settings and output of the brokers are; emptied at the start.
    pub dir: PathBuf,
    /// The first port, three for each broker; `None`: free ones.
    pub port: Option<u16>,
    /// Heap of each broker in MiB.
    pub heap_mb: u32,
    /// Starts fast, runs slowly: no optimising compiler. Never measure speed with it.
    pub quick: bool,
    /// The brokers die with this process, and their folder goes when the cluster is dropped.
    pub tied: bool,
    /// Settings of a broker on top of ours, which win.
    pub properties: Vec<(String, String)>,
    /// A second listener that demands encryption or credentials.
    pub secure: Option<Secure>,
}

/// A listener that demands something of its clients, or that has something before it.
#[derive(Debug, Clone, Default)]
pub struct Secure {
    /// `SASL_SSL`, `SASL_PLAINTEXT`, `SSL` or `PLAINTEXT`.
    pub protocol: String,
    /// The port that clients are told, when a [`Proxy`](crate::Proxy) stands before a broker alone.
    pub advertised: Option<u16>,
    /// Settings of a broker that it takes: key store, mechanisms.
    pub properties: Vec<(String, String)>,
}

impl Options {
    /// Brokers that live until they are taken down, in the folder that `cargo xtask kafka` looks for.
    pub fn to_stay(brokers: u16) -> Self {
        Self { tied: false, dir: cache_dir().join("brokers"), ..Self::for_test(brokers) }
    }

    /// Brokers of a test: free ports, a folder of their own, gone with the test.
    pub fn for_test(brokers: u16) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("recount-kafka-{}-{number}", std::process::id());
        Self {
            brokers,
            dir: std::env::temp_dir().join(name),
            port: None,
            heap_mb: 512,
            quick: true,
            tied: true,
            properties: Vec::new(),
            secure: None,
        }
    }
}

/// The ports of one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    /// For clients and brokers.
    pub(crate) client: u16,
    /// For controllers.
    pub(crate) controller: u16,
    /// For clients that have to prove something; 0: none.
    pub(crate) secure: u16,
}

/// `server.properties` of broker `id`, which counts from 1.
pub(crate) fn properties(options: &Options, id: u16, ports: &[Ports], data: &Path) -> String {
    let own = ports[usize::from(id) - 1];
    let (replicas, in_sync) = if ports.len() >= 3 { (3, 2) } else { (1, 1) };
    let voters: Vec<String> = (1..)
        .zip(ports)
        .map(|(id, ports): (u16, _)| format!("{id}@127.0.0.1:{}", ports.controller))
        .collect();
    let (mut also, mut also_map, mut told) = (String::new(), String::new(), String::new());
    if let Some(secure) = &options.secure {
        also = format!(",SECURE://127.0.0.1:{}", own.secure);
        told = format!(",SECURE://127.0.0.1:{}", secure.advertised.unwrap_or(own.secure));
        also_map = format!(",SECURE:{}", secure.protocol);
    }
    let mut text = format!(
        "\
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{client}{also},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}{told}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{also_map}
log.dirs={data}
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
",
        voters = voters.join(","),
        client = own.client,
        controller = own.controller,
        data = data.display(),
    );
    text.push_str(FIXED);
    let secure = options.secure.iter().flat_map(|it| &it.properties);
    for (name, value) in secure.chain(&options.properties) {
        // Writing to a string cannot fail. The last line of a name wins.
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

const FIXED: &str = "\
# A topic that nobody applied is an error, not a topic with default settings.
auto.create.topics.enable=false
unclean.leader.election.enable=false
# Failover in 2.4 to 4.5 s instead of 9 to 10.5.
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
replica.lag.time.max.ms=3000
# A node that died is noticed after its own session timeout; the default forbids less than 6 s.
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=300
group.initial.rebalance.delay.ms=0
# Small: these brokers share a machine.
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.num.partitions=1
log.retention.check.interval.ms=3600000
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.threads=1
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_brokers_replicate_and_know_each_other() {
        let ports =
            [1, 2, 3].map(|at| Ports { client: at * 10, controller: at * 10 + 1, secure: 0 });
        let text = properties(&Options::for_test(3), 2, &ports, Path::new("/data"));
        for line in [
            "node.id=2",
            "controller.quorum.voters=1@127.0.0.1:11,2@127.0.0.1:21,3@127.0.0.1:31",
            "advertised.listeners=PLAINTEXT://127.0.0.1:20",
            "default.replication.factor=3",
            "min.insync.replicas=2",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn a_setting_of_the_caller_stands_last_and_wins() {
        let mut options = Options::for_test(1);
        options.properties.push(("broker.session.timeout.ms".to_owned(), "9000".to_owned()));
        let ports = [Ports { client: 10, controller: 11, secure: 0 }];
        let text = properties(&options, 1, &ports, Path::new("/data"));
        assert!(text.ends_with("broker.session.timeout.ms=9000\n"));
        assert!(text.contains("default.replication.factor=1\n"));
    }
}
