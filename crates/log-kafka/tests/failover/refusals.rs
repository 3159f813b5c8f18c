//! Brokers that answer with errors, that forget who writes, and that are too few. Not brokers that die alone.

use std::process::Stdio;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use domain::LaneId;
use kafka_up::Cluster;
use kafka_up::proxy::{Proxy, api};
use log::conformance::{Scribe, deliver, sample_stream};
use log::{Delivery, Handover, Log};
use log_kafka::{KafkaLog, Options};

use crate::network::{SENT_WITHIN, behind, broker, valid};
use crate::{alone, leader, support, under, until};

/// Hands a frame over, and does not wait.
fn send(log: &KafkaLog, frame: Handover) -> mpsc::Receiver<Vec<Delivery>> {
    let (tell, told) = mpsc::channel();
    log.append(vec![frame], Box::new(move |it| drop(tell.send(it))));
    told
}

/// A log that is reached through the proxy only.
fn refused() -> (Arc<KafkaLog>, Options, &'static Proxy, [tempfile::TempDir; 2]) {
    let (cluster, proxy) = broker();
    let (direct, options, its) = support::create(cluster);
    drop(direct);
    let (log, replica) = behind(&options, proxy);
    (log, options, proxy, [its, replica])
}

/// Kafka's numbers of what a broker may answer a write with.
const ERRORS: [(i16, &str); 12] = [
    (3, "UNKNOWN_TOPIC_OR_PARTITION"),
    (6, "NOT_LEADER_OR_FOLLOWER"),
    (7, "REQUEST_TIMED_OUT"),
    (10, "MESSAGE_TOO_LARGE"),
    (19, "NOT_ENOUGH_REPLICAS"),
    (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND"),
    (45, "OUT_OF_ORDER_SEQUENCE_NUMBER"),
    (46, "DUPLICATE_SEQUENCE_NUMBER"),
    (47, "INVALID_PRODUCER_EPOCH"),
    (56, "KAFKA_STORAGE_ERROR"),
    (59, "UNKNOWN_PRODUCER_ID"),
    (87, "INVALID_RECORD"),
];

#[test]
fn whatever_error_a_broker_answers_with_nothing_is_lost_or_doubled() {
    let _alone = alone();
    let (log, options, proxy, _replicas) = refused();
    let lane = log.topics().lanes().next().unwrap();
    let (seen, void) = under(&options, &log, lane, || {
        std::thread::sleep(Duration::from_secs(1));
        for (error, name) in ERRORS {
            for times in [1, 3] {
                let refused = proxy.refused();
                proxy.refuse_writes(error, times);
                until(name, || proxy.refused() == refused + times);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    });
    println!(
        "{} errors: {} commands, {} epochs, {} broken, {void} void",
        ERRORS.len() * 4,
        seen.committed.len(),
        seen.epochs,
        seen.broken
    );
    assert!(seen.committed.len() > 1_000);
    // Some errors the client library cannot get past.
    assert!(seen.broken > 0);
}

#[test]
fn a_broker_that_does_not_lead_is_not_asked_again_at_once() {
    let _alone = alone();
    let (log, _options, proxy, _replicas) = refused();
    let lane = log.topics().lanes().next().unwrap();
    let mut scribe = Scribe::new(&*log, lane);
    let claimed = deliver(&*log, vec![scribe.claim()]);
    assert!(matches!(claimed[..], [Delivery::At { .. }]));
    let refused = proxy.refused();
    proxy.refuse_writes(6, u32::MAX);
    let told = send(&log, scribe.frame(&sample_stream(1), 2));
    until("a write is refused", || proxy.refused() > refused);
    std::thread::sleep(Duration::from_secs(2));
    let asked = proxy.refused() - refused;
    assert!(told.try_recv().is_err(), "a leader may still be found");
    proxy.refuse_writes(6, 0);
    let delivered = told.recv_timeout(SENT_WITHIN).unwrap();
    println!("2 s without a leader: asked {asked} times");
    assert_eq!(delivered, [Delivery::At { first: 1, contiguous: true }]);
    // A hot loop asks thousands of times.
    assert!(asked < 200, "asked {asked} times");
}

/// How many producers a broker knows that have written to a lane, as Kafka's own tool says.
fn producers(cluster: &Cluster, options: &Options, log: &KafkaLog, lane: LaneId) -> usize {
    let mut tool = cluster.tool("org.apache.kafka.tools.TransactionsCommand").unwrap();
    tool.args(["--bootstrap-server", &cluster.bootstrap(), "describe-producers", "--topic"]);
    tool.arg(format!("{}{}", options.prefix, log.topics().name(lane.topic)));
    let output = tool.args(["--partition", &lane.index.to_string()]).stdin(Stdio::null()).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.starts_with("ProducerId"), "{said}{says}");
    said.lines().skip(1).filter(|line| !line.trim().is_empty()).count()
}

/// A write is in the log, its answer is lost, and when the client asks again the broker has forgotten that
/// it wrote it: it is there twice.
#[test]
fn a_write_that_a_forgetful_broker_takes_twice_happened_once() {
    let _alone = alone();
    let (cluster, proxy) = broker();
    let (new, mut options, _replica) = support::create(cluster);
    // Nobody gives up while Kafka's tool starts, however long that takes.
    options.stall_timeout = Duration::from_mins(3);
    options.settings.push(("socket.timeout.ms".to_owned(), "180000".to_owned()));
    let (old, _other) = behind(&options, proxy);
    let lane = old.topics().lanes().next().unwrap();
    let stream = sample_stream(1);
    let mut scribe = Scribe::new(&*old, lane);
    let delivered = deliver(&*old, vec![scribe.claim(), scribe.frame(&stream, 1)]);
    assert!(matches!(delivered[..], [Delivery::At { first: 0, .. }, Delivery::At { .. }]));

    let lost = proxy.lost();
    proxy.lose_answer_then_hold(api::PRODUCE);
    let told = send(&old, scribe.frame(&stream, 3));
    until("the answer is lost", || proxy.lost() > lost);
    until("it is asked again", || proxy.holds(api::PRODUCE) > 0);
    until("the broker forgets", || producers(cluster, &options, &old, lane) == 0);
    proxy.release();
    let delivered = told.recv_timeout(SENT_WITHIN).unwrap();
    println!("taken twice: {delivered:?}");
    // Not where it was expected: its owner does not tell anybody that it happened, and looks.
    assert_eq!(delivered, [Delivery::At { first: 5, contiguous: true }]);
    // An idle lane whose producer is not known any more goes on.
    let claimed = deliver(&*old, vec![scribe.claim()]);
    assert_eq!(claimed, [Delivery::At { first: 8, contiguous: true }]);
    let (after, _, _replica) = support::elsewhere(&options);
    let all = vec![(1, true), (2, false), (3, false), (6, true)];
    for log in [&old, &new, &after] {
        assert!(log.catch_up(Duration::from_mins(1)));
        assert_eq!(valid(&**log, lane), (all.clone(), 3), "once, and the second time is void");
    }
}

#[test]
fn two_brokers_of_three_gone_nothing_is_acknowledged_until_they_are_back() {
    let _alone = alone();
    let cluster = support::three();
    let (log, options, _replica) = support::create(cluster);
    let mut lanes = log.topics().lanes();
    let (lane, other) = (lanes.next().unwrap(), lanes.next().unwrap());
    let mut scribe = Scribe::new(&*log, other);
    let claimed = deliver(&*log, vec![scribe.claim()]);
    assert!(matches!(claimed[..], [Delivery::At { .. }]));
    let mut told = None;
    let (seen, void) = under(&options, &log, lane, || {
        std::thread::sleep(Duration::from_secs(1));
        let leads = leader(&options, &log, other);
        let rest: Vec<_> = cluster.brokers().iter().filter(|it| it.id() != leads).collect();
        for broker in &rest {
            broker.kill().unwrap();
        }
        let sent = send(&log, scribe.frame(&sample_stream(1), 2));
        std::thread::sleep(Duration::from_secs(4));
        let early = sent.try_recv();
        assert!(!matches!(early.as_deref(), Ok([Delivery::At { .. }])), "{early:?}");
        for broker in &rest {
            broker.launch().unwrap();
        }
        for broker in &rest {
            broker.wait_serving(3).unwrap();
        }
        told = Some(early.unwrap_or_else(|_| sent.recv_timeout(Duration::from_mins(2)).unwrap()));
        std::thread::sleep(Duration::from_secs(1));
    });
    println!(
        "two of three gone: {} commands, {} broken, longest pause {:?}, {void} void; then {told:?}",
        seen.committed.len(),
        seen.broken,
        seen.pause
    );
    assert!(seen.committed.len() > 1_000);
    let (after, _, _replica) = support::elsewhere(&options);
    assert!(after.catch_up(Duration::from_mins(1)));
    let frames = valid(&*after, other).0.len();
    match told.as_deref() {
        Some([Delivery::At { .. }]) => assert_eq!(frames, 2, "what is acknowledged is there"),
        _ => assert!((1..=2).contains(&frames), "there or not, and never twice"),
    }
}
