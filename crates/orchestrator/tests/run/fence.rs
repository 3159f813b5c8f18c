//! Undo of a command whose answer nobody has: a fence finds out, and a late command finds it dead.

use std::sync::Arc;

use async_trait::async_trait;
use domain::saga::StepKey;
use lane::{Answer, Commands, Submit};
use log::{Log, MemoryLog, Verdict};
use orchestrator::run::Submitter;
use orchestrator::{Direction, Event, Phase};
use tokio::sync::Mutex;

use crate::kit::{Places, PostEvent, Rig, events, post, topics};
use crate::world::World;

/// A way to the command runtime on which the first command to the quota has an accident.
struct Accident {
    to: Commands,
    /// Whether it arrives, and only its answer is lost.
    arrives: bool,
    kept: Mutex<Option<Submit>>,
    happened: Mutex<bool>,
}

#[async_trait]
impl Submitter for Accident {
    async fn submit(&self, submit: Submit) -> Answer {
        let mut happened = self.happened.lock().await;
        if submit.stream.category() != "quota" || submit.fence || *happened {
            drop(happened);
            return self.to.submit(submit).await;
        }
        *happened = true;
        drop(happened);
        if self.arrives {
            self.to.submit(submit).await;
        } else {
            *self.kept.lock().await = Some(submit);
        }
        std::future::pending().await
    }
}

async fn withdrawn_while_it_holds(arrives: bool) -> (Rig, Arc<Accident>, Vec<Event>) {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(topics()));
    let world = World::new();
    let rig = Rig::commands_only(&log);
    let (kept, happened) = (Mutex::default(), Mutex::default());
    let way = Arc::new(Accident { to: rig.commands.clone(), arrives, kept, happened });
    let by: Arc<dyn Submitter> = Arc::clone(&way) as _;
    let rig = rig.run(&world, by).await;
    let saga = rig.due(1, 0, &["a"]).await;
    rig.until(&saga, |seen| seen.is().steps.contains_key("hold")).await;
    while !*way.happened.lock().await {
        tokio::task::yield_now().await;
    }
    rig.ask(post(1), Box::new(PostEvent::Withdrawn {})).await;
    let seen = rig.over(&saga).await;
    assert_eq!(seen.is().phase, Phase::Undone);
    assert_eq!(world.asked(), 0);
    (rig, way, events(&seen))
}

#[tokio::test]
async fn what_never_arrived_is_not_undone_and_finds_its_key_dead() {
    let (rig, way, events) = withdrawn_while_it_holds(false).await;
    assert_eq!(rig.places(), Places { held: 0, ever: 0 }, "nothing was held, nothing released");
    let late = way.kept.lock().await.take().unwrap();
    let key = events.iter().find_map(|event| match event {
        Event::StepScheduled { direction: Direction::Forward, key: StepKey(key), .. } => Some(*key),
        _ => None,
    });
    assert_eq!(late.key.map(|key| key.0), key.map(|key| *key.as_bytes()), "the key of the step");
    let Answer::Refused(refused) = rig.commands.submit(late).await else { panic!("it held") };
    assert_eq!(refused.verdict, Verdict::Fenced);
    assert_eq!(rig.places(), Places { held: 0, ever: 0 });
}

#[tokio::test]
async fn what_arrived_and_was_not_answered_is_undone() {
    let (rig, _, _) = withdrawn_while_it_holds(true).await;
    assert_eq!(rig.places(), Places { held: 0, ever: 1 });
}
