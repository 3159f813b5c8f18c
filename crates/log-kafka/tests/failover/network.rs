//! A network that holds requests back and loses answers, by a proxy that knows Kafka's frames. Not brokers
//! that die.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use domain::LaneId;
use kafka_up::proxy::{Proxy, api};
use kafka_up::{Cluster, Secure};
use log::conformance::{Scribe, deliver, sample_stream};
use log::{Delivery, Follower, Log};
use log_kafka::{KafkaLog, Options, topics};

use crate::{alone, support, under};

/// A request is on its way to the broker well within this.
pub(crate) const SENT_WITHIN: Duration = Duration::from_secs(20);

/// A broker that some clients reach directly, and others through the proxy.
pub(crate) fn broker() -> &'static (Cluster, Proxy) {
    static BROKER: OnceLock<(Cluster, Proxy)> = OnceLock::new();
    BROKER.get_or_init(|| {
        let proxy = Proxy::new().unwrap();
        let mut options = kafka_up::Options::for_test(1);
        let secure = Secure { protocol: "PLAINTEXT".to_owned(), ..Secure::default() };
        options.secure = Some(Secure { advertised: Some(proxy.port()), ..secure });
        // How long a producer was idle a broker judges by the times of its records. Ours are of 1970, so each
        // time that it looks it forgets all of them.
        let look = ("producer.id.expiration.check.interval.ms".to_owned(), "2000".to_owned());
        options.properties.push(look);
        let cluster = Cluster::start(&options).unwrap();
        let address = cluster.broker(1).unwrap().secure_address().unwrap();
        proxy.lead_to(address.parse::<SocketAddr>().unwrap());
        (cluster, proxy)
    })
}

/// The same log from a node behind the proxy.
pub(crate) fn behind(options: &Options, proxy: &Proxy) -> (Arc<KafkaLog>, tempfile::TempDir) {
    let replica = tempfile::tempdir().unwrap();
    let mut options = options.clone();
    options.replica = replica.path().join("replica");
    options.brokers = format!("127.0.0.1:{}", proxy.port());
    (support::open(&options), replica)
}

/// Where every valid frame that a node reads begins (its seq) and whether it is a claim, and how many
/// records are void.
pub(crate) fn valid(log: &dyn Log, lane: LaneId) -> (Vec<(u64, bool)>, u64) {
    let mut follower = Follower::from_start(log, lane);
    let mut frames = Vec::new();
    loop {
        let more = follower.poll(log).unwrap();
        if more.is_empty() {
            assert_eq!(follower.voids().alarms, 0, "all this is foreseen");
            return (frames, follower.voids().count);
        }
        frames.extend(more.iter().map(|it| (it.first, it.is_claim())));
    }
}

#[test]
fn a_write_that_the_network_held_back_is_void_when_it_arrives_behind_another_owner() {
    const ROUNDS: u64 = 5;
    let _alone = alone();
    let (cluster, proxy) = broker();
    let (new, options, _replica) = support::create(cluster);
    let (old, _other) = behind(&options, proxy);
    let lane = old.topics().lanes().next().unwrap();
    let stream = sample_stream(1);
    let mut zombie = Scribe::new(&*old, lane);
    for round in 0..ROUNDS {
        let claimed = deliver(&*old, vec![zombie.claim()]);
        let [Delivery::At { first, .. }] = claimed[..] else { panic!("{claimed:?}") };
        let expected = first + 1;
        let mut rival = zombie.clone();

        proxy.hold(api::PRODUCE);
        let (tell, told) = std::sync::mpsc::channel();
        let frame = zombie.frame(&stream, 3);
        old.append(vec![frame], Box::new(move |it| drop(tell.send(it))));
        let begun = Instant::now();
        while proxy.holds(api::PRODUCE) == 0 {
            assert!(begun.elapsed() < SENT_WITHIN, "round {round}: nothing was sent");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Another owner takes the lane over, and serves; the old one has heard nothing.
        let claimed = deliver(&*new, vec![rival.claim()]);
        assert_eq!(claimed, [Delivery::At { first: expected, contiguous: true }]);
        let served = deliver(&*new, vec![rival.frame(&stream, 2)]);
        assert_eq!(served, [Delivery::At { first: expected + 1, contiguous: true }]);
        assert!(told.try_recv().is_err(), "round {round}: it is still held");

        proxy.release();
        let delivered = told.recv_timeout(SENT_WITHIN).unwrap();
        // It is in the log, where its owner did not expect it: nobody is told that it happened.
        assert_eq!(delivered, [Delivery::At { first: expected + 3, contiguous: true }]);
        let served = deliver(&*new, vec![rival.frame(&stream, 1)]);
        assert_eq!(served, [Delivery::At { first: expected + 6, contiguous: true }]);
        zombie = rival;
    }
    let (after, _, _replica) = support::elsewhere(&options);
    let read = |log: &KafkaLog| {
        assert!(log.catch_up(Duration::from_mins(1)));
        valid(log, lane)
    };
    let (frames, void) = read(&after);
    assert_eq!(frames.iter().filter(|(_, is_claim)| !is_claim).count() as u64, 2 * ROUNDS);
    assert_eq!(void, 3 * ROUNDS, "every record that came too late");
    assert_eq!(read(&old), (frames.clone(), void), "the old owner reads the same");
    assert_eq!(read(&new), (frames, void), "and so does the new one");
}

#[test]
fn answers_that_the_network_lost_lose_and_double_nothing() {
    let _alone = alone();
    let (cluster, proxy) = broker();
    let replica = tempfile::tempdir().unwrap();
    let options = support::options(cluster, &replica);
    topics::apply(&options, None).unwrap();
    // Producers that hear nothing of their first ids.
    proxy.lose_answers(api::INIT_PRODUCER_ID, 3);
    let (log, _replica) = behind(&options, proxy);
    let lane = log.topics().lanes().next().unwrap();
    let lost = proxy.lost();
    let (seen, void) = under(&options, &log, lane, || {
        std::thread::sleep(Duration::from_secs(1));
        for _ in 0..10 {
            proxy.lose_answers(api::PRODUCE, 1);
            std::thread::sleep(Duration::from_millis(300));
        }
        proxy.lose_answers(api::PRODUCE, 7);
        std::thread::sleep(Duration::from_secs(2));
    });
    let lost = proxy.lost() - lost;
    println!(
        "{lost} answers lost: {} commands, {} epochs, {} broken, {void} void",
        seen.committed.len(),
        seen.epochs,
        seen.broken
    );
    assert!(lost >= 10, "{lost} answers were lost");
    assert!(seen.committed.len() > 1_000);
}
