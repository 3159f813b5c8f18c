//! The writing side: one idempotent producer for all lanes, a warm spare, and the thread that takes
//! their reports. Decides nothing: what an offset means is the owner's affair.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use log::Topics;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext, PurgeConfig,
};
use rdkafka::{ClientConfig, ClientContext};

use crate::call::{Call, Progress, Ticket};
use crate::ends::Ends;
use crate::flights::Flights;
use crate::record::Outgoing;
use crate::replica::Replica;
use crate::watch::Watch;
use crate::{OpenError, Options};

/// Reports come at once; this is how often a thread looks whether it should end.
const POLL: Duration = Duration::from_millis(100);
/// A purged producer reports everything it had within this.
const PURGE_MAX: Duration = Duration::from_secs(5);

/// What the threads of all producers of a log share.
struct Shared {
    ends: Arc<Ends>,
    replica: Arc<Replica>,
    config: ClientConfig,
    topics: Vec<String>,
    lanes: Vec<u16>,
    stall_timeout: Duration,
    stopping: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Writes all lanes.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    lines: Arc<Mutex<Lines>>,
}

struct Lines {
    current: Arc<Line>,
    /// Has its id from the cluster already; a fresh one takes half a second for its first record.
    spare: Arc<Line>,
}

/// One producer.
struct Line {
    producer: BaseProducer<Reports>,
    state: Arc<LineState>,
}

struct LineState {
    broken: AtomicBool,
    flights: Flights,
}

/// Takes what a producer reports.
struct Reports {
    watch: Watch,
    shared: Arc<Shared>,
    line: Arc<LineState>,
}

/// A record under way.
pub(crate) struct Sent {
    call: Arc<Call>,
    ticket: Ticket,
    lane: domain::LaneId,
}

impl Writer {
    pub(crate) fn open(
        options: &Options,
        topics: &Topics,
        ends: Arc<Ends>,
        replica: Arc<Replica>,
    ) -> Result<Self, OpenError> {
        let names = topics.all().iter().map(|topic| options.kafka_name(&topic.name)).collect();
        let shared = Arc::new(Shared {
            ends,
            replica,
            config: options.producer(),
            topics: names,
            lanes: topics.all().iter().map(|topic| topic.lanes).collect(),
            stall_timeout: options.stall_timeout,
            stopping: AtomicBool::new(false),
            threads: Mutex::default(),
        });
        let failed = |error| OpenError::refused("making a producer")(error);
        let current = Line::new(&shared).map_err(failed)?;
        let spare = Line::new(&shared).map_err(failed)?;
        let lines = Lines { current, spare };
        let lines = Arc::new(Mutex::new(lines));
        {
            let held = lines.lock().unwrap_or_else(PoisonError::into_inner);
            for line in [&held.current, &held.spare] {
                run(&shared, &lines, line).map_err(|error| OpenError::Refused {
                    attempt: "starting a thread".to_owned(),
                    why: error.to_string(),
                })?;
            }
        }
        Ok(Self { shared, lines })
    }

    /// Hands records over; each is `(handover, place, record)`, in the order of the lanes.
    pub(crate) fn send(&self, call: &Arc<Call>, records: Vec<(Ticket, domain::LaneId, Outgoing)>) {
        // Held over the whole call, so that calls do not mix.
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused = Vec::new();
        for (ticket, lane, record) in records {
            let topic = &self.shared.topics[usize::from(lane.topic.0)];
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            let sent = Box::new(Sent { call: Arc::clone(call), ticket, lane });
            lines.current.state.flights.begin(lane);
            let mut out: BaseRecord<'_, str, [u8], Box<Sent>> =
                BaseRecord::with_opaque_to(topic, sent)
                    .partition(i32::from(lane.index))
                    .timestamp(record.timestamp)
                    .headers(headers);
            out.key = record.key.as_deref();
            out.payload = record.value.as_deref();
            if let Err((error, _)) = lines.current.producer.send(out) {
                lines.current.state.flights.end(lane);
                refused.push((ticket, error.to_string()));
            }
        }
        drop(lines);
        for (ticket, why) in refused {
            self.shared.take(call.report(ticket, Err(why)));
        }
    }

    /// Drops what is under way and gives the threads their end.
    pub(crate) fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        let threads = std::mem::take(
            &mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner),
        );
        for thread in threads {
            // The last owner of the log may be a completion.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    fn take(&self, progress: Progress) {
        if let Some((first, handover)) = progress.whole {
            self.ends.reaches(handover.lane, first + u64::from(handover.records));
            // Spares the way over the cluster; else the consumer brings it.
            if self.replica.has_room() {
                self.replica.take(vec![(first, handover)]);
            }
        }
        if let Some(finished) = progress.finished {
            finished.tell();
        }
    }
}

impl Line {
    fn new(shared: &Arc<Shared>) -> Result<Arc<Self>, KafkaError> {
        let flights = Flights::new(&shared.lanes);
        let state = Arc::new(LineState { broken: AtomicBool::new(false), flights });
        let (shared, line) = (Arc::clone(shared), Arc::clone(&state));
        let config = shared.config.clone();
        let reports = Reports { watch: Watch::default(), shared, line };
        let producer = config.create_with_context(reports)?;
        Ok(Arc::new(Self { producer, state }))
    }

    /// Everything under way is unknown from here on.
    fn purge(&self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
        let begun = Instant::now();
        while self.producer.in_flight_count() > 0 && begun.elapsed() < PURGE_MAX {
            self.producer.poll(Duration::from_millis(1));
        }
    }
}

/// Runs the thread of a producer: takes reports until it breaks or the log closes.
fn run(
    shared: &Arc<Shared>,
    lines: &Arc<Mutex<Lines>>,
    line: &Arc<Line>,
) -> Result<(), std::io::Error> {
    let (in_thread, in_lines) = (Arc::clone(shared), Arc::downgrade(lines));
    let line = Arc::clone(line);
    let thread = std::thread::Builder::new().name("kafka-reports".to_owned()).spawn(move || {
        while !in_thread.stopping.load(Ordering::Acquire) {
            line.producer.poll(POLL);
            if line.state.flights.stalled(in_thread.stall_timeout) {
                tracing::warn!("records are not answered; their broker may be frozen");
                line.state.broken.store(true, Ordering::Release);
            }
            if line.state.broken.load(Ordering::Acquire) {
                replace(&in_thread, &in_lines, &line);
                break;
            }
        }
        line.purge();
    })?;
    shared.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    Ok(())
}

/// Puts the spare in the place of a broken producer, and a new spare behind it.
fn replace(shared: &Arc<Shared>, lines: &Weak<Mutex<Lines>>, broken: &Arc<Line>) {
    let Some(all) = lines.upgrade() else { return };
    tracing::warn!("producer is replaced; what it had under way is unknown");
    let new = Line::new(shared).and_then(|new| {
        let started = run(shared, &all, &new);
        started.map(|()| new).map_err(|error| KafkaError::ClientCreation(error.to_string()))
    });
    let mut held = all.lock().unwrap_or_else(PoisonError::into_inner);
    let held = &mut *held;
    match new {
        Ok(new) if Arc::ptr_eq(&held.current, broken) => {
            held.current = std::mem::replace(&mut held.spare, new);
        }
        Ok(new) => held.spare = new,
        Err(error) => tracing::error!(%error, "no new producer"),
    }
}

impl ClientContext for Reports {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        self.watch.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if code == Some(rdkafka::error::RDKafkaErrorCode::Fatal) {
            tracing::warn!(reason, "producer failed");
            self.line.broken.store(true, Ordering::Release);
        }
        self.watch.error(error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for Reports {
    type DeliveryOpaque = Box<Sent>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Sent>) {
        let outcome = match result {
            // The cluster had it already and does not say where: as good as unknown.
            Ok(message) => u64::try_from(message.offset())
                .map_err(|_| "it was delivered, and the cluster does not say where".to_owned()),
            Err((error, _)) => Err(error.to_string()),
        };
        if outcome.is_err() {
            self.line.broken.store(true, Ordering::Release);
        }
        self.line.flights.end(sent.lane);
        self.shared.take(sent.call.report(sent.ticket, outcome));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}
