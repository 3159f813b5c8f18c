//! The targets that this node asks, by name, shared by all its sagas: a breaker each, and how many
//! calls may run at once. Not the calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::run::breaker::{Breaker, BreakerState, Leave, Shut};
use crate::run::clock::now;
use crate::run::meter;
use crate::run::wanted::Wanted;

/// Calls to one target at once: enough to keep it busy, few enough not to be a burden.
const CALLS_MAX: usize = 16;
/// Targets that are told apart; those beyond share one. Names come from plans and the items of their
/// steps, so a plan whose items are without end would fill the map.
const TARGETS_MAX: usize = 256;
/// The name of the shared one.
const OTHERS: &str = "others";

/// How a target stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetReport {
    /// Its name: the breaker of the step's retry policy or the port, and the item of an `each`.
    pub name: String,
    /// Whether it is asked.
    pub state: BreakerState,
    /// Since when it is, or is not.
    pub since: Timestamp,
    /// While it is not: when one call tries again.
    pub until: Option<Timestamp>,
    /// Calls that run now.
    pub in_flight: usize,
    /// What waits for it: calls without a place, and steps that were told to come back.
    pub waiting: usize,
    /// When it failed last, and how.
    pub last_fault: Option<(Timestamp, String)>,
}

#[derive(Debug)]
struct Target {
    name: String,
    breaker: Mutex<Breaker>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// All targets of this node; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets(Arc<Mutex<BTreeMap<String, Arc<Target>>>>);

/// A place at a target, and leave to ask it. Dropped without a word, the call did not take place.
#[derive(Debug)]
pub(crate) struct Pass {
    target: Arc<Target>,
    leave: Option<Leave>,
    _place: OwnedSemaphorePermit,
}

/// What became of a call, for the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// The target answered, with a yes or a no.
    Good,
    /// It did not, or not now.
    Fault(&'a str, Option<u64>),
}

impl Targets {
    /// Waits for a place at a target, then asks its breaker.
    pub(crate) async fn enter(&self, name: &str) -> Result<Pass, Shut> {
        let target = self.of(name);
        let waits = Waits::at(&target);
        // A closed semaphore would be a bug: nobody closes it.
        let place = Arc::clone(&target.places).acquire_owned().await;
        let Ok(place) = place else { return Err(Shut { opened_at: now(), retry_after_ms: 1_000 }) };
        drop(waits);
        let leave = target.breaker().ask(now());
        leave.map(|leave| Pass { target, leave: Some(leave), _place: place })
    }

    /// The same, waiting until the breaker gives leave: for questions that may take their time.
    /// `None`: meanwhile it is not wanted any more.
    pub(crate) async fn enter_at_last(&self, name: &str, wanted: &Wanted) -> Option<Pass> {
        let target = self.of(name);
        while wanted.still() {
            match self.enter(name).await {
                Ok(pass) => return wanted.still().then_some(pass),
                Err(shut) => {
                    let _waits = Waits::at(&target);
                    tokio::time::sleep(Duration::from_millis(shut.retry_after_ms)).await;
                }
            }
        }
        None
    }

    fn of(&self, name: &str) -> Arc<Target> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.contains_key(name) || all.len() < TARGETS_MAX;
        let name = if known { name } else { OTHERS };
        let target = all.entry(name.to_owned()).or_insert_with(|| {
            meter::circuit(name, BreakerState::Closed);
            Arc::new(Target {
                name: name.to_owned(),
                breaker: Mutex::new(Breaker::closed(now())),
                places: Arc::new(Semaphore::new(CALLS_MAX)),
                waiting: AtomicUsize::new(0),
            })
        });
        Arc::clone(target)
    }

    /// How all of them stand, by name.
    pub(crate) fn report(&self) -> Vec<TargetReport> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let report = |target: &Arc<Target>| {
            let breaker = target.breaker();
            TargetReport {
                name: target.name.clone(),
                state: breaker.state(),
                since: breaker.since(),
                until: breaker.until(),
                in_flight: CALLS_MAX - target.places.available_permits().min(CALLS_MAX),
                waiting: target.waiting.load(Ordering::Relaxed),
                last_fault: breaker.last_fault().cloned(),
            }
        };
        all.values().map(report).collect()
    }
}

/// Counted among those who wait, until it is dropped.
struct Waits<'a>(&'a Target);

impl<'a> Waits<'a> {
    fn at(target: &'a Target) -> Self {
        target.waiting.fetch_add(1, Ordering::Relaxed);
        Self(target)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Target {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// What became of the call.
    pub(crate) fn said(mut self, said: Said<'_>) {
        let Some(leave) = self.leave.take() else { return };
        let (before, after) = {
            let mut breaker = self.target.breaker();
            let before = breaker.state();
            match said {
                Said::Good => breaker.good(leave, now()),
                Said::Fault(why, after) => breaker.fault(leave, now(), why, after),
            }
            (before, breaker.state())
        };
        let name = &self.target.name;
        meter::outbound(name, said);
        if before != after {
            meter::circuit(name, after);
            tracing::warn!(target_name = name, ?before, ?after, ?said, "breaker moves");
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            self.target.breaker().gave_up(leave, now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CALLS_MAX, Said, TARGETS_MAX, Targets};

    #[tokio::test]
    async fn a_target_has_so_many_places_and_its_name_is_its_own() {
        let targets = Targets::default();
        let mut inside = Vec::new();
        for _ in 0..CALLS_MAX {
            inside.push(targets.enter("a").await.expect("closed"));
        }
        let full = tokio::time::timeout(std::time::Duration::from_millis(20), targets.enter("a"));
        assert!(full.await.is_err(), "the next one waits");
        targets.enter("b").await.expect("another target").said(Said::Good);
        inside.pop().expect("one").said(Said::Good);
        targets.enter("a").await.expect("a place is free").said(Said::Good);
        let report = targets.report();
        assert_eq!(report.len(), 2);
        assert_eq!(report[0].in_flight, CALLS_MAX - 1);
    }

    #[tokio::test]
    async fn names_without_end_do_not_fill_the_memory() {
        let targets = Targets::default();
        for n in 0..2 * TARGETS_MAX {
            targets.enter(&format!("t{n}")).await.expect("closed").said(Said::Good);
        }
        assert_eq!(targets.report().len(), TARGETS_MAX + 1);
    }
}
