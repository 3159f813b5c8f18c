//! Measures the log on Kafka beside raw producers that send the same records with the same headers, on
//! brokers of its own: records a second and latencies of acknowledgement. The producers are one of the
//! same client library, one of a library in pure Rust (with `--features peers`), and Kafka's own
//! `ProducerPerformance` (records of the same size, no headers).
//!
//! `cargo run --release -p log-kafka --features peers --example throughput -- [brokers] [seconds] [rounds]
//! [open,...]`; with a list of open frames only those are measured, and neither `ProducerPerformance` nor
//! first acknowledgements.

#![expect(clippy::unwrap_used, reason = "a measurement ends with a panic")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

mod java;
#[cfg(feature = "peers")]
mod krafka;
mod measured;
mod owner;
mod raw;

use std::sync::Arc;
use std::time::Duration;

use codec::Schemas;
use kafka_up::Cluster;
use log::Log;
use log_kafka::{Durability, KafkaLog, Options, topics};

#[cfg(feature = "peers")]
use krafka::PureRust;
use owner::Owner;
use raw::Raw;

/// Records of one frame, and bytes of each datum.
const RECORDS: u16 = 3;
const DATUM_BYTES: usize = 200;
/// Before anything is measured.
const WARM: Duration = Duration::from_secs(8);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise| args.get(at).map_or(otherwise, |it| it.parse().unwrap());
    let brokers = u16::try_from(number(0, 1_u64)).unwrap();
    let (lasts, rounds) = (Duration::from_secs(number(1, 5)), number(2, 2));
    let picked = args.get(3).map(|it| it.split(',').map(|it| it.parse().unwrap()).collect());
    let some = picked.is_some();
    let opens: Vec<u64> = picked.unwrap_or_else(|| vec![1, 64, 1_024]);
    let mut up = kafka_up::Options::for_test(brokers);
    (up.quick, up.heap_mb) = (false, 1024);
    let cluster = Cluster::start(&up).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (log, options) = open(&cluster, dir.path());
    let raw = Raw::new(&options);
    #[cfg(feature = "peers")]
    let pure = PureRust::new(&options.brokers);

    println!("{brokers} broker(s), frames of {RECORDS} records of {DATUM_BYTES} bytes, one lane");
    let lane = log.topics().lanes().next().unwrap();
    let mut owner = Owner::claim(&*log, lane);
    // Brokers compile what they run often, and take as much of the machine for that as for the rest.
    owner.run(&*log, 64, WARM);
    let samples = raw.samples(owner.written.min(20_000));
    raw.run(&samples, 64, WARM);
    println!("what               open frames   records/s   p50 ms   p99 ms   max ms");
    for open in opens {
        let mut parts = Vec::new();
        for _ in 0..rounds {
            let ours = owner.run(&*log, open, lasts);
            let raw = raw.run(&samples, open, lasts);
            parts.push(ours.rate() / raw.rate());
            ours.print("log-kafka", open);
            raw.print("raw rdkafka", open);
            #[cfg(feature = "peers")]
            pure.run(&samples, open, lasts).print("raw krafka", open);
        }
        parts.sort_by(f64::total_cmp);
        let (least, most) = (parts[0] * 1e2, parts[parts.len() - 1] * 1e2);
        let median = parts[parts.len() / 2] * 1e2;
        println!(
            "log-kafka at {open} open: {median:.0} % of raw rdkafka ({least:.0} to {most:.0})"
        );
    }
    if some {
        return;
    }
    for _ in 0..2 {
        println!("ProducerPerformance: {}", java::run(&cluster, 40_000, lasts));
    }
    for _ in 0..3 {
        let first = Raw::new(&options).first(&samples);
        println!("first acknowledgement, raw rdkafka, fresh: {first:?}");
        #[cfg(feature = "peers")]
        {
            let first = PureRust::new(&options.brokers).first(&samples);
            println!("first acknowledgement, raw krafka, connected: {first:?}");
        }
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
