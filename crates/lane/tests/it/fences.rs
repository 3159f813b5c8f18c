//! What a key promises: fences, keys of any age, and frames that a zombie wrote into. Not the rules that
//! are decided, and not the protocol's proof.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{TestLog, ask, deciders, draft, edit, post};
use domain::{ActorId, CommandKey, EventId, LaneId, Meta, Position, TenantId, Timestamp, TopicId};
use lane::{Action, Answer, Commands, Deciders, Owner, Refused, Submit, WINDOW_MS};
use log::{
    Body, Chain, Claim, Delivery, Fingerprint, Follower, FrameBuilder, Handover, Head, Log,
    MemoryLog, Record, Sha256Chain, Topic, Topics, Verdict,
};
use uuid::Uuid;

const LANE: LaneId = LaneId { topic: TopicId(0), index: 0 };
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// A fence of a key; its fingerprint is of nothing.
fn fence(key: u8) -> Submit {
    let fingerprint = Fingerprint::default();
    Submit { command: Box::new(()), fence: true, fingerprint, ..ask(post(1), draft(""), key) }
}

/// An owner at a time that the test says.
struct Desk {
    log: Arc<MemoryLog>,
    owner: Owner,
    deciders: Deciders,
    now: Timestamp,
}

impl Desk {
    fn new() -> Self {
        let topics = vec![Topic { name: "content.events".to_owned(), lanes: 1 }];
        Self::over(Arc::new(MemoryLog::new(Topics::new(Uuid::nil(), topics))), 0)
    }

    /// The next owner of a lane.
    fn over(log: Arc<MemoryLog>, days: i64) -> Self {
        let node = lane::Node { name: "test".to_owned(), url: String::new() };
        let owner = Owner::new(log.as_ref(), LANE, &node);
        let now = Timestamp::from_millis(1_795_262_400_000).plus_ms(days * DAY_MS);
        let mut desk = Self { log, owner, deciders: deciders(), now };
        let claim = desk.owner.take_over(desk.log.as_ref(), Uuid::new_v4(), now).unwrap();
        assert_eq!(desk.act(claim), []);
        assert!(desk.owner.is_serving());
        desk
    }

    fn act(&mut self, action: Action) -> Vec<Answer> {
        match action {
            Action::Answer(_, answer) => vec![answer],
            Action::HandOver(handover, mark) => {
                let at = append(self.log.as_ref(), handover);
                let actions = self.owner.delivered(self.log.as_ref(), mark, Some(at)).unwrap();
                actions.into_iter().flat_map(|action| self.act(action)).collect()
            }
        }
    }

    fn submit(&mut self, submit: Submit) -> Answer {
        let (log, now) = (self.log.clone(), self.now);
        let action = self.owner.submit(log.as_ref(), 1, submit, &self.deciders, now).unwrap();
        self.act(action.unwrap()).pop().unwrap()
    }

    fn later(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
    }
}

/// Writes a handover; gives the offset of its first record.
fn append(log: &MemoryLog, handover: Handover) -> u64 {
    let (told, deliveries) = std::sync::mpsc::channel();
    log.append(vec![handover], Box::new(move |deliveries| told.send(deliveries).unwrap()));
    match deliveries.recv().unwrap().pop() {
        Some(Delivery::At { first, .. }) => first,
        other => panic!("{other:?}"),
    }
}

fn told(answer: Answer) -> (&'static str, bool, u64) {
    match answer {
        Answer::Accepted(it) => ("accepted", it.replayed, it.version),
        Answer::Refused(Refused { verdict: Verdict::Fenced, replayed, version, rule, .. }) => {
            assert_eq!(rule, "fenced");
            ("fenced", replayed, version)
        }
        Answer::Refused(it) => ("refused", it.replayed, it.version),
        Answer::KeyReused => ("key reused", false, 0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fenced_key_is_dead_for_whatever_comes_under_it_also_at_the_next_owner() {
    let mut desk = Desk::new();
    assert_eq!(told(desk.submit(fence(1))), ("fenced", false, 0));
    assert_eq!(told(desk.submit(fence(1))), ("fenced", true, 0), "a fence may be repeated");
    // The outcome has the fence's fingerprint, not the command's: dead is dead.
    assert_eq!(told(desk.submit(ask(post(1), draft("late"), 1))), ("fenced", true, 0));
    let mut heir = Desk::over(desk.log, 1);
    assert_eq!(told(heir.submit(ask(post(1), draft("late"), 1))), ("fenced", true, 0));
    assert_eq!(told(heir.submit(ask(post(1), draft("another"), 2))), ("accepted", false, 1));
}

#[test]
fn a_fence_behind_what_happened_is_told_what_happened() {
    let mut desk = Desk::new();
    assert_eq!(told(desk.submit(ask(post(1), draft("one"), 1))), ("accepted", false, 1));
    assert_eq!(told(desk.submit(ask(post(1), draft("two"), 2))), ("refused", false, 1));
    for _ in 0..2 {
        assert_eq!(told(desk.submit(fence(1))), ("accepted", true, 1));
        assert_eq!(told(desk.submit(fence(2))), ("refused", true, 1));
    }
    let other = Submit { fingerprint: Fingerprint([9; 16]), ..ask(post(1), draft("x"), 1) };
    assert_eq!(told(desk.submit(other)), ("key reused", false, 0), "a command is still compared");
}

#[test]
fn a_stale_version_was_nothing_so_its_key_can_be_fenced() {
    let mut desk = Desk::new();
    let stale = Submit { expected: Some(7), ..ask(post(1), draft("one"), 1) };
    assert_eq!(told(desk.submit(stale)), ("refused", false, 0));
    assert_eq!(told(desk.submit(fence(1))), ("fenced", false, 0));
}

#[test]
fn a_fence_without_a_key_is_nothing() {
    let answer = Desk::new().submit(Submit { key: None, ..fence(1) });
    assert!(matches!(answer, Answer::Unavailable { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_fence_of_a_running_key_waits_for_what_becomes_of_it() {
    let log = TestLog::new();
    let commands = Commands::start(log.clone() as Arc<dyn Log>, deciders(), "test").unwrap();
    commands.submit(ask(post(2), draft("the lane is served"), 0)).await;
    log.holds.store(true, Ordering::Relaxed);
    let forward = tokio::spawn({
        let commands = commands.clone();
        async move { commands.submit(ask(post(1), draft("one"), 1)).await }
    });
    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, async {
        while log.end(LANE) < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(commands.submit(fence(1)).await, Answer::StillRunning);
    log.report();
    assert_eq!(told(forward.await.unwrap()), ("accepted", false, 1));
    assert_eq!(told(commands.submit(fence(1)).await), ("accepted", true, 1));
}

#[test]
fn a_key_of_any_age_is_known_to_who_says_when_it_was_asked() {
    let mut desk = Desk::new();
    let asked_at = Some(desk.now);
    desk.submit(ask(post(1), draft("one"), 1));
    desk.submit(ask(post(1), draft("no"), 2));
    desk.submit(fence(3));
    for heir in [false, true] {
        desk.later(WINDOW_MS + 1);
        if heir {
            desk = Desk::over(desk.log, 30);
        }
        // What comes next puts the old keys out of the window.
        desk.submit(ask(post(2), draft("now"), 0));
        let unkeyed = format!("two {heir}");
        desk.submit(ask(post(1), edit(&unkeyed), 4 + u8::from(heir)));
        let old = |submit: Submit| Submit { asked_at, ..submit };
        assert_eq!(told(desk.submit(old(ask(post(1), draft("one"), 1)))), ("accepted", true, 1));
        assert_eq!(told(desk.submit(old(ask(post(1), draft("no"), 2)))), ("refused", true, 1));
        assert_eq!(told(desk.submit(old(ask(post(1), draft("late"), 3)))), ("fenced", true, 1));
        assert_eq!(told(desk.submit(old(fence(1)))), ("accepted", true, 1));
        let other = Submit { fingerprint: Fingerprint([9; 16]), ..ask(post(1), draft("x"), 1) };
        assert_eq!(told(desk.submit(old(other))), ("key reused", false, 0));
    }
    let unknown = Submit { asked_at, ..ask(post(3), draft("never asked"), 9) };
    assert_eq!(told(desk.submit(unknown)), ("accepted", false, 1));
}

#[test]
fn log_time_never_falls_though_clocks_are_set_back() {
    let mut desk = Desk::new();
    desk.submit(ask(post(1), draft("one"), 1));
    desk.later(-60_000);
    desk.submit(ask(post(1), edit("two"), 2));
    desk.submit(ask(post(1), draft("no"), 3));
    // The clock of the next owner is a day behind.
    let mut heir = Desk::over(desk.log, -1);
    heir.submit(ask(post(2), draft("three"), 4));
    let frames = Follower::from_start(heir.log.as_ref(), LANE).poll(heir.log.as_ref()).unwrap();
    let times: Vec<Timestamp> = frames
        .iter()
        .flat_map(|frame| &frame.records)
        .filter_map(|record| match &record.body {
            Body::Event { meta, .. } => Some(meta.recorded_at),
            Body::Outcome(outcome) => Some(outcome.recorded_at),
            Body::Claim(_) => None,
        })
        .collect();
    assert_eq!(times.len(), 4);
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_frame_is_found_whole_also_when_a_zombie_wrote_into_it() {
    let topics = vec![Topic { name: "content.events".to_owned(), lanes: 1 }];
    let log = Arc::new(MemoryLog::new(Topics::new(Uuid::nil(), topics)));
    let genesis = log.topics().genesis(LANE);
    let claim = |epoch| {
        let at = Timestamp::from_millis(1_795_262_400_000);
        let claim = Claim { id: Uuid::nil(), at, node: "a".into(), url: String::new() };
        Record::claim(epoch, &claim)
    };
    let write = |prev: Head, bytes: &[u8]| {
        let (lane, bytes) = (LANE, bytes.to_vec());
        append(&log, Handover { lane, prev, records: 1, bytes, after: None });
    };
    write(genesis, &claim(1));
    let head = Sha256Chain::extend(&genesis, &claim(1));
    let (mine, zombie) = (frame(1, 2), frame(9, 2));
    let split = |bytes: &[u8]| log::headers(bytes).unwrap()[1].1.start;
    write(head, &mine[..split(&mine)]);
    write(head, &zombie[..split(&zombie)]);
    write(head, &zombie[split(&zombie)..]);
    write(head, &mine[split(&mine)..]);
    let mut desk = Desk::over(log, 1);
    let again = Submit { fingerprint: Fingerprint([1; 16]), ..ask(post(1), draft("one"), 1) };
    let Answer::Accepted(again) = desk.submit(again) else { panic!("it had happened") };
    assert_eq!((again.version, again.events.len(), again.replayed), (2, 2, true));
    assert_eq!(again.position.seq, 3);
}

/// The frame of a command with two events.
fn frame(epoch: u64, seq: u64) -> Vec<u8> {
    let deciders = deciders();
    let handler = deciders.of("post").unwrap();
    let now = Timestamp::from_millis(1_795_262_400_000);
    let mut state = handler.fresh();
    let mut frame = FrameBuilder::new(epoch, seq, 2);
    for (version, command) in [(1, draft("one")), (2, edit("two"))] {
        let mut data = handler.decide(&mut state, Box::new(command), now).unwrap();
        let meta = Meta {
            id: EventId(Uuid::from_u128(version.into())),
            stream: post(1),
            version,
            position: Position { lane: LANE, seq: seq + version - 1 },
            recorded_at: now,
            tenant: TenantId::from_static("local"),
            actor: ActorId::from_static("owner"),
            correlation: Uuid::nil(),
            causation: None,
            key: Some(CommandKey([1; 16])),
            trace: None,
        };
        let fingerprint = (version == 1).then_some(Fingerprint([1; 16]));
        frame.event(&meta, &data.remove(0), fingerprint);
    }
    frame.finish()
}
