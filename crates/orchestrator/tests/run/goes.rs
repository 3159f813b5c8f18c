//! Through, back, parked and on: one saga at a time in one process.

use std::sync::Arc;

use domain::EventSet;
use log::{Log, MemoryLog};
use orchestrator::{Cause, Direction, Event, Phase, Verb};

use crate::kit::{CORRELATION, Places, Rig, events, order, post, topics};
use crate::world::{Act, World};

use Direction::{Forward, Undo};

async fn rig() -> (Rig, Arc<World>) {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(topics()));
    let world = World::new();
    (Rig::start(&log, &world).await, world)
}

fn steps(of: &[(&str, Direction)]) -> Vec<(String, Direction)> {
    of.iter().map(|(step, way)| ((*step).to_owned(), *way)).collect()
}

#[tokio::test]
async fn a_saga_goes_through_aggregates_and_ports() {
    let (rig, world) = rig().await;
    let saga = rig.due(1, 500, &["a", "b"]).await;
    let seen = rig.over(&saga).await;
    assert_eq!(seen.is().phase, Phase::Done, "{:#?}", events(&seen));
    let all =
        [("charge", Forward), ("publish/a", Forward), ("publish/b", Forward), ("mail", Forward)];
    assert_eq!(world.order(), steps(&all));
    assert_eq!(rig.places(), Places { held: 1, ever: 1 });
    let held = events(&seen).into_iter().find_map(|event| match event {
        Event::StepDone { step, output, .. } if step == "hold" => output,
        _ => None,
    });
    assert_eq!(held.as_deref(), Some(r#"{"Place":1}"#), "the answer of an aggregate is its events");
    // A smooth run is a quiet one.
    let odd = |event: &Event| {
        matches!(
            event,
            Event::TimerIgnored { .. } | Event::AnswerIgnored { .. } | Event::StepUnknown { .. }
        )
    };
    assert!(!events(&seen).iter().any(odd), "{:#?}", events(&seen));
    for past in &seen.events {
        assert_eq!(past.meta.correlation, CORRELATION);
        assert_eq!(past.meta.actor.as_str(), "saga:publish-kit");
        assert!(past.meta.causation.is_some(), "{past:?}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn the_command_of_a_step_names_its_saga_and_its_intent() {
    let (rig, _) = rig().await;
    let saga = rig.due(1, 0, &[]).await;
    let seen = rig.over(&saga).await;
    let intent = seen.events.iter().find(
        |past| matches!(&past.event, Ok(Event::StepScheduled { step, .. }) if step == "confirm"),
    );
    let topics = rig.log.topics();
    let lane = topics.lane_for(topics.find("kit.events").unwrap(), &post(1));
    let stored = rig.log.read_stream(lane, &post(1), 0).unwrap();
    let last = log::Record::decode(lane, &stored.last().unwrap().bytes).unwrap();
    let log::Body::Event { meta, data, .. } = last.body else { panic!("{last:?}") };
    assert_eq!(data.event_type, "kit.post.confirmed.v1");
    assert_eq!(meta.actor.as_str(), "saga:publish-kit");
    assert_eq!(meta.correlation, CORRELATION);
    assert_eq!(meta.causation, Some(intent.unwrap().meta.id.0));
    rig.stop().await;
}

#[tokio::test]
async fn a_refusal_gives_everything_back_in_reverse_order() {
    let (rig, world) = rig().await;
    world.script("publish/b", Forward, &[Act::Refuse]);
    let saga = rig.due(1, 500, &["a", "b"]).await;
    let seen = rig.over(&saga).await;
    assert_eq!(seen.is().phase, Phase::Undone);
    let all = [("charge", Forward), ("publish/a", Forward), ("publish/a", Undo), ("charge", Undo)];
    assert_eq!(world.order(), steps(&all));
    assert_eq!(rig.places(), Places { held: 0, ever: 1 });
    assert_eq!(world.standing(), Vec::<String>::new());
    rig.stop().await;
}

#[tokio::test]
async fn what_does_not_answer_in_time_is_probed_and_never_done_twice() {
    let (rig, world) = rig().await;
    world.script("charge", Forward, &[Act::WorkInSilence]);
    world.script("publish/a", Forward, &[Act::Silence, Act::WorkAndLose]);
    let saga = rig.due(1, 500, &["a"]).await;
    let seen = rig.over(&saga).await;
    assert_eq!(seen.is().phase, Phase::Done, "{:#?}", events(&seen));
    world.nothing_twice();
    let late = |event: &&Event| matches!(event, Event::StepUnknown { detail, .. } if detail == "no answer in time");
    assert_eq!(events(&seen).iter().filter(late).count(), 2);
    rig.stop().await;
}

#[tokio::test]
async fn what_nobody_can_tell_waits_for_a_human_and_goes_on_with_his_word() {
    let (rig, world) = rig().await;
    world.tells(false);
    world.script("charge", Forward, &[Act::WorkAndLose]);
    let saga = rig.due(1, 500, &["a"]).await;
    let seen = rig.parked(&saga).await;
    assert_eq!(seen.is().parks["charge"].cause, Cause::InDoubt);
    let mut resolve = order(Verb::Resolve, "charge", &seen);
    resolve.happened = true;
    resolve.output = Some(serde_json::json!({"Reference": "ch_500"}));
    let told = rig.desk().preview(&saga, None, &resolve).await.unwrap();
    rig.operate(&saga, resolve).await;
    let over = rig.over(&saga).await;
    assert_eq!(over.is().phase, Phase::Done);
    let after = &events(&over)[seen.events.len()..][..told.len()];
    let kinds = |of: &[Event]| of.iter().map(EventSet::event_type).collect::<Vec<_>>();
    assert_eq!(kinds(after), kinds(&told), "the dry run said what came");
    world.nothing_twice();
    rig.stop().await;
}

#[tokio::test]
async fn an_operator_takes_a_held_saga_back() {
    let (rig, world) = rig().await;
    world.script("publish/a", Forward, &[Act::Slow(1_000)]);
    let saga = rig.due(1, 500, &["a"]).await;
    let seen = rig.until(&saga, |seen| seen.is().steps.contains_key("publish/a")).await;
    rig.operate(&saga, order(Verb::Hold, "", &seen)).await;
    let seen = rig.parked(&saga).await;
    assert_eq!(seen.is().parks[""].cause, Cause::OperatorHold);
    let done = |seen: &orchestrator::run::Seen| {
        events(seen)
            .iter()
            .any(|event| matches!(event, Event::StepDone { step, .. } if step == "publish/a"))
    };
    let seen = rig.until(&saga, done).await;
    assert!(!seen.is().steps.contains_key("confirm"), "nothing is begun while it is held");
    rig.operate(&saga, order(Verb::Release, "", &seen)).await;
    let seen = rig.over(&saga).await;
    assert_eq!(seen.is().phase, Phase::Done);
    let late = rig.operate(&saga, order(Verb::Undo, "", &seen)).await;
    let lane::Answer::Refused(refused) = late else { panic!("{late:?}") };
    assert_eq!(refused.rule, "not_now");
    rig.stop().await;
}

#[tokio::test]
async fn a_dead_target_is_not_asked_by_everybody() {
    let (rig, world) = rig().await;
    world.always("publish/a", Act::Busy);
    let mut sagas = Vec::new();
    for n in 0..6 {
        sagas.push(rig.due(n, 0, &["a"]).await);
    }
    let waits = |seen: &orchestrator::run::Seen| {
        events(seen).iter().any(|event| match event {
            Event::StepDelayed { detail, retry_after_ms, .. } => {
                detail.starts_with("waiting for breaker: platform/a, opened ")
                    && retry_after_ms.is_some()
            }
            _ => false,
        })
    };
    let seen = rig.until(&sagas[5], waits).await;
    let targets = rig.desk().targets();
    let target = targets.iter().find(|target| target.name == "platform/a").unwrap();
    assert_eq!(target.state.as_str(), "open");
    assert_eq!(target.last_fault.as_ref().unwrap().1, "503");
    assert!(target.waiting > 0, "{target:?}");
    assert_eq!(world.asked(), 5, "the fifth fault opened it");
    assert!(seen.is().timers.values().any(|timer| timer.at > seen.is().last_at));
    let timers = rig.desk().timers(10);
    assert!(timers.iter().any(|timer| timer.step == "publish/a"), "{timers:?}");
    drop(rig);
}

#[tokio::test]
async fn a_stop_lets_calls_under_way_end_and_keeps_their_answers() {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(topics()));
    let world = World::new();
    let rig = Rig::start(&log, &world).await;
    world.script("publish/a", Forward, &[Act::Slow(1_000)]);
    let saga = rig.due(1, 0, &["a"]).await;
    rig.until(&saga, |_| !world.order().is_empty()).await;
    rig.stop().await;
    let rig = Rig::start(&log, &world).await;
    let seen = rig.over(&saga).await;
    assert_eq!(seen.is().phase, Phase::Done);
    let lost =
        |event: &Event| matches!(event, Event::StepUnknown { step, .. } if step == "publish/a");
    assert!(!events(&seen).iter().any(lost), "{:#?}", events(&seen));
    rig.stop().await;
}
