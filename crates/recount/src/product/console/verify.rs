//! The chain of every lane, recomputed while the product runs: a job with progress.

use std::sync::PoisonError;

use console::{LaneVerdict, Verification, Verified};
use domain::{LaneId, Principal};
use log::Follower;
use uuid::Uuid;

use super::{ConsoleBackend, now};

impl ConsoleBackend {
    /// Begins a run, unless one is under way.
    pub(super) fn begin_verification(&self, who: &Principal) {
        let lanes: Vec<LaneId> = self.history.log().topics().lanes().collect();
        let mut last = self.verification.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|run| run.finished_at.is_none()) {
            return;
        }
        let topics = self.history.log().topics();
        let pending = |lane: &LaneId| Verified {
            lane: topics.lane_name(*lane),
            done: 0,
            of: self.history.log().end(*lane),
            verdict: LaneVerdict::Pending,
            head: None,
        };
        *last = Some(Verification {
            id: Uuid::now_v7(),
            by: who.clone(),
            started_at: now(),
            finished_at: None,
            lanes: lanes.iter().map(pending).collect(),
        });
        let backend = self.clone();
        tokio::task::spawn_blocking(move || {
            for (place, lane) in lanes.into_iter().enumerate() {
                backend.walk(place, lane);
            }
            backend.update(|run| run.finished_at = Some(now()));
        });
    }

    /// Recomputes one lane up to where it ended when the run began.
    fn walk(&self, place: usize, lane: LaneId) {
        let log = &**self.history.log();
        let end = log.end(lane);
        let mut follower = Follower::from_start(log, lane);
        let verdict = loop {
            if follower.offset() >= end {
                break LaneVerdict::Whole;
            }
            let polled = follower.poll(log);
            let (done, head) = (follower.offset(), follower.state().head.to_string());
            self.update(|run| {
                run.lanes[place].done = done.min(run.lanes[place].of);
                run.lanes[place].head = Some(head);
            });
            match polled {
                Ok(frames) if frames.is_empty() => break LaneVerdict::Whole,
                Ok(_) => {}
                Err(error) => {
                    break LaneVerdict::Broken {
                        seq: follower.state().seq + 1,
                        why: error.to_string(),
                    };
                }
            }
        };
        let alarms = follower.voids().alarms;
        self.update(|run| {
            run.lanes[place].verdict = if alarms == 0 || verdict != LaneVerdict::Whole {
                verdict
            } else {
                let why =
                    format!("{alarms} records fit in every way but their hash; they are void");
                LaneVerdict::Broken { seq: follower.state().seq, why }
            };
        });
    }

    fn update(&self, change: impl FnOnce(&mut Verification)) {
        if let Some(run) = self.verification.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            change(run);
        }
    }
}
