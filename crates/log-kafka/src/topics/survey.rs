//! How brokers and replicas do. Not the settings of topics.

use log::Topics;
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::BaseConsumer;

use super::releases::{Release, releases};
use super::{connect, find, metadata, wanted};
use crate::watch::Watch;
use crate::{OpenError, Options, ask};

/// How the cluster does, as far as the log's topics are concerned.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Survey {
    /// Brokers that are up.
    pub brokers: Vec<Broker>,
    /// Partitions of the log's topics.
    pub partitions: usize,
    /// Of them those with replicas that are not in sync, as `content.events/3: 2 of 3`.
    pub behind: Vec<String>,
    /// Of them those that no broker leads: nothing is taken there.
    pub leaderless: Vec<String>,
}

/// A broker that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broker {
    /// Its number in the cluster.
    pub id: i32,
    /// Where clients reach it, as `a:9092`.
    pub address: String,
    /// What it says of itself.
    pub speaks: Speaks,
}

/// Which release a broker is, from the requests that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// It is this release at least.
    AtLeast(Release),
    /// It is older than 0.11.
    Ancient,
    /// It did not answer.
    Unknown,
}

impl Speaks {
    /// Whether it is known to be older than [`Release::OLDEST`].
    pub fn too_old(self) -> bool {
        match self {
            Self::AtLeast(release) => release < Release::OLDEST,
            Self::Ancient => true,
            Self::Unknown => false,
        }
    }
}

impl std::fmt::Display for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {} (", self.id, self.address)?;
        match self.speaks {
            Speaks::AtLeast(release) => write!(f, "Kafka {release} or newer)"),
            Speaks::Ancient => write!(f, "older than Kafka 0.11)"),
            Speaks::Unknown => write!(f, "it does not say which Kafka)"),
        }
    }
}

/// Looks at brokers, leaders and replicas. Takes 3 s when a broker that should be up says nothing.
pub fn survey(options: &Options) -> Result<Survey, OpenError> {
    let metadata = metadata(options, &connect(options)?)?;
    let address = |it: &rdkafka::metadata::MetadataBroker| format!("{}:{}", it.host(), it.port());
    let addresses: Vec<String> = metadata.brokers().iter().map(address).collect();
    let releases = releases(options, &addresses)?;
    let broker = |it: &rdkafka::metadata::MetadataBroker| {
        let speaks = match releases.get(&address(it)) {
            Some(Some(release)) => Speaks::AtLeast(*release),
            Some(None) => Speaks::Ancient,
            None => Speaks::Unknown,
        };
        Broker { id: it.id(), address: address(it), speaks }
    };
    let mut survey = Survey {
        brokers: metadata.brokers().iter().map(broker).collect(),
        partitions: 0,
        behind: Vec::new(),
        leaderless: Vec::new(),
    };
    for (name, _) in wanted(options) {
        for partition in find(&metadata, &name).iter().flat_map(|topic| topic.partitions()) {
            survey.partitions += 1;
            let lane = format!("{name}/{}", partition.id());
            let (in_sync, all) = (partition.isr().len(), partition.replicas().len());
            if partition.leader() < 0 {
                survey.leaderless.push(lane);
            } else if in_sync < all {
                survey.behind.push(format!("{lane}: {in_sync} of {all}"));
            }
        }
    }
    Ok(survey)
}

/// Whether no lane has a record.
pub(super) fn is_empty(options: &Options, topics: &Topics) -> Result<bool, OpenError> {
    let failed = || OpenError::refused("asking for the ends of lanes");
    let consumer: BaseConsumer<Watch> =
        options.consumer().create_with_context(Watch::default()).map_err(failed())?;
    for lane in topics.lanes() {
        let (name, at_most) =
            (options.kafka_name(topics.name(lane.topic)), options.connect_timeout);
        let ends = ask::watermarks(&consumer, &name, i32::from(lane.index), at_most);
        if ends.map_err(failed())?.1 > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The partitions of a topic with the brokers that lead them; those that nobody leads are left out.
pub(crate) fn leaders<C: ClientContext>(
    options: &Options,
    client: &Client<C>,
    topic: &str,
) -> Result<Vec<(i32, i32)>, OpenError> {
    let metadata = client.fetch_metadata(None, options.connect_timeout);
    let metadata = metadata.map_err(OpenError::refused("asking for leaders"))?;
    let partitions = find(&metadata, topic)
        .map(rdkafka::metadata::MetadataTopic::partitions)
        .unwrap_or_default();
    let led = partitions.iter().filter(|it| it.leader() >= 0);
    Ok(led.map(|it| (it.id(), it.leader())).collect())
}
