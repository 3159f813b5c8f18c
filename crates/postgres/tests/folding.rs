//! Folding into a real PostgreSQL: exactly once through kills, rivals, cancelled futures and swaps.
//! Not about questions to the tables, which are in `asking.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod db;
#[path = "../../projector/tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use db::{Db, all_folded, must_equal_model, watch};
use domain::LaneId;
use log::Head;
use projector::{Changes, Checkpoint, RowSink, SinkError, Table, Until, fold_all};
use rustix::process::{Pid, Signal, kill_process};
use support::{Event, ItemRow, MemLog, Rng, added, random_frame, registry};
use uuid::Uuid;

fn lane(log: &MemLog, index: u16) -> LaneId {
    LaneId { topic: log.shop(), index }
}

fn at(seq: u64) -> Checkpoint {
    Checkpoint { seq, epoch: 1, head: Head([3; 32]), offset_hint: seq }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_server_and_its_backends_leaves_tables_equal_to_the_fold_at_their_checkpoints()
{
    let (db, log) = (Db::start().await, MemLog::new(4));
    let handle = db.projector(&log, false);
    let watcher = watch(db.server.url(), &log);
    let (mut rng, begun) = (Rng(11), Instant::now());
    let (mut kills, mut ended) = (0, 0);
    // Where little happens in nine seconds it takes longer until there was enough of each.
    let enough = |kills, ended| kills > 0 && ended > 0 && watcher.looks() > 20;
    while begun.elapsed() < Duration::from_secs(9) || !enough(kills, ended) {
        let looks = watcher.looks();
        assert!(begun.elapsed() < 3 * db::LONG, "{kills} kills, {ended} ended, {looks} snapshots");
        for _ in 0..20 {
            random_frame(&log, &mut rng, 60);
        }
        tokio::time::sleep(Duration::from_millis(rng.below(20))).await;
        if rng.below(60) == 0 {
            let postmaster = db.postmaster().and_then(Pid::from_raw);
            kills += u32::from(postmaster.is_some_and(|it| kill_process(it, Signal::KILL).is_ok()));
            tokio::time::sleep(Duration::from_millis(500)).await;
        } else if rng.below(4) == 0 {
            let url = db.server.url().to_owned();
            ended += terminate(&url).await.unwrap_or_default();
        }
    }
    all_folded(&handle, &log).await;
    let looks = watcher.end().await;
    must_equal_model(db.server.url(), &log).await;
    eprintln!("{kills} kills, {ended} backends ended, {looks} snapshots, ends {:?}", log.ends());
    handle.shutdown().await;
    db.stop().await;
}

/// Ends backends that are writing, some of them inside COMMIT.
async fn terminate(url: &str) -> Result<i64, sqlx::Error> {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(url).await?;
    sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE application_name = 'recount' AND state <> 'idle'",
    )
    .fetch_one(&mut connection)
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_compare_and_set_writes_nothing_and_dropped_transactions_leave_nothing_open() {
    let (db, log) = (Db::start().await, MemLog::new(1));
    let (sink, table, lane) = (db.sink(&log), Table::of::<ItemRow>(), lane(&log, 0));
    assert_eq!(sink.standing("items").await.unwrap(), None);
    sink.prepare(&table).await.unwrap();
    let (mine, rival) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert_eq!(sink.take(&table, lane, mine).await.unwrap().checkpoint, None);
    let tx = sink.begin(&table, lane, mine, None, &at(5)).await.unwrap();
    tx.commit(Changes::default()).await.unwrap();
    assert_eq!(sink.look(&table, lane).await.unwrap(), Some((Some(at(5)), mine)));
    let lost = sink.begin(&table, lane, mine, Some(&at(4)), &at(6)).await.err().unwrap();
    assert!(matches!(lost, SinkError::Lost { projection: "items" }));
    assert_eq!(sink.take(&table, lane, rival).await.unwrap().checkpoint, Some(at(5)));
    let lost = sink.begin(&table, lane, mine, Some(&at(5)), &at(6)).await.err().unwrap();
    assert!(matches!(lost, SinkError::Lost { .. }));
    let open = sink.begin(&table, lane, rival, Some(&at(5)), &at(6)).await.unwrap();
    drop(open);
    assert_eq!(sink.look(&table, lane).await.unwrap(), Some((Some(at(5)), rival)));
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_futures_anywhere_leaks_no_transaction() {
    let (db, log) = (Db::start().await, MemLog::new(1));
    let (sink, table, lane) = (db.sink(&log), Table::of::<ItemRow>(), lane(&log, 0));
    sink.prepare(&table).await.unwrap();
    let owner = Uuid::from_u128(1);
    sink.take(&table, lane, owner).await.unwrap();
    let (mut rng, begun, mut cancelled, mut done) = (Rng(3), Instant::now(), 0_u32, 0_u32);
    // So long on a quick machine, longer on a slow one.
    let short = |cancelled| cancelled < 10_000 && begun.elapsed() < Duration::from_secs(10);
    while short(cancelled) || cancelled < 1_000 {
        let (sink, table) = (sink.clone(), table.clone());
        let work = async move {
            let at_now = sink.look(&table, lane).await.unwrap().and_then(|(at, _)| at);
            let next = at(at_now.map_or(0, |at| at.seq) + 1);
            let Ok(mut tx) = sink.begin(&table, lane, owner, at_now.as_ref(), &next).await else {
                return;
            };
            if tx.load(&[Uuid::nil()], true).await.is_ok() {
                let _ = tx.commit(Changes::default()).await;
            }
        };
        let patience = Duration::from_micros(rng.below(600));
        match tokio::time::timeout(patience, work).await {
            Ok(()) => done += 1,
            Err(_) => cancelled += 1,
        }
    }
    let open = "SELECT count(*) FROM pg_stat_activity \
                WHERE application_name = 'recount' AND state LIKE 'idle in transaction%'";
    eprintln!("{cancelled} cancelled, {done} done");
    // Rolling back is the server's affair, and takes its time.
    let begun = Instant::now();
    while db.number(open).await > 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "a transaction leaked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seq = sink.look(&table, lane).await.unwrap().unwrap().0.map_or(0, |at| at.seq);
    let next = at(seq + 1);
    let tx =
        sink.begin(&table, lane, owner, Some(&at(seq)).filter(|_| seq > 0), &next).await.unwrap();
    tx.commit(Changes::default()).await.unwrap();
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sinks_that_start_together_make_one_set_of_tables() {
    let (db, log) = (Db::start().await, MemLog::new(2));
    let many = (0..8).map(|at| {
        let sink = db.sink(&log);
        tokio::spawn(async move {
            let table = Table::of::<ItemRow>();
            sink.standing("items").await?;
            sink.prepare(&table).await?;
            sink.take(&table, lane_of(at % 2), Uuid::from_u128(u128::from(at))).await.map(drop)
        })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    assert_eq!(db.number("SELECT count(*) FROM recount.checkpoint").await, 2);
    assert_eq!(db.number("SELECT sum(owner_epoch)::bigint FROM recount.checkpoint").await, 8);
    db.stop().await;
}

fn lane_of(index: u16) -> LaneId {
    LaneId { topic: domain::TopicId(1), index }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_back_as_they_went_and_a_deleted_database_is_built_again() {
    let (db, log) = (Db::start().await, MemLog::new(3));
    let mut rng = Rng(21);
    for _ in 0..300 {
        random_frame(&log, &mut rng, 50);
    }
    log.write(901, &[added("quotes ' \" \\ {} NULL null ü 😀\n", 2)]);
    log.write(902, &[Event::Added { name: String::new(), tags: vec![], bucket: 2 }]);
    let tags = vec![String::new(), "NULL".into(), "{a,b}".into(), "ü\"\\".into()];
    log.write(903, &[Event::Added { name: "lists".into(), tags, bucket: 2 }]);
    log.write(904, &[added("nul \0 inside", 2)]);
    let handle = db.projector(&log, false);
    all_folded(&handle, &log).await;
    let parked = handle.status()[0].parked.clone();
    assert_eq!(parked.len(), 1, "text with U+0000 parks its stream: {parked:?}");
    same_as_replay(&db, &log).await;
    db.run("DROP SCHEMA recount CASCADE; DROP SCHEMA shop CASCADE").await;
    log.write(905, &[added("after", 1)]);
    all_folded(&handle, &log).await;
    same_as_replay(&db, &log).await;
    handle.shutdown().await;
    db.stop().await;
}

/// Every stored row, read by the sink itself, is the row of a fold from zero.
async fn same_as_replay(db: &Db, log: &MemLog) {
    let (sink, table) = (db.sink(log), Table::of::<ItemRow>());
    let replay = fold_all(log, &registry(false).entries()[0], &Until::End).unwrap();
    let keys: Vec<_> = replay.rows.iter().map(|row| row.key).collect();
    let (at, owner) = sink.look(&table, lane(log, 0)).await.unwrap().unwrap();
    let next = at.unwrap();
    let mut tx = sink.begin(&table, lane(log, 0), owner, at.as_ref(), &next).await.unwrap();
    let found = tx.load(&keys, false).await.unwrap();
    drop(tx);
    let nul = |row: &&projector::StoredRow| row.key != Uuid::from_u128(904);
    for row in replay.rows.iter().filter(nul) {
        assert_eq!(found.get(&row.key), Some(row));
    }
    let all = i64::try_from(replay.rows.iter().filter(nul).count()).unwrap();
    assert_eq!(db.number("SELECT count(*) FROM shop.items").await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_and_another_logs_tables_are_refused_with_a_remedy() {
    let (db, log) = (Db::start().await, MemLog::new(1));
    let sink = db.sink(&log);
    sink.standing("items").await.unwrap();
    db.run("UPDATE recount.meta SET version = 99").await;
    let newer = sink.standing("items").await.unwrap_err().to_string();
    assert!(
        newer.contains("has version 99, this program knows up to 1; run the newer program"),
        "{newer}"
    );
    db.run("UPDATE recount.meta SET version = 1, log = gen_random_uuid()").await;
    let other = sink.standing("items").await.unwrap_err().to_string();
    assert!(other.contains("belong to log"), "{other}");
    db.stop().await;
}
