//! When a checkpoint is taken: in the background when the log has grown by enough, and when it is closed;
//! and when the indexes in it are read that nobody has asked for. Not what is in one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::LaneId;
use log::Topics;
use segment::{Location, Reader};

use crate::checkpoint::{self, Turn, Written};
use crate::shared::Shared;

/// Closing takes one when so much of what is due in the background is reached: less is soon read.
const AT_CLOSE: u64 = 16;

/// After one, none is taken for so many times as long as it took: where commands come as quickly as they
/// can, it takes them a tenth of a processor at most.
const REST: u32 = 9;

/// So long after the last lane was taken over, a start is over: its first commands come before all else.
const AFTER_START: Duration = Duration::from_secs(1);

/// What the keeper is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Take,
    Stop,
}

/// What the keeper is told, under one lock.
#[derive(Debug, Default)]
struct Wishes {
    asked: Asked,
    /// Lanes whose index will be asked for soon.
    soon: Vec<LaneId>,
}

/// How whoever adds to the log tells the keeper, and whoever takes a lane over.
#[derive(Debug)]
pub(crate) struct Due {
    /// When the log has grown to this address.
    at: AtomicU64,
    wishes: Mutex<Wishes>,
    told: Condvar,
}

impl Due {
    /// Never.
    pub(crate) fn new() -> Self {
        Self { at: AtomicU64::new(u64::MAX), wishes: Mutex::default(), told: Condvar::new() }
    }

    /// The log has grown to this address.
    pub(crate) fn grown(&self, to: Location) {
        if to.0 >= self.at.load(Ordering::Relaxed) {
            self.at.store(u64::MAX, Ordering::Relaxed);
            self.ask(Asked::Take);
        }
    }

    /// The index of a lane will be asked for soon.
    pub(crate) fn soon(&self, lane: LaneId) {
        self.wishes().soon.push(lane);
        self.told.notify_one();
    }

    fn ask(&self, what: Asked) {
        let mut wishes = self.wishes();
        if wishes.asked != Asked::Stop {
            wishes.asked = what;
        }
        self.told.notify_one();
    }

    fn wait(&self) -> Asked {
        let nothing = |wishes: &mut Wishes| wishes.asked == Asked::Nothing;
        let waited = self.told.wait_while(self.wishes(), nothing);
        std::mem::take(&mut waited.unwrap_or_else(PoisonError::into_inner).asked)
    }

    /// Takes none for a while, unless it is told to stop.
    fn rest(&self, time: Duration) {
        let on = |wishes: &mut Wishes| wishes.asked != Asked::Stop;
        drop(self.told.wait_timeout_while(self.wishes(), time, on));
    }

    /// A lane that will be asked for soon; `None`: nobody said so for a while, or something else is to be
    /// done.
    fn wanted(&self, time: Duration) -> Option<LaneId> {
        let nothing = |it: &mut Wishes| it.asked == Asked::Nothing && it.soon.is_empty();
        let waited = self.told.wait_timeout_while(self.wishes(), time, nothing);
        let (mut wishes, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if wishes.asked == Asked::Nothing { wishes.soon.pop() } else { None }
    }

    fn is_over(&self) -> bool {
        self.wishes().asked == Asked::Stop
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where checkpoints are taken, and the last one.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) dir: PathBuf,
    pub(crate) topics: Topics,
    pub(crate) reader: Reader,
    /// Whether what was acknowledged is on the device already.
    pub(crate) synced: bool,
    /// The log has grown by this when one is due, or by the size of the last one, if that is more: so all
    /// of them together are no more than the log.
    pub(crate) grown_min: u64,
    /// Where the last one was taken, and its size.
    pub(crate) last: (Location, u64),
}

/// The thread that takes them. Dropping it takes a last one if that is worth it.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(shared: &Arc<Shared>, work: Work) -> std::io::Result<Self> {
        let theirs = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || work.run(&theirs))?;
        Ok(Self { shared: Arc::clone(shared), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.due.ask(Asked::Stop);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Work {
    fn run(mut self, shared: &Shared) {
        // However large the one is that was there: what this opening had to read, the next need not.
        let mut size = 0;
        self.look(shared, size);
        self.bring_all(shared);
        loop {
            self.look(shared, size);
            let place = self.last.0;
            match shared.due.wait() {
                Asked::Stop => {
                    if taken(shared).0 - place.0 > self.grown_min / AT_CLOSE {
                        self.take(shared);
                    }
                    return;
                }
                Asked::Take => {
                    let begun = Instant::now();
                    self.take(shared);
                    shared.due.rest(begun.elapsed() * REST);
                }
                Asked::Nothing => {}
            }
            size = self.last.1;
        }
    }

    /// Says when the next one is due, which may be now.
    fn look(&self, shared: &Shared, size: u64) {
        let next = self.last.0.0.saturating_add(self.grown_min.max(size));
        shared.due.at.store(next, Ordering::Relaxed);
        shared.due.grown(taken(shared));
    }

    /// Brings what the checkpoint has that was there: of a lane beside its owner, who reads the keys
    /// meanwhile; of the others when nobody is in a hurry.
    fn bring_all(&self, shared: &Shared) {
        if !self.topics.lanes().any(|lane| shared.is_apart(lane)) {
            return;
        }
        while let Some(lane) = shared.due.wanted(AFTER_START) {
            self.bring(shared, lane);
        }
        for lane in self.topics.lanes().take_while(|_| !shared.due.is_over()) {
            self.bring(shared, lane);
        }
    }

    /// The index of a lane, so that who asks for it finds it.
    fn bring(&self, shared: &Shared, lane: LaneId) {
        if let Err(error) = shared.indexed(lane).map(drop) {
            let dir = self.dir.display();
            tracing::warn!(%dir, topic = lane.topic.0, lane = lane.index, %error, "no index of a lane");
        }
    }

    fn take(&mut self, shared: &Shared) {
        let (dir, since) = (self.dir.as_path(), self.last.0);
        let sync = || {
            // Then it never speaks of what a power cut can take.
            let synced = if self.synced { Ok(()) } else { self.reader.sync(since) };
            synced.map_err(|error| error.to_string())
        };
        let lane = |lane, out: &mut Vec<u8>| {
            // What is handed over waits meanwhile: so one lane at a time.
            let lanes = shared.indexed(lane).map_err(|error| error.to_string())?;
            let mut turn = Turn { held: lanes.taken(), lane: Vec::new(), kept: None };
            if let Some(known) = lanes.get(lane) {
                known.write(&mut turn.lane);
                known.streams.index.write(out);
                turn.kept = known.streams.kept.snapshot();
            }
            Ok(turn)
        };
        match checkpoint::write(dir, &self.topics, &self.reader, lane, sync) {
            Ok(Some(Written { place, bytes, rows })) => {
                tracing::debug!(dir = %dir.display(), place = place.0, bytes, "checkpoint of the log");
                self.last = (place, bytes);
                let mut lanes = shared.lanes.write().unwrap_or_else(PoisonError::into_inner);
                lanes.moved(rows);
            }
            Ok(None) => {}
            Err(why) => {
                tracing::warn!(dir = %dir.display(), why, "no checkpoint of the log was taken");
                drop(std::fs::remove_file(dir.join(checkpoint::UNFINISHED)));
                // Tried again when the log has grown as much again.
                self.last.0 = taken(shared);
            }
        }
    }
}

fn taken(shared: &Shared) -> Location {
    shared.lanes.read().unwrap_or_else(PoisonError::into_inner).taken()
}
