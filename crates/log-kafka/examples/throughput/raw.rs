//! A raw producer of the client library that the log uses.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use log_kafka::Options;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};

use crate::RECORDS;
use crate::measured::Measured;

/// A producer that knows nothing of frames.
pub(crate) struct Raw {
    producer: Arc<BaseProducer<Reports>>,
    brokers: String,
}

#[derive(Default)]
struct Reports {
    records: AtomicU64,
    frames: AtomicU64,
    latencies: Mutex<Vec<Duration>>,
}

impl ClientContext for Reports {}

impl ProducerContext<NoCustomPartitioner> for Reports {
    /// When a frame was sent, on its last record.
    type DeliveryOpaque = Box<Option<Instant>>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Self::DeliveryOpaque) {
        assert!(result.is_ok());
        self.records.fetch_add(1, Ordering::Relaxed);
        if let Some(sent) = *sent {
            self.latencies.lock().unwrap().push(sent.elapsed());
            self.frames.fetch_add(1, Ordering::Release);
        }
    }
}

impl Raw {
    pub(crate) fn new(options: &Options) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &options.brokers).set("enable.idempotence", "true");
        config.set("acks", "all").set("linger.ms", "0");
        config.set("queue.buffering.max.messages", "2000000");
        let producer = BaseProducer::from_config_and_context(&config, Reports::default()).unwrap();
        Self { producer: Arc::new(producer), brokers: options.brokers.clone() }
    }

    /// The records that the log has written.
    pub(crate) fn samples(&self, count: u64) -> Vec<OwnedMessage> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", "bench");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut assigned = TopicPartitionList::new();
        assigned.add_partition_offset("ours.events", 0, Offset::Offset(1)).unwrap();
        consumer.assign(&assigned).unwrap();
        let count = usize::try_from(count).unwrap();
        let mut out = Vec::new();
        while out.len() < count {
            if let Some(Ok(message)) = consumer.poll(Duration::from_secs(1)) {
                out.push(message.detach());
            }
        }
        out
    }

    fn send(&self, message: &OwnedMessage, sent: Option<Instant>) {
        let mut headers = OwnedHeaders::new_with_capacity(8);
        for header in message.headers().unwrap().iter() {
            headers = headers.insert(header);
        }
        let record = BaseRecord::with_opaque_to("raw.events", Box::new(sent))
            .partition(0)
            .headers(headers)
            .key(message.key().unwrap())
            .payload(message.payload().unwrap());
        assert!(self.producer.send(record).is_ok());
    }

    pub(crate) fn first(&self, samples: &[OwnedMessage]) -> Duration {
        let begun = Instant::now();
        self.send(&samples[0], Some(begun));
        while self.producer.context().frames.load(Ordering::Acquire) == 0 {
            self.producer.poll(Duration::from_millis(1));
        }
        begun.elapsed()
    }

    pub(crate) fn run(&self, samples: &[OwnedMessage], open_max: u64, lasts: Duration) -> Measured {
        let context = Arc::clone(self.producer.context());
        context.latencies.lock().unwrap().clear();
        let (records, frames) =
            (context.records.load(Ordering::Acquire), context.frames.load(Ordering::Acquire));
        let polls = Arc::clone(&self.producer);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                polls.poll(Duration::from_millis(100));
            }
        });
        let (begun, mut sent, mut samples) = (Instant::now(), 0, samples.iter().cycle());
        while begun.elapsed() < lasts {
            if sent - (context.frames.load(Ordering::Acquire) - frames) >= open_max {
                std::thread::yield_now();
                continue;
            }
            let at = Instant::now();
            for place in 1..=RECORDS {
                self.send(samples.next().unwrap(), (place == RECORDS).then_some(at));
            }
            sent += 1;
        }
        self.producer.flush(Duration::from_mins(1)).unwrap();
        let took = begun.elapsed();
        stop.store(true, Ordering::Release);
        thread.join().unwrap();
        let records = context.records.load(Ordering::Acquire) - records;
        let latencies = std::mem::take(&mut *context.latencies.lock().unwrap());
        Measured { records, took, latencies }
    }
}
