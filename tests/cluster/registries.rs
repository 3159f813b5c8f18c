//! A client that knows nothing of us (`schema_registry_converter`, in the program `foreign-client`) decodes
//! what lies in our topics, with the schemas of our registry and of one that is not ours. Not the tools
//! that read without a schema.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::OwnedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use recount_tests::peers::Apicurio;
use serde_json::Value;

use crate::nodes::Ground;

/// What a partition holds is read well within this.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// A registry that is not ours, with our schemas as `recount schema register` brings them there.
pub(crate) fn filled(ground: &Ground) -> Apicurio {
    let apicurio = Apicurio::start();
    let url = apicurio.url();
    let register = ["schema", "register", "--registry", &url];
    // Its first answers take a new JVM long, where three brokers are busy beside it.
    let began = Instant::now();
    let mut first = ground.run("admin", &register);
    while first.code == 4 && began.elapsed() < Duration::from_mins(4) {
        first = ground.run("admin", &register);
    }
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    eprintln!("recount schema register --registry {url}\n  {}", first.stdout.trim());
    let again = ground.run("admin", &register);
    assert!(again.code == 0 && again.stdout.contains(" 0 new"), "{}{}", again.stdout, again.stderr);
    let nobody = ["schema", "register", "--registry", "http://127.0.0.1:9"];
    assert_eq!(ground.run("admin", &nobody).code, 4, "nobody listens there");
    apicurio
}

/// Every record of a topic.
pub(crate) fn records(brokers: &str, topic: &str) -> Vec<OwnedMessage> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "outsider");
    let consumer: BaseConsumer = config.set("enable.partition.eof", "true").create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(30)).unwrap();
    let mut assigned = TopicPartitionList::new();
    let partitions = metadata.topics()[0].partitions();
    for partition in partitions {
        assigned.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&assigned).unwrap();
    let (mut all, mut ends) = (Vec::new(), 0);
    while ends < partitions.len() {
        match consumer.poll(SILENT_AFTER).expect("a partition has records or an end") {
            Ok(message) => all.push(message.detach()),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ends += 1,
            Err(error) => panic!("{topic}: {error}"),
        }
    }
    all
}

/// Decodes the events of these streams and compares them with what was written: `title 0` in the first.
pub(crate) fn decode(registry: &str, records: &[OwnedMessage], streams: &[String]) {
    let mut hex = String::new();
    for stream in streams {
        let record = records.iter().find(|it| it.key() == Some(stream.as_bytes())).unwrap();
        record.payload().unwrap().iter().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
        hex.push('\n');
    }
    let mut client = Command::new(beside_the_product("foreign-client"));
    client.arg(registry).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = client.spawn().expect("cargo build --release -p foreign-client builds it");
    client.stdin.take().unwrap().write_all(hex.as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "the foreign client failed");
    let decoded = String::from_utf8(output.stdout).unwrap();
    assert_eq!(decoded.lines().count(), streams.len(), "{decoded}");
    for (n, line) in decoded.lines().enumerate() {
        let decoded: Value = serde_json::from_str(line).unwrap();
        assert_eq!(decoded["schema"], "content.post.DraftedV1", "{decoded}");
        assert_eq!(decoded["value"]["title"], format!("title {n}"), "{decoded}");
        assert_eq!(decoded["value"]["body"], format!("body {n}"), "{decoded}");
        eprintln!("  {line}");
    }
}

/// Another program of the same build.
fn beside_the_product(name: &str) -> PathBuf {
    let binary = std::env::var_os("RECOUNT_BIN").expect("RECOUNT_BIN names the built binary");
    PathBuf::from(binary).with_file_name(name)
}
