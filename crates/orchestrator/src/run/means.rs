//! What work is done with: the log, the command runtime, the targets. Not the work.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use codec::Schemas;
use domain::saga::{Heard, StepKey};
use domain::{ActorId, CommandKey, EventData, EventSet, LaneId, StreamId, Timestamp};
use lane::{Accepted, Answer, Commands, Deciders, Submit};
use log::{Body, Fingerprint, Log, Record, Verdict};

use crate::run::any::{About, AnyInput};
use crate::run::targets::Targets;
use crate::run::wire::Wire;

/// First pause before something is submitted again.
const PAUSE: Duration = Duration::from_millis(20);
/// Looks for events that another node says it wrote: two seconds in all.
const ARRIVES_TRIES: u32 = 100;
/// Longest pause: a lane that is served again is noticed in seconds.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Where commands go: the runtime of this node, or the one that owns the lane.
#[async_trait]
pub trait Submitter: Send + Sync {
    /// Submits and waits for the answer. Dropped, the command goes on.
    async fn submit(&self, submit: Submit) -> Answer;

    /// The same for what another node may take too: `wire` says as data what the command is.
    async fn submit_to(&self, submit: Submit, wire: Wire) -> Answer {
        let _ = wire;
        self.submit(submit).await
    }
}

#[async_trait]
impl Submitter for Commands {
    async fn submit(&self, submit: Submit) -> Answer {
        Self::submit(self, submit).await
    }
}

/// What all runners and pumps of a node share.
pub(crate) struct Means {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) deciders: Deciders,
    pub(crate) submitter: Arc<dyn Submitter>,
    pub(crate) targets: Targets,
}

impl std::fmt::Debug for Means {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Means").finish_non_exhaustive()
    }
}

/// The records of one command that left something.
#[derive(Debug)]
pub(crate) struct Left {
    schemas: Arc<Schemas>,
    events: Vec<EventData>,
}

impl Left {
    /// Nothing but the fact that it stood already.
    pub(crate) const fn nothing(schemas: Arc<Schemas>) -> Self {
        Self { schemas, events: Vec::new() }
    }
}

impl Heard for Left {
    fn events<E: EventSet>(&self) -> Vec<E> {
        let known = |data: &&EventData| E::TYPES.contains(&&*data.event_type);
        let decode = |data: &EventData| {
            let decoded = self.schemas.decode::<E>(data);
            decoded
                .inspect_err(|error| tracing::error!(%error, "an answer's event cannot be read"))
                .ok()
        };
        self.events.iter().filter(known).filter_map(decode).collect()
    }
}

/// What became of a command under a key, from the records of its stream.
#[derive(Debug)]
pub(crate) enum Found {
    /// It left events, or the fact stood already.
    Happened(Left),
    /// It was refused, or nobody has heard of the key.
    NotHappened,
}

impl Means {
    /// The command that goes to a stream on behalf of a saga.
    pub(crate) fn submit_of(
        about: &About,
        to: StreamId,
        command: Box<dyn std::any::Any + Send>,
    ) -> Submit {
        let actor = format!("saga:{}", about.saga).parse();
        Submit {
            stream: to,
            command,
            key: None,
            fingerprint: Fingerprint::default(),
            expected: None,
            tenant: about.tenant.clone(),
            actor: actor.unwrap_or(ActorId::from_static("saga")),
            correlation: about.correlation,
            causation: about.intent.map(|event| event.0),
            trace: about.trace,
            fence: false,
            asked_at: None,
        }
    }

    /// Tells a saga something until it is answered: the version its stream has then. `None`: nobody
    /// will ever take it.
    pub(crate) async fn tell(&self, about: &About, input: &AnyInput) -> Option<u64> {
        // One key for all tries: what was taken and not answered is not taken twice.
        let key = CommandKey(*ambient::random_id().as_bytes());
        self.tell_under(key, about, input, None).await
    }

    /// The same under a key of the caller's.
    pub(crate) async fn tell_under(
        &self,
        key: CommandKey,
        about: &About,
        input: &AnyInput,
        wire: Option<&Wire>,
    ) -> Option<u64> {
        let mut pause = PAUSE;
        loop {
            let submit = Self::submit_of(about, about.stream.clone(), input.command());
            let submit = Submit { key: Some(key), ..submit };
            let answer = match wire {
                Some(wire) => self.submitter.submit_to(submit, wire.clone()).await,
                None => self.submitter.submit(submit).await,
            };
            let why = match answer {
                Answer::Accepted(accepted) => return Some(accepted.version),
                Answer::Refused(refused) => return Some(refused.version),
                Answer::KeyReused => {
                    tracing::error!(stream = %about.stream, "a key was used for something else");
                    return None;
                }
                // Nobody knows yet, or nobody serves the lane: the same again.
                other => format!("{other:?}"),
            };
            if pause >= PAUSE_MAX {
                tracing::warn!(stream = %about.stream, why, "a saga cannot be told now");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// The events of an accepted command, read back from the log.
    pub(crate) async fn left(&self, accepted: &Accepted) -> Result<Left, String> {
        let (lane, count) = (accepted.position.lane, accepted.events.len() as u64);
        let (stream, last) = (accepted.stream.clone(), accepted.version);
        let first = last.saturating_sub(count);
        // Void records only push offsets back: a record lies behind as many as its seq says.
        let from = accepted.position.seq.saturating_sub(count);
        let mut records = self.records(lane, stream.clone(), from).await?;
        let all = |records: &[Record]| {
            let at =
                |it: &Record| matches!(&it.body, Body::Event { meta, .. } if meta.version == last);
            records.iter().any(at)
        };
        // Another node wrote it: it is on its way here.
        for _ in 0..ARRIVES_TRIES {
            if all(&records) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            records = self.records(lane, stream.clone(), from).await?;
        }
        let mine = |record: Record| match record.body {
            Body::Event { meta, data, .. } if first < meta.version && meta.version <= last => {
                Some(data)
            }
            _ => None,
        };
        let events: Vec<_> = records.into_iter().filter_map(mine).collect();
        if events.len() as u64 == count {
            return Ok(Left { schemas: Arc::clone(self.deciders.schemas()), events });
        }
        Err(format!("{} of {count} events of the answer are in the log", events.len()))
    }

    /// Looks a command up by its key, in all of its stream's history.
    pub(crate) async fn find(&self, stream: &StreamId, key: StepKey) -> Result<Found, String> {
        let (key, mut events, mut stood) = (Some(command_key(key)), Vec::new(), false);
        for record in self.stream(stream).await? {
            match record.body {
                Body::Event { meta, data, .. } if meta.key == key => events.push(data),
                Body::Outcome(outcome) if outcome.key == key => {
                    stood |= outcome.verdict == Verdict::Nothing;
                }
                _ => {}
            }
        }
        if events.is_empty() && !stood {
            return Ok(Found::NotHappened);
        }
        Ok(Found::Happened(Left { schemas: Arc::clone(self.deciders.schemas()), events }))
    }

    /// All records of a stream.
    pub(crate) async fn stream(&self, stream: &StreamId) -> Result<Vec<Record>, String> {
        let topics = self.log.topics();
        let topic = self.deciders.topic_of(stream.category()).and_then(|name| topics.find(name));
        let topic = topic.ok_or_else(|| format!("nobody here knows {}", stream.category()))?;
        self.records(topics.lane_for(topic, stream), stream.clone(), 0).await
    }

    async fn records(
        &self,
        lane: LaneId,
        stream: StreamId,
        from: u64,
    ) -> Result<Vec<Record>, String> {
        let log = Arc::clone(&self.log);
        blocking(move || {
            let stored = log.read_stream(lane, &stream, from).map_err(|error| error.to_string())?;
            let decode = |one: &log::Stored| {
                Record::decode(lane, &one.bytes).map_err(|error| error.to_string())
            };
            stored.iter().map(decode).collect()
        })
        .await
    }
}

/// The key of a command of a step.
pub(crate) fn command_key(key: StepKey) -> CommandKey {
    CommandKey(*key.0.as_bytes())
}

/// The fingerprint of an ask: 128 bits of a hash over its JSON. Not keyed: what it stands for is in the
/// log beside it.
pub(crate) fn fingerprint(ask: &impl serde::Serialize) -> Fingerprint {
    use sha2::{Digest, Sha256};
    let json = serde_json::to_vec(ask).unwrap_or_default();
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(&json)[..16]);
    Fingerprint(short)
}

/// Runs what may block on the medium.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    if ambient::is_made_up() {
        return call();
    }
    match tokio::task::spawn_blocking(call).await {
        Ok(done) => done,
        Err(panic) => Err(format!("reading the log panicked: {panic}")),
    }
}

/// A point in time for tokio, from one of the wall clock.
pub(crate) fn instant(at: Timestamp) -> tokio::time::Instant {
    tokio::time::Instant::now() + crate::run::clock::until(at)
}
