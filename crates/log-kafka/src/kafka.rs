//! The log on Kafka itself: [`Log`] with a cluster as the medium and a local replica to read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{LaneId, StreamId};
use log::{
    Delivery, Done, GrowthHook, Handover, LaneState, Log, Parts, ReadError, Recall, Sha256Chain,
    Stored, Topics, headers,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use crate::call::{Call, Ticket};
use crate::ends::Ends;
use crate::record::{self, Outgoing};
use crate::replica::Replica;
use crate::tail::{Tail, canonical};
use crate::watch::Watch;
use crate::writer::Writer;
use crate::{OpenError, Options, ask, manifest, topics};

/// A log in the topics of a cluster.
///
/// Dropping the last owner drops what is under way: its outcome is then unknown to whoever asked.
pub struct KafkaLog {
    // In this order they stop: nothing feeds a replica that is closed.
    writer: Writer,
    tail: Tail,
    replica: Arc<Replica>,
    ends: Arc<Ends>,
    topics: Topics,
    options: Options,
}

/// What opening found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// Records in the cluster, void ones included.
    pub records: u64,
    /// Of them in the local replica already.
    pub replicated: u64,
    /// Why the local replica was emptied, if it was.
    pub replica_emptied: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl KafkaLog {
    /// Opens a log whose topics were made by [`topics::apply`]; refuses topics that would not keep what
    /// they are given. Does not wait until the replica has caught up.
    pub fn open(options: &Options) -> Result<(Self, Opened), OpenError> {
        let begun = Instant::now();
        let findings = topics::check(options)?;
        let missing = options.kafka_name(manifest::NAME);
        if findings.iter().any(|it| it.topic == missing && it.is_missing()) {
            return Err(OpenError::Absent { topic: missing });
        }
        if !findings.is_empty() {
            return Err(OpenError::Topics(findings));
        }
        let topics = manifest::read(options)?.ok_or(OpenError::Absent { topic: missing })?;
        lanes_agree(options, &topics)?;
        let ends = Arc::new(Ends::new(&topics));
        let consumer: BaseConsumer<Watch> = options
            .consumer()
            .create_with_context(Watch::default())
            .map_err(OpenError::refused("making a consumer"))?;
        learn_ends(options, &topics, &consumer, &ends)?;
        let mut replica = Replica::open(&options.replica, &topics)?;
        let other = differs(options, &topics, &consumer, &ends, &replica)?;
        if let Some(why) = &other {
            drop(replica);
            replica = Replica::open_empty(&options.replica, &topics, why)?;
        }
        let replica = Arc::new(replica);
        let total = |of: &dyn Fn(LaneId) -> u64| topics.lanes().map(of).sum();
        let opened = Opened {
            records: total(&|lane| ends.of(lane)),
            replicated: total(&|lane| replica.end(lane)),
            replica_emptied: other,
            took: begun.elapsed(),
        };
        let writer = Writer::open(options, &topics, Arc::clone(&ends), Arc::clone(&replica))?;
        let tail = Tail::start(options, &topics, Arc::clone(&ends), Arc::clone(&replica))?;
        let opened = Opened { took: begun.elapsed(), ..opened };
        Ok((Self { writer, tail, replica, ends, topics, options: options.clone() }, opened))
    }

    /// What the reader rule knows of a lane at the end of the local replica; spares a fold. `None`: no
    /// such lane.
    pub fn state(&self, lane: LaneId) -> Option<LaneState<Sha256Chain>> {
        self.replica.store().state(lane)
    }

    /// Waits until the local replica holds everything that the log is known to hold, and says whether
    /// it does.
    pub fn catch_up(&self, at_most: Duration) -> bool {
        let deadline = Instant::now() + at_most;
        self.topics.lanes().all(|lane| self.replica.wait_for(lane, self.ends.of(lane), deadline))
    }

    fn behind(&self, lane: LaneId) -> ReadError {
        let name = self.topics.lane_name(lane);
        let (has, of) = (self.replica.end(lane), self.ends.of(lane));
        ReadError::Unavailable(self.failed().unwrap_or_else(|| {
            format!("local replica of lane {name} has {has} of {of} records; brokers may be away")
        }))
    }

    /// The records of a call as they go to the cluster, or why they do not.
    fn encode(&self, handovers: &[Handover]) -> Result<Vec<(Ticket, LaneId, Outgoing)>, String> {
        let id = |schema| self.options.schemas.by_fingerprint(schema).map_or(0, codec::Schema::id);
        let mut out = Vec::with_capacity(handovers.len());
        for (at, handover) in handovers.iter().enumerate() {
            let Handover { lane, prev, records, bytes, .. } = handover;
            let all = headers(bytes).unwrap_or_default();
            if !self.ends.has(*lane) || all.len() != usize::from(*records) {
                return Err(format!(
                    "handover to {lane:?} is not {records} records of a lane of this log"
                ));
            }
            for (place, (_, range)) in (0..).zip(all) {
                let parts = Parts::of(&bytes[range]).map_err(|error| error.to_string())?;
                let record = record::encode(&parts, prev, id);
                if record.bytes() > self.options.record_bytes_max as usize {
                    let (size, max) = (record.bytes(), self.options.record_bytes_max);
                    return Err(format!("record of {size} bytes exceeds the limit of {max}"));
                }
                out.push((Ticket { handover: at, place }, *lane, record));
            }
        }
        Ok(out)
    }
}

impl Log for KafkaLog {
    fn topics(&self) -> &Topics {
        &self.topics
    }

    fn append(&self, handovers: Vec<Handover>, done: Done) {
        match self.encode(&handovers) {
            // Nothing of the call went out.
            Err(why) => done(vec![Delivery::Unknown(why); handovers.len()]),
            Ok(records) if records.is_empty() => {
                done(vec![Delivery::Unknown("it has no records".to_owned()); handovers.len()]);
            }
            Ok(records) => self.writer.send(&Arc::new(Call::new(handovers, done)), records),
        }
    }

    fn read(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        let deadline = Instant::now() + self.options.read_timeout;
        loop {
            let page = self.replica.read(lane, from, bytes_max)?;
            if !page.is_empty() || self.ends.of(lane) <= from {
                return Ok(page);
            }
            if !self.replica.wait_for(lane, from + 1, deadline) {
                return Err(self.behind(lane));
            }
        }
    }

    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        let deadline = Instant::now() + self.options.read_timeout;
        if !self.replica.wait_for(lane, self.ends.of(lane), deadline) {
            return Err(self.behind(lane));
        }
        self.replica.read_stream(lane, stream, from)
    }

    fn end(&self, lane: LaneId) -> u64 {
        self.ends.of(lane)
    }

    fn ready(&self, lane: LaneId) -> u64 {
        self.replica.end(lane)
    }

    fn recall(&self, lane: LaneId) -> Result<Option<Recall>, ReadError> {
        self.replica.store().recall(lane)
    }

    fn on_growth(&self, hook: GrowthHook) {
        self.replica.on_growth(hook);
    }

    fn failed(&self) -> Option<String> {
        self.tail.failed().or_else(|| self.replica.failed())
    }
}

/// What was asked for is what the log has.
fn lanes_agree(options: &Options, topics: &Topics) -> Result<(), OpenError> {
    for (name, lanes) in &options.topics {
        let mut known = topics.clone();
        let agrees = topics.find(name).is_some() && known.ensure(name, *lanes).is_ok();
        if !agrees {
            let why = format!("it does not name topic {name} with {lanes} lanes");
            return Err(OpenError::Manifest { topic: options.kafka_name(manifest::NAME), why });
        }
    }
    Ok(())
}

fn learn_ends(
    options: &Options,
    topics: &Topics,
    consumer: &BaseConsumer<Watch>,
    ends: &Ends,
) -> Result<(), OpenError> {
    for lane in topics.lanes() {
        let name = options.kafka_name(topics.name(lane.topic));
        let partition = i32::from(lane.index);
        let asked = ask::watermarks(consumer, &name, partition, options.connect_timeout);
        let (low, high) = asked.map_err(OpenError::refused(format!("asking for {name}")))?;
        if low != 0 {
            return Err(OpenError::Deleted { lane: topics.lane_name(lane), low });
        }
        ends.reaches(lane, high);
    }
    Ok(())
}

/// Why the replica is not one of this log, if so: it is longer, or its last records are others. The
/// topic may have been made anew, or brokers may have lost what they had.
fn differs(
    options: &Options,
    topics: &Topics,
    consumer: &BaseConsumer<Watch>,
    ends: &Ends,
    replica: &Replica,
) -> Result<Option<String>, OpenError> {
    let mut assigned = TopicPartitionList::new();
    let mut open = Vec::new();
    for lane in topics.lanes() {
        let (has, name) = (replica.end(lane), options.kafka_name(topics.name(lane.topic)));
        if has > ends.of(lane) {
            let (name, of) = (topics.lane_name(lane), ends.of(lane));
            return Ok(Some(format!("it has {has} records of lane {name}, the cluster {of}")));
        }
        let Some(last) = has.checked_sub(1) else { continue };
        let offset = Offset::Offset(i64::try_from(last).unwrap_or(i64::MAX));
        let added = assigned.add_partition_offset(&name, i32::from(lane.index), offset);
        added.map_err(OpenError::refused("comparing the local replica"))?;
        open.push((name, lane, last));
    }
    consumer.assign(&assigned).map_err(OpenError::refused("comparing the local replica"))?;
    let deadline = Instant::now() + options.connect_timeout;
    while !open.is_empty() {
        let Some(polled) = consumer.poll(Duration::from_millis(100)) else {
            if Instant::now() > deadline {
                return Ok(Some("its last records could not be compared".to_owned()));
            }
            continue;
        };
        let Ok(message) = polled else { continue };
        let here = |(name, lane, last): &(String, LaneId, u64)| {
            name == message.topic()
                && i32::from(lane.index) == message.partition()
                && u64::try_from(message.offset()) == Ok(*last)
        };
        let Some(at) = open.iter().position(here) else { continue };
        let (_, lane, last) = open.swap_remove(at);
        let (prev, bytes) = canonical(&message);
        let same = |stored: &Stored| stored.bytes == bytes && stored.prev == prev;
        if !replica.read(lane, last, 1)?.first().is_some_and(same) {
            let name = topics.lane_name(lane);
            return Ok(Some(format!("record {last} of lane {name} is another one")));
        }
    }
    consumer.unassign().map_err(OpenError::refused("comparing the local replica"))?;
    Ok(None)
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLog").field("topics", &self.topics).finish_non_exhaustive()
    }
}
