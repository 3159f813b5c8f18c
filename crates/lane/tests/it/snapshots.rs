//! Snapshots: what is loaded by way of one is what the whole history makes, whatever lies in their directory.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{TestLog, ask, deciders, draft, edit, post};
use domain::{EventData, Timestamp};
use lane::{Answer, AnyState, Commands, Handler, History, NoEvent, Snapshots};
use log::Log;

/// The rules of posts, and how many events they were given.
struct Counting(Arc<dyn Handler>, AtomicU64);

impl Counting {
    fn new() -> Self {
        Self(deciders().of("post").unwrap().clone(), AtomicU64::new(0))
    }
}

impl Handler for Counting {
    fn context(&self) -> &'static str {
        self.0.context()
    }
    fn fresh(&self) -> AnyState {
        self.0.fresh()
    }
    fn replay(&self, state: &mut AnyState, data: &EventData, at: Timestamp) -> Result<(), String> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.replay(state, data, at)
    }
    fn decide(
        &self,
        state: &mut AnyState,
        command: Box<dyn Any + Send>,
        at: Timestamp,
    ) -> Result<Vec<EventData>, NoEvent> {
        self.0.decide(state, command, at)
    }
    fn show(&self, state: &AnyState) -> Vec<(&'static str, String)> {
        self.0.show(state)
    }
    fn save(&self, state: &AnyState) -> Option<Vec<u8>> {
        self.0.save(state)
    }
    fn restore(&self, bytes: &[u8]) -> Option<AnyState> {
        self.0.restore(bytes)
    }
}

/// Writes so many events to one post, the bodies beginning with `what`.
async fn write(log: &Arc<TestLog>, what: &str, events: u64) {
    let commands = Commands::start(log.clone() as Arc<dyn Log>, deciders(), "test").unwrap();
    let new = log.end(log.topics().lanes().next().unwrap()) == 0;
    let body = |n| format!("{what} {n}");
    let one = |n| if new && n == 0 { draft(&body(n)) } else { edit(&body(n)) };
    let submits = (0..events).map(|n| ask(post(1), one(n), 0)).collect();
    let mut gathered = commands.submit_all(submits);
    gathered.all().await;
    for answer in gathered.take() {
        assert!(matches!(answer, Some(Answer::Accepted(_))), "{answer:?}");
    }
    commands.stop().await;
}

/// Loads the post, and says how many events were read for it; it is what the whole history makes.
fn load(log: &TestLog, dir: &Path) -> u64 {
    let lane = log.topics().lanes().next().unwrap();
    let (handler, whole) = (Counting::new(), Counting::new());
    let snapshots = Snapshots::open(dir).unwrap();
    let loaded = History::load(log, lane, &post(1), &handler, &snapshots).unwrap().unwrap();
    let read = History::read(log, lane, &post(1), &whole).unwrap().unwrap();
    assert_eq!((loaded.version, &loaded.tenant), (read.version, &read.tenant));
    assert_eq!(handler.save(&loaded.state), whole.save(&read.state));
    assert_eq!(handler.show(&loaded.state), whole.show(&read.state));
    handler.1.into_inner()
}

#[tokio::test]
async fn a_load_reads_what_came_since_the_snapshot() {
    let (log, dir) = (TestLog::new(), tempfile::tempdir().unwrap());
    write(&log, "short", 100).await;
    assert_eq!((load(&log, dir.path()), load(&log, dir.path())), (100, 100), "too short for one");
    write(&log, "long", 500).await;
    assert_eq!((load(&log, dir.path()), load(&log, dir.path())), (600, 0));
    write(&log, "more", 100).await;
    assert_eq!((load(&log, dir.path()), load(&log, dir.path())), (100, 100), "it is young");
    write(&log, "much more", 500).await;
    assert_eq!((load(&log, dir.path()), load(&log, dir.path())), (600, 0));
}

#[tokio::test]
async fn a_snapshot_of_another_history_is_passed_over() {
    let (log, dir) = (TestLog::new(), tempfile::tempdir().unwrap());
    write(&log, "ours", 600).await;
    assert_eq!((load(&log, dir.path()), load(&log, dir.path())), (600, 0));
    // As after a backup from before was put back, and others wrote: as long, longer, shorter.
    for events in [600, 700, 20] {
        let other = TestLog::new();
        write(&other, "theirs", events).await;
        assert_eq!(load(&other, dir.path()), events);
        assert_eq!(load(&log, dir.path()), 600);
    }
    // The same history up to some place: what is behind it is missing.
    let (first, place) = (TestLog::new(), tempfile::tempdir().unwrap());
    write(&first, "ours", 600).await;
    assert_eq!((load(&first, place.path()), load(&log, place.path())), (600, 600));
}

#[tokio::test]
async fn a_damaged_snapshot_is_passed_over_and_made_anew() {
    let (log, dir) = (TestLog::new(), tempfile::tempdir().unwrap());
    write(&log, "one", 600).await;
    assert_eq!((load(&log, dir.path()), load(&log, dir.path())), (600, 0));
    let file = dir.path().join(post(1).to_string());
    let whole = std::fs::read(&file).unwrap();
    for wrong in [&[][..], &whole[..whole.len() / 2], &[&whole[..], &[0]].concat(), &whole[1..]] {
        std::fs::write(&file, wrong).unwrap();
        assert_eq!((load(&log, dir.path()), load(&log, dir.path())), (600, 0));
    }
}

#[tokio::test]
async fn an_owner_goes_on_from_a_snapshot_as_from_the_history() {
    let (log, dir) = (TestLog::new(), tempfile::tempdir().unwrap());
    write(&log, "before", 600).await;
    let start = || {
        let deciders = deciders().with_snapshots(Snapshots::open(dir.path()).unwrap());
        Commands::start(log.clone() as Arc<dyn Log>, deciders, "test").unwrap()
    };
    for version in 601..604 {
        let commands = start();
        let mut next = ask(post(1), edit(&format!("version {version}")), 0);
        next.expected = Some(version - 1);
        match commands.submit(next).await {
            Answer::Accepted(accepted) => assert_eq!(accepted.version, version),
            other => panic!("{other:?}"),
        }
        // A rule that looks at the state: the post is there.
        let again = commands.submit(ask(post(1), draft("again"), 0)).await;
        assert!(matches!(again, Answer::Refused(_)), "{again:?}");
        commands.stop().await;
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
