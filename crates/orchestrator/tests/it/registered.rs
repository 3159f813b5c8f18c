//! Registered plans and the marks of the pump, as rules and under the command runtime.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

use domain::Decider;
use lane::Answer;
use log::Verdict;
use orchestrator::{MarkEvent, Move, PlanEvent, Plans, PumpMark, ReadFrom, Register};

use crate::handler::{schemas, start, submit, types};

fn register(version: u32, hash: &str, reads: &[(u16, u64)]) -> Register {
    let read = |(lane, seq): &(u16, u64)| ReadFrom {
        topic: "kit.events".to_owned(),
        lane: *lane,
        seq: *seq,
    };
    Register {
        saga: "publish-example".to_owned(),
        version,
        hash: hash.to_owned(),
        text: "the plan".to_owned(),
        reads: reads.iter().map(read).collect(),
    }
}

fn after(state: Plans, command: Register) -> (Plans, Vec<PlanEvent>) {
    let events = Plans::decide(&state, command).unwrap();
    (events.iter().fold(state, Plans::evolve), events)
}

#[test]
fn a_plan_is_registered_once_and_a_changed_one_needs_a_new_version() {
    let (plans, events) = after(Plans::default(), register(1, "aa", &[(0, 5), (1, 7)]));
    assert_eq!(events.len(), 1);
    let (plans, events) = after(plans, register(1, "aa", &[(0, 50), (1, 70)]));
    assert_eq!(events, [], "it is registered");
    let changed = Plans::decide(&plans, register(1, "bb", &[])).unwrap_err();
    assert_eq!(
        changed.to_string(),
        "version 1 of publish-example was registered with the plan aa, this program has bb; give the changed plan a new version"
    );
    let (plans, _) = after(plans, register(2, "bb", &[(0, 50), (2, 9)]));
    let reads: Vec<_> = plans.reads.iter().map(|((_, lane), seq)| (*lane, *seq)).collect();
    assert_eq!(reads, [(0, 5), (1, 7), (2, 9)], "what is read is read on, a new lane from its end");
}

#[test]
fn a_lane_that_comes_later_is_registered_with_the_same_plan() {
    let (plans, _) = after(Plans::default(), register(1, "aa", &[(0, 5)]));
    let (_, events) = after(plans, register(1, "aa", &[(0, 50), (1, 70)]));
    let [PlanEvent::Registered { reads, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(reads.iter().map(|read| (read.lane, read.seq)).collect::<Vec<_>>(), [(1, 70)]);
}

#[test]
fn a_mark_never_goes_back() {
    let to = |seq| Move {
        saga: "publish-example".to_owned(),
        topic: "kit.events".to_owned(),
        lane: 1,
        seq,
    };
    let mark = PumpMark { seq: 7 };
    assert_eq!(PumpMark::decide(&mark, to(7)), Ok(vec![]));
    let events = PumpMark::decide(&mark, to(9)).unwrap();
    assert_eq!(events.iter().fold(mark, PumpMark::evolve), PumpMark { seq: 9 });
}

#[test]
fn plans_and_marks_are_the_same_after_their_way_through_their_schemas() {
    let schemas = schemas();
    let command = register(1, "aa", &[(0, 5), (u16::MAX, u64::MAX >> 1)]);
    let event = Plans::decide(&Plans::default(), command).unwrap().remove(0);
    assert_eq!(schemas.decode::<PlanEvent>(&schemas.encode(&event).unwrap()).unwrap(), event);
    let ty = types().named("publish-example").unwrap().clone();
    let event = PumpMark::decide(&PumpMark::default(), ty.moved("kit.events", 3, 4)).unwrap();
    let stored = schemas.encode(&event[0]).unwrap();
    assert_eq!(schemas.decode::<MarkEvent>(&stored).unwrap(), event[0]);
}

#[tokio::test]
async fn both_stand_in_the_topic_of_running_work() {
    let (log, commands) = start();
    let types = types();
    let ty = types.named("publish-example").unwrap();
    let registers: Vec<(_, Box<dyn std::any::Any + Send>)> = vec![
        (ty.plan_stream(), Box::new(ty.register(vec![]))),
        (ty.pump_stream("kit.events", 1), Box::new(ty.moved("kit.events", 1, 4))),
        (ty.pump_stream("kit.events", 0), Box::new(ty.moved("kit.events", 0, 9))),
    ];
    for (stream, command) in registers {
        let Answer::Accepted(told) = commands.submit(submit(stream, command)).await else {
            panic!("it is taken")
        };
        let topics = log::Log::topics(log.as_ref());
        assert_eq!(topics.name(told.position.lane.topic), "kit.sagas");
    }
    let mut changed = ty.register(vec![]);
    changed.hash = "other".to_owned();
    let told = commands.submit(submit(ty.plan_stream(), Box::new(changed))).await;
    let Answer::Refused(told) = told else { panic!("{told:?}") };
    assert_eq!((told.verdict, told.rule.as_str()), (Verdict::Conflict, "plan_changed"));
}
