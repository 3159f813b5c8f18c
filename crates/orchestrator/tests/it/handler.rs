//! Sagas under the command runtime: decided as they are folded, one bad stream alone, orders and
//! their dry run. Not the decisions themselves.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

use std::sync::Arc;

use codec::Schemas;
use domain::saga::{Meets, Outcome, Saga, SagaId, Sagas};
use domain::{ActorId, EventData, EventId, TenantId, Timestamp};
use lane::{Commands, Deciders, Handler, NoEvent, Submit};
use log::{Fingerprint, MemoryLog, Topic, Topics};
use orchestrator::{
    Attempt, Cause, Direction, Event, Folded, Input, NotTaken, Order, Purpose, SagaHandler, Types,
    Verb,
};
use testkit::{at, id};

use crate::publish::{Answer, Publish, due};

pub(crate) fn schemas() -> Arc<Schemas> {
    let builder = Schemas::builder().shared("saga", &["kit.sagas"], orchestrator::SCHEMAS);
    Arc::new(builder.build().unwrap())
}

pub(crate) fn types() -> Types {
    let mut types = Types::default();
    types.saga::<Publish>();
    types
}

fn trigger() -> Input<Publish> {
    let mut meets = Publish::meet(&testkit::envelope(1, 1, 1, due()));
    let Some(Meets::Start { saga, state, at }) = meets.pop() else { panic!("it starts one") };
    Input::Trigger { event: EventId(id(1)), saga, state, at }
}

fn done(step: &str) -> Input<Publish> {
    let attempt = Attempt { step: step.to_owned(), direction: Direction::Forward, number: 1 };
    Input::Answer { attempt, outcome: Outcome::Done(None) }
}

fn order(verb: Verb, step: &str, revision: u64) -> Order {
    Order {
        verb,
        step: step.to_owned(),
        actor: ActorId::from_static("ann"),
        reason: "asked for".to_owned(),
        revision,
        happened: false,
        output: None,
        ticket: Some("OPS-7".to_owned()),
        approver: None,
    }
}

/// Decides one input after another, and gives what would be stored.
fn run(inputs: Vec<Input<Publish>>) -> (Folded, Vec<(EventData, Timestamp)>) {
    let handler = SagaHandler::<Publish>::new(schemas());
    let (mut state, mut stored) = (handler.fresh(), Vec::new());
    for (n, input) in (0..).zip(inputs) {
        let now = at(n * 1_000);
        let events = handler.decide(&mut state, Box::new(input), now).unwrap();
        stored.extend(events.into_iter().map(|data| (data, now)));
    }
    (*state.downcast::<Folded>().unwrap(), stored)
}

#[test]
fn what_is_decided_is_what_is_folded_later() {
    let (decided, stored) = run(vec![trigger(), done("hold-quota"), done("check-account")]);
    let mut folded = Folded::default();
    for (data, at) in &stored {
        folded.take(&schemas(), data, *at);
    }
    assert_eq!(folded, decided);
    assert_eq!(folded.is.revision, stored.len() as u64);
    assert!(folded.is.steps.contains_key("charge-boost"));
}

#[test]
fn an_event_that_cannot_be_read_parks_its_saga_and_keeps_what_comes() {
    let (_, mut stored) = run(vec![trigger(), done("hold-quota")]);
    let broken = stored.len() - 1;
    stored[broken].0.fingerprint ^= 1;
    let handler = SagaHandler::<Publish>::new(schemas());
    let mut state = handler.fresh();
    for (data, at) in &stored {
        handler.replay(&mut state, data, *at).unwrap();
    }
    let told = handler.decide(&mut state, Box::new(done("check-account")), at(9_000)).unwrap();
    let told: Vec<Event> = told.iter().map(|data| schemas().decode(data).unwrap()).collect();
    let [Event::Parked { cause: Cause::Poison, detail, .. }, Event::AnswerIgnored { .. }] =
        &told[..]
    else {
        panic!("{told:?}")
    };
    assert!(detail.starts_with(&format!("its event {} cannot be read", broken + 1)), "{detail}");
    let again = handler.decide(&mut state, Box::new(Input::<Publish>::Recovered), at(9_001));
    assert!(again.unwrap().is_empty(), "it is parked once");
    let operate = types().of("publish_example").unwrap().command(order(Verb::Undo, "", 0)).unwrap();
    let refused = handler.decide(&mut state, operate, at(9_002)).unwrap_err();
    assert!(matches!(refused, NoEvent::Refused(refusal) if refusal.rule == "not_now"));
}

#[test]
fn an_answer_that_cannot_be_stored_parks_its_saga() {
    let handler = SagaHandler::<Publish>::new(schemas());
    let mut state = handler.fresh();
    handler.decide(&mut state, Box::new(trigger()), at(0)).unwrap();
    let huge = Answer::Published("x".repeat(2 << 20));
    let attempt = Attempt { step: "hold-quota".into(), direction: Direction::Forward, number: 1 };
    let answer = Input::<Publish>::Answer { attempt, outcome: Outcome::Done(Some(huge)) };
    let told = handler.decide(&mut state, Box::new(answer), at(1)).unwrap();
    let told: Vec<Event> = told.iter().map(|data| schemas().decode(data).unwrap()).collect();
    let [Event::Parked { cause: Cause::Poison, detail, .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(detail.starts_with("what came of it cannot be stored"), "{detail}");
    assert!(state.downcast_ref::<Folded>().unwrap().is.is_parked());
}

#[test]
fn a_saga_that_begins_with_too_much_is_begun_and_parked() {
    let Input::Trigger { event, saga, mut state, at: begins } = trigger() else { unreachable!() };
    state.platforms = vec!["x".repeat(1 << 20)];
    let input = Input::Trigger { event, saga, state, at: begins };
    let (folded, stored) = run(vec![input]);
    assert!(folded.is.is_running() && folded.is.is_parked(), "{}", stored.len());
}

#[test]
fn a_saga_whose_first_event_cannot_be_read_is_not_begun_a_second_time() {
    let (_, mut stored) = run(vec![trigger()]);
    stored[0].0.fingerprint ^= 1;
    let handler = SagaHandler::<Publish>::new(schemas());
    let mut state = handler.fresh();
    handler.replay(&mut state, &stored[0].0, at(0)).unwrap();
    let told = handler.decide(&mut state, Box::new(trigger()), at(1)).unwrap();
    let told: Vec<Event> = told.iter().map(|data| schemas().decode(data).unwrap()).collect();
    assert!(matches!(told[..], [Event::Parked { cause: Cause::Poison, .. }]), "{told:?}");
}

#[test]
fn a_preview_is_what_is_appended() {
    let (folded, _) = run(vec![trigger()]);
    let types = types();
    let ty = types.named("publish-example").unwrap();
    let order = order(Verb::Hold, "", folded.is.revision);
    let preview = ty.preview(&folded.is, &order, at(5_000)).unwrap();
    let handler = ty.handler(&schemas());
    let mut state: Box<dyn std::any::Any + Send> = Box::new(folded);
    let command = ty.command(order).unwrap();
    let appended = handler.decide(&mut state, command, at(5_000)).unwrap();
    let appended: Vec<Event> = appended.iter().map(|d| schemas().decode(d).unwrap()).collect();
    assert_eq!(appended, preview);
    let Event::Operated { ticket, .. } = &preview[0] else { panic!("{preview:?}") };
    assert_eq!(ticket.as_deref(), Some("OPS-7"));
}

#[test]
fn an_output_that_no_step_gives_is_told_before_anything_is_asked() {
    let mut wrong = order(Verb::Skip, "hold-quota", 1);
    wrong.output = Some(serde_json::json!({ "Chargd": "ch_1" }));
    let told = types().of("publish_example").unwrap().command(wrong).unwrap_err();
    assert!(matches!(&told, NotTaken::WrongOutput(why) if why.contains("Chargd")), "{told}");
}

#[test]
fn the_plan_is_told_line_by_line() {
    let types = types();
    let ty = types.of("publish_example").unwrap();
    let lines: Vec<_> =
        ty.lines().iter().map(|line| (line.name, line.when, line.each, line.undo)).collect();
    assert_eq!(
        lines[2..5],
        [
            ("charge-boost", true, false, true),
            ("publish", false, true, true),
            ("confirm", false, false, false)
        ]
    );
    assert_eq!((ty.version(), ty.topic().as_str()), (1, "kit.sagas"));
    assert!(ty.text().contains(ty.name()));
}

pub(crate) fn start() -> (Arc<MemoryLog>, Commands) {
    let topics = vec![
        Topic { name: "kit.events".to_owned(), lanes: 2 },
        Topic { name: "kit.sagas".to_owned(), lanes: 2 },
    ];
    let log = Arc::new(MemoryLog::new(Topics::new(id(7), topics)));
    let mut deciders = Deciders::new(schemas());
    types().handlers(&mut deciders);
    (log.clone(), Commands::start(log, deciders, "test").unwrap())
}

pub(crate) fn submit(stream: domain::StreamId, command: Box<dyn std::any::Any + Send>) -> Submit {
    Submit {
        stream,
        command,
        key: None,
        fingerprint: Fingerprint::default(),
        expected: None,
        tenant: TenantId::from_static("acme"),
        actor: ActorId::from_static("saga"),
        correlation: id(3),
        causation: None,
        trace: None,
        fence: false,
        asked_at: None,
    }
}

#[tokio::test]
async fn what_is_decided_knows_the_time_it_is_recorded_at() {
    let (log, commands) = start();
    let stream = types().of("publish_example").unwrap().stream(SagaId(id(1)));
    let told = commands.submit(submit(stream.clone(), Box::new(trigger()))).await;
    let lane::Answer::Accepted(begun) = told else { panic!("it is begun") };
    let lane = begun.position.lane;
    let day = 24 * 3_600_000;
    let mut deadlines = 0;
    for stored in log::Log::read_stream(log.as_ref(), lane, &stream, 0).unwrap() {
        let record = log::Record::decode(lane, &stored.bytes).unwrap();
        let log::Body::Event { meta, data, .. } = record.body else { continue };
        let event = schemas().decode::<Event>(&data).unwrap();
        if let Event::TimerSet { purpose: Purpose::SagaDeadline, at, .. } = event {
            assert_eq!(at, meta.recorded_at.plus_ms(day));
            deadlines += 1;
        }
    }
    assert_eq!(deadlines, 1);
}

#[tokio::test]
async fn a_saga_lives_in_the_topic_of_running_work() {
    let (log, commands) = start();
    let types = types();
    let stream = types.of("publish_example").unwrap().stream(SagaId(id(1)));
    let lane::Answer::Accepted(begun) =
        commands.submit(submit(stream.clone(), Box::new(trigger()))).await
    else {
        panic!("it is begun")
    };
    let topics = log::Log::topics(log.as_ref());
    assert_eq!(topics.name(begun.position.lane.topic), "kit.sagas");
    assert_eq!(begun.events[0].1, "saga.instance.started.v1");
    let lane::Answer::Refused(again) = commands.submit(submit(stream, Box::new(trigger()))).await
    else {
        panic!("it is begun once")
    };
    assert_eq!(again.verdict, log::Verdict::Nothing);
}
