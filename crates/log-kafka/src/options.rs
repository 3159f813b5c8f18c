//! Which cluster and which log, and the settings of the clients, each with its reason.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codec::Schemas;
use rdkafka::ClientConfig;

use crate::watch::Watch;

/// The least time that the client library may try to deliver a record: far above a failover (10 s on
/// default settings of brokers), because what it gives up leaves no gap in the offsets. Deadlines of
/// commands are the owner's affair.
pub const MESSAGE_TIMEOUT_MIN: Duration = Duration::from_mins(2);

/// A log on Kafka.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Addresses of some brokers, as `a:9092,b:9092`.
    pub brokers: String,
    /// Before the name of every topic, so that several logs can share a cluster; empty.
    pub prefix: String,
    /// Topics with their lanes, without the prefix.
    pub topics: Vec<(String, u16)>,
    /// Directory of the local replica; made when absent, and emptied when it does not fit the log.
    pub replica: PathBuf,
    /// Where schema ids for the wire format come from.
    pub schemas: Arc<Schemas>,
    /// How much must be able to fail before what was acknowledged is lost.
    pub durability: Durability,
    /// Settings of librdkafka for encryption and credentials, as `security.protocol`, `ssl.ca.location`,
    /// `sasl.mechanism`, `sasl.username`, `sasl.password`.
    pub settings: Vec<(String, String)>,
    /// Name of this client in the brokers' own logs and metrics.
    pub client_id: String,
    /// Largest record, in bytes with its headers: 4 MiB. A datum has 1 MiB at most; Kafka counts a whole
    /// batch.
    pub record_bytes_max: u32,
    /// How long the client library tries to deliver: 5 minutes, never less than
    /// [`MESSAGE_TIMEOUT_MIN`].
    pub message_timeout: Duration,
    /// How long a lane may wait for any report before its producer is given up: 15 s, longer than a
    /// failover on default settings of brokers. Else a broker that is frozen and not dead would hold the
    /// lane until the record times out.
    pub stall_timeout: Duration,
    /// How far the clock of this machine may be from the brokers': 5 s. Beyond it the node stands for no
    /// lanes, because log time is the owner's clock.
    pub clock_skew_max: Duration,
    /// For tests: how much this machine's clock is said to be ahead, in milliseconds.
    #[doc(hidden)]
    pub clock_ahead_ms: i64,
    /// For tests of what a short timeout does.
    #[doc(hidden)]
    pub message_timeout_min: Duration,
    /// How long opening waits for brokers: 20 s.
    pub connect_timeout: Duration,
    /// How long a reader waits for records that the log has and the replica lacks: 10 s.
    pub read_timeout: Duration,
}

/// How much must be able to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Any one broker, its disk included: 3 replicas, at least 2 of them in sync.
    OneBroker,
    /// Nothing: one replica is enough. A broker that loses its disk, or its machine its power, takes
    /// acknowledged events with it. For development.
    None,
}

impl Durability {
    /// Replicas, and how many of them must be in sync.
    pub const fn replicas(self) -> (i32, i32) {
        match self {
            Self::OneBroker => (3, 2),
            Self::None => (1, 1),
        }
    }
}

impl Options {
    /// The defaults, for the cluster behind `brokers`.
    pub fn new(
        brokers: impl Into<String>,
        replica: impl Into<PathBuf>,
        schemas: Arc<Schemas>,
    ) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: String::new(),
            topics: Vec::new(),
            replica: replica.into(),
            schemas,
            durability: Durability::OneBroker,
            settings: Vec::new(),
            client_id: "recount".to_owned(),
            record_bytes_max: 4 << 20,
            message_timeout: Duration::from_mins(5),
            stall_timeout: Duration::from_secs(15),
            clock_skew_max: Duration::from_secs(5),
            clock_ahead_ms: 0,
            message_timeout_min: MESSAGE_TIMEOUT_MIN,
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(10),
        }
    }

    /// Wants a topic.
    #[must_use]
    pub fn topic(mut self, name: impl Into<String>, lanes: u16) -> Self {
        self.topics.push((name.into(), lanes));
        self
    }

    /// The name of a topic in the cluster.
    pub(crate) fn kafka_name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// What every client needs.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", &self.client_id);
        // A broker that comes back is found soon.
        config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        config.set("socket.keepalive.enable", "true");
        // A frozen broker keeps its connections and answers nothing: others are asked who leads now.
        config.set("socket.timeout.ms", "6000").set("topic.metadata.refresh.interval.ms", "2000");
        // librdkafka's own connections log at debug; what matters comes as an error.
        config.set("log.connection.close", "false");
        for (name, value) in &self.settings {
            config.set(name, value);
        }
        config
    }

    /// A client that asks and administers.
    pub(crate) fn asker<T: rdkafka::config::FromClientConfigAndContext<Watch>>(
        &self,
    ) -> Result<T, rdkafka::error::KafkaError> {
        self.client().create_with_context(Watch::default())
    }

    /// The one who writes.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("enable.idempotence", "true").set("acks", "all");
        config.set("max.in.flight.requests.per.connection", "5");
        // It batches by itself while requests are under way; lingering only adds to the latency.
        config.set("linger.ms", "0").set("batch.num.messages", "10000");
        let timeout = self.message_timeout.max(self.message_timeout_min);
        config.set("message.timeout.ms", timeout.as_millis().to_string());
        config.set("message.max.bytes", self.record_bytes_max.to_string());
        // Bounded by the owner's own limit on open bytes, far below these.
        config.set("queue.buffering.max.messages", "2000000");
        config.set("queue.buffering.max.kbytes", "1048576");
        config
    }

    /// The one who reads, from offsets that it is given.
    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut config = self.client();
        // No group: nothing is committed, and nobody is assigned anything by others.
        config.set("group.id", "recount-replica").set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        // A lane that does not begin where it was left is an error, never a jump.
        config.set("auto.offset.reset", "error");
        config.set("enable.partition.eof", "false").set("check.crcs", "true");
        config.set("fetch.wait.max.ms", "500").set("fetch.error.backoff.ms", "50");
        // A replica that catches up goes on as soon as there is room again.
        config.set("fetch.queue.backoff.ms", "10").set("queued.max.messages.kbytes", "32768");
        let largest = self.record_bytes_max.max(1 << 20);
        config.set("fetch.message.max.bytes", largest.to_string());
        config.set("fetch.max.bytes", (16 * largest).to_string());
        config.set("receive.message.max.bytes", (17 * largest).to_string());
        config
    }
}
