//! What a roster begins and drops, as sentences. Its saga has one step at a port; what happens to it is
//! decided by the engine itself.

use std::sync::Arc;

use async_trait::async_trait;
use codec::Schemas;
use domain::saga::{
    Fault, Late, Meets, NoTrigger, OnExpiry, Outcome, Plan, Probe, Saga, SagaId, StepName, Steps,
    Target,
};
use domain::{
    ActorId, Envelope, EventId, LaneId, Meta, Position, StreamId, TenantId, Timestamp, TopicId,
};
use log::{Body, Claim, Frame, Head, Header, Kind, Record};
use ports::{Carrier, Effect};
use uuid::Uuid;

use super::any::{News, Shared};
use super::roster::{Call, Holding, Roster, Tell};
use crate::{Attempt, Direction, Input, Instance, decide};

#[derive(Debug, Clone)]
struct Ring;

impl Saga for Ring {
    const CONTEXT: &'static str = "kit";
    const NAME: &'static str = "ring-bell";
    const CATEGORY: &'static str = "ring_bell";
    type Trigger = NoTrigger;
    type State = bool;
    type Ask = String;
    type Answer = String;

    fn plan() -> Steps<Self> {
        Plan::<Self>::new(1)
            .deadline(60_000, OnExpiry::Undo)
            .undoable("ring", |_, _| "ring".into(), |_, _, _| "hush".into())
            .build()
    }
    fn meet(event: &Envelope<NoTrigger>) -> Vec<Meets<bool>> {
        match event.payload {}
    }
    fn target(ask: &String) -> Target {
        Target::port("bell", ask.clone())
    }
    fn fold(state: bool, _: StepName<'_>, answer: &String) -> bool {
        assert_ne!(answer, "crack", "the bell cracks");
        state
    }
}

struct Nobody;

#[async_trait]
impl Carrier<Ring> for Nobody {
    async fn perform(&self, _: &Effect, _: &String) -> Outcome<Option<String>> {
        Outcome::Unknown(Fault::new("nobody"))
    }
    async fn probe(&self, _: &Effect, _: &String) -> Probe<Option<String>> {
        Probe::CannotTell
    }
}

const LANE: LaneId = LaneId { topic: TopicId(0), index: 0 };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// The lane's writer, with one saga.
struct Lane {
    schemas: Arc<Schemas>,
    is: Instance,
    stream: StreamId,
    roster: Roster,
}

impl Lane {
    fn with(holding: Holding) -> Self {
        let schemas = Schemas::builder().shared("saga", &["kit.sagas"], crate::SCHEMAS);
        let kind = Arc::new(Shared::<Ring>::new(Arc::new(Nobody)));
        Self {
            schemas: Arc::new(schemas.build().expect("the engine's own schemas")),
            is: Instance::default(),
            stream: StreamId::new("ring_bell", Uuid::from_u128(1)),
            roster: Roster::new([kind as _], holding),
        }
    }

    fn live() -> Self {
        let mut lane = Self::with(Holding::Always);
        lane.roster.caught_up();
        lane
    }

    /// Something comes in: decided, recorded, and taken in by the roster.
    fn comes(&mut self, input: Input<Ring>, now: Timestamp) {
        let events = decide(&Ring::plan(), &self.is, input, now).expect("no operator acts");
        let mut records = Vec::new();
        for event in events {
            self.is = std::mem::take(&mut self.is).evolve(now, &event);
            let meta = Meta {
                id: EventId(Uuid::from_u128(self.is.revision.into())),
                stream: self.stream.clone(),
                version: self.is.revision,
                position: Position { lane: LANE, seq: self.is.revision },
                recorded_at: now,
                tenant: TenantId::from_static("local"),
                actor: ActorId::from_static("ann"),
                correlation: Uuid::nil(),
                causation: None,
                key: None,
                trace: None,
            };
            let data = self.schemas.encode(&event).expect("it has a schema");
            let body = Body::Event { meta: Box::new(meta), data, fingerprint: None };
            records.push(record(Kind::Event, body));
        }
        if !records.is_empty() {
            let frame = frame(records);
            self.roster.take(&self.schemas, &frame);
        }
    }

    fn start(&mut self) {
        let (event, saga) = (EventId(Uuid::nil()), SagaId(self.stream.id()));
        self.comes(Input::Trigger { event, saga, state: true, at: None }, at(0));
    }

    fn answer(&mut self, outcome: Outcome<Option<String>>, now: Timestamp) {
        let attempt = Attempt { step: "ring".to_owned(), direction: Direction::Forward, number: 1 };
        self.comes(Input::Answer { attempt, outcome }, now);
    }

    fn claimed_by(&mut self, url: &str) {
        let (node, url) = ("n".to_owned(), url.to_owned());
        let claim = Claim { id: Uuid::nil(), at: at(0), node, url };
        let frame = frame(vec![record(Kind::Claim, Body::Claim(claim))]);
        self.roster.take(&self.schemas, &frame);
    }

    fn calls(&mut self) -> Vec<Call> {
        std::iter::from_fn(|| self.roster.next_call()).collect()
    }

    fn tells(&mut self) -> Vec<News> {
        std::iter::from_fn(|| self.roster.next_tell()).map(|Tell { news, .. }| news).collect()
    }
}

fn record(kind: Kind, body: Body) -> Record {
    Record { header: Header { kind, place: 0, of: 1, epoch: 1, seq: 1 }, body }
}

fn frame(records: Vec<Record>) -> Frame {
    let head = Head([0; 32]);
    Frame { lane: LANE, epoch: 1, first: 1, records, head, next_offset: 0 }
}

fn fault() -> Outcome<Option<String>> {
    Outcome::Transient(Fault::new("503"))
}

#[test]
fn what_is_listed_is_begun_once() {
    let mut lane = Lane::live();
    lane.start();
    assert_eq!(lane.calls().len(), 1);
    let event = EventId(Uuid::from_u128(8));
    let before = lane.is.revision;
    lane.comes(Input::Late { event, late: Late::Ignore("nothing") }, at(5));
    assert!(lane.is.revision > before && lane.calls().is_empty());
    lane.comes(Input::Cancel { event: EventId(Uuid::from_u128(9)), why: "enough" }, at(10));
    let calls = lane.calls();
    assert_eq!(calls.len(), 1, "the undo, and not the attempt again");
}

#[test]
fn what_only_waits_is_not_told_and_its_timer_is_set() {
    let mut lane = Lane::with(Holding::Always);
    let (event, saga) = (EventId(Uuid::nil()), SagaId(lane.stream.id()));
    let begins = Some(at(3_600_000));
    lane.comes(Input::Trigger { event, saga, state: true, at: begins }, at(0));
    lane.roster.caught_up();
    assert!(lane.tells().is_empty());
    assert_eq!(lane.roster.wakes_at(), begins);
}

#[test]
fn what_is_listed_no_more_is_not_begun_any_more() {
    let mut lane = Lane::live();
    lane.start();
    // Cancelled before the shell came to begin it: only the undo goes out.
    lane.comes(Input::Cancel { event: EventId(Uuid::from_u128(9)), why: "enough" }, at(10));
    assert_eq!(lane.calls().len(), 1);
    let mut lane = Lane::live();
    lane.start();
    let begun = lane.calls();
    assert!(begun[0].wanted.still());
    lane.answer(fault(), at(10));
    assert!(!begun[0].wanted.still(), "nothing is wanted of an attempt that is over");
}

#[test]
fn what_ran_before_is_told_first_and_begun_after_it_knows() {
    let mut lane = Lane::with(Holding::Always);
    lane.start();
    assert!(lane.calls().is_empty() && lane.tells().is_empty(), "it is still reading");
    lane.roster.caught_up();
    assert_eq!(lane.tells(), [News::Recovered]);
    assert!(lane.calls().is_empty());
    let stream = lane.stream.clone();
    let before = lane.is.revision;
    lane.comes(Input::Recovered, at(1_000));
    assert!(lane.is.revision > before && lane.calls().is_empty(), "its answer is not here yet");
    lane.roster.told(&stream, &News::Recovered, Some(lane.is.revision));
    assert!(lane.calls().is_empty(), "the lost attempt is in doubt, not begun again");
    assert!(lane.roster.wakes_at().is_some());
}

#[test]
fn the_answer_may_come_before_its_events_are_read() {
    let mut lane = Lane::with(Holding::Always);
    lane.start();
    lane.roster.caught_up();
    lane.tells();
    let stream = lane.stream.clone();
    let knows = lane.is.revision + 1;
    lane.roster.told(&stream, &News::Recovered, Some(knows));
    assert!(lane.calls().is_empty(), "what it knows is older than the answer");
}

#[test]
fn a_timer_fires_once() {
    let mut lane = Lane::live();
    lane.start();
    lane.calls();
    let first = lane.roster.wakes_at().expect("the attempt's own");
    lane.roster.fire(first.plus_ms(-1));
    assert!(lane.tells().is_empty());
    lane.roster.fire(first);
    let fired = lane.tells();
    assert!(matches!(fired[..], [News::Timer(_)]), "{fired:?}");
    lane.roster.fire(first.plus_ms(5_000));
    assert!(lane.tells().is_empty());
}

#[test]
fn a_timer_that_is_still_there_after_its_answer_fires_again_later() {
    let mut lane = Lane::live();
    lane.start();
    let stream = lane.stream.clone();
    let first = lane.roster.wakes_at().expect("the attempt's own");
    lane.roster.fire(first);
    let fired = lane.tells();
    // The owner's clock was behind: "too early" leaves it set.
    let Some(News::Timer(number)) = fired.first() else { panic!("{fired:?}") };
    lane.comes(Input::Timer(*number), first.plus_ms(-10));
    assert!(lane.tells().is_empty());
    lane.roster.told(&stream, &fired[0], Some(lane.is.revision));
    let again = lane.roster.wakes_at().expect("it is set again");
    assert!(again > first.plus_ms(500), "{again} after {first}");
    lane.roster.fire(again);
    assert_eq!(lane.tells(), fired);
}

#[test]
fn a_saga_that_is_over_is_dropped_with_its_timers() {
    let mut lane = Lane::live();
    lane.start();
    assert_eq!(lane.roster.running(), 1);
    lane.answer(Outcome::Done(None), at(5));
    assert_eq!(lane.roster.running(), 0);
    assert_eq!(lane.roster.wakes_at(), None);
}

#[test]
fn a_node_that_lost_the_lane_begins_nothing_and_one_that_gets_it_tells_first() {
    let mut lane = Lane::with(Holding::Claimed("n1".to_owned()));
    lane.claimed_by("n1");
    lane.roster.caught_up();
    lane.start();
    let begun = lane.calls();
    assert_eq!(begun.len(), 1);
    lane.claimed_by("n2");
    assert!(!begun[0].wanted.still());
    assert_eq!(lane.roster.wakes_at(), None, "the other node has the timers");
    let event = EventId(Uuid::from_u128(8));
    lane.comes(Input::Late { event, late: Late::Ignore("nothing") }, at(5));
    assert!(lane.calls().is_empty() && lane.tells().is_empty());
    lane.claimed_by("n1");
    assert_eq!(lane.tells(), [News::Recovered]);
    assert!(lane.calls().is_empty());
    // A claim of its own again changes nothing.
    lane.claimed_by("n1");
    assert!(lane.tells().is_empty());
}

#[test]
fn code_that_fails_when_it_is_asked_parks_its_saga_once() {
    let mut lane = Lane::live();
    lane.start();
    lane.calls();
    // The undo needs what the saga knows, and that fold fails; so does the listing of what runs.
    let attempt = Attempt { step: "ring".to_owned(), direction: Direction::Forward, number: 1 };
    lane.comes(Input::Answer { attempt, outcome: Outcome::Done(Some("crack".into())) }, at(5));
    assert!(lane.is.parks.contains_key(""), "the engine parks it by itself: {:?}", lane.is.parks);
    assert!(lane.tells().is_empty(), "nothing is left to tell");
}
