//! The runner of one lane of sagas: follows it, and does what its roster says. A thin shell: what to
//! begin and what to drop is the roster's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::StreamId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::run::any::News;
use crate::run::clock::{now, sleep_until};
use crate::run::means::Means;
use crate::run::reader::{READ_AGAIN, Reader};
use crate::run::roster::{Call, Roster, Tell};

/// Calls of one lane at once, with those that wait for a place at their target: so many that a slow
/// target does not keep calls of others from beginning. Those beyond wait in the roster, where they
/// cost less than the 4 KB of a call.
const CALLS_MAX: usize = 4_096;
/// Timers and news that are told at once: enough for the owner to take them in one round.
const TELLS_MAX: usize = 256;

/// A roster that others may look at.
pub(crate) type SharedRoster = Arc<Mutex<Roster>>;

/// Locks a roster; never over an await.
pub(crate) fn locked(roster: &Mutex<Roster>) -> MutexGuard<'_, Roster> {
    roster.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The runner.
pub(crate) struct Runner {
    pub(crate) means: Arc<Means>,
    pub(crate) roster: SharedRoster,
    pub(crate) reader: Reader,
    pub(crate) growth: watch::Receiver<u64>,
    /// Told when everything was read that lay in the lane at the start.
    pub(crate) caught_up: watch::Sender<bool>,
    /// Told whether this node has the lane.
    pub(crate) holds: watch::Sender<bool>,
    pub(crate) stop: watch::Receiver<bool>,
    /// How long calls under way may take to end.
    pub(crate) grace: Duration,
}

/// What runs for a lane.
#[derive(Default)]
struct Work {
    calls: JoinSet<()>,
    tells: JoinSet<(StreamId, News, Option<u64>)>,
}

impl Runner {
    /// Until it is told to stop.
    pub(crate) async fn run(mut self) {
        let mut work = Work::default();
        loop {
            self.growth.mark_unchanged();
            let failed = self.read().await;
            self.begin(&mut work);
            let wakes_at = locked(&self.roster).wakes_at();
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep(READ_AGAIN), if failed => {}
                grown = self.growth.changed(), if !failed => if grown.is_err() { break },
                Some(_) = work.calls.join_next() => {}
                Some(told) = work.tells.join_next() => {
                    if let Ok((stream, news, version)) = told {
                        locked(&self.roster).told(&stream, &news, version);
                    }
                }
                () = sleep_until(wakes_at) => {}
            }
        }
        let end = async {
            while work.calls.join_next().await.is_some() {}
            while work.tells.join_next().await.is_some() {}
        };
        if tokio::time::timeout(self.grace, end).await.is_err() {
            tracing::warn!("calls of sagas were still open at the end of the grace time");
        }
    }

    /// Takes in what the lane has; says whether it failed.
    async fn read(&mut self) -> bool {
        loop {
            match self.reader.read().await {
                Ok(frames) if frames.is_empty() => break,
                Ok(frames) => {
                    let mut roster = locked(&self.roster);
                    for frame in &frames {
                        roster.take(self.means.deciders.schemas(), frame);
                    }
                }
                Err(why) => {
                    tracing::error!(why, "a lane of sagas cannot be read");
                    return true;
                }
            }
        }
        if !*self.caught_up.borrow() {
            locked(&self.roster).caught_up();
            self.caught_up.send_replace(true);
        }
        let holds = locked(&self.roster).holds();
        self.holds.send_if_modified(|known| std::mem::replace(known, holds) != holds);
        false
    }

    fn begin(&self, work: &mut Work) {
        let mut roster = locked(&self.roster);
        roster.fire(now());
        while work.calls.len() < CALLS_MAX
            && let Some(Call { job, about, wanted }) = roster.next_call()
        {
            let means = Arc::clone(&self.means);
            work.calls.spawn(async move {
                if let Some(input) = job.carry(Arc::clone(&means), &about, &wanted).await {
                    means.tell(&about, &input).await;
                }
            });
        }
        while work.tells.len() < TELLS_MAX
            && let Some(Tell { about, news, input }) = roster.next_tell()
        {
            let means = Arc::clone(&self.means);
            work.tells.spawn(async move {
                let version = means.tell(&about, &input).await;
                (about.stream, news, version)
            });
        }
    }
}
