//! Which node owns which lane, as the group of consumers of the topics says. It only elects: what fences
//! is the log, so a wrong or late answer costs time and never an event. No record is read here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::LaneId;
use log::Topics;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::clock::Keeper;
use crate::watch::Watch;
use crate::{OpenError, Options};

const POLL: Duration = Duration::from_millis(100);
/// A node that is silent for so long is dead to the group. Brokers forbid less than 6 s unless
/// `group.min.session.timeout.ms` says otherwise; then the longer one is taken.
const SESSIONS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];
/// Heartbeats in a session: one that is late or lost ends nothing.
const BEATS: u32 = 5;

/// The group of an installation, without the prefix.
pub(crate) const GROUP: &str = "recount";
/// How long nodes wait to hear whether their clock is right before they stand for lanes.
const CLOCK_MAX: Duration = Duration::from_secs(5);

/// Told the lanes that this node is elected for, all of them each time; `None`: the group is out of
/// reach, and who it elects meanwhile is not known here. Called from a thread of the election; it must
/// not block.
pub type Elected = Box<dyn Fn(Option<BTreeSet<LaneId>>) + Send + Sync>;

/// Called when a node begins to stand, from the same thread: the group hears of it now, and elects when all
/// its members have answered or are dead to it.
pub type Stands = Box<dyn Fn() + Send>;

/// Takes part in the elections of lanes until it is dropped, which gives them back.
pub struct Election {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Election {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Election").finish_non_exhaustive()
    }
}

impl Election {
    /// Stands for the lanes of these topics, named without the prefix. Nodes may stand for different
    /// topics.
    pub fn start(
        options: &Options,
        topics: &Topics,
        stand_for: &[String],
        stands: Stands,
        elected: Elected,
    ) -> Result<Self, OpenError> {
        let names: Vec<String> = stand_for.iter().map(|name| options.kafka_name(name)).collect();
        let ids = stand_for.iter().zip(&names);
        let ids = ids.filter_map(|(name, kafka)| Some((kafka.clone(), topics.find(name)?)));
        let (topics, elected) = (Arc::new(ids.collect()), Arc::new(elected));
        let candidate = Candidate { options: options.clone(), names, topics, elected };
        let consumer = candidate.consumer(SESSIONS[0])?;
        let clock = Keeper::start(options)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("election".to_owned())
            .spawn(move || candidate.run(consumer, &clock, &stands, &stop));
        let refused = |error: std::io::Error| OpenError::Refused {
            attempt: "starting the election of lanes".to_owned(),
            why: error.to_string(),
        };
        Ok(Self { stopping, thread: Some(thread.map_err(refused)?) })
    }
}

impl Drop for Election {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Candidate {
    options: Options,
    /// As the cluster names them.
    names: Vec<String>,
    topics: Arc<HashMap<String, domain::TopicId>>,
    elected: Arc<Elected>,
}

impl Candidate {
    fn consumer(&self, session: Duration) -> Result<BaseConsumer<Context>, OpenError> {
        let mut config = self.options.client();
        config.set("group.id", self.options.kafka_name(GROUP));
        // The classic protocol: its session timeout is the member's choice. A lane stays where it is
        // unless it must move.
        config.set("group.protocol", "classic");
        config.set("partition.assignment.strategy", "cooperative-sticky");
        config.set("session.timeout.ms", session.as_millis().to_string());
        config.set("heartbeat.interval.ms", (session / BEATS).as_millis().to_string());
        // Nothing is read, so nothing is committed and no offset matters.
        config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", "latest").set("queued.min.messages", "1");
        let refused = || OpenError::refused("standing for lanes");
        let context = Context {
            watch: Watch::default(),
            topics: Arc::clone(&self.topics),
            elected: Arc::clone(&self.elected),
        };
        let consumer: BaseConsumer<Context> =
            config.create_with_context(context).map_err(refused())?;
        Ok(consumer)
    }

    fn stand(&self, consumer: &BaseConsumer<Context>) {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        if let Err(error) = consumer.subscribe(&names) {
            tracing::error!(%error, "no part in the election of lanes");
        }
    }

    fn run(
        self,
        mut consumer: BaseConsumer<Context>,
        clock: &Keeper,
        begins: &Stands,
        stop: &AtomicBool,
    ) {
        let mut sessions = SESSIONS.into_iter().skip(1);
        let (begun, mut stands) = (Instant::now(), false);
        while !stop.load(Ordering::Acquire) {
            let knows = clock.has_looked() || begun.elapsed() > CLOCK_MAX;
            match (stands, clock.is_off()) {
                (false, false) if knows => {
                    self.stand(&consumer);
                    begins();
                    stands = true;
                }
                (true, true) => {
                    // Others are elected at once. What this one serves it serves until their claims.
                    consumer.unsubscribe();
                    (self.elected)(Some(BTreeSet::new()));
                    stands = false;
                }
                _ => {}
            }
            let poll = if stands { POLL } else { POLL / 10 };
            let Some(Err(error)) = consumer.poll(poll) else { continue };
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::InvalidSessionTimeout) {
                tracing::debug!(%error, "election of lanes");
                continue;
            }
            let Some(session) = sessions.next() else { continue };
            tracing::warn!(
                session_ms = session.as_millis(),
                "brokers forbid short sessions: a dead node is noticed late; set group.min.session.timeout.ms=1000"
            );
            match self.consumer(session) {
                Ok(other) => (consumer, stands) = (other, false),
                Err(error) => tracing::error!(%error, "no part in the election of lanes"),
            }
        }
        // Dropped, it leaves the group; others are elected at once.
    }
}

/// Tells what the group decides.
struct Context {
    watch: Watch,
    topics: Arc<HashMap<String, domain::TopicId>>,
    elected: Arc<Elected>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.watch.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.watch.error(error, reason);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Revoke(_)) && consumer.assignment_lost() {
            (self.elected)(None);
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(lanes) => {
                if let Err(error) = consumer.pause(lanes) {
                    tracing::debug!(%error, "a lane that is stood for is read too");
                }
            }
            Rebalance::Revoke(_) if consumer.assignment_lost() => return,
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => {
                tracing::warn!(%error, "election of lanes failed");
                return;
            }
        }
        match consumer.assignment() {
            Ok(all) => {
                let lane = |topic: &str, index: i32| {
                    let topic = *self.topics.get(topic)?;
                    Some(LaneId { topic, index: u16::try_from(index).ok()? })
                };
                let all = all.elements();
                let lanes = all.iter().filter_map(|it| lane(it.topic(), it.partition()));
                (self.elected)(Some(lanes.collect()));
            }
            Err(error) => tracing::warn!(%error, "who was elected is not known"),
        }
    }
}
