//! Two nodes on one log: elections move lanes, and who was not told does no harm.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::LaneId;
use lane::{Accepted, Answer, Commands, Election, Node};
use log::{Log, MemoryLog, Topic, Topics};
use uuid::Uuid;

use crate::support::{ask, deciders, draft, edit, post};

fn memory() -> Arc<dyn Log> {
    let topics = vec![Topic { name: "content.events".to_owned(), lanes: 2 }];
    Arc::new(MemoryLog::new(Topics::new(Uuid::nil(), topics)))
}

fn node(log: &Arc<dyn Log>, name: &str) -> Commands {
    let node = Node { name: name.to_owned(), url: url(name) };
    Commands::join(log, deciders(), node).unwrap()
}

fn url(name: &str) -> String {
    format!("http://{name}.test")
}

fn all(log: &Arc<dyn Log>) -> Election {
    Election::Lanes(log.topics().lanes().collect::<BTreeSet<LaneId>>())
}

/// Waits until this node serves as many lanes.
async fn serves(commands: &Commands, lanes: usize) {
    for _ in 0..500 {
        if commands.lanes().await.iter().filter(|lane| lane.serving).count() == lanes {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {lanes} lanes within 5 s: {:?}", commands.lanes().await);
}

fn accepted(answer: Answer) -> Accepted {
    match answer {
        Answer::Accepted(accepted) => accepted,
        other => panic!("accepted was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_lane_is_claimed_when_it_is_elected_and_what_came_early_waits_for_its_owner() {
    let log = memory();
    let (a, b) = (node(&log, "a"), node(&log, "b"));
    let early = {
        let a = a.clone();
        tokio::spawn(async move { a.submit(ask(post(1), draft("one"), 1)).await })
    };
    serves(&a, 0).await;
    a.elected(all(&log));
    serves(&a, 2).await;
    let first = accepted(early.await.unwrap());
    assert_eq!(
        b.submit(ask(post(1), draft("one"), 1)).await,
        Answer::Elsewhere { url: url("a") },
        "no command woke it: it follows the log"
    );
    a.elected(Election::Lanes(BTreeSet::new()));
    serves(&a, 0).await;
    let between = {
        let a = a.clone();
        tokio::spawn(async move { a.submit(ask(post(1), edit("two"), 2)).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!between.is_finished(), "it waits for the next owner");
    b.elected(all(&log));
    serves(&b, 2).await;
    assert_eq!(between.await.unwrap(), Answer::Elsewhere { url: url("b") });
    let again = accepted(b.submit(ask(post(1), draft("one"), 1)).await);
    assert_eq!(again, Accepted { replayed: true, ..first });
    assert_eq!(a.submit(ask(post(1), edit("two"), 2)).await, Answer::Elsewhere { url: url("b") });
    serves(&a, 0).await;
}

#[tokio::test]
async fn a_node_that_was_not_told_sees_the_newer_claim_and_steps_down() {
    let log = memory();
    let (a, b) = (node(&log, "a"), node(&log, "b"));
    a.elected(all(&log));
    serves(&a, 2).await;
    accepted(a.submit(ask(post(1), draft("one"), 1)).await);
    a.elected(Election::Lost);
    accepted(a.submit(ask(post(1), edit("still served"), 2)).await);
    b.elected(all(&log));
    serves(&b, 2).await;
    serves(&a, 0).await;
    assert_eq!(a.submit(ask(post(1), edit("late"), 3)).await, Answer::Elsewhere { url: url("b") });
    tokio::time::sleep(Duration::from_millis(300)).await;
    serves(&b, 2).await;
    let next = accepted(b.submit(ask(post(1), edit("three"), 4)).await);
    assert_eq!(next.version, 3);
}

#[tokio::test]
async fn a_node_that_comes_back_takes_what_was_its_own_before_anybody_is_elected() {
    let log = memory();
    let lanes: Vec<LaneId> = log.topics().lanes().collect();
    let awaited = || Election::Awaited(lanes.iter().copied().collect());
    let (a, b) = (node(&log, "a"), node(&log, "b"));
    a.elected(awaited());
    tokio::time::sleep(Duration::from_millis(100)).await;
    serves(&a, 0).await;
    a.elected(Election::Lanes([lanes[0]].into()));
    b.elected(Election::Lanes([lanes[1]].into()));
    serves(&a, 1).await;
    serves(&b, 1).await;
    // Who has heard of an election goes by it.
    b.elected(awaited());

    let again = node(&log, "a");
    again.elected(awaited());
    serves(&again, 1).await;
    serves(&a, 0).await;
    let report = again.lanes().await;
    assert!(report.iter().all(|it| it.serving == (it.lane == lanes[0])), "{report:?}");
    // The electors may see it otherwise.
    again.elected(Election::Lanes(BTreeSet::new()));
    serves(&again, 0).await;
    serves(&b, 1).await;
}

#[tokio::test]
async fn who_waits_for_an_owner_that_never_comes_is_told() {
    let log = memory();
    let a = node(&log, "a");
    let early = a.submit(ask(post(1), draft("one"), 1)).await;
    assert!(matches!(early, Answer::Unavailable { .. }), "nobody is elected: {early:?}");
    let stopped = tokio::time::timeout(Duration::from_secs(20), a.stop()).await;
    assert!(stopped.is_ok(), "nothing is left that would wait");
}
