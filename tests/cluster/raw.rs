//! A raw producer beside the product: what a client of Kafka with the same promises (idempotent, all
//! replicas in sync) waits when its broker dies. Not a part of what is tested.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext};

/// Between two records: often enough to see a pause at a hundredth of a second.
const EVERY: Duration = Duration::from_millis(10);
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// A record is delivered well within this, or the cluster is gone.
const DELIVERED_MAX: Duration = Duration::from_mins(2);

/// The broker that leads a partition.
pub(crate) fn leader(brokers: &str, topic: &str, partition: i32) -> i32 {
    let asker: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let begun = Instant::now();
    loop {
        let metadata = asker.fetch_metadata(Some(topic), ANSWER_MAX).unwrap();
        let mut partitions = metadata.topics().iter().flat_map(|it| it.partitions());
        let found = partitions.find(|it| it.id() == partition).map_or(-1, |it| it.leader());
        if found > 0 {
            return found;
        }
        assert!(begun.elapsed() < ANSWER_MAX, "nobody leads {topic}/{partition}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A producer that writes without a pause.
pub(crate) struct Raw {
    stop: Arc<AtomicBool>,
    writes: JoinHandle<Duration>,
    acked: Arc<AtomicU64>,
}

#[derive(Default)]
struct Reports {
    longest: Mutex<Duration>,
    acked: Arc<AtomicU64>,
}

impl ClientContext for Reports {}

impl ProducerContext<NoCustomPartitioner> for Reports {
    /// When it was sent.
    type DeliveryOpaque = Box<Instant>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Instant>) {
        assert!(result.is_ok(), "the raw producer lost a record");
        let mut longest = self.longest.lock().unwrap();
        *longest = (*longest).max(sent.elapsed());
        self.acked.fetch_add(1, Ordering::Relaxed);
    }
}

impl Raw {
    /// Makes a topic of one partition that this broker leads, and begins to write to it; comes back when
    /// the first record, which takes longer than others, was acknowledged.
    pub(crate) async fn start(brokers: &str, topic: &str, led_by: i32) -> Self {
        make(brokers, topic, led_by).await;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("enable.idempotence", "true");
        config.set("acks", "all").set("linger.ms", "0");
        let acked = Arc::new(AtomicU64::new(0));
        let reports = Reports { acked: Arc::clone(&acked), ..Reports::default() };
        let producer: BaseProducer<Reports> = config.create_with_context(reports).unwrap();
        let (stop, topic) = (Arc::new(AtomicBool::new(false)), topic.to_owned());
        let stopped = Arc::clone(&stop);
        let writes = std::thread::spawn(move || {
            send(&producer, &topic);
            producer.flush(DELIVERED_MAX).unwrap();
            *producer.context().longest.lock().unwrap() = Duration::ZERO;
            while !stopped.load(Ordering::Acquire) {
                send(&producer, &topic);
                producer.poll(EVERY);
            }
            producer.flush(DELIVERED_MAX).unwrap();
            let longest = *producer.context().longest.lock().unwrap();
            longest
        });
        let begun = Instant::now();
        while acked.load(Ordering::Relaxed) < 2 {
            assert!(begun.elapsed() < DELIVERED_MAX, "the raw producer writes nothing");
            std::thread::sleep(EVERY);
        }
        Self { stop, writes, acked }
    }

    /// Ends it when everything is acknowledged; gives the longest time from sending a record to its
    /// acknowledgement.
    pub(crate) fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Release);
        let longest = self.writes.join().unwrap();
        assert!(self.acked.load(Ordering::Relaxed) > 10, "it wrote all the time");
        longest
    }
}

fn send(producer: &BaseProducer<Reports>, topic: &str) {
    let record = BaseRecord::with_opaque_to(topic, Box::new(Instant::now()));
    assert!(producer.send(record.partition(0).key("k").payload(&[7; 200])).is_ok());
}

async fn make(brokers: &str, topic: &str, led_by: i32) {
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> =
        config.set("bootstrap.servers", brokers).create().unwrap();
    // The first replica leads.
    let replicas = [led_by, led_by % 3 + 1, (led_by + 1) % 3 + 1];
    let assigned: [&[i32]; 1] = [&replicas];
    let new = NewTopic::new(topic, 1, TopicReplication::Variable(&assigned));
    let new = new.set("min.insync.replicas", "2");
    let limits = AdminOptions::new().operation_timeout(Some(ANSWER_MAX));
    let made = admin.create_topics([&new], &limits).await.unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    assert_eq!(leader(brokers, topic, 0), led_by);
}
