//! The engine over a log and a sink in memory: exactly once under faults and rivals, poison, rebuild.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/sink.rs"]
mod memory;
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use memory::{MemSink, Tab};
use projector::{Handle, ProjectionState, Projector, RowSink, Until, fold_all};
use support::{Event, MemLog, Rng, added, items_only, random_frame, registry};
use uuid::Uuid;

const LONG: Duration = Duration::from_mins(1);

fn start(log: &Arc<MemLog>, sink: &MemSink, broken: bool) -> Handle {
    let sink: Arc<dyn RowSink> = Arc::new(sink.clone());
    Projector::start(log.clone(), registry(broken), &sink)
}

fn cracked(event: &Event) -> bool {
    matches!(event, Event::Cracked { .. } | Event::Burst {})
}

fn same_items(log: &MemLog, tab: &Tab, poison: impl Fn(&Event) -> bool) -> Result<(), String> {
    let wanted = log.items_at(&tab.positions(), poison);
    let found = tab.rows.iter().map(|(key, row)| {
        let (domain::Value::Text(name), domain::Value::Int(count)) =
            (&row.values[1], &row.values[3])
        else {
            panic!("columns moved")
        };
        (*key, (name.clone(), *count, row.stream_version, row.stale))
    });
    let found: std::collections::BTreeMap<_, _> = found.collect();
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}\nwanted {wanted:?}")) }
}

fn same_buckets(log: &MemLog, tab: &Tab) -> Result<(), String> {
    let wanted = log.buckets_at(&tab.positions());
    let found: std::collections::BTreeMap<_, _> = tab
        .rows
        .iter()
        .map(|(key, row)| match row.values[1] {
            domain::Value::Int(count) => (*key, count),
            _ => panic!("columns moved"),
        })
        .collect();
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}\nwanted {wanted:?}")) }
}

async fn all_folded(handle: &Handle, log: &MemLog) {
    for name in ["items", "buckets"] {
        if let Err(error) = handle.wait_for(name, &log.ends(), LONG).await {
            panic!("{error}: {:?}", handle.status());
        }
    }
}

/// Checks the tables against the model at every commit.
fn check_every_commit(log: &Arc<MemLog>, sink: &MemSink, seed: u64) -> Arc<Mutex<Option<String>>> {
    let wrong = Arc::new(Mutex::new(None));
    let (log, found) = (log.clone(), wrong.clone());
    sink.0.lock().unwrap().after_commit = Some(Box::new(move |projection, tab| {
        let same = match projection {
            "items" => same_items(&log, tab, |_| false),
            _ => same_buckets(&log, tab),
        };
        if let Err(error) = same {
            found.lock().unwrap().get_or_insert(format!("seed {seed}, {projection}: {error}"));
        }
    }));
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_checkpoint_the_rows_are_the_fold_under_random_faults_and_rivals() {
    for seed in 1..=6 {
        let (log, sink) = (MemLog::new(3), MemSink::default());
        let wrong = check_every_commit(&log, &sink, seed);
        {
            let mut state = sink.0.lock().unwrap();
            (state.faults, state.rng) = (8, Some(Rng(seed)));
        }
        let mut rng = Rng(seed * 1_000);
        for _ in 0..40 {
            random_frame(&log, &mut rng, 12);
        }
        let first = start(&log, &sink, false);
        for at in 0..200 {
            random_frame(&log, &mut rng, 12);
            if at % 7 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        let second = start(&log, &sink, false);
        for _ in 0..100 {
            random_frame(&log, &mut rng, 12);
        }
        sink.0.lock().unwrap().faults = 0;
        all_folded(&second, &log).await;
        all_folded(&first, &log).await;
        first.shutdown().await;
        second.shutdown().await;
        assert_eq!(*wrong.lock().unwrap(), None);
        same_items(&log, &sink.live("items"), |_| false).unwrap();
        same_buckets(&log, &sink.live("buckets")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_answer_is_not_told_before_it_is_known() {
    let (log, sink) = (MemLog::new(1), MemSink::default());
    sink.0.lock().unwrap().deaf = true;
    log.write(1, &[added("a", 1)]);
    let handle = start(&log, &sink, false);
    while sink.0.lock().unwrap().lost < 4 {
        let told: u64 = handle.positions("items").unwrap().iter().map(|(_, seq)| seq).sum();
        assert_eq!(told, 0, "nothing was committed");
        log.write(1, &[Event::Counted { by: 1 }]);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    sink.0.lock().unwrap().deaf = false;
    all_folded(&handle, &log).await;
    same_items(&log, &sink.live("items"), |_| false).unwrap();
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_workers_of_one_lane_the_one_that_took_it_last_wins_and_the_other_stands_by() {
    let (log, sink) = (MemLog::new(1), MemSink::default());
    log.write(1, &[added("a", 1)]);
    let first = start(&log, &sink, false);
    all_folded(&first, &log).await;
    let second = start(&log, &sink, false);
    all_folded(&second, &log).await;
    let owner = |sink: &MemSink| sink.live("items").lanes.values().next().unwrap().1;
    let winner = owner(&sink);
    for _ in 0..50 {
        log.write(1, &[Event::Counted { by: 1 }]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    all_folded(&second, &log).await;
    assert_eq!(owner(&sink), winner);
    let waits = |status: &projector::ProjectionStatus| matches!(&status.state, ProjectionState::Waiting { why } if why.contains("another worker"));
    assert!(first.status().iter().any(waits), "{:?}", first.status());
    second.shutdown().await;
    log.write(1, &[Event::Counted { by: 1 }]);
    all_folded(&first, &log).await;
    same_items(&log, &sink.live("items"), |_| false).unwrap();
    first.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_event_parks_its_stream_alone_and_a_fixed_build_drains_it() {
    let (log, sink) = (MemLog::new(2), MemSink::default());
    for id in 1..=6 {
        log.write(id, &[added("x", 1), Event::Counted { by: 2 }]);
    }
    log.write(3, &[Event::Counted { by: 1 }, Event::Cracked { by: 5 }, Event::Counted { by: 1 }]);
    log.write(4, &[Event::Counted { by: 3 }]);
    let handle = start(&log, &sink, true);
    all_folded(&handle, &log).await;
    log.write(3, &[Event::Counted { by: 7 }]);
    log.write(5, &[Event::Counted { by: 7 }]);
    all_folded(&handle, &log).await;
    same_items(&log, &sink.live("items"), cracked).unwrap();
    let parked = &sink.live("items").parked;
    let held: Vec<_> = parked.values().map(|it| (it.version, it.held)).collect();
    assert_eq!(held, [(4, 3)], "applied + held is all that was read");
    let status = handle.status();
    assert_eq!(status[0].parked.len(), 1);
    assert_eq!(status[0].parked[0].1, "cracked");
    assert_eq!(status[0].state, ProjectionState::Live);
    handle.shutdown().await;

    let still = start(&log, &sink, true);
    log.write(3, &[Event::Counted { by: 1 }]);
    all_folded(&still, &log).await;
    same_items(&log, &sink.live("items"), cracked).unwrap();
    still.shutdown().await;

    let fixed = start(&log, &sink, false);
    log.write(6, &[Event::Counted { by: 1 }]);
    all_folded(&fixed, &log).await;
    same_items(&log, &sink.live("items"), |_| false).unwrap();
    assert!(sink.live("items").parked.is_empty());
    fixed.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_fold_and_a_value_that_cannot_be_stored_park_their_streams() {
    let (log, sink) = (MemLog::new(1), MemSink::default());
    sink.0.lock().unwrap().refuse = Some(66);
    for id in 1..=4 {
        log.write(id, &[added("x", 1)]);
    }
    log.write(1, &[Event::Burst {}]);
    log.write(2, &[Event::Counted { by: 66 }]);
    log.write(3, &[Event::Counted { by: 1 }]);
    let handle = start(&log, &sink, false);
    all_folded(&handle, &log).await;
    log.write(2, &[Event::Counted { by: 1 }]);
    all_folded(&handle, &log).await;
    let unstored = |event: &Event| cracked(event) || matches!(event, Event::Counted { by: 66 });
    same_items(&log, &sink.live("items"), unstored).unwrap();
    let parked = handle.status()[0].parked.clone();
    assert_eq!(parked.len(), 2, "{parked:?}");
    assert_eq!(parked[0].1, "the fold panicked: burst on purpose");
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_beside_the_live_table_under_load_ends_in_the_same_rows() {
    let (log, sink) = (MemLog::new(3), MemSink::default());
    let mut rng = Rng(5);
    for _ in 0..300 {
        random_frame(&log, &mut rng, 40);
    }
    let handle = start(&log, &sink, false);
    all_folded(&handle, &log).await;
    let before = sink.0.lock().unwrap().live["items"].0;
    handle.rebuild("items").await.unwrap();
    let mut waited = 0;
    while sink.0.lock().unwrap().live["items"].0 == before {
        random_frame(&log, &mut rng, 40);
        tokio::time::sleep(Duration::from_millis(1)).await;
        waited += 1;
        assert!(waited < 10_000, "{:?}", handle.status());
    }
    random_frame(&log, &mut rng, 40);
    all_folded(&handle, &log).await;
    same_items(&log, &sink.live("items"), |_| false).unwrap();
    assert_eq!(handle.status()[0].state, ProjectionState::Live);
    let unknown = handle.rebuild("nothing").await.unwrap_err().to_string();
    assert_eq!(unknown, "there is no projection nothing; there are: items, buckets");
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_projection_stands_still_and_waiting_for_it_says_how_far_it_is() {
    let (log, sink) = (MemLog::new(1), MemSink::default());
    let sink_dyn: Arc<dyn RowSink> = Arc::new(sink.clone());
    let handle = Projector::start(log.clone(), items_only(false), &sink_dyn);
    let first = log.write(1, &[added("a", 1)]);
    handle.wait_for("items", &[(first.lane, first.seq)], LONG).await.unwrap();
    handle.pause("items").unwrap();
    while handle.status()[0].state != ProjectionState::Paused {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = log.write(1, &[Event::Counted { by: 1 }]);
    let wanted = [(second.lane, second.seq)];
    let behind = handle.wait_for("items", &wanted, Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(behind.to_string(), "read model items has not reached the position yet");
    let status = handle.status();
    assert_eq!((&status[0].state, status[0].lanes[0].events), (&ProjectionState::Paused, 1));
    handle.resume("items").unwrap();
    handle.wait_for("items", &wanted, LONG).await.unwrap();
    let foreign = domain::LaneId { topic: domain::TopicId(0), index: 0 };
    handle.wait_for("items", &[(foreign, 99)], LONG).await.unwrap();
    handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_without_a_database_gives_the_rows_of_the_table_and_of_any_point_before() {
    let (log, sink) = (MemLog::new(3), MemSink::default());
    let mut rng = Rng(9);
    for _ in 0..200 {
        random_frame(&log, &mut rng, 20);
    }
    let handle = start(&log, &sink, false);
    all_folded(&handle, &log).await;
    handle.shutdown().await;
    for (at, entry) in registry(false).entries().iter().enumerate() {
        let replay = fold_all(&*log, entry, &Until::End).unwrap();
        let rows: Vec<_> = sink.live(["items", "buckets"][at]).rows.into_values().collect();
        assert_eq!(replay.rows, rows);
        assert_eq!(replay.positions, log.ends());
    }
    let half: Vec<_> = log.ends().into_iter().map(|(lane, seq)| (lane, seq / 2)).collect();
    let registry = registry(false);
    let replay = fold_all(&*log, &registry.entries()[0], &Until::Positions(half)).unwrap();
    let wanted = log.items_at(&replay.positions, |_| false);
    let keys: Vec<Uuid> = replay.rows.iter().map(|row| row.key).collect();
    assert_eq!(keys, wanted.keys().copied().collect::<Vec<_>>());
}
