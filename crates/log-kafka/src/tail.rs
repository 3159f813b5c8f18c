//! The reading side: one consumer of all lanes, which feeds the local replica. Not a reader of ours:
//! those read the replica.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::LaneId;
use log::{Handover, Topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::ends::Ends;
use crate::record::{self, Incoming};
use crate::replica::Replica;
use crate::watch::Watch;
use crate::{OpenError, Options};

const POLL: Duration = Duration::from_millis(100);
/// So much is handed to the replica at once: large enough for sequential speed, small enough that what
/// has just come is soon seen.
const BATCH_RECORDS: usize = 4_096;
const BATCH_BYTES: usize = 1 << 20;
/// Offsets that Kafka takes for itself (marks of transactions) come one by one; a larger hole is lost
/// history.
const HOLE_MAX: u64 = 1_000;

/// The thread that consumes.
pub(crate) struct Tail {
    stopping: Arc<AtomicBool>,
    failed: Arc<OnceLock<String>>,
    thread: Option<JoinHandle<()>>,
}

struct Feed {
    consumer: BaseConsumer<Watch>,
    /// Names of the topics in the cluster, in the order of their ids.
    names: Vec<String>,
    next: Vec<Vec<u64>>,
    ends: Arc<Ends>,
    replica: Arc<Replica>,
    failed: Arc<OnceLock<String>>,
}

impl Tail {
    /// Begins where the replica ends.
    pub(crate) fn start(
        options: &Options,
        topics: &Topics,
        ends: Arc<Ends>,
        replica: Arc<Replica>,
    ) -> Result<Self, OpenError> {
        let refused = || OpenError::refused("reading the lanes");
        let config = options.consumer();
        let consumer: BaseConsumer<Watch> =
            config.create_with_context(Watch::default()).map_err(refused())?;
        let names: Vec<String> =
            topics.all().iter().map(|topic| options.kafka_name(&topic.name)).collect();
        let mut assigned = TopicPartitionList::new();
        let mut next: Vec<Vec<u64>> =
            topics.all().iter().map(|topic| vec![0; usize::from(topic.lanes)]).collect();
        for lane in topics.lanes() {
            let from = replica.end(lane);
            next[usize::from(lane.topic.0)][usize::from(lane.index)] = from;
            let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
            let name = &names[usize::from(lane.topic.0)];
            let added = assigned.add_partition_offset(name, i32::from(lane.index), offset);
            added.map_err(refused())?;
        }
        consumer.assign(&assigned).map_err(refused())?;
        let failed = Arc::new(OnceLock::new());
        let feed = Feed { consumer, names, next, ends, replica, failed: Arc::clone(&failed) };
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new().name("kafka-replica".to_owned());
        let thread = thread.spawn(move || feed.run(&stop)).map_err(|error| OpenError::Refused {
            attempt: "starting a thread".to_owned(),
            why: error.to_string(),
        })?;
        Ok(Self { stopping, failed, thread: Some(thread) })
    }

    /// Why it cannot go on, if that is so.
    pub(crate) fn failed(&self) -> Option<String> {
        self.failed.get().cloned()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl Feed {
    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) && self.failed.get().is_none() {
            let batch = self.batch();
            if !batch.is_empty() {
                self.replica.take(batch);
                self.replica.wait_room();
            }
        }
    }

    /// What has come, in handovers of neighbours.
    fn batch(&mut self) -> Vec<(u64, Handover)> {
        let (mut batch, mut records, mut bytes) = (Vec::new(), 0, 0);
        let mut wait = POLL;
        let here = self.replica.next();
        while records < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Some(polled) = self.consumer.poll(wait) else { break };
            wait = Duration::ZERO;
            match polled {
                Ok(message) => {
                    let taken = take(&message, &self.names, &here, &mut self.next, &mut batch);
                    match taken {
                        Ok(Some((lane, end, size))) => {
                            self.ends.reaches(lane, end);
                            records += 1;
                            bytes += size;
                        }
                        Ok(None) => {}
                        Err(why) => {
                            let _ = self.failed.set(why);
                            break;
                        }
                    }
                }
                Err(error) if is_lost(&error) => {
                    let why = format!("records were deleted, or brokers lost them: {error}");
                    let _ = self.failed.set(why);
                    break;
                }
                // It goes on by itself.
                Err(error) => tracing::debug!(%error, "lanes cannot be read now"),
            }
        }
        batch
    }
}

fn is_lost(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageConsumption(
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange
        ) | KafkaError::MessageConsumptionFatal(_)
    )
}

/// Adds one message to the batch; gives its lane, the end behind it and its size. One that is `here`
/// already, from the writer of this node, is not decoded again.
fn take(
    message: &BorrowedMessage<'_>,
    names: &[String],
    here: &[Vec<u64>],
    next: &mut [Vec<u64>],
    batch: &mut Vec<(u64, Handover)>,
) -> Result<Option<(LaneId, u64, usize)>, String> {
    let Some(lane) = lane_of(message, names) else { return Ok(None) };
    let Some(next) =
        next.get_mut(usize::from(lane.topic.0)).and_then(|it| it.get_mut(usize::from(lane.index)))
    else {
        return Ok(None);
    };
    let Ok(offset) = u64::try_from(message.offset()) else { return Ok(None) };
    if offset < *next {
        return Ok(None);
    }
    if offset < here[usize::from(lane.topic.0)][usize::from(lane.index)] {
        *next = offset + 1;
        return Ok(Some((lane, *next, message.payload_len())));
    }
    if offset - *next > HOLE_MAX {
        let (topic, partition) = (message.topic(), message.partition());
        return Err(format!(
            "topic {topic}, partition {partition} goes on at offset {offset} behind {next}: records are missing"
        ));
    }
    while *next < offset {
        let (prev, bytes) = record::void();
        batch.push((*next, Handover { lane, prev, records: 1, bytes, after: None }));
        *next += 1;
    }
    let (prev, bytes) = canonical(message);
    let size = bytes.len();
    *next = offset + 1;
    match batch.last_mut() {
        Some((first, last))
            if last.lane == lane
                && last.prev == prev
                && *first + u64::from(last.records) == offset
                && last.records < 512 =>
        {
            last.records += 1;
            last.bytes.extend_from_slice(&bytes);
        }
        _ => batch.push((offset, Handover { lane, prev, records: 1, bytes, after: None })),
    }
    Ok(Some((lane, *next, size)))
}

fn lane_of(message: &BorrowedMessage<'_>, names: &[String]) -> Option<LaneId> {
    let topic = names.iter().position(|name| name == message.topic())?;
    let topic = domain::TopicId(u16::try_from(topic).ok()?);
    Some(LaneId { topic, index: u16::try_from(message.partition()).ok()? })
}

/// The head before the frame and the canonical bytes of a consumed message.
pub(crate) fn canonical(message: &BorrowedMessage<'_>) -> (log::Head, Vec<u8>) {
    let mut from = Incoming::new(message.key(), message.payload());
    if let Some(headers) = message.headers() {
        for header in headers.iter() {
            from.header(header.key, header.value);
        }
    }
    record::decode(&from)
}
