//! Questions to the read tables: pages, filters, tenants, waiting. Not about folding.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod db;
#[path = "../../projector/tests/support/mod.rs"]
mod support;

use std::time::Duration;

use db::{Db, all_folded};
use domain::query::{Compare, Condition, Test};
use domain::{LaneId, TenantId, Timestamp, TopicId, Value};
use log::Log;
use projector::{
    GroupQuery, ListQuery, Page, ReadError, ReadStore, Table, Until, Whose, fold_all, row_json,
};
use recount_postgres::PgReadStore;
use support::{Event, ItemRow, MemLog, TENANT, added, registry};
use uuid::Uuid;

fn ask(sort: &'static str, descending: bool, filters: Vec<Compare>) -> ListQuery {
    let only = Condition::All(filters.into_iter().map(Condition::Is).collect());
    ListQuery { whose: Whose::Tenant(TENANT), only, sort, descending, after: None, limit: 7 }
}

fn text(column: &'static str, test: Test, with: &str) -> Compare {
    Compare { column, test, with: Value::Text(with.to_owned()) }
}

async fn all_pages(store: &PgReadStore, mut query: ListQuery) -> Vec<String> {
    let (table, mut all) = (Table::of::<ItemRow>(), Vec::new());
    loop {
        let Page { items, next } = store.list(&table, &query).await.unwrap();
        assert!(items.len() <= 7);
        all.extend(items.iter().map(|row| row["item_id"].as_str().unwrap().to_owned()));
        match next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

async fn filled() -> (Db, std::sync::Arc<MemLog>, projector::Handle, PgReadStore) {
    let (db, log) = (Db::start().await, MemLog::new(3));
    for id in 1..=60_u128 {
        log.write(id, &[added(["same", "100%", "a_b", "C\\d", "Straße"][(id % 5) as usize], 1)]);
        if id % 2 == 0 {
            log.write(id, &[Event::Counted { by: i64::try_from(id % 4).unwrap() }]);
        }
    }
    let handle = db.projector(&log, false);
    all_folded(&handle, &log).await;
    let store = PgReadStore::new(&db.pools, log.topics().clone(), Some(handle.clone()));
    (db, log, handle, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_over_ties_and_nulls_show_every_row_once_in_both_directions() {
    let (db, _log, handle, store) = filled().await;
    for sort in ["name", "note", "count", "odd", "changed_at", "item_id"] {
        let up = all_pages(&store, ask(sort, false, vec![])).await;
        let mut down = all_pages(&store, ask(sort, true, vec![])).await;
        down.reverse();
        assert_eq!(up, down, "{sort}");
        let mut once = up.clone();
        once.sort();
        once.dedup();
        assert_eq!((once.len(), up.len()), (60, 60), "{sort}");
    }
    let whose = Whose::Tenant(TenantId::from_static("other"));
    let nobody = ListQuery { whose, ..ask("name", false, vec![]) };
    assert_eq!(all_pages(&store, nobody).await, Vec::<String>::new());
    handle.shutdown().await;
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_compare_values_and_attempts_to_inject_are_values_too() {
    let (db, _log, handle, store) = filled().await;
    let count =
        async |filters: Vec<Compare>| all_pages(&store, ask("name", false, filters)).await.len();
    assert_eq!(count(vec![text("name", Test::Is, "same")]).await, 12);
    assert_eq!(count(vec![text("name", Test::Contains, "%")]).await, 12);
    assert_eq!(count(vec![text("name", Test::Contains, "_")]).await, 12);
    assert_eq!(count(vec![text("name", Test::Contains, "c\\D")]).await, 12);
    assert_eq!(count(vec![text("name", Test::Contains, "")]).await, 60);
    assert_eq!(count(vec![text("tags", Test::Is, "b, \"c\"")]).await, 60);
    assert_eq!(count(vec![text("tags", Test::Contains, "\"C")]).await, 60);
    assert_eq!(
        count(vec![Compare { column: "note", test: Test::Is, with: Value::Null }]).await,
        30
    );
    let numbers = |from, before| {
        let of = |test, with| Compare { column: "count", test, with: Value::Int(with) };
        vec![of(Test::From, from), of(Test::Before, before)]
    };
    assert_eq!(count(numbers(0, 1)).await, 45);
    assert_eq!(count(numbers(1, 3)).await, 15);
    let late = Value::Time(Timestamp::from_micros(1_900_000_000_000_000));
    assert_eq!(
        count(vec![Compare { column: "changed_at", test: Test::From, with: late }]).await,
        0
    );
    for evil in [
        "' OR 1=1 --",
        "\"; DROP TABLE shop.items; --",
        "$1",
        "'||pg_sleep(9)||'",
        "\\",
        "%' OR '%'='",
    ] {
        for test in [Test::Is, Test::Contains, Test::From] {
            let found = count(vec![text("name", test, evil)]).await;
            assert!(
                test == Test::From
                    || found == if evil == "\\" && test == Test::Contains { 12 } else { 0 }
            );
        }
    }
    assert_eq!(db.number("SELECT count(*) FROM shop.items").await, 60);
    handle.shutdown().await;
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_counted_per_tenant_or_for_everybody() {
    let (db, _log, handle, store) = filled().await;
    let table = Table::of::<ItemRow>();
    let query = GroupQuery {
        whose: Whose::Tenant(TENANT),
        only: Condition::always(),
        by: vec!["name"],
        between: ("changed_at", "changed_at"),
        sum: "count",
        sample: "item_id",
        limit: 3,
    };
    let groups = store.groups(&table, &query).await.unwrap();
    assert_eq!(groups.len(), 3, "at most the limit");
    assert!(groups.iter().all(|group| group.count == 12 && group.first <= group.last));
    let all = GroupQuery { by: vec![], ..query.clone() };
    let everybody = GroupQuery { whose: Whose::Everybody, ..all.clone() };
    let nobody = GroupQuery { whose: Whose::Tenant(TenantId::from_static("other")), ..all.clone() };
    for query in [&all, &everybody] {
        let groups = store.groups(&table, query).await.unwrap();
        let sum = db.number("SELECT sum(count)::bigint FROM shop.items").await;
        assert_eq!((groups[0].count, groups[0].sum, groups.len()), (60, sum, 1));
        assert_eq!(groups[0].sample, Uuid::from_u128(1).to_string());
    }
    assert_eq!(store.groups(&table, &nobody).await.unwrap(), vec![]);
    let wrong = GroupQuery { sum: "name", ..all };
    assert!(matches!(store.groups(&table, &wrong).await.unwrap_err(), ReadError::Invalid(_)));
    handle.shutdown().await;
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_does_not_fit_is_refused_and_a_table_that_is_not_there_is_not_available() {
    let (db, _log, handle, store) = filled().await;
    let table = Table::of::<ItemRow>();
    for wrong in [
        ask("tags", false, vec![]),
        ask("name; DROP TABLE shop.items", false, vec![]),
        ask("name", false, vec![text("count", Test::Is, "1")]),
        ask("name", false, vec![text("tenant_id", Test::Is, "other")]),
        ask("name", false, vec![text("name", Test::Is, "nul \0")]),
        ListQuery { after: Some((Value::Int(1), Uuid::nil())), ..ask("name", false, vec![]) },
    ] {
        let error = store.list(&table, &wrong).await.unwrap_err();
        assert!(matches!(error, ReadError::Invalid(_)), "{error}");
    }
    handle.shutdown().await;
    db.run("DROP SCHEMA shop CASCADE").await;
    let error = store.list(&table, &ask("name", false, vec![])).await.unwrap_err();
    assert!(matches!(error, ReadError::Unavailable(_)), "{error}");
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_row_is_the_json_of_a_replay_with_the_version_of_its_stream() {
    let (db, log, handle, store) = filled().await;
    let table = Table::of::<ItemRow>();
    let replay = fold_all(&*log, &registry(false).entries()[0], &Until::End).unwrap();
    for row in &replay.rows {
        let (json, version) = store.one(&table, &TENANT, row.key).await.unwrap().unwrap();
        let mut replayed = row_json(table.columns, &row.values);
        replayed.insert("version".to_owned(), row.stream_version.into());
        assert_eq!((json, version), (replayed, row.stream_version));
    }
    let (json, _) = store.one(&table, &TENANT, Uuid::from_u128(2)).await.unwrap().unwrap();
    let shown = serde_json::to_string(&json).unwrap();
    assert!(shown.contains(r#""changed_at":"2023-11-14T22:13:20.003Z""#), "{shown}");
    let other = TenantId::from_static("other");
    assert_eq!(store.one(&table, &other, Uuid::from_u128(2)).await.unwrap(), None);
    handle.shutdown().await;
    db.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_position_works_from_the_process_of_the_projector_and_from_another() {
    let (db, log, handle, local) = filled().await;
    let remote = PgReadStore::new(&db.pools, log.topics().clone(), None);
    for _ in 0..20 {
        for store in [&local, &remote] {
            let at = log.write(7, &[Event::Counted { by: 1 }]);
            store.wait_for("items", &[(at.lane, at.seq)], db::LONG).await.unwrap();
            let (_, version) = store
                .one(&Table::of::<ItemRow>(), &TENANT, Uuid::from_u128(7))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(version, log.items_at(&log.ends(), |_| false)[&Uuid::from_u128(7)].2);
        }
    }
    // A lane that nobody has folded yet is waited for, if the projection reads it.
    let unfolded = LaneId { topic: TopicId(99), index: 0 };
    let shared = remote.clone().shared([("items", vec![unfolded])].into());
    let soon = Duration::from_millis(120);
    assert!(matches!(
        shared.wait_for("items", &[(unfolded, 1)], soon).await.unwrap_err(),
        ReadError::Behind { projection: "items", .. }
    ));
    shared.wait_for("others", &[(unfolded, 1)], soon).await.unwrap();
    let at = log.ends()[0];
    for store in [&local, &remote] {
        let never = store.wait_for("items", &[(at.0, at.1 + 1)], Duration::from_millis(120)).await;
        assert!(matches!(never.unwrap_err(), ReadError::Behind { projection: "items", .. }));
    }
    assert_eq!((local.status().len(), remote.status().len()), (2, 0));
    handle.shutdown().await;
    db.stop().await;
}
