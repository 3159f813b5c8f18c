//! W1 on real Kafka: the command runtime over the log on brokers of its own, beside a raw producer of the
//! same client library that sends the same records with the same headers, and Kafka's own measuring tool.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use codec::Schemas;
use kafka_up::Cluster;
use lane::{Commands, Election, Node};
use log::Log;
use log_kafka::{Durability, KafkaLog, Options, topics};
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{
    BaseRecord, NoCustomPartitioner, Producer, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};
use serde_json::json;

use crate::load::{self, Call, runtime};
use crate::measure::{Measured, cpu_s, tenths};
use crate::note::{self, AGGREGATES};
use crate::ours::Ours;
use crate::plan::Plan;
use crate::row::{Contestant, Goal, Row};
use crate::{Failed, Report};

/// Brokers and lanes of each row.
const ROWS: [(u16, u16); 4] = [(1, 1), (1, 8), (3, 1), (3, 8)];
/// Callers, and records that the raw producer keeps open.
const CALLERS: u64 = 64;
/// Topics.
const OURS: &str = "bench.events";
const RAW: &str = "raw.events";
/// The controls.
const PRODUCER: &str = "raw rdkafka producer, same records and headers";
const JAVA: &str = "ProducerPerformance, no headers";
/// Records of ours that the raw producer repeats.
const SAMPLES: usize = 5_000;
/// Memory of a broker.
const HEAP_MB: u32 = 768;
/// Until a broker has answered a client that waits for it.
const PATIENCE: Duration = Duration::from_mins(1);

fn failed(error: impl std::fmt::Display) -> Failed {
    Failed(error.to_string())
}

/// W1-K.
pub(crate) fn commands(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    for (brokers, lanes) in ROWS {
        let name = format!("W1-K/{brokers}x{lanes}");
        if plan.wants(&name) {
            row(plan, &name, brokers, lanes, report)?;
        }
    }
    Ok(())
}

fn row(
    plan: &Plan,
    name: &str,
    brokers: u16,
    lanes: u16,
    report: &mut Report,
) -> Result<(), Failed> {
    let mut up = kafka_up::Options::for_test(brokers);
    (up.quick, up.heap_mb) = (false, HEAP_MB);
    let cluster = Cluster::start(&up).map_err(failed)?;
    let beside = runtime()?;
    let (ours, options) = open(&cluster, &plan.fresh()?, lanes)?;
    let ours = Arc::new(ours);
    for number in 0..u64::from(lanes) * 8 {
        beside.block_on(ours.call(number)).map_err(Failed)?;
    }
    // Brokers compile what they run often.
    load::closed(&beside, CALLERS, plan.lasts * 2, &ours)?;
    let raw = Raw::new(&options, lanes)?;
    raw.run(plan.lasts)?;
    let mut own = Contestant::new("ours");
    let (mut producer, mut java) = (Contestant::new(PRODUCER), Contestant::new(JAVA));
    for _ in 0..plan.rounds {
        own.runs.push(load::closed(&beside, CALLERS, plan.lasts, &ours)?);
        producer.runs.push(raw.run(plan.lasts)?);
        java.runs.push(performance(&cluster, plan.lasts)?);
    }
    ours.stop(&beside);
    let p50 = |of: &Contestant| of.ms(0.5).unwrap_or_default();
    let more = vec![
        ("brokers", json!(brokers)),
        ("lanes", json!(lanes)),
        ("p50_more_ms", json!(p50(&own) - p50(&producer))),
    ];
    report.add(&Row {
        name: name.to_owned(),
        ours: own,
        controls: vec![producer, java],
        peers: Vec::new(),
        goal: Some(Goal::PartOf(PRODUCER, 0.8, None)),
        more,
    });
    drop(raw);
    cluster.down().map_err(failed)
}

/// The command runtime as the only node of a cluster.
fn open(cluster: &Cluster, dir: &Path, lanes: u16) -> Result<(Ours, Options), Failed> {
    let schemas = Arc::new(Schemas::builder().build().map_err(failed)?);
    let mut options = Options::new(cluster.bootstrap(), dir.join("replica"), schemas);
    options = options.topic(OURS, lanes).topic(RAW, lanes);
    if cluster.brokers().len() < 3 {
        options.durability = Durability::None;
    }
    topics::apply(&options, None).map_err(failed)?;
    let log: Arc<dyn Log> = Arc::new(KafkaLog::open(&options).map_err(failed)?.0);
    let topic = log.topics().find(OURS).ok_or_else(|| Failed("no topic".to_owned()))?;
    let all = log.topics().lanes_of(topic).collect();
    let node = Node { name: "bench".to_owned(), url: "http://127.0.0.1:1".to_owned() };
    let commands = Commands::join(&log, note::deciders(), node)?;
    commands.elected(Election::Lanes(all));
    Ok((Ours::over(commands, AGGREGATES), options))
}

/// A producer that knows nothing of frames.
struct Raw {
    producer: ThreadedProducer<Reports>,
    told: mpsc::Receiver<Result<Instant, String>>,
    samples: Vec<OwnedMessage>,
    lanes: u16,
}

struct Reports(mpsc::Sender<Result<Instant, String>>);

impl ClientContext for Reports {}

impl ProducerContext<NoCustomPartitioner> for Reports {
    /// When it was sent.
    type DeliveryOpaque = Box<Instant>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Instant>) {
        let told = result.as_ref().map(|_| *sent).map_err(|(error, _)| error.to_string());
        // Whoever no longer listens has all it wants.
        drop(self.0.send(told));
    }
}

impl Raw {
    fn new(options: &Options, lanes: u16) -> Result<Self, Failed> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &options.brokers).set("enable.idempotence", "true");
        config.set("acks", "all").set("linger.ms", "0");
        let (tell, told) = mpsc::channel();
        let producer = ThreadedProducer::from_config_and_context(&config, Reports(tell));
        let producer = producer.map_err(failed)?;
        Ok(Self { producer, told, samples: samples(&options.brokers)?, lanes })
    }

    fn send(&self, number: usize) -> Result<(), Failed> {
        let message = &self.samples[number % self.samples.len()];
        let mut headers = OwnedHeaders::new_with_capacity(8);
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            headers = headers.insert(header);
        }
        let lane = i32::try_from(number % usize::from(self.lanes)).unwrap_or_default();
        let record = BaseRecord::with_opaque_to(RAW, Box::new(Instant::now()))
            .partition(lane)
            .headers(headers)
            .key(message.key().unwrap_or_default())
            .payload(message.payload().unwrap_or_default());
        self.producer.send(record).map_err(|(error, _)| failed(error))
    }

    /// Keeps as many records open as ours has callers.
    fn run(&self, lasts: Duration) -> Result<Measured, Failed> {
        let next = || -> Result<Instant, Failed> {
            self.told.recv_timeout(PATIENCE).map_err(failed)?.map_err(Failed)
        };
        let (begun, before) = (Instant::now(), cpu_s());
        let mut number = 0;
        while number < CALLERS {
            self.send(usize::try_from(number).unwrap_or_default())?;
            number += 1;
        }
        let mut latencies = Vec::new();
        while begun.elapsed() < lasts {
            latencies.push(tenths(next()?));
            self.send(usize::try_from(number).unwrap_or_default())?;
            number += 1;
        }
        let (took, cpu) = (begun.elapsed(), cpu_s() - before);
        for _ in 0..CALLERS {
            next()?;
        }
        Ok(Measured::new(latencies.len() as u64, took, cpu, latencies))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing is open any more.
        drop(self.producer.flush(Duration::from_secs(1)));
    }
}

/// Records that ours has written.
fn samples(brokers: &str) -> Result<Vec<OwnedMessage>, Failed> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "bench");
    let consumer: BaseConsumer = config.create().map_err(failed)?;
    let mut assigned = TopicPartitionList::new();
    assigned.add_partition_offset(OURS, 0, Offset::Offset(1)).map_err(failed)?;
    consumer.assign(&assigned).map_err(failed)?;
    let (mut out, begun) = (Vec::new(), Instant::now());
    while out.len() < SAMPLES && begun.elapsed() < PATIENCE {
        match consumer.poll(Duration::from_secs(2)) {
            Some(message) => out.push(message.map_err(failed)?.detach()),
            None if out.is_empty() => {}
            None => break,
        }
    }
    if out.is_empty() { Err(Failed("no record of ours can be read".to_owned())) } else { Ok(out) }
}

/// Lets `ProducerPerformance` send records of the same size without headers, as many as it likes at once.
fn performance(cluster: &Cluster, lasts: Duration) -> Result<Measured, Failed> {
    let count = lasts.as_secs().max(1) * 40_000;
    let mut tool = cluster.tool("org.apache.kafka.tools.ProducerPerformance").map_err(failed)?;
    tool.args(["--topic", RAW, "--throughput", "-1", "--record-size", "200"]);
    tool.args(["--num-records", &count.to_string()]);
    let bootstrap = format!("bootstrap.servers={}", cluster.bootstrap());
    tool.args(["--producer-props", &bootstrap, "acks=all", "linger.ms=0"]);
    let said = tool.output()?;
    if !said.status.success() {
        return Err(Failed(String::from_utf8_lossy(&said.stderr).into_owned()));
    }
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    // `40000 records sent, 61728.4 records/sec (11.77 MB/sec), ...`, and at the end the whole of it.
    let last = said.lines().rfind(|line| line.contains("records/sec"));
    let rate =
        last.and_then(|line| line.split(", ").nth(1)?.split(' ').next()?.parse::<f64>().ok());
    let rate = rate.ok_or_else(|| Failed(format!("ProducerPerformance said: {said}")))?;
    let lasted = Duration::from_secs_f64(crate::measure::float(count) / rate);
    Ok(Measured { cpu_s: None, ..Measured::new(count, lasted, 0.0, Vec::new()) })
}
