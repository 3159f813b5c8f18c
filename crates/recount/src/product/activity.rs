//! What happened lately, in memory: the newest events and the streams they belong to, and the head of
//! every lane. For the console; the log is the truth, and what is older is read from it by its id.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{LaneId, Meta, StreamId, Timestamp};
use log::{Body, Follower, Frame, Head, Log};
use tokio::sync::watch;

use super::growth::Growth;

/// Most events kept: about 10 MB.
pub(crate) const EVENTS_MAX: usize = 20_000;

/// An event that was seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Counts all events seen since the start; newer ones have larger numbers.
    pub(crate) number: u64,
    pub(crate) meta: Meta,
    pub(crate) event_type: String,
}

/// How a lane stands.
#[derive(Debug, Clone)]
pub(crate) struct LaneHead {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) voids: u64,
    pub(crate) head: Head,
    pub(crate) last_at: Option<Timestamp>,
    pub(crate) owner: Option<String>,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    pub(crate) events: VecDeque<Seen>,
    /// Number of the newest event of each stream that is still kept.
    pub(crate) streams: HashMap<StreamId, u64>,
    pub(crate) lanes: HashMap<LaneId, LaneHead>,
    /// Events seen since the start.
    pub(crate) seen: u64,
    /// Whether everything that was in the log at the start has been read.
    pub(crate) caught_up: bool,
}

impl Recent {
    /// The event of this number, while it is kept.
    pub(crate) fn numbered(&self, number: u64) -> Option<&Seen> {
        let first = self.events.front()?.number;
        self.events.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    fn take(&mut self, frame: Frame, voids: u64) {
        let known = self.lanes.get(&frame.lane).cloned();
        let mut lane = LaneHead {
            epoch: frame.epoch,
            seq: frame.last(),
            voids,
            head: frame.head,
            last_at: known.as_ref().and_then(|lane| lane.last_at),
            owner: known.and_then(|lane| lane.owner),
        };
        let at = frame.lane;
        for record in frame.records {
            match record.body {
                Body::Claim(claim) => {
                    lane.owner = Some(claim.node);
                    lane.last_at = Some(claim.at);
                }
                Body::Outcome(outcome) => lane.last_at = Some(outcome.recorded_at),
                Body::Event { meta, data, .. } => {
                    lane.last_at = Some(meta.recorded_at);
                    self.event(*meta, data.event_type.into_owned());
                }
            }
        }
        self.lanes.insert(at, lane);
    }

    fn event(&mut self, meta: Meta, event_type: String) {
        self.seen += 1;
        if self.events.len() == EVENTS_MAX
            && let Some(old) = self.events.pop_front()
            && self.streams.get(&old.meta.stream) == Some(&old.number)
        {
            self.streams.remove(&old.meta.stream);
        }
        self.streams.insert(meta.stream.clone(), self.seen);
        self.events.push_back(Seen { number: self.seen, meta, event_type });
    }
}

/// Follows every lane.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    recent: Arc<Mutex<Recent>>,
    moved: watch::Sender<()>,
}

impl Activity {
    /// Follows every lane from its first record, on a thread of its own, until the log is gone.
    pub(crate) fn follow(log: &Arc<dyn Log>, growth: &Growth) -> Self {
        let activity = Self { recent: Arc::default(), moved: watch::Sender::new(()) };
        let (told, log) = (activity.clone(), Arc::clone(log));
        let mut grown = growth.any();
        tokio::spawn(async move {
            let mut followers: Vec<_> =
                log.topics().lanes().map(|lane| Follower::from_start(&*log, lane)).collect();
            loop {
                grown.mark_unchanged();
                let (told, log) = (told.clone(), Arc::clone(&log));
                let round = tokio::task::spawn_blocking(move || {
                    told.round(&*log, &mut followers);
                    followers
                });
                match round.await {
                    Ok(same) => followers = same,
                    Err(_) => return,
                }
                if grown.changed().await.is_err() {
                    return;
                }
            }
        });
        activity
    }

    fn round(&self, log: &dyn Log, followers: &mut [Follower]) {
        for follower in followers {
            loop {
                match follower.poll(log) {
                    Ok(frames) if frames.is_empty() => break,
                    Ok(frames) => {
                        let voids = follower.voids().count;
                        let mut recent = self.recent();
                        for frame in frames {
                            recent.take(frame, voids);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the console cannot follow a lane");
                        break;
                    }
                }
            }
        }
        self.recent().caught_up = true;
        self.moved.send_replace(());
    }

    /// What is remembered now.
    pub(crate) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves whenever something new was taken in.
    pub(crate) fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }
}
