//! Measures the log on Kafka beside a raw producer of the same client library that sends the same records
//! with the same headers, on brokers of its own: records a second and latencies of acknowledgement.
//!
//! `cargo run --release -p log-kafka --example throughput -- [brokers] [seconds]`

#![expect(clippy::unwrap_used, reason = "a measurement ends with a panic")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use codec::Schemas;
use domain::{LaneId, Position};
use kafka_up::Cluster;
use log::conformance::{deliver, sample_event, sample_stream};
use log::{Chain, Claim, Delivery, FrameBuilder, Handover, Log, Record, Sha256Chain};
use log_kafka::{Durability, KafkaLog, Options, topics};
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};

/// Records of one frame, and bytes of each datum.
const RECORDS: u16 = 3;
const DATUM_BYTES: usize = 200;

fn main() {
    let mut args = std::env::args().skip(1).map(|it| it.parse::<u64>().unwrap());
    let brokers = u16::try_from(args.next().unwrap_or(1)).unwrap();
    let lasts = Duration::from_secs(args.next().unwrap_or(5));
    let mut up = kafka_up::Options::for_test(brokers);
    (up.quick, up.heap_mb) = (false, 1024);
    let cluster = Cluster::start(&up).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (log, options) = open(&cluster, dir.path());
    let raw = Raw::new(&options);

    println!("{brokers} broker(s), frames of {RECORDS} records of {DATUM_BYTES} bytes, one lane");
    let lane = log.topics().lanes().next().unwrap();
    let mut owner = Owner::claim(&*log, lane);
    // Brokers compile what they run often.
    owner.run(&*log, 64, lasts);
    let samples = raw.samples(owner.written.min(20_000));
    raw.run(&samples, 64, lasts);
    println!("what               open frames   records/s   p50 ms   p99 ms   max ms");
    for open in [64, 1_024] {
        for _ in 0..2 {
            owner.run(&*log, open, lasts).print("log-kafka", open);
            raw.run(&samples, open, lasts).print("raw rdkafka", open);
        }
    }
    for what in ["raw rdkafka, fresh", "raw rdkafka, fresh"] {
        println!("first acknowledgement, {what}: {:?}", Raw::new(&options).first(&samples));
    }
}

fn open(cluster: &Cluster, dir: &std::path::Path) -> (Arc<KafkaLog>, Options) {
    let schemas = Arc::new(Schemas::builder().build().unwrap());
    let mut options = Options::new(cluster.bootstrap(), dir.join("replica"), schemas);
    options = options.topic("ours.events", 1).topic("raw.events", 1);
    if cluster.brokers().len() < 3 {
        options.durability = Durability::None;
    }
    topics::apply(&options, None).unwrap();
    (Arc::new(KafkaLog::open(&options).unwrap().0), options)
}

/// What a run came to.
struct Measured {
    records: u64,
    took: Duration,
    latencies: Vec<Duration>,
}

impl Measured {
    fn print(mut self, what: &str, open: u64) {
        self.latencies.sort_unstable();
        let at = |part: f64| {
            let last = self.latencies.len().saturating_sub(1);
            #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a rank")]
            #[expect(clippy::cast_possible_truncation, reason = "a rank")]
            let rank = (last as f64 * part) as usize;
            self.latencies.get(rank).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rate = self.records as f64 / self.took.as_secs_f64();
        println!(
            "{what:18} {open:11} {rate:11.0} {:8.2} {:8.2} {:8.2}",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

/// The owner of a lane, as far as writing goes.
struct Owner {
    lane: LaneId,
    epoch: u64,
    seq: u64,
    head: log::Head,
    next: u64,
    written: u64,
}

impl Owner {
    fn claim(log: &dyn Log, lane: LaneId) -> Self {
        let at = domain::Timestamp::from_millis(1);
        let claim =
            Claim { id: uuid::Uuid::new_v4(), at, node: "bench".into(), url: String::new() };
        let (prev, bytes) = (log.topics().genesis(lane), Record::claim(1, &claim));
        let head = Sha256Chain::extend(&prev, &bytes);
        let begun = Instant::now();
        let claimed = deliver(log, vec![Handover { lane, prev, records: 1, bytes }]);
        println!("first acknowledgement, log-kafka: {:?}", begun.elapsed());
        assert_eq!(claimed, [Delivery::At { first: 0, contiguous: true }]);
        Self { lane, epoch: 1, seq: 1, head, next: 1, written: 0 }
    }

    fn frame(&mut self) -> Handover {
        let mut frame = FrameBuilder::new(self.epoch, self.seq + 1, RECORDS);
        for place in 0..u64::from(RECORDS) {
            let position = Position { lane: self.lane, seq: self.seq + 1 + place };
            let (meta, mut data) = sample_event(&sample_stream(self.seq % 1_000), position);
            data.datum = vec![7; DATUM_BYTES];
            frame.event(&meta, &data, None);
        }
        let bytes = frame.finish();
        let (lane, prev) = (self.lane, self.head);
        self.head = Sha256Chain::extend(&self.head, &bytes);
        self.seq += u64::from(RECORDS);
        self.written += u64::from(RECORDS);
        Handover { lane, prev, records: RECORDS, bytes }
    }

    /// Keeps so many frames open, as an owner does: in rounds of what has come back.
    fn run(&mut self, log: &dyn Log, open_max: u64, lasts: Duration) -> Measured {
        let (tell, told) = mpsc::channel();
        let begun = Instant::now();
        let (mut open, mut records, mut latencies) = (0, 0, Vec::new());
        while begun.elapsed() < lasts || open > 0 {
            while open < open_max && begun.elapsed() < lasts {
                let (handover, tell, at) = (self.frame(), tell.clone(), Instant::now());
                let done = move |it: Vec<Delivery>| drop(tell.send((it, at.elapsed())));
                log.append(vec![handover], Box::new(done));
                open += 1;
            }
            let mut next = told.recv().ok();
            while let Some((delivery, latency)) = next {
                assert_eq!(delivery, [Delivery::At { first: self.next, contiguous: true }]);
                self.next += u64::from(RECORDS);
                records += u64::from(RECORDS);
                latencies.push(latency);
                open -= 1;
                next = told.try_recv().ok();
            }
        }
        Measured { records, took: begun.elapsed(), latencies }
    }
}

/// A producer that knows nothing of frames.
struct Raw {
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
    fn new(options: &Options) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &options.brokers).set("enable.idempotence", "true");
        config.set("acks", "all").set("linger.ms", "0");
        config.set("queue.buffering.max.messages", "2000000");
        let producer = BaseProducer::from_config_and_context(&config, Reports::default()).unwrap();
        Self { producer: Arc::new(producer), brokers: options.brokers.clone() }
    }

    /// The records that the log has written.
    fn samples(&self, count: u64) -> Vec<OwnedMessage> {
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

    fn first(&self, samples: &[OwnedMessage]) -> Duration {
        let begun = Instant::now();
        self.send(&samples[0], Some(begun));
        while self.producer.context().frames.load(Ordering::Acquire) == 0 {
            self.producer.poll(Duration::from_millis(1));
        }
        begun.elapsed()
    }

    fn run(&self, samples: &[OwnedMessage], open_max: u64, lasts: Duration) -> Measured {
        let context = Arc::clone(self.producer.context());
        context.latencies.lock().unwrap().clear();
        let (records, frames) =
            (context.records.load(Ordering::Acquire), context.frames.load(Ordering::Acquire));
        let polls = Arc::clone(&self.producer);
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
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
