//! What workers show to the outside while they run: positions, lag, parked streams. Memory only; the
//! truth is the checkpoint in the read database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use domain::{LaneId, StreamId, Timestamp};
use log::Log;

use crate::registry::Entry;
use crate::{LaneLag, ProjectionState, ProjectionStatus};

/// Locks; a panic elsewhere does not make plain numbers wrong.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One lane of one table.
#[derive(Debug)]
pub(crate) struct LaneCell {
    pub(crate) lane: LaneId,
    view: Mutex<LaneView>,
}

/// What is known of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaneView {
    /// Records folded and committed.
    pub(crate) seq: u64,
    /// Where the log is read on behind them.
    pub(crate) offset: u64,
    /// Why the worker waits.
    pub(crate) waiting: Option<String>,
    /// Log time of the first event that was read and is not committed.
    pub(crate) oldest: Option<Timestamp>,
    /// Parked streams, and why.
    pub(crate) parked: Vec<(StreamId, String)>,
    /// Events they hold back.
    pub(crate) held: u64,
    /// Whether the checkpoint was read since the start.
    pub(crate) known: bool,
}

impl LaneCell {
    pub(crate) fn new(lane: LaneId, seq: u64) -> Arc<Self> {
        Arc::new(Self { lane, view: Mutex::new(LaneView { seq, ..LaneView::default() }) })
    }

    pub(crate) fn view(&self) -> LaneView {
        lock(&self.view).clone()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut LaneView)) {
        change(&mut lock(&self.view));
    }

    pub(crate) fn seq(&self) -> u64 {
        lock(&self.view).seq
    }

    fn lag(&self, log: &dyn Log) -> LaneLag {
        let view = self.view();
        let events = log.end(self.lane).saturating_sub(view.offset);
        let age = view.oldest.map_or(0, |oldest| ambient::now().ms_since(oldest).max(0));
        let ms = if events == 0 { 0 } else { u64::try_from(age).unwrap_or_default() };
        LaneLag { lane: self.lane, seq: view.seq, events, ms }
    }
}

/// What the supervisor of a projection is at.
#[derive(Debug, Clone, Default)]
pub(crate) enum Phase {
    #[default]
    Starting,
    Waiting(String),
    Running,
    Rebuilding(Vec<Arc<LaneCell>>),
}

/// One projection.
#[derive(Debug)]
pub(crate) struct ProjectionCell {
    pub(crate) entry: Entry,
    pub(crate) lanes: Vec<LaneId>,
    /// Events folded since the start, by all tables.
    pub(crate) folded: AtomicU64,
    live: RwLock<Vec<Arc<LaneCell>>>,
    phase: Mutex<Phase>,
    paused: Mutex<bool>,
}

impl ProjectionCell {
    pub(crate) fn new(entry: Entry, lanes: Vec<LaneId>) -> Self {
        Self {
            entry,
            lanes,
            folded: AtomicU64::new(0),
            live: RwLock::default(),
            phase: Mutex::default(),
            paused: Mutex::default(),
        }
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        *lock(&self.phase) = phase;
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        *lock(&self.paused) = paused;
    }

    pub(crate) fn is_paused(&self) -> bool {
        *lock(&self.paused)
    }

    pub(crate) fn set_live(&self, cells: Vec<Arc<LaneCell>>) {
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = cells;
    }

    fn live(&self) -> Vec<Arc<LaneCell>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How far the live table is.
    pub(crate) fn positions(&self) -> Vec<(LaneId, u64)> {
        let live = self.live();
        let at = |lane| live.iter().find(|cell| cell.lane == lane).map_or(0, |cell| cell.seq());
        self.lanes.iter().map(|lane| (*lane, at(*lane))).collect()
    }

    fn state(&self, log: &dyn Log, live: &[Arc<LaneCell>]) -> ProjectionState {
        if self.is_paused() {
            return ProjectionState::Paused;
        }
        let phase = lock(&self.phase).clone();
        let cells = match &phase {
            Phase::Starting => return ProjectionState::Starting,
            Phase::Waiting(why) => return ProjectionState::Waiting { why: why.clone() },
            Phase::Rebuilding(cells) => cells,
            Phase::Running => live,
        };
        if let Some(why) = cells.iter().find_map(|cell| cell.view().waiting) {
            return ProjectionState::Waiting { why };
        }
        if let Phase::Rebuilding(cells) = phase {
            let done = cells.iter().map(|cell| cell.seq()).sum();
            let left: u64 = cells.iter().map(|cell| cell.lag(log).events).sum();
            return ProjectionState::Rebuilding { done, of: done + left };
        }
        if live.iter().all(|cell| cell.view().known) {
            return ProjectionState::Live;
        }
        ProjectionState::Starting
    }

    pub(crate) fn status(&self, log: &dyn Log) -> ProjectionStatus {
        let live = self.live();
        let mut parked: Vec<_> = live.iter().flat_map(|cell| cell.view().parked).collect();
        parked.sort_unstable();
        let lag = |lane: &LaneId| match live.iter().find(|cell| cell.lane == *lane) {
            Some(cell) => cell.lag(log),
            None => LaneLag { lane: *lane, seq: 0, events: log.end(*lane), ms: 0 },
        };
        ProjectionStatus {
            name: self.entry.table.projection,
            revision: self.entry.table.revision,
            table: self.entry.table.name,
            state: self.state(log, &live),
            lanes: self.lanes.iter().map(lag).collect(),
            parked,
            folded: self.folded.load(Ordering::Relaxed),
        }
    }

    /// Events held back by parked streams.
    pub(crate) fn held(&self) -> u64 {
        self.live().iter().map(|cell| cell.view().held).sum()
    }
}
