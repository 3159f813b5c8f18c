//! Topics are made as the log needs them, and others are refused with what to do.

use std::time::Duration;

use futures_executor::block_on;
use log::Log;
use log_kafka::{Durability, KafkaLog, OpenError, topics};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::support;

fn make(brokers: &str, topic: &NewTopic<'_>) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let limits = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    for made in block_on(admin.create_topics([topic], &limits)).unwrap() {
        made.unwrap();
    }
}

#[test]
fn topics_are_made_once_and_found_to_be_well() {
    let cluster = support::three();
    let (log, mut options, _replica) = support::create(cluster);
    assert_eq!(topics::check(&options).unwrap(), []);
    let again = topics::apply(&options, None).unwrap();
    assert!(again.made.is_empty());
    assert_eq!(again.topics, *log.topics());
    options = options.topic("more.events", 2);
    let more = topics::apply(&options, None).unwrap();
    assert_eq!(more.made, [format!("{}more.events", options.prefix)]);
    assert_eq!(more.topics.log(), log.topics().log(), "it is the same log");
    assert_eq!(more.topics.all()[..2], *log.topics().all(), "numbers of topics stay");
}

#[test]
fn a_topic_that_forgets_is_refused_and_the_message_says_what_to_do() {
    let cluster = support::three();
    let replica = tempfile::tempdir().unwrap();
    let mut options = support::options(cluster, &replica);
    options.topics = vec![("a.events".to_owned(), 4)];
    let name = format!("{}a.events", options.prefix);
    let wrong = NewTopic::new(&name, 3, TopicReplication::Fixed(2))
        .set("retention.ms", "604800000")
        .set("cleanup.policy", "compact")
        .set("min.insync.replicas", "1")
        .set("retention.bytes", "-1");
    make(&options.brokers, &wrong);
    let error = topics::apply(&options, None).unwrap_err();
    let OpenError::Topics(findings) = &error else { panic!("{error}") };
    let found: Vec<(&str, &str, &str)> =
        findings.iter().map(|it| (it.what.as_str(), it.is.as_str(), it.should.as_str())).collect();
    assert_eq!(
        found,
        [
            ("partitions", "3", "4"),
            ("replicas", "2", "3"),
            ("cleanup.policy", "compact", "delete"),
            ("retention.ms", "604800000", "-1"),
            ("min.insync.replicas", "1", "2"),
            ("max.message.bytes", "1048588", "4194304"),
        ]
    );
    let text = error.to_string();
    let fix = format!("--entity-name {name} --add-config retention.ms=-1");
    assert!(text.contains(&fix), "{text}");
    let refused = KafkaLog::open(&options).unwrap_err();
    assert!(matches!(refused, OpenError::Topics(_)), "{refused}");
}

#[test]
fn one_broker_keeps_no_log_unless_told_that_it_may_be_lost() {
    let cluster = support::one();
    let replica = tempfile::tempdir().unwrap();
    let mut options = support::options(cluster, &replica);
    options.durability = Durability::OneBroker;
    let error = topics::apply(&options, None).unwrap_err().to_string();
    assert!(error.starts_with("1 brokers cannot keep 3 replicas"), "{error}");
}

#[test]
fn a_cluster_without_the_log_is_said_to_be_one() {
    let cluster = support::one();
    let replica = tempfile::tempdir().unwrap();
    let options = support::options(cluster, &replica);
    let error = KafkaLog::open(&options).unwrap_err();
    assert!(matches!(error, OpenError::Absent { .. }), "{error}");
    assert!(error.to_string().contains("`recount topics apply`"), "{error}");
}

#[test]
fn brokers_that_do_not_answer_are_named() {
    let cluster = support::one();
    let replica = tempfile::tempdir().unwrap();
    let mut options = support::options(cluster, &replica);
    options.brokers = "127.0.0.1:1".to_owned();
    options.connect_timeout = Duration::from_secs(1);
    let error = KafkaLog::open(&options).unwrap_err().to_string();
    assert!(error.starts_with("brokers 127.0.0.1:1 do not answer: "), "{error}");
    assert!(error.contains("Connection refused"), "{error}");
}
