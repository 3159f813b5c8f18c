//! How far the brokers' clocks are from ours, by a record without content in a topic of its own, which
//! brokers stamp with their time. Nothing is written to a topic of the log, and no clock is set.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext};

use crate::watch::Watch;
use crate::{OpenError, Options, topics};

/// Its name, without the prefix.
pub(crate) const NAME: &str = "recount.clock";
/// How often a node looks whether its clock is right.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Brokers that are up answer well within this.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
/// The first probe waits for connections, and says little of the clock; the second is good.
const PROBES: u32 = 2;

/// How far a broker's clock is from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skew {
    /// The broker's number in the cluster.
    pub broker: i32,
    /// How many milliseconds it is ahead of us, at least; negative: behind.
    pub ahead_ms: i64,
}

impl Skew {
    /// Whether it is more than this.
    pub fn exceeds(self, limit: Duration) -> bool {
        u128::from(self.ahead_ms.unsigned_abs()) > limit.as_millis()
    }
}

/// Whether our clock is wrong, as most brokers say: one broker whose clock is wrong condemns nobody.
pub fn ours_is_off(skews: &[Skew], limit: Duration) -> bool {
    skews.iter().filter(|it| it.exceeds(limit)).count() * 2 > skews.len()
}

/// Asks the brokers that lead the topic what time it is: three of them where three replicas are kept.
/// Those that do not answer are left out.
pub fn skews(options: &Options) -> Result<Vec<Skew>, OpenError> {
    Prober::new(options)?.probe()
}

/// When a probe left us and came back, and what its broker wrote on it, in milliseconds since 1970. Its
/// clock stood somewhere between: only what lies outside is certain.
fn ahead_ms(left: i64, stamped: i64, back: i64) -> i64 {
    if stamped < left { stamped - left } else { (stamped - back).max(0) }
}

struct Prober {
    producer: BaseProducer<Stamps>,
    options: Options,
    topic: String,
}

/// What came back, by partition.
#[derive(Default)]
struct Stamps {
    watch: Watch,
    ahead_ms: i64,
    back: Mutex<Vec<(i32, Option<i64>)>>,
}

impl Stamps {
    fn now_ms(&self) -> i64 {
        ambient::now().as_millis() + self.ahead_ms
    }
}

impl ClientContext for Stamps {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.watch.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.watch.error(error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for Stamps {
    /// When it left, in milliseconds since 1970.
    type DeliveryOpaque = Box<i64>;

    fn delivery(&self, result: &DeliveryResult<'_>, left: Box<i64>) {
        let (partition, skew) = match result {
            Ok(message) => match message.timestamp() {
                Timestamp::LogAppendTime(at) => {
                    (message.partition(), Some(ahead_ms(*left, at, self.now_ms())))
                }
                _ => (message.partition(), None),
            },
            Err((_, message)) => (message.partition(), None),
        };
        self.back.lock().unwrap_or_else(PoisonError::into_inner).push((partition, skew));
    }
}

impl Prober {
    fn new(options: &Options) -> Result<Self, OpenError> {
        let mut config = options.client();
        config.set("acks", "1").set("linger.ms", "0").set("enable.idempotence", "false");
        config.set("message.timeout.ms", ANSWER_MAX.as_millis().to_string());
        let stamps = Stamps { ahead_ms: options.clock_ahead_ms, ..Stamps::default() };
        let producer = config.create_with_context(stamps);
        let producer = producer.map_err(OpenError::refused("asking for the brokers' clocks"))?;
        Ok(Self { producer, options: options.clone(), topic: options.kafka_name(NAME) })
    }

    fn probe(&self) -> Result<Vec<Skew>, OpenError> {
        let leaders = topics::leaders(&self.options, self.producer.client(), &self.topic)?;
        let mut skews = Vec::new();
        for _ in 0..PROBES {
            skews = self.once(&leaders);
        }
        Ok(skews)
    }

    /// Asks the leaders of these partitions once.
    fn once(&self, leaders: &[(i32, i32)]) -> Vec<Skew> {
        let stamps = self.producer.context();
        stamps.back.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut sent = 0;
        for (partition, _) in leaders {
            let record: BaseRecord<'_, (), (), Box<i64>> =
                BaseRecord::with_opaque_to(&self.topic, Box::new(stamps.now_ms()))
                    .partition(*partition);
            sent += usize::from(self.producer.send(record).is_ok());
        }
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            self.producer.poll(POLL);
            let back = stamps.back.lock().unwrap_or_else(PoisonError::into_inner);
            if back.len() >= sent || Instant::now() > deadline {
                let leader = |partition| leaders.iter().find(|it| it.0 == partition).map(|it| it.1);
                let told = back.iter().filter_map(|(partition, ahead_ms)| {
                    Some(Skew { broker: leader(*partition)?, ahead_ms: (*ahead_ms)? })
                });
                return told.collect();
            }
        }
    }
}

/// Looks at the clock from time to time until it is dropped.
pub(crate) struct Keeper {
    state: Arc<State>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    looked: AtomicBool,
    off: AtomicBool,
    stopping: AtomicBool,
}

impl Keeper {
    pub(crate) fn start(options: &Options) -> Result<Self, OpenError> {
        let prober = Prober::new(options)?;
        let state = Arc::new(State::default());
        let seen = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("clock".to_owned())
            .spawn(move || keep(&prober, &seen))
            .map_err(|error| OpenError::Refused {
                attempt: "starting a thread".to_owned(),
                why: error.to_string(),
            })?;
        Ok(Self { state, thread })
    }

    /// Whether it was looked at, or could not be.
    pub(crate) fn has_looked(&self) -> bool {
        self.state.looked.load(Ordering::Acquire)
    }

    /// Whether it was wrong when it was last looked at.
    pub(crate) fn is_off(&self) -> bool {
        self.state.off.load(Ordering::Acquire)
    }
}

fn keep(prober: &Prober, state: &State) {
    let limit = prober.options.clock_skew_max;
    while !state.stopping.load(Ordering::Acquire) {
        match prober.probe() {
            // Brokers that say nothing leave everything as it is.
            Ok(skews) if skews.is_empty() => {}
            Ok(skews) => {
                let off = ours_is_off(&skews, limit);
                if off {
                    tracing::error!(
                        ?skews,
                        "this clock is wrong: no lanes are taken until it is set"
                    );
                }
                state.off.store(off, Ordering::Release);
            }
            Err(error) => tracing::debug!(%error, "brokers do not tell the time"),
        }
        state.looked.store(true, Ordering::Release);
        // `Keeper::drop` wakes it.
        std::thread::park_timeout(LOOK_EVERY);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Not waited for: brokers that are away would hold up the end of the product.
        self.state.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_is_no_skew() {
        assert_eq!(ahead_ms(100, 105, 110), 0);
        assert_eq!(ahead_ms(100, 90, 110), -10);
        assert_eq!(ahead_ms(100, 7_110, 110), 7_000);
    }

    #[test]
    fn one_wrong_broker_of_three_condemns_nobody() {
        let limit = Duration::from_secs(5);
        let off = |all: &[i64]| {
            let skew = |ahead_ms: &i64| Skew { broker: 1, ahead_ms: *ahead_ms };
            ours_is_off(&all.iter().map(skew).collect::<Vec<_>>(), limit)
        };
        assert!(!off(&[]) && !off(&[5_000]) && !off(&[-5_000, 0]));
        assert!(!off(&[60_000, 0, 0]) && !off(&[60_000, 0]));
        assert!(off(&[5_001]) && off(&[-6_000, -6_000, 0]));
    }
}
