//! Timers of many sagas that are due in one moment, and a kill in the middle of it. More of them by
//! `RECOUNT_TIMERS`. Not what a timer means, which is tried in `it`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{StreamId, Timestamp};
use log::Log;
use log_embedded::{EmbeddedLog, Options};
use orchestrator::{Event, Phase, Purpose};

use crate::kit::{Places, PostEvent, Rig, post};
use crate::world::World;

/// Asked for at once: enough that they share the syncs of the disk.
const AT_ONCE: usize = 256;
/// Far above what anything here takes, for a machine that does ten other things.
const LONG: Duration = Duration::from_mins(10);

fn open(at: &Path) -> Arc<dyn Log> {
    let options = Options::new(at).topic("kit.events", 2).topic("kit.sagas", 2);
    Arc::new(EmbeddedLog::open(&options).unwrap().0)
}

fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

/// Waits until so many places were taken: so many sagas have begun.
async fn begun(rig: &Rig, sagas: i64) {
    let began = Instant::now();
    while rig.places().ever < sagas {
        assert!(began.elapsed() < LONG, "{:?} of {sagas} have begun", rig.places());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_that_are_due_at_once_fire_once_each_and_never_early_though_killed_in_between() {
    let sagas: usize =
        std::env::var("RECOUNT_TIMERS").ok().and_then(|it| it.parse().ok()).unwrap_or(1_000);
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let rig = Rig::start(&open(dir.path()), &world).await;
    let numbers: Vec<u128> = (0..sagas as u128).collect();
    // Behind the last question: the storm begins for all of them at once.
    let patience = i64::try_from(5_000 + sagas / 2).unwrap();
    let due = now().plus_ms(patience);
    for some in numbers.chunks(AT_ONCE) {
        let asked =
            some.iter().map(|n| rig.ask(post(*n), Box::new(PostEvent::Planned { at: due })));
        futures_util::future::join_all(asked).await;
    }
    let early = rig.places();
    if now() < due {
        assert_eq!(early.ever, 0, "nothing begins before its time");
    } else {
        eprintln!("asking took longer than until they are due: it is a smaller storm");
    }
    begun(&rig, 1).await;
    let began = Instant::now();
    rig.kill().await;

    let rig = Rig::start(&open(dir.path()), &world).await;
    begun(&rig, i64::try_from(sagas).unwrap()).await;
    let mut fired = 0;
    for n in numbers {
        let saga = StreamId::new("publish_kit", post(n).id());
        let seen = rig.until(&saga, crate::crash::rests).await;
        assert_eq!(seen.is().phase, Phase::Done, "{seen:#?}");
        let mut begins = None;
        for past in &seen.events {
            match past.event.as_ref().unwrap() {
                Event::TimerSet { timer, purpose: Purpose::Begin, at, .. } => {
                    assert_eq!((begins.replace(*timer), *at), (None, due), "set once");
                }
                Event::TimerFired { timer } if begins == Some(*timer) => {
                    assert!(past.meta.recorded_at >= due, "early: {:?}", past.meta);
                    fired += 1;
                }
                _ => {}
            }
        }
    }
    eprintln!("{sagas} timers: {:?} from the first to the last end", began.elapsed());
    assert_eq!(fired, sagas, "each once");
    let all = i64::try_from(sagas).unwrap();
    assert_eq!(rig.places(), Places { held: all, ever: all });
    world.nothing_twice();
    rig.stop().await;
}
