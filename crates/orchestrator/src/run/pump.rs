//! A pump: follows one lane of facts for one saga type, and tells sagas what reaches them, in order,
//! waiting for each answer. At least once: a saga knows what it has met. Not the decision about it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{CommandKey, EventData, EventId, LaneId, Meta, StreamId};
use lane::{Answer, Submit};
use log::{Body, Fingerprint, Frame};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::run::any::{About, AnySaga};
use crate::run::means::Means;
use crate::run::meter;
use crate::run::reader::{READ_AGAIN, Reader};
use crate::run::register::mark;
use crate::run::wire::Wire;
use crate::{SYSTEM, SagaType};

/// Sagas told behind a mark before it moves: so many are told again after a crash, at most.
const TRIGGERS_MAX: u64 = 64;
/// Records behind a mark before it moves, when no saga was told of them: so many are read again.
const RECORDS_MAX: u64 = 10_000;
/// How long a mark waits for more triggers when there are few.
const MARK_AFTER: Duration = Duration::from_millis(500);
/// How long a stop waits for the last mark.
const MARK_AT_STOP: Duration = Duration::from_secs(2);
/// Skipped triggers that are remembered for those who look; all of them are in the log and counted.
const SKIPPED_MAX: usize = 100;

/// A trigger that cannot be read, or whose meaning the saga's own code could not say. It was skipped:
/// it stands in its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The saga that it was for.
    pub saga: &'static str,
    /// The event.
    pub event: EventId,
    /// Its stream.
    pub stream: StreamId,
    /// Its place there.
    pub version: u64,
    /// Why.
    pub why: String,
}

/// How a pump stands, for those who look.
#[derive(Debug)]
pub(crate) struct PumpState {
    /// The last seq that is answered.
    pub(crate) seq: AtomicU64,
    pub(crate) skipped: Mutex<Vec<Skipped>>,
}

impl PumpState {
    /// Nothing behind this seq is told yet.
    pub(crate) fn at(seq: u64) -> Arc<Self> {
        Arc::new(Self { seq: AtomicU64::new(seq), skipped: Mutex::default() })
    }
}

/// When a mark moves. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marking {
    /// Where the mark is.
    marked: u64,
    /// The last seq that is answered.
    seq: u64,
    /// Triggers behind the mark.
    triggers: u64,
}

impl Marking {
    const fn at(seq: u64) -> Self {
        Self { marked: seq, seq, triggers: 0 }
    }

    const fn passed(&mut self, seq: u64, triggers: u64) {
        self.seq = seq;
        self.triggers += triggers;
    }

    const fn must(&self) -> bool {
        self.triggers >= TRIGGERS_MAX || self.seq - self.marked >= RECORDS_MAX
    }

    /// Whether it should move when nothing else is to be done.
    const fn may(&self) -> bool {
        self.triggers > 0
    }

    const fn moved(&mut self, seq: u64) {
        *self = Self { marked: seq, seq: self.seq, triggers: 0 };
    }
}

/// The pump.
pub(crate) struct Pump {
    pub(crate) means: Arc<Means>,
    pub(crate) kind: Arc<dyn AnySaga>,
    pub(crate) ty: Arc<dyn SagaType>,
    pub(crate) reader: Reader,
    /// The topic it reads, and the number of the lane in it.
    pub(crate) source: (String, u16),
    /// The last seq that is not told: it was answered before, or came before the saga.
    pub(crate) from: u64,
    pub(crate) growth: watch::Receiver<u64>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) state: Arc<PumpState>,
}

impl Pump {
    /// The lane that its mark stands in.
    pub(crate) fn mark_lane(&self) -> Option<LaneId> {
        let (topic, lane) = &self.source;
        let topics = self.means.log.topics();
        let stream = self.ty.pump_stream(topic, *lane);
        Some(topics.lane_for(topics.find(&self.ty.topic())?, &stream))
    }

    /// Until it is told to stop, or has lost the lane of its mark.
    pub(crate) async fn run(&mut self, lost: impl Future<Output = ()>) {
        let mut stop = self.stop.clone();
        let mut marking = Marking::at(self.from);
        // Wherever it is stopped, what is not behind the mark is told again. A stop is looked at first:
        // the runner that holds the mark's lane stops too, and that looks like a loss.
        let lost = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => false,
            () = lost => true,
            () = self.begin(&mut marking) => false,
        };
        if !lost && marking.seq > marking.marked {
            tokio::time::timeout(MARK_AT_STOP, self.mark(&mut marking)).await.ok();
        }
    }

    /// From the mark as it stands now.
    async fn begin(&mut self, marking: &mut Marking) {
        loop {
            match mark(&self.ty, &self.means, &self.source).await {
                Ok(mark) => self.from = self.from.max(mark),
                Err(why) => {
                    tracing::error!(saga = self.kind.name(), why, "a mark cannot be read");
                    tokio::time::sleep(READ_AGAIN).await;
                    continue;
                }
            }
            *marking = Marking::at(self.from);
            self.state.seq.store(self.from, Ordering::Relaxed);
            self.reader.again();
            return self.work(marking).await;
        }
    }

    async fn work(&mut self, marking: &mut Marking) {
        loop {
            self.growth.mark_unchanged();
            match self.reader.read().await {
                Ok(frames) if frames.is_empty() => {
                    let marks = tokio::time::sleep(MARK_AFTER);
                    tokio::select! {
                        grown = self.growth.changed() => if grown.is_err() { return },
                        () = marks, if marking.may() => self.mark(marking).await,
                    }
                }
                Ok(frames) => {
                    for frame in frames {
                        self.frame(&frame, marking).await;
                    }
                }
                Err(why) => {
                    tracing::error!(
                        saga = self.kind.name(),
                        why,
                        "a lane of triggers cannot be read"
                    );
                    tokio::time::sleep(READ_AGAIN).await;
                }
            }
        }
    }

    async fn frame(&self, frame: &Frame, marking: &mut Marking) {
        let mut triggers = 0;
        for record in &frame.records {
            if let Body::Event { meta, data, .. } = &record.body
                && meta.position.seq > self.from
                && self.ty.triggers().contains(&&*data.event_type)
            {
                triggers += self.trigger(meta, data).await;
            }
        }
        if frame.last() > marking.seq && !frame.is_claim() {
            marking.passed(frame.last(), triggers);
            self.state.seq.store(frame.last(), Ordering::Relaxed);
        }
        if marking.must() {
            self.mark(marking).await;
        }
    }

    /// Tells sagas of an event; gives how many.
    async fn trigger(&self, meta: &Meta, data: &EventData) -> u64 {
        let met = match self.kind.meet(self.means.deciders.schemas(), meta, data) {
            Ok(met) => met,
            Err(why) => {
                self.skip(meta, why);
                return 1;
            }
        };
        let told = met.len() as u64;
        for (n, (stream, input)) in (0_u64..).zip(met) {
            let about = About {
                saga: self.kind.name(),
                stream,
                tenant: meta.tenant.clone(),
                correlation: meta.correlation,
                trace: meta.trace,
                intent: Some(meta.id),
            };
            let key = trigger_key(self.kind.name(), meta.id, n);
            let wire = Wire::Trigger {
                saga: self.kind.category().to_owned(),
                stream: meta.stream.to_string(),
                version: meta.version,
                number: n,
            };
            if self.means.tell_under(key, &about, &input, Some(&wire)).await.is_none() {
                self.skip(meta, "its key was used for something else".to_owned());
            }
        }
        told
    }

    /// Never in the way of the others.
    fn skip(&self, meta: &Meta, why: String) {
        let (saga, event, version) = (self.kind.name(), meta.id, meta.version);
        let stream = meta.stream.clone();
        tracing::error!(saga, %event, %stream, version, why, "a trigger is skipped");
        meter::poison(saga, "trigger");
        let mut skipped = self.state.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        if skipped.len() == SKIPPED_MAX {
            skipped.remove(0);
        }
        skipped.push(Skipped { saga, event, stream, version, why });
    }

    /// Moves the mark; one that cannot be moved now is moved later.
    async fn mark(&self, marking: &mut Marking) {
        let (topic, lane) = &self.source;
        let seq = marking.seq;
        let command = self.ty.moved(topic, *lane, seq);
        let wire = Wire::from(&command);
        let submit = system(self.ty.pump_stream(topic, *lane), Box::new(command));
        match self.means.submitter.submit_to(submit, wire).await {
            Answer::Accepted(_) | Answer::Refused(_) => marking.moved(seq),
            other => {
                let saga = self.kind.name();
                tracing::warn!(saga, topic, lane, ?other, "a mark cannot be moved now");
                tokio::time::sleep(READ_AGAIN).await;
            }
        }
    }
}

/// A command of the program itself, to a stream that is nobody's data.
pub(crate) fn system(stream: StreamId, command: Box<dyn std::any::Any + Send>) -> Submit {
    let about = About {
        saga: "runtime",
        stream: stream.clone(),
        tenant: SYSTEM,
        correlation: stream.id(),
        trace: None,
        intent: None,
    };
    Submit { fingerprint: Fingerprint::default(), ..Means::submit_of(&about, stream, command) }
}

/// The same trigger is the same command, as long as keys are kept; after that, the saga itself knows.
fn trigger_key(saga: &str, event: EventId, n: u64) -> CommandKey {
    let mut hash = Sha256::new();
    hash.update(b"trigger");
    hash.update(event.0.as_bytes());
    hash.update(n.to_le_bytes());
    hash.update(saga.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    CommandKey(key)
}

#[cfg(test)]
mod tests {
    use super::{Marking, RECORDS_MAX, TRIGGERS_MAX};

    #[test]
    fn a_mark_moves_when_much_lies_behind_it_and_rests_when_nothing_does() {
        let mut marking = Marking::at(10);
        assert!(!marking.must() && !marking.may());
        marking.passed(11, 0);
        assert!(!marking.may(), "records that are no triggers are cheap to read again");
        marking.passed(12, 1);
        assert!(marking.may() && !marking.must());
        marking.passed(13, TRIGGERS_MAX);
        assert!(marking.must());
        marking.moved(13);
        assert_eq!(marking, Marking::at(13));
        marking.passed(13 + RECORDS_MAX, 0);
        assert!(marking.must());
    }
}
