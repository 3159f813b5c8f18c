//! The local replica: kept over a restart, thrown away when it is not one of this log, and right about
//! records that are not ours.

use std::time::Duration;

use log::conformance::{Scribe, deliver, sample_stream};
use log::{Delivery, Follower, Log};
use log_kafka::{KafkaLog, Options};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support;

/// Ten frames on the first lane.
fn write(log: &KafkaLog) -> Scribe {
    let lane = log.topics().lanes().next().unwrap();
    let mut scribe = Scribe::new(log, lane);
    let mut handovers = vec![scribe.claim()];
    handovers.extend((0..10).map(|at| scribe.frame(&sample_stream(at), 2)));
    let deliveries = deliver(log, handovers);
    assert!(deliveries.iter().all(|it| matches!(it, Delivery::At { contiguous: true, .. })));
    assert!(log.catch_up(Duration::from_secs(30)));
    scribe
}

fn raw(options: &Options, key: Option<&str>, value: &str) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &options.brokers).create().unwrap();
    let topic = format!("{}{}", options.prefix, options.topics[0].0);
    let mut record: BaseRecord<'_, str, str> = BaseRecord::to(&topic).partition(0).payload(value);
    record.key = key;
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

#[test]
fn a_restart_reads_only_what_is_new() {
    let (log, options, _replica) = support::create(support::one());
    write(&log);
    drop(log);
    let (_, opened) = KafkaLog::open(&options).unwrap();
    assert_eq!((opened.records, opened.replicated), (21, 21));
    assert_eq!(opened.replica_emptied, None);
}

#[test]
fn a_damaged_replica_is_read_again() {
    let (log, options, _replica) = support::create(support::one());
    let scribe = write(&log);
    drop(log);
    let segments = options.replica.join("segments");
    let file = std::fs::read_dir(segments).unwrap().map(|it| it.unwrap().path());
    let file = file.filter(|it| it.extension().is_some_and(|it| it == "segment")).min();
    let file = file.expect("a segment file");
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() / 64;
    bytes[4_096 + 100] ^= 1;
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let log = support::open(&options);
    assert!(log.catch_up(Duration::from_secs(30)));
    let state = log.state(scribe.lane).unwrap();
    assert_eq!((state.seq, state.head), (scribe.seq, scribe.head));
}

#[test]
fn the_replica_of_another_log_is_not_used() {
    let (log, options, replica) = support::create(support::one());
    write(&log);
    drop(log);
    // Another log in the same cluster, with the same replica by mistake.
    let mut other = support::options(support::one(), &replica);
    other.replica.clone_from(&options.replica);
    log_kafka::topics::apply(&other, None).unwrap();
    let (log, opened) = KafkaLog::open(&other).unwrap();
    assert_eq!((opened.records, opened.replicated), (0, 0));
    let lane = log.topics().lanes().next().unwrap();
    assert_eq!(log.read(lane, 0, 1 << 20).unwrap(), []);
}

#[test]
fn records_of_somebody_else_are_void_and_the_lane_goes_on() {
    let (log, options, _replica) = support::create(support::one());
    let mut scribe = write(&log);
    raw(&options, Some("k"), "somebody else's");
    raw(&options, None, "");
    let stream = sample_stream(3);
    let more = deliver(&*log, vec![scribe.frame(&stream, 2)]);
    assert_eq!(more, [Delivery::At { first: 23, contiguous: true }]);
    let (after, _, _other) = support::elsewhere(&options);
    for log in [&log, &after] {
        let mut follower = Follower::from_start(&**log, scribe.lane);
        while !follower.poll(&**log).unwrap().is_empty() {}
        assert_eq!(follower.state().head, scribe.head);
        assert_eq!(follower.voids().count, 2);
        assert_eq!(follower.voids().last_offset, Some(22));
        assert_eq!(log.read_stream(scribe.lane, &stream, 0).unwrap().len(), 4);
    }
}
