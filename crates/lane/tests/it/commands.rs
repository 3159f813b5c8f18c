//! What callers of the command runtime are promised. Not the protocol's proof, which is the model's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{Fate, TestLog, ask, deciders, draft, edit, post};
use lane::{Accepted, Answer, Commands, Refused, Submit};
use log::{Fingerprint, Log, Verdict};

fn start(log: &Arc<TestLog>) -> Commands {
    Commands::start(log.clone() as Arc<dyn Log>, deciders(), "test").unwrap()
}

fn accepted(answer: Answer) -> Accepted {
    match answer {
        Answer::Accepted(accepted) => accepted,
        other => panic!("accepted was expected, not {other:?}"),
    }
}

fn refused(answer: Answer) -> Refused {
    match answer {
        Answer::Refused(refused) => refused,
        other => panic!("refused was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_command_becomes_events_with_contiguous_versions_and_positions() {
    let log = TestLog::new();
    let commands = start(&log);
    let first = accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    let second = accepted(commands.submit(ask(post(1), edit("two"), 2)).await);
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!((first.position.seq, second.position.seq), (2, 3), "seq 1 is the claim");
    assert_eq!(first.events[0].1, "content.post.drafted.v1");
    assert_ne!(first.events[0].0, second.events[0].0);
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_also_from_the_next_owner() {
    let log = TestLog::new();
    let first = accepted(start(&log).submit(ask(post(1), draft("one"), 1)).await);
    for _ in 0..2 {
        let commands = start(&log);
        let again = accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
        assert_eq!(again, Accepted { replayed: true, ..first.clone() });
    }
    assert_eq!(log.frames().iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn a_refusal_is_kept_under_its_key() {
    let log = TestLog::new();
    let first = refused(start(&log).submit(ask(post(1), edit("x"), 1)).await);
    assert_eq!(
        (first.verdict, first.rule.as_str(), first.version),
        (Verdict::Absent, "no_such_post", 0)
    );
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 2)).await);
    let again = refused(commands.submit(ask(post(1), edit("x"), 1)).await);
    assert_eq!(again, Refused { replayed: true, ..first });
}

#[tokio::test]
async fn a_key_used_for_another_command_is_refused_without_effect() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    let mut other = ask(post(1), draft("two"), 1);
    other.fingerprint = Fingerprint([9; 16]);
    assert_eq!(commands.submit(other).await, Answer::KeyReused);
    assert_eq!(log.frames(), [0, 1]);
}

#[tokio::test]
async fn a_stale_version_is_told_after_a_commit_and_not_kept() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    let mut stale = ask(post(1), edit("two"), 2);
    stale.expected = Some(7);
    let answer = refused(commands.submit(stale).await);
    assert_eq!((answer.verdict, answer.version), (Verdict::WrongVersion, 1));
    let mut right = ask(post(1), edit("two"), 2);
    right.expected = Some(1);
    assert_eq!(accepted(commands.submit(right).await).version, 2);
    assert_eq!(log.frames(), [0, 1, 0, 1], "claim, draft, outcome, edit");
}

#[tokio::test]
async fn a_fact_that_stands_leaves_an_outcome_and_no_event() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    let answer = refused(commands.submit(ask(post(1), edit("one"), 2)).await);
    assert_eq!((answer.verdict, answer.version), (Verdict::Nothing, 1));
}

#[tokio::test]
async fn a_frame_whose_report_is_lost_is_found_by_the_next_claim_of_the_same_owner() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    log.plan([Fate::WrittenInSilence]);
    let found = accepted(commands.submit(ask(post(1), edit("two"), 2)).await);
    assert_eq!(found.version, 2);
    assert_eq!(accepted(commands.submit(ask(post(1), edit("three"), 3)).await).version, 3);
    assert_eq!(log.frames(), [0, 1, 1, 0, 1], "the second claim lies behind the found frame");
}

#[tokio::test]
async fn a_frame_that_is_not_in_the_log_never_happened_and_may_be_asked_again() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    log.plan([Fate::Lost]);
    let lost = commands.submit(ask(post(1), edit("two"), 2)).await;
    assert!(matches!(lost, Answer::Unavailable { .. }), "{lost:?}");
    let again = accepted(commands.submit(ask(post(1), edit("two"), 2)).await);
    assert_eq!((again.version, again.replayed), (2, false));
}

#[tokio::test]
async fn what_was_decided_behind_a_lost_frame_is_void_and_told_so() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    log.plan([Fate::Lost]);
    let asked = (2..12u8).map(|key| {
        let commands = commands.clone();
        tokio::spawn(
            async move { commands.submit(ask(post(1), edit(&key.to_string()), key)).await },
        )
    });
    let mut happened = 0;
    for answer in asked.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Answer::Accepted(_) => happened += 1,
            Answer::Unavailable { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(happened < 10, "the lost one cannot have happened");
    assert_eq!(log.frames().iter().sum::<usize>(), 1 + happened, "told and written agree");
}

#[tokio::test]
async fn a_zombie_cannot_write_behind_the_claim_of_another_owner() {
    let log = TestLog::new();
    let zombie = start(&log);
    accepted(zombie.submit(ask(post(1), draft("one"), 1)).await);
    let heir = start(&log);
    assert_eq!(accepted(heir.submit(ask(post(1), edit("two"), 2)).await).version, 2);
    // The zombie writes on its old state; the log shows it that it is not the owner, it takes the lane
    // back by a claim, and decides on what really happened.
    let late = zombie.submit(ask(post(1), edit("three"), 3)).await;
    assert!(matches!(late, Answer::Unavailable { .. }), "{late:?}");
    assert_eq!(accepted(zombie.submit(ask(post(1), edit("three"), 3)).await).version, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_of_one_aggregate_meet_no_conflict_and_no_gap() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("0"), 0)).await);
    let asked = (1..=500).map(|n| {
        let commands = commands.clone();
        tokio::spawn(async move {
            accepted(commands.submit(ask(post(1), edit(&n.to_string()), 0)).await).version
        })
    });
    let mut versions = Vec::new();
    for version in asked.collect::<Vec<_>>() {
        versions.push(version.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, (2..=501).collect::<Vec<u64>>());
}

#[tokio::test]
async fn callers_that_go_away_leave_nothing_half_done() {
    const CALLERS: u8 = 200;
    let log = TestLog::new();
    let commands = start(&log);
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, async {
        for n in 1..=CALLERS {
            let asking = tokio::spawn({
                let commands = commands.clone();
                async move { commands.submit(ask(post(n.into()), draft("one"), n)).await }
            });
            for _ in 0..n % 5 {
                tokio::task::yield_now().await;
            }
            asking.abort();
        }
        for n in 1..=CALLERS {
            let told = loop {
                match commands.submit(ask(post(n.into()), draft("one"), n)).await {
                    Answer::StillRunning => tokio::task::yield_now().await,
                    told => break accepted(told),
                }
            };
            assert_eq!(told.version, 1);
        }
    })
    .await
    .unwrap();
    assert_eq!(log.frames().iter().sum::<usize>(), usize::from(CALLERS));
}

#[tokio::test]
async fn a_stopping_runtime_answers_what_it_took_and_refuses_the_rest() {
    let log = TestLog::new();
    let commands = start(&log);
    accepted(commands.submit(ask(post(1), draft("one"), 1)).await);
    commands.stop().await;
    let late = commands.submit(ask(post(1), edit("two"), 2)).await;
    assert!(matches!(late, Answer::Unavailable { .. } | Answer::Unknown { .. }), "{late:?}");
}

#[tokio::test]
async fn a_lane_that_cannot_be_read_is_told_at_once_and_tried_again_with_the_next_command() {
    let log = TestLog::new();
    let commands = start(&log);
    log.unreadable.store(true, Ordering::Relaxed);
    let told = commands.submit(ask(post(1), draft("one"), 1)).await;
    assert!(matches!(told, Answer::Unavailable { .. }), "{told:?}");
    log.unreadable.store(false, Ordering::Relaxed);
    assert_eq!(accepted(commands.submit(ask(post(1), draft("one"), 1)).await).version, 1);
}

#[tokio::test]
async fn a_log_that_takes_nothing_leaves_nobody_waiting_and_a_stop_ends() {
    let log = TestLog::new();
    let commands = start(&log);
    log.refuses.store(true, Ordering::Relaxed);
    let patience = Duration::from_secs(10);
    let told = tokio::time::timeout(patience, commands.submit(ask(post(1), draft("one"), 1)));
    assert!(matches!(told.await.unwrap(), Answer::Unavailable { .. }));
    let waiting = tokio::spawn({
        let commands = commands.clone();
        async move { commands.submit(ask(post(1), draft("one"), 2)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::timeout(patience, commands.stop()).await.unwrap();
    let told = waiting.await.unwrap();
    assert!(matches!(told, Answer::Unavailable { .. }), "{told:?}");
    assert_eq!(log.frames(), [] as [usize; 0]);
}

#[tokio::test]
async fn commands_that_no_single_call_could_carry_go_in_several() {
    let log = TestLog::new();
    let commands = start(&log);
    let large = "x".repeat(9_900);
    let asked = (1..=450u128).map(|n| {
        let (commands, large) = (commands.clone(), large.clone());
        tokio::spawn(async move { accepted(commands.submit(ask(post(n), draft(&large), 0)).await) })
    });
    for answer in asked.collect::<Vec<_>>() {
        answer.await.unwrap();
    }
    assert!(log.largest_call() <= 4 << 20, "{}", log.largest_call());
}

#[tokio::test]
async fn to_another_tenant_a_stream_is_one_that_was_never_begun() {
    let log = TestLog::new();
    let other = |command, key| {
        let tenant = domain::TenantId::from_static("other");
        Submit { tenant, ..ask(post(1), command, key) }
    };
    accepted(start(&log).submit(ask(post(1), draft("mine"), 1)).await);
    for commands in [start(&log), start(&log)] {
        let told = refused(commands.submit(other(edit("yours"), 0)).await);
        let absent = (Verdict::Absent, "no_such_post", 0);
        assert_eq!((told.verdict, told.rule.as_str(), told.version), absent);
        let told = refused(commands.submit(other(draft("yours"), 0)).await);
        assert_eq!((told.verdict, told.version), (Verdict::Absent, 0));
        let stale = Submit { expected: Some(1), ..other(edit("yours"), 0) };
        assert_eq!(
            refused(commands.submit(stale).await).version,
            0,
            "not even its version is told"
        );
    }
    let commands = start(&log);
    assert_eq!(accepted(commands.submit(ask(post(1), edit("still mine"), 2)).await).version, 2);
    // Also while the first event of the stream is still open.
    let mine = commands.submit(ask(post(2), draft("mine"), 3));
    let (mine, yours) =
        tokio::join!(mine, commands.submit(Submit { stream: post(2), ..other(edit("yours"), 0) }));
    accepted(mine);
    assert_eq!(refused(yours).verdict, Verdict::Absent);
}
