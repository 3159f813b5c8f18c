//! How fast a backlog is folded into PostgreSQL, and how soon a new event is there. Bounds are far above
//! what is measured: they find collapse, not noise.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod db;
#[path = "../../projector/tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use db::{Db, all_folded};
use support::{Event, MemLog, Rng, added};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catching_up_is_fast() {
    const EVENTS: u32 = 40_000;
    let (db, log) = (Db::start().await, MemLog::new(16));
    let mut rng = Rng(41);
    for _ in 0..EVENTS {
        let id = u128::from(rng.below(10_000) + 1);
        if rng.below(3) == 0 {
            log.write(id, &[added("some name of a usual length", 1)]);
        } else {
            log.write(id, &[Event::Counted { by: 1 }]);
        }
    }
    let begun = Instant::now();
    let handle = db.projector(&log, false);
    all_folded(&handle, &log).await;
    let took = begun.elapsed();
    let folded: u64 = handle.status().iter().map(|it| it.folded).sum();
    eprintln!(
        "{EVENTS} events into 2 tables ({folded} folds) in {took:?}: {:.0} events/s, {:.0} folds/s",
        f64::from(EVENTS) / took.as_secs_f64(),
        f64::from(u32::try_from(folded).unwrap()) / took.as_secs_f64(),
    );
    let mut lags = Vec::new();
    for _ in 0..200 {
        let at = log.write(u128::from(rng.below(10_000) + 1), &[Event::Counted { by: 1 }]);
        let begun = Instant::now();
        handle.wait_for("items", &[(at.lane, at.seq)], db::LONG).await.unwrap();
        lags.push(begun.elapsed());
    }
    lags.sort();
    eprintln!("live: median {:?}, 99 % {:?}", lags[100], lags[197]);
    assert!(took < Duration::from_secs(40) && lags[100] < Duration::from_secs(1));
    handle.shutdown().await;
    db.stop().await;
}
