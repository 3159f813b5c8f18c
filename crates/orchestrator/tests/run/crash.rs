//! Killed at each append: everything in memory is gone, and a new process on the same log goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::{LaneId, StreamId};
use log::{Delivery, Done, GrowthHook, Handover, Log, MemoryLog, ReadError, Stored, Topics};
use orchestrator::run::Seen;
use orchestrator::{Confirm, Direction, Event, Phase};

use crate::kit::{Places, Rig, events, topics};
use crate::world::{Act, World};

/// A log that takes so many appends and then none: what is handed over later is lost, and nobody is
/// told.
struct Mortal {
    under: Arc<MemoryLog>,
    left: AtomicUsize,
    dead: AtomicBool,
}

impl Mortal {
    fn over(under: &Arc<MemoryLog>, appends: usize) -> Arc<Self> {
        let left = AtomicUsize::new(appends);
        Arc::new(Self { under: Arc::clone(under), left, dead: AtomicBool::new(false) })
    }
}

impl Log for Mortal {
    fn topics(&self) -> &Topics {
        self.under.topics()
    }

    fn append(&self, handovers: Vec<Handover>, done: Done) {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_ok() {
            return self.under.append(handovers, done);
        }
        self.dead.store(true, Ordering::SeqCst);
        done(handovers.iter().map(|_| Delivery::Unknown("killed".to_owned())).collect());
    }

    fn read(&self, lane: LaneId, from: u64, bytes_max: usize) -> Result<Vec<Stored>, ReadError> {
        self.under.read(lane, from, bytes_max)
    }

    fn read_stream(
        &self,
        lane: LaneId,
        stream: &StreamId,
        from: u64,
    ) -> Result<Vec<Stored>, ReadError> {
        self.under.read_stream(lane, stream, from)
    }

    fn end(&self, lane: LaneId) -> u64 {
        self.under.end(lane)
    }

    fn on_growth(&self, hook: GrowthHook) {
        self.under.on_growth(hook);
    }

    fn failed(&self) -> Option<String> {
        self.dead.load(Ordering::SeqCst).then(|| "killed".to_owned())
    }
}

/// Everything that can be undone at once is undone; what was in doubt is looked for a minute later.
pub(crate) fn rests(seen: &Seen) -> bool {
    let is = seen.is();
    let undone = is.steps.values().filter(|step| step.must_be_undone()).all(|step| {
        step.undo.status == orchestrator::Status::Done && step.confirm != Confirm::Probing
    });
    matches!(is.phase, Phase::Done | Phase::Undone) || (is.phase == Phase::Undoing && undone)
}

/// Runs a saga whose process dies after so many appends, and then to its end in another one. `false`:
/// it came to its end before.
async fn dies_after(appends: usize, refuses: bool) -> bool {
    let under = Arc::new(MemoryLog::new(topics()));
    let world = World::new();
    if refuses {
        world.always("publish/b", Act::Refuse);
    }
    let whole: Arc<dyn Log> = Arc::clone(&under) as _;
    let rig = Rig::start(&whole, &world).await;
    let saga = StreamId::new("publish_kit", crate::kit::post(1).id());
    rig.stop().await;

    let mortal = Mortal::over(&under, appends);
    let log: Arc<dyn Log> = Arc::clone(&mortal) as _;
    let rig = Rig::start(&log, &world).await;
    let asked = rig.try_due(1, 500, &["a", "b"]).await;
    let mut died = !matches!(asked, lane::Answer::Accepted(_));
    while !died {
        let seen = rig.desk().saga(&saga, None).await;
        if seen.as_ref().is_ok_and(rests) {
            break;
        }
        died = mortal.dead.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(rig);

    let rig = Rig::start(&whole, &world).await;
    if under_has(&rig, &saga).await {
        let seen = rig.until(&saga, rests).await;
        world.nothing_twice();
        let fired = |event: &Event| match event {
            Event::TimerFired { timer } => Some(*timer),
            _ => None,
        };
        let mut timers: Vec<_> = events(&seen).iter().filter_map(fired).collect();
        let all = timers.len();
        timers.sort_unstable();
        timers.dedup();
        assert_eq!(timers.len(), all, "a timer fired twice: {:#?}", events(&seen));
        check(&rig, &world, &seen, refuses);
    }
    rig.stop().await;
    died
}

/// Whether the post became due: then its saga must come to an end.
async fn under_has(rig: &Rig, saga: &StreamId) -> bool {
    let topics = rig.log.topics();
    let lane = topics.lane_for(topics.find("kit.events").unwrap(), &crate::kit::post(1));
    if rig.log.read_stream(lane, &crate::kit::post(1), 0).unwrap().is_empty() {
        return false;
    }
    rig.until(saga, |seen| seen.is().revision > 0).await;
    true
}

fn check(rig: &Rig, world: &World, seen: &Seen, refuses: bool) {
    let is = seen.is();
    assert!(!is.is_parked(), "{:#?}", events(seen));
    if refuses {
        assert_ne!(is.phase, Phase::Done);
        assert_eq!(world.standing(), Vec::<String>::new(), "{:#?}", events(seen));
        assert_eq!(rig.places().held, 0);
        let undone: Vec<_> =
            world.order().into_iter().filter(|it| it.1 == Direction::Undo).collect();
        let mut reverse: Vec<_> =
            world.order().into_iter().filter(|it| it.1 == Direction::Forward).collect();
        reverse.reverse();
        let steps =
            |of: &[(String, Direction)]| of.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
        assert_eq!(steps(&undone), steps(&reverse), "undone in reverse order");
    } else {
        assert_eq!(is.phase, Phase::Done, "{:#?}", events(seen));
        assert_eq!(world.standing().len(), 4);
        assert_eq!(rig.places(), Places { held: 1, ever: 1 });
    }
}

/// Kills the process after 0, 1, 2, ... appends, until it lives to the end of the saga.
async fn at_each_append(refuses: bool) {
    let mut appends = 0;
    while dies_after(appends, refuses).await {
        appends += 1;
        assert!(appends < 200, "it never comes to its end");
    }
    assert!(appends > 10, "only {appends} appends were tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_append_it_comes_to_its_end_with_no_effect_twice() {
    at_each_append(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_append_it_takes_everything_back_once_in_reverse_order() {
    at_each_append(true).await;
}
