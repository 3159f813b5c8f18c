//! Topics as the log needs them: making them, and refusing those that would lose what they are given.
//! Not their content.

mod releases;
mod rights;
mod survey;

use std::time::{Duration, Instant};

use futures_executor::block_on;
use log::Topics;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;
use uuid::Uuid;

use crate::error::Finding;
use crate::watch::Watch;
use crate::{OpenError, Options, ask, clock, manifest};

pub use crate::clock::{Skew, ours_is_off, skews};
pub use releases::Release;
pub use rights::{Rights, rights};
pub(crate) use survey::leaders;
pub use survey::{Broker, Speaks, Survey, survey};

/// A topic is known to all brokers well within this.
const SETTLED_AFTER: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What [`apply`] did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Applied {
    /// Topics that were made, as the cluster names them.
    pub made: Vec<String>,
    /// No lane has a record yet: keys that are not there are not lost, they were never made.
    pub empty: bool,
    /// The log and its topics.
    pub topics: Topics,
}

/// Makes the topics that are missing, and checks those that are there. A log that has no id yet gets
/// `log`, or a new one. May be repeated.
pub fn apply(options: &Options, log: Option<Uuid>) -> Result<Applied, OpenError> {
    let admin = connect(options)?;
    let metadata = metadata(options, &admin)?;
    let (replicas, _) = options.durability.replicas();
    let brokers = metadata.brokers().len();
    if i32::try_from(brokers).is_ok_and(|brokers| brokers < replicas) {
        return Err(OpenError::TooFewBrokers { brokers, replicas });
    }
    let wanted = wanted(options);
    let missing: Vec<_> = wanted.iter().filter(|it| find(&metadata, &it.0).is_none()).collect();
    let names: Vec<String> = missing.iter().map(|it| it.0.clone()).collect();
    may_see(options, &admin, &names)?;
    make(options, &admin, &missing)?;
    let findings = look_again(options, &admin, options.connect_timeout)?;
    if !findings.is_empty() {
        return Err(OpenError::Topics(findings));
    }
    let topics = manifest::write(options, log)?;
    let made: Vec<String> = missing.into_iter().map(|(name, _)| name.clone()).collect();
    let empty = survey::is_empty(options, &topics)?;
    Ok(Applied { made, empty, topics })
}

/// Everything about the topics that is not as the log needs it; empty when all is well.
pub fn check(options: &Options) -> Result<Vec<Finding>, OpenError> {
    look_again(options, &connect(options)?, SETTLED_AFTER)
}

/// Looks until no topic is missing, or for so long: brokers hear of a new topic one after the other.
fn look_again(
    options: &Options,
    admin: &AdminClient<Watch>,
    at_most: Duration,
) -> Result<Vec<Finding>, OpenError> {
    let deadline = Instant::now() + at_most;
    loop {
        let findings = look(options, admin)?;
        let missing = findings.iter().any(Finding::is_missing);
        if !missing || Instant::now() > deadline {
            return Ok(findings);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Names in the cluster, with partitions.
fn wanted(options: &Options) -> Vec<(String, i32)> {
    let topics = options.topics.iter().map(|(name, lanes)| (name.as_str(), i32::from(*lanes)));
    // As many brokers are asked for the time as keep a record, if each leads one of them.
    let clocks = options.durability.replicas().0;
    let all = [(manifest::NAME, 1), (clock::NAME, clocks)].into_iter().chain(topics);
    all.map(|(name, partitions)| (options.kafka_name(name), partitions)).collect()
}

/// Settings of a topic, each with what the log loses without it.
fn settings(options: &Options, topic: &str) -> Vec<(&'static str, String)> {
    if topic == options.kafka_name(clock::NAME) {
        return vec![
            // What it says is the broker's time.
            ("message.timestamp.type", "LogAppendTime".to_owned()),
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", "3600000".to_owned()),
        ];
    }
    let (_, in_sync) = options.durability.replicas();
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", "-1".to_owned()),
        ("retention.bytes", "-1".to_owned()),
        ("min.insync.replicas", in_sync.to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
        // The largest batch; one record of the largest size must fit.
        ("max.message.bytes", options.record_bytes_max.to_string()),
        // Log time is the owner's; a broker must not write its own.
        ("message.timestamp.type", "CreateTime".to_owned()),
    ]
}

/// Connects, and proves it.
fn connect(options: &Options) -> Result<AdminClient<Watch>, OpenError> {
    options.asker().map_err(OpenError::refused("making a client"))
}

fn metadata(options: &Options, admin: &AdminClient<Watch>) -> Result<Metadata, OpenError> {
    let client = admin.inner();
    client.fetch_metadata(None, options.connect_timeout).map_err(|error| OpenError::Unreachable {
        brokers: options.brokers.clone(),
        why: ask::complaint(options).unwrap_or_else(|| error.to_string()),
    })
}

fn make(
    options: &Options,
    admin: &AdminClient<Watch>,
    missing: &[&(String, i32)],
) -> Result<(), OpenError> {
    if missing.is_empty() {
        return Ok(());
    }
    let (replicas, _) = options.durability.replicas();
    let settings: Vec<_> = missing.iter().map(|(name, _)| settings(options, name)).collect();
    let new = missing.iter().zip(&settings).map(|((name, partitions), settings)| {
        let topic = NewTopic::new(name, *partitions, TopicReplication::Fixed(replicas));
        settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
    });
    let new: Vec<NewTopic<'_>> = new.collect();
    let limits = AdminOptions::new()
        .operation_timeout(Some(options.connect_timeout))
        .request_timeout(Some(options.connect_timeout));
    let made = block_on(admin.create_topics(&new, &limits));
    for outcome in made.map_err(OpenError::refused("making topics"))? {
        match outcome {
            // Another node was faster; what it made is checked like all others.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, error)) => {
                let attempt = format!("making topic {topic}");
                return Err(OpenError::Refused { attempt, why: error.to_string() });
            }
        }
    }
    Ok(())
}

fn find<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a rdkafka::metadata::MetadataTopic> {
    let topics = metadata.topics().iter();
    topics.filter(|it| it.error().is_none()).find(|it| it.name() == name)
}

/// Looks at what is there. A topic that is missing is a finding too.
fn look(options: &Options, admin: &AdminClient<Watch>) -> Result<Vec<Finding>, OpenError> {
    let metadata = metadata(options, admin)?;
    let mut findings = Vec::new();
    let wanted = wanted(options);
    let mut there = Vec::new();
    for (name, partitions) in &wanted {
        match find(&metadata, name) {
            Some(topic) => {
                there.push(name.as_str());
                findings.extend(shape(options, topic, *partitions));
            }
            None => findings.push(Finding::missing(name)),
        }
    }
    let asked: Vec<ResourceSpecifier<'_>> =
        there.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let limits = AdminOptions::new().request_timeout(Some(options.connect_timeout));
    let attempt = "reading the settings of topics";
    let described = if asked.is_empty() {
        Vec::new()
    } else {
        block_on(admin.describe_configs(&asked, &limits)).map_err(OpenError::refused(attempt))?
    };
    for described in described {
        let described = described.map_err(|error| OpenError::Refused {
            attempt: attempt.to_owned(),
            why: error.to_string(),
        })?;
        // They come in any order.
        let OwnedResourceSpecifier::Topic(name) = &described.specifier else { continue };
        if described.entries.is_empty() {
            // The broker that was asked has not heard of it yet, or does not tell us: the wrapper of
            // the client library leaves the error of each topic out.
            findings.push(Finding::missing(name));
            continue;
        }
        for (setting, should) in settings(options, name) {
            let is = described.get(setting).and_then(|it| it.value.clone()).unwrap_or_default();
            if !suffices(setting, &is, &should) {
                let fix = format!(
                    "kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {name} \
                     --add-config {setting}={should}",
                    options.brokers
                );
                let (topic, what) = (name.clone(), setting.to_owned());
                findings.push(Finding { topic, what, is, should, fix });
            }
        }
    }
    let missing = findings.iter().filter(|it| it.is_missing()).map(|it| it.topic.clone());
    may_see(options, admin, &missing.collect::<Vec<_>>())?;
    Ok(findings)
}

/// Topics that a user may not see look as if they were not there; asked for by name, brokers say why.
fn may_see(
    options: &Options,
    admin: &AdminClient<Watch>,
    missing: &[String],
) -> Result<(), OpenError> {
    if missing.is_empty() {
        return Ok(());
    }
    match rights::unseen(options, admin, missing)? {
        Some(topic) => Err(OpenError::NotAllowed { topic }),
        None => Ok(()),
    }
}

/// Limits may be larger than needed, all else must be as it is needed.
fn suffices(setting: &str, is: &str, should: &str) -> bool {
    let limit = matches!(setting, "min.insync.replicas" | "max.message.bytes");
    match (is.parse::<i64>(), should.parse::<i64>()) {
        (Ok(is), Ok(should)) if limit => is >= should,
        _ => is == should,
    }
}

fn shape(
    options: &Options,
    topic: &rdkafka::metadata::MetadataTopic,
    partitions: i32,
) -> Vec<Finding> {
    let finding = |what: &str, is: usize, should: i32, fix: &str| Finding {
        topic: topic.name().to_owned(),
        what: what.to_owned(),
        is: is.to_string(),
        should: should.to_string(),
        fix: fix.to_owned(),
    };
    let mut findings = Vec::new();
    let is = topic.partitions().len();
    if i32::try_from(is) != Ok(partitions) {
        let fix = "lanes are fixed for the life of a log; ask for as many, or copy into a new log";
        findings.push(finding("partitions", is, partitions, fix));
    }
    let (replicas, _) = options.durability.replicas();
    let fewest = topic.partitions().iter().map(|it| it.replicas().len()).min().unwrap_or_default();
    if i32::try_from(fewest).is_ok_and(|fewest| fewest < replicas) {
        let fix = "kafka-reassign-partitions.sh gives every partition more replicas";
        findings.push(finding("replicas", fewest, replicas, fix));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_may_be_larger_and_all_else_must_be_equal() {
        assert!(suffices("min.insync.replicas", "3", "2"));
        assert!(!suffices("min.insync.replicas", "1", "2"));
        assert!(suffices("retention.ms", "-1", "-1"));
        assert!(!suffices("retention.ms", "604800000", "-1"), "more than -1 is less than for ever");
        assert!(!suffices("cleanup.policy", "compact", "delete"));
    }
}
