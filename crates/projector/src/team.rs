//! The workers of one table, one a lane, and how they are told to run, hold or stop.

use std::sync::Arc;

use domain::LaneId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::cell::LaneCell;
use crate::pace::{Pace, jitter};
use crate::sink::Table;
use crate::worker::{Fault, Shop, Worker};

/// A lane is looked at so often even when nobody says that it has grown.
const SAFETY_POLL: std::time::Duration = std::time::Duration::from_secs(5);

/// What workers are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Run,
    Hold,
    Stop,
}

/// How a worker learns that its lane has grown.
pub(crate) type Growth = Arc<dyn Fn(LaneId) -> watch::Receiver<u64> + Send + Sync>;

/// The workers of one table.
pub(crate) struct Team {
    pub(crate) table: Table,
    pub(crate) cells: Vec<Arc<LaneCell>>,
    mode: watch::Sender<Mode>,
    tasks: JoinSet<()>,
}

impl Team {
    /// Starts a worker for every lane of the projection. One that finds the table itself in need of
    /// care says so to `restart` and ends.
    pub(crate) fn start(
        shop: &Shop,
        table: Table,
        mode: Mode,
        growth: &Growth,
        restart: &mpsc::UnboundedSender<String>,
    ) -> Self {
        let (mode, told) = watch::channel(mode);
        let cells: Vec<_> =
            shop.projection.lanes.iter().map(|lane| LaneCell::new(*lane, 0)).collect();
        let mut tasks = JoinSet::new();
        for cell in &cells {
            let worker = Worker::new(shop.clone(), table.clone(), Arc::clone(cell));
            let cell = Arc::clone(cell);
            tasks.spawn(run(worker, told.clone(), growth(cell.lane), cell, restart.clone()));
        }
        Self { table, cells, mode, tasks }
    }

    /// A table that no worker of this program can fold: its positions only.
    pub(crate) fn resting(table: Table, positions: &[(LaneId, u64)]) -> Self {
        let cells = positions.iter().map(|(lane, seq)| LaneCell::new(*lane, *seq)).collect();
        Self { table, cells, mode: watch::Sender::new(Mode::Hold), tasks: JoinSet::new() }
    }

    pub(crate) fn tell(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Ends the workers, each behind its transaction.
    pub(crate) async fn stop(mut self) {
        self.tell(Mode::Stop);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn run(
    mut worker: Worker,
    mut mode: watch::Receiver<Mode>,
    mut growth: watch::Receiver<u64>,
    cell: Arc<LaneCell>,
    restart: mpsc::UnboundedSender<String>,
) {
    let mut pace = Pace::default();
    loop {
        let now = *mode.borrow_and_update();
        match now {
            Mode::Stop => return,
            Mode::Hold => {
                if mode.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Mode::Run => {}
        }
        growth.borrow_and_update();
        let (why, pause) = match worker.step().await {
            Ok(true) => {
                pace.reset();
                continue;
            }
            Ok(false) => {
                tokio::select! {
                    _ = growth.changed() => {}
                    _ = mode.changed() => {}
                    () = tokio::time::sleep(SAFETY_POLL) => {}
                }
                continue;
            }
            Err(Fault::Wait(why)) => (why, pace.next()),
            Err(Fault::Stand(why, pause)) => (why, jitter(pause)),
            Err(Fault::Restart(why)) => {
                // Nobody listens when the projection is being stopped.
                let _ = restart.send(why);
                return;
            }
        };
        tracing::debug!(why, ?pause, "projection worker waits");
        cell.set(|view| view.waiting = Some(why));
        tokio::select! {
            _ = mode.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
