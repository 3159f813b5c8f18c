//! Pumps: triggers start a saga once, however often they come; marks move; what cannot be read is
//! skipped.

use std::sync::Arc;

use domain::StreamId;
use log::{Log, MemoryLog};
use orchestrator::run::StartError;
use orchestrator::{Event, Phase};

use crate::kit::{PostEvent, Rig, events, post, topics, types};
use crate::world::World;

fn log() -> Arc<dyn Log> {
    Arc::new(MemoryLog::new(topics()))
}

/// Events of a kind in a stream of the saga topic.
fn kinds(log: &Arc<dyn Log>, stream: &StreamId) -> Vec<String> {
    let topic = log.topics().find("kit.sagas").unwrap();
    let lane = log.topics().lane_for(topic, stream);
    let decode = |one: &log::Stored| match log::Record::decode(lane, &one.bytes).unwrap().body {
        log::Body::Event { data, .. } => Some(data.event_type.into_owned()),
        _ => None,
    };
    log.read_stream(lane, stream, 0).unwrap().iter().filter_map(decode).collect()
}

#[tokio::test]
async fn a_trigger_that_comes_twice_starts_one_saga() {
    let (log, world) = (log(), World::new());
    let rig = Rig::start(&log, &world).await;
    let saga = rig.due(1, 0, &["a"]).await;
    rig.over(&saga).await;
    // Killed before the mark moves: the trigger comes again.
    drop(rig);
    let rig = Rig::start(&log, &world).await;
    let other = rig.due(2, 0, &["a"]).await;
    rig.over(&other).await;
    let seen = rig.over(&saga).await;
    let started = |event: &&Event| matches!(event, Event::Started { .. });
    assert_eq!(events(&seen).iter().filter(started).count(), 1);
    assert_eq!(world.order().len(), 4, "{:?}", world.order());
    rig.stop().await;
}

#[tokio::test]
async fn marks_move_and_what_lies_behind_them_is_not_told_again() {
    let (log, world) = (log(), World::new());
    let rig = Rig::start(&log, &world).await;
    for n in 0..3 {
        let saga = rig.due(n, 0, &[]).await;
        rig.over(&saga).await;
    }
    rig.stop().await;
    let types = types();
    let ty = types.named("publish-kit").unwrap();
    let marks: Vec<_> =
        (0..2).map(|lane| kinds(&log, &ty.pump_stream("kit.events", lane))).collect();
    assert!(marks.iter().flatten().count() >= 1, "{marks:?}");
    assert!(marks.iter().flatten().all(|kind| kind == "saga.pump.moved.v1"));
    let rig = Rig::start(&log, &world).await;
    let facts = log.topics().find("kit.events").unwrap();
    for n in 0..3 {
        // The due post is the first record of its stream: its seq lies behind the mark.
        let lane = log.topics().lane_for(facts, &post(n));
        let first = log.read_stream(lane, &post(n), 0).unwrap().remove(0);
        let seq = log::Record::decode(lane, &first.bytes).unwrap().header.seq;
        assert!(rig.desk().answered("publish-kit", lane).unwrap() >= seq);
    }
    let saga = rig.due(9, 0, &[]).await;
    rig.over(&saga).await;
    rig.stop().await;
    assert_eq!(kinds(&log, &ty.plan_stream()), ["saga.plan.registered.v1"], "registered once");
}

#[tokio::test]
async fn a_saga_that_cannot_be_read_is_parked_and_harms_no_other() {
    let (log, world) = (log(), World::new());
    let rig = Rig::start(&log, &world).await;
    world.always("publish/a", crate::world::Act::Busy);
    let bad = rig.due(1, 0, &["a"]).await;
    rig.until(&bad, |_| world.asked() > 0).await;
    drop(rig);
    let newer = Rig::newer(&log, "publish_kit", "saga.instance.step_delayed.v1");
    newer.ask(bad.clone(), Box::new(())).await;
    newer.stop().await;
    world.always("publish/a", crate::world::Act::Work);
    let rig = Rig::start(&log, &world).await;
    let good = rig.due(2, 0, &["a"]).await;
    assert_eq!(rig.over(&good).await.is().phase, Phase::Done);
    let seen = rig.parked(&bad).await;
    assert_eq!(seen.is().parks[""].cause, orchestrator::Cause::Poison);
    assert!(seen.is().parks[""].detail.contains("cannot be read"), "{:?}", seen.is().parks);
    let unreadable = rig.desk().unreadable();
    assert_eq!(unreadable.len(), 1, "{unreadable:?}");
    assert_eq!(unreadable[0].0, bad);
    rig.stop().await;
}

#[tokio::test]
async fn a_withdrawn_post_takes_its_saga_back() {
    let (log, world) = (log(), World::new());
    let rig = Rig::start(&log, &world).await;
    world.always("publish/a", crate::world::Act::Slow(1_000));
    let saga = rig.due(1, 0, &["a"]).await;
    rig.until(&saga, |_| !world.order().is_empty()).await;
    rig.ask(post(1), Box::new(PostEvent::Withdrawn {})).await;
    let seen = rig.until(&saga, |seen| seen.is().undo_why.is_some()).await;
    assert_eq!(seen.is().undo_why.as_deref(), Some("it was withdrawn"));
    rig.until(&saga, |_| world.standing().is_empty()).await;
    world.nothing_twice();
    drop(rig);
}

#[tokio::test]
async fn a_saga_that_comes_later_begins_at_the_end_of_the_lanes() {
    let (log, world) = (log(), World::new());
    let rig = Rig::commands_only(&log);
    let platforms = vec!["a".to_owned()];
    rig.ask(post(1), Box::new(PostEvent::Due { minor: 0, platforms })).await;
    rig.stop().await;
    let rig = Rig::start(&log, &world).await;
    let saga = rig.due(2, 0, &["a"]).await;
    assert_eq!(rig.over(&saga).await.is().phase, Phase::Done);
    let earlier = StreamId::new("publish_kit", post(1).id());
    assert_eq!(kinds(&log, &earlier), Vec::<String>::new());
    rig.stop().await;
}

#[tokio::test]
async fn a_trigger_that_cannot_be_read_is_skipped_in_sight_and_blocks_nobody() {
    let (log, world) = (log(), World::new());
    let rig = Rig::start(&log, &world).await;
    rig.stop().await;
    let newer = Rig::newer(&log, "post", "kit.post.due.v1");
    newer.ask(post(1), Box::new(())).await;
    newer.stop().await;
    let rig = Rig::start(&log, &world).await;
    let mut last = None;
    for n in 2..6 {
        let saga = rig.due(n, 0, &["a"]).await;
        last = Some(rig.over(&saga).await);
    }
    assert_eq!(last.unwrap().is().phase, Phase::Done);
    let skipped = rig.desk().skipped();
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    assert_eq!((skipped[0].stream.clone(), skipped[0].version), (post(1), 1));
    assert!(skipped[0].why.contains("kit.post.due.v1"), "{}", skipped[0].why);
    rig.stop().await;
}

#[tokio::test]
async fn the_same_version_with_another_plan_does_not_start() {
    let (log, world) = (log(), World::new());
    let rig = Rig::commands_only(&log);
    let types = types();
    let ty = types.named("publish-kit").unwrap();
    let mut register = ty.register(Vec::new());
    register.hash = "0123456789abcdef".to_owned();
    let stream = ty.plan_stream();
    rig.ask_as(orchestrator::SYSTEM, stream, Box::new(register)).await;
    let refused = orchestrator::run::start(rig.options(&world)).await.unwrap_err();
    let StartError::PlanChanged(why) = refused else { panic!("{refused:?}") };
    assert!(why.contains("give the changed plan a new version"), "{why}");
    rig.stop().await;
}
