//! A raw producer of a client library in pure Rust.

use std::sync::Arc;
use std::time::{Duration, Instant};

use krafka::producer::{Acks, DeliveryHandle, Producer};
use krafka::{Kafka, Record};
use rdkafka::Message;
use rdkafka::message::{Headers, OwnedMessage};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};

use crate::RECORDS;
use crate::measured::Measured;

/// A producer that knows nothing of frames, and the threads it needs.
pub(crate) struct PureRust {
    runtime: Runtime,
    producer: Arc<Producer>,
}

impl PureRust {
    pub(crate) fn new(brokers: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let producer = runtime.block_on(async {
            let kafka = Kafka::builder(brokers).connect().await.unwrap();
            let producer = kafka.producer().acks(Acks::All).idempotent(true);
            producer.linger(Duration::ZERO).build().await.unwrap()
        });
        Self { runtime, producer: Arc::new(producer) }
    }

    pub(crate) fn first(&self, samples: &[OwnedMessage]) -> Duration {
        let begun = Instant::now();
        drop(self.runtime.block_on(self.producer.send(record(&samples[0]))).unwrap());
        begun.elapsed()
    }

    pub(crate) fn run(&self, samples: &[OwnedMessage], open: u64, lasts: Duration) -> Measured {
        self.runtime.block_on(measure(&self.producer, samples, open, lasts))
    }
}

fn record(message: &OwnedMessage) -> Record {
    let mut record = Record::new("raw.events", message.payload().unwrap().to_vec());
    record = record.partition(0).key(message.key().unwrap().to_vec());
    for header in message.headers().unwrap().iter() {
        record = record.header(header.key, header.value.unwrap().to_vec());
    }
    record
}

async fn measure(
    producer: &Producer,
    samples: &[OwnedMessage],
    open: u64,
    lasts: Duration,
) -> Measured {
    let places = Arc::new(Semaphore::new(usize::try_from(open).unwrap()));
    let (tell, mut told) = mpsc::unbounded_channel::<(DeliveryHandle, Option<Instant>)>();
    let freed = Arc::clone(&places);
    let answers = tokio::spawn(async move {
        let (mut records, mut latencies, mut next) = (0, Vec::new(), None);
        while let Some((handle, sent)) = told.recv().await {
            let told = handle.await.unwrap();
            assert!(next.is_none_or(|next| next == told.offset), "a gap in the offsets");
            next = Some(told.offset + 1);
            records += 1;
            if let Some(sent) = sent {
                latencies.push(sent.elapsed());
                freed.add_permits(1);
            }
        }
        (records, latencies)
    });
    let (begun, mut samples) = (Instant::now(), samples.iter().cycle());
    while begun.elapsed() < lasts {
        places.acquire().await.unwrap().forget();
        let at = Instant::now();
        for place in 1..=RECORDS {
            let handle = producer.enqueue(record(samples.next().unwrap())).await.unwrap();
            tell.send((handle, (place == RECORDS).then_some(at))).unwrap();
        }
    }
    drop(tell);
    let (records, latencies) = answers.await.unwrap();
    Measured { records, took: begun.elapsed(), latencies }
}
