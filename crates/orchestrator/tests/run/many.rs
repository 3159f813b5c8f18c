//! Many sagas at once on the log of the product, whose targets fail now and then, through kills.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use domain::StreamId;
use log::Log;
use log_embedded::{EmbeddedLog, Options};
use orchestrator::{Direction, Phase};

use crate::kit::{PostEvent, Rig, post};
use crate::world::{Act, World};

fn open(at: &Path) -> Arc<dyn Log> {
    let options = Options::new(at).topic("kit.events", 2).topic("kit.sagas", 2);
    Arc::new(EmbeddedLog::open(&options).unwrap().0)
}

const SAGAS: u128 = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sagas_come_to_their_end_through_faults_and_kills() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let acts =
        [Act::Busy, Act::Work, Act::WorkAndLose, Act::Work, Act::Work, Act::Work, Act::Silence];
    let acts: Vec<Act> = acts.iter().copied().cycle().take(60).collect();
    world.script("charge", Direction::Forward, &acts);
    world.script("publish/a", Direction::Forward, &acts);
    world.script("publish/b", Direction::Forward, &[&acts[..], &[Act::Refuse; 10]].concat());
    world.script("charge", Direction::Undo, &[Act::Busy; 3]);
    world.script("mail", Direction::Forward, &acts);
    for _ in 0..3 {
        let rig = Rig::start(&open(dir.path()), &world).await;
        for n in 0..SAGAS {
            let platforms = vec!["a".to_owned(), "b".to_owned()];
            // Asked again after each kill: the same post is due once more, and its saga knows it.
            rig.ask(post(n), Box::new(PostEvent::Due { minor: 100, platforms })).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        rig.kill().await;
    }
    let rig = Rig::start(&open(dir.path()), &world).await;
    let mut ends = BTreeMap::new();
    for n in 0..SAGAS {
        let saga = StreamId::new("publish_kit", post(n).id());
        let seen = rig.until(&saga, crate::crash::rests).await;
        *ends.entry(format!("{:?}", seen.is().phase)).or_insert(0) += 1;
        let begins = format!("{} ", seen.is().id.unwrap());
        let stands = world.standing().iter().filter(|step| step.starts_with(&begins)).count();
        assert_eq!(stands, if seen.is().phase == Phase::Done { 4 } else { 0 }, "{seen:#?}");
    }
    world.nothing_twice();
    assert!(ends["Done"] > 60 && ends.len() > 1, "{ends:?}");
    rig.stop().await;
}
