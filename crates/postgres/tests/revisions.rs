//! Tables that are built beside the live one: rebuilds and new revisions.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod db;
#[path = "../../projector/tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Instant;

use db::{Db, all_folded, must_equal_model, watch};
use projector::{ProjectionState, Projector, RowSink};
use support::{Event, MemLog, Rng, added, next_revision, random_frame};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_under_load_swaps_to_equal_rows_and_drops_the_old_table() {
    let (db, log) = (Db::start().await, MemLog::new(4));
    let mut rng = Rng(31);
    for _ in 0..2_000 {
        random_frame(&log, &mut rng, 200);
    }
    let handle = db.projector(&log, false);
    all_folded(&handle, &log).await;
    let watcher = watch(db.server.url(), &log);
    handle.rebuild("items").await.unwrap();
    let begun = Instant::now();
    while db.number("SELECT build::bigint FROM recount.revision WHERE projection = 'items'").await
        == 0
    {
        random_frame(&log, &mut rng, 200);
        assert!(begun.elapsed() < db::LONG, "{:?}", handle.status());
    }
    for _ in 0..50 {
        random_frame(&log, &mut rng, 200);
    }
    all_folded(&handle, &log).await;
    watcher.end().await;
    must_equal_model(db.server.url(), &log).await;
    let tables =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'shop' AND tablename LIKE 'items%'";
    assert_eq!(db.number(tables).await, 1);
    handle.shutdown().await;
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_revision_is_built_while_the_old_table_answers_and_then_takes_its_place() {
    let (db, log) = (Db::start().await, MemLog::new(3));
    for id in 1..=500 {
        log.write(id, &[added("x", 1), Event::Counted { by: 3 }]);
    }
    let old = db.projector(&log, false);
    all_folded(&old, &log).await;
    old.shutdown().await;
    log.write(1, &[Event::Counted { by: 4 }]);

    let sink: Arc<dyn RowSink> = Arc::new(db.sink(&log));
    let new = Projector::start(log.clone(), next_revision(), &sink);
    while new.status()[0].state != ProjectionState::Live {
        assert_eq!(db.number("SELECT count(*) FROM shop.items").await, 500);
    }
    new.wait_for("items", &log.ends(), db::LONG).await.unwrap();
    assert_eq!(new.status()[0].revision, 2);
    assert_eq!(db.number("SELECT sum(doubled)::bigint FROM shop.items").await, 2 * (500 * 3 + 4));
    let tables =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'shop' AND tablename LIKE 'items%'";
    assert_eq!(db.number(tables).await, 1);
    new.shutdown().await;
    db.stop().await;
}
