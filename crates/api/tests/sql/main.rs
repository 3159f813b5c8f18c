//! The filter language asked of a real PostgreSQL and of the rows themselves: both say the same. Not
//! the reading of filters, which is tried beside it.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use domain::saga::SagaId;
use domain::{EventId, Row, TenantId, Timestamp};
use log::{Head, Topic, Topics};
use orchestrator::filter::{Filter, Key, Kind};
use orchestrator::{Cause, Direction, End, Event, Instance, Purpose, SagaRow, StepKey};
use postgres::server::{Options, Server};
use postgres::{PgReadStore, PgSink, Pools};
use projector::{
    Changes, Checkpoint, GroupQuery, ListQuery, ReadStore, RowSink, StoredRow, Table, Whose,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use uuid::Uuid;

/// Filters that are compared; each is one statement.
const FILTERS: u32 = 600;
const ROWS: u128 = 120;
const TENANT: TenantId = TenantId::from_static("acme");

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

/// A saga that differs from the others in every column that can be asked for.
fn row(n: u128) -> SagaRow {
    let saga = SagaId(Uuid::from_u128(n * 0x0123_4567_89ab_cdef_0123));
    let of = |modulus: u128| usize::try_from(n % modulus).unwrap();
    let begun = now().plus_ms(-i64::try_from(n * n).unwrap() * 60_000);
    let step = ["charge-boost", "publish/bluesky", "publish/mastodon", "publisher"][of(4)];
    let mut events = vec![Event::Started {
        saga,
        plan: ["publish-post", "deliver-notification", "päckchen"][of(3)].into(),
        version: u32::try_from(n % 9).unwrap(),
        hash: String::new(),
        trigger: EventId(Uuid::nil()),
        state: "{}".into(),
        steps: vec![],
    }];
    if n.is_multiple_of(2) {
        let at = now().plus_ms(i64::try_from(n).unwrap() * 600_000);
        let (purpose, step) = (Purpose::SagaDeadline, String::new());
        events.push(Event::TimerSet { timer: 1, purpose, step, at });
    }
    if !n.is_multiple_of(5) {
        events.push(Event::StepScheduled {
            step: step.into(),
            direction: Direction::Forward,
            generation: 1,
            attempt: u32::try_from(n % 7).unwrap(),
            key: StepKey(Uuid::nil()),
            line: 0,
            item: 0,
            kind: domain::saga::Kind::Undoable,
            target: ["payments", "publishing", "post-7%_"][of(3)].into(),
            ours: false,
            what: "it".into(),
            minor: n.is_multiple_of(2).then_some(i64::try_from(n).unwrap()),
            currency: n.is_multiple_of(2).then(|| "EUR".into()),
            timer: 2,
            due_at: now(),
        });
    }
    if n.is_multiple_of(3) {
        let detail = ["503 from payments", "Timed OUT", "a \"quoted\" 100% \\ Straße"][of(9) / 3];
        let cause = Cause::ALL[of(9)];
        let step = if n.is_multiple_of(2) { step.to_owned() } else { String::new() };
        events.push(Event::Parked { cause, step, detail: detail.into() });
        if n.is_multiple_of(4) {
            let (cause, step) = (Cause::OperatorHold, String::new());
            events.push(Event::Parked { cause, step, detail: "held".into() });
        }
    }
    if n.is_multiple_of(7) {
        events.push(Event::UndoStarted { why: "a platform refused".into(), event: None });
    }
    if n.is_multiple_of(11) {
        events
            .push(Event::Ended { end: if n.is_multiple_of(2) { End::Done } else { End::Undone } });
    }
    let mut is = Instance::default();
    for (at, event) in (0..).zip(events) {
        is = is.evolve(begun.plus_ms(at * 30_000), &event);
    }
    SagaRow::of(saga.0, format!("publish_post-{saga}"), TENANT.to_string(), is)
}

/// Filters that have a chance to fit, from texts as people write them.
fn texts() -> impl Strategy<Value = String> {
    let word = |key: Key| {
        let Kind::Word(words) = key.kind() else { unreachable!("of words") };
        proptest::collection::vec(proptest::sample::select(words), 1..3)
            .prop_map(move |any| format!("{key}:{}", any.join(",")))
    };
    let words = proptest::sample::select(vec![Key::State, Key::Phase, Key::Cause, Key::Waits]);
    let text = proptest::sample::select(vec![
        "type:publish-post",
        "type:publish-*,deliver-*",
        "type~POST",
        "type~ä",
        "type:nothing",
        "step:publish",
        "step:charge-boost,publisher",
        "step~/M",
        "target:pay*",
        "target~7%_",
        "target:\"post-7%_\"",
        "error~503",
        "error~\"timed out\"",
        "error~\"\\\"quoted\\\" 100% \\\\\"",
        "error~straße",
        "tenant:acme",
        "tenant:a*",
        "tenant:demo",
        "id:0",
        "id:1*",
        "id:PUBLISH",
        "id:publish_post-",
        "id:0000AB",
        "held",
        "payments",
        "01234567",
        "\"' OR 1=1 --\"",
    ]);
    let keys = vec!["age", "idle", "left", "attempts", "risk", "version"];
    let than = proptest::sample::select(vec!["<", "<=", ">", ">="]);
    let number =
        (proptest::sample::select(keys), than, 0..150_u32).prop_map(|(key, than, n)| match key {
            "age" | "idle" => format!("{key}{than}{}m", n * n),
            "left" => format!("{key}{than}{}m", n * 10),
            _ => format!("{key}{than}{n}"),
        });
    let equal = (0..9_u32).prop_map(|n| format!("version:{n}"));
    let far = Just("version>9223372036854775807 attempts<=9223372036854775807".to_owned());
    let one = prop_oneof![
        3 => words.prop_flat_map(word),
        4 => text.prop_map(str::to_owned),
        4 => number,
        1 => equal,
        1 => far,
    ];
    let signed = (any::<bool>(), one).prop_map(|(not, term)| {
        if not && !term.contains("9223372036854775807") { format!("-{term}") } else { term }
    });
    proptest::collection::vec(signed, 0..4).prop_map(|terms| terms.join(" "))
}

async fn stored(sink: &PgSink, topics: &Topics, rows: &[SagaRow]) -> Table {
    let (table, lane) = (Table::of::<SagaRow>(), topics.lanes().next().unwrap());
    sink.prepare(&table).await.unwrap();
    let owner = Uuid::from_u128(1);
    sink.take(&table, lane, owner).await.unwrap();
    let next = Checkpoint { seq: 1, epoch: 1, head: Head([0; 32]), offset_hint: 0 };
    let mut tx = sink.begin(&table, lane, owner, None, &next).await.unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    assert!(tx.load(&keys, false).await.unwrap().is_empty());
    let put = |row: &SagaRow| StoredRow {
        key: row.key,
        tenant: TENANT,
        stream_version: 1,
        stale: false,
        values: row.clone().into_values(),
    };
    let put = rows.iter().map(put).collect();
    tx.commit(Changes { put, ..Changes::default() }).await.unwrap();
    let mut tx = {
        let after = Checkpoint { seq: 2, ..next };
        sink.begin(&table, lane, owner, Some(&next), &after).await.unwrap()
    };
    for (key, stored) in tx.load(&keys, false).await.unwrap() {
        let row = rows.iter().find(|row| row.key == key).unwrap();
        assert_eq!(&SagaRow::from_values(stored.values).unwrap(), row, "a row survives");
    }
    table
}

/// The ids of all pages.
async fn listed(store: &PgReadStore, table: &Table, filter: &Filter) -> Vec<Uuid> {
    let (sort, descending) = filter.order();
    let (whose, only) = (Whose::Everybody, filter.condition(now()));
    let mut query = ListQuery { whose, only, sort, descending, after: None, limit: 50 };
    let mut all = Vec::new();
    loop {
        let page = store.list(table, &query).await.unwrap();
        let id =
            |row: &projector::RowJson| row["saga_id"].as_str().unwrap().parse::<Uuid>().unwrap();
        all.extend(page.items.iter().map(id));
        query.after = page.next;
        if query.after.is_none() {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_and_predicate_agree() {
    let dir = tempfile::Builder::new().prefix("rcfl-").tempdir_in("/tmp").unwrap();
    let server = Server::start(Options::new(dir.path())).await.unwrap();
    let pools = Pools::new(server.url()).unwrap();
    let topics = vec![Topic { name: "social.sagas".into(), lanes: 1 }];
    let topics = Topics::new(Uuid::from_u128(7), topics);
    let rows: Vec<_> = (1..=ROWS).map(row).collect();
    let table = stored(&PgSink::new(&pools, topics.clone()), &topics, &rows).await;
    let store = PgReadStore::new(&pools, topics, None);

    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut some, mut all) = (0, 0);
    for _ in 0..FILTERS {
        let text = texts().new_tree(&mut runner).unwrap().current();
        let filter = Filter::parse(&text).unwrap();
        let holds = rows.iter().filter(|row| filter.holds(row, now())).map(|row| row.saga_id);
        let holds: BTreeSet<_> = holds.collect();
        let found = listed(&store, &table, &filter).await;
        assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "{text}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), holds, "{text}");
        some += u32::from(!holds.is_empty() && holds.len() < rows.len());
        all += 1;
    }
    assert!(some * 3 > all, "of {all} filters only {some} tell rows apart");

    for group in orchestrator::filter::Group::ALL {
        let query = GroupQuery {
            whose: Whose::Tenant(TENANT),
            only: Filter::parse("-state:done").unwrap().condition(now()),
            by: vec![group.column()],
            between: ("started_at", "last_at"),
            sum: "at_risk",
            sample: "stream",
            limit: 200,
        };
        let counted: u64 =
            store.groups(&table, &query).await.unwrap().iter().map(|it| it.count).sum();
        let rows = rows.iter().filter(|row| row.state != orchestrator::State::Done).count();
        assert_eq!(usize::try_from(counted).unwrap(), rows, "{group}");
    }
    pools.close().await;
    server.stop().await;
}
