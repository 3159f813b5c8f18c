//! The way of a command to the node that should own its lane, and of the answer back: to a wrong node,
//! late, lost or twice. Stands for the product's gateway, which is HTTP.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{LaneId, Position, TopicId};
use lane::{Answer, Refused, Submit};
use log::Verdict;
use orchestrator::run::Submitter;

use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::planted::Planted;

/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends commands for one caller.
pub(crate) struct Route {
    pub(crate) cluster: Arc<Cluster>,
    /// The node that the caller runs on.
    pub(crate) from: Option<usize>,
}

/// A made up answer, for what was never asked.
fn told_already(submit: &Submit) -> Refused {
    Refused {
        stream: submit.stream.clone(),
        version: 0,
        position: Position { lane: LaneId { topic: TopicId(0), index: 0 }, seq: 0 },
        verdict: Verdict::Nothing,
        rule: String::new(),
        detail: String::new(),
        replayed: false,
    }
}

fn unknown(why: &str) -> Answer {
    Answer::Unknown { why: why.to_owned() }
}

impl Route {
    fn node_for(&self, submit: &Submit) -> Option<usize> {
        let cluster = &self.cluster;
        let topics = &cluster.broker.topics;
        let topic = cluster.deciders.topic_of(submit.stream.category())?;
        let lane = topics.lane_for(topics.find(topic)?, &submit.stream);
        if cluster.world.strikes(Fault::WrongHint) {
            let nodes = cluster.len() as u64;
            return usize::try_from(cluster.world.chance().below(nodes)).ok();
        }
        Some(cluster.elected(lane))
    }

    /// There and back. What was sent goes on when nobody waits any more.
    async fn travel(&self, mut submit: Submit) -> Answer {
        let (cluster, world) = (&self.cluster, &self.cluster.world);
        let Some(node) = self.node_for(&submit) else {
            return Answer::Unavailable { why: "nobody knows such streams".to_owned() };
        };
        if self.from != Some(node) {
            let late = if world.strikes(Fault::RequestLate) { 2_000 } else { 1 };
            let ms = world.chance().tailed(2) * late;
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if world.strikes(Fault::RequestLost) {
                return std::future::pending().await;
            }
        }
        let Some(commands) = cluster.commands(node) else {
            return Answer::Unavailable { why: "connection refused".to_owned() };
        };
        if world.plants(Planted::ForgetsKeys) && world.chance().percent(20) {
            submit.key = None;
        }
        if world.plants(Planted::TriggerSwallowed)
            && submit.stream.category() == "publish_post"
            && world.chance().percent(2)
        {
            return Answer::Refused(told_already(&submit));
        }
        let fence = submit.fence;
        let answer = match commands.submit(submit).await {
            // Asked again by whoever asked; nothing happened.
            Answer::Elsewhere { url } => Answer::Unavailable { why: format!("{url} serves it") },
            answer => answer,
        };
        if !fence && matches!(&answer, Answer::Refused(told) if told.verdict == Verdict::Fenced) {
            world.sometimes("late command met its fence");
        }
        if self.from != Some(node) {
            let ms = world.chance().tailed(2);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if world.strikes(Fault::AnswerLost) {
                return std::future::pending().await;
            }
        }
        if matches!(answer, Answer::Accepted(_))
            && world.plants(Planted::LiesAboutFailure)
            && world.chance().percent(3)
        {
            return Answer::Unavailable { why: "nothing happened".to_owned() };
        }
        answer
    }
}

#[async_trait]
impl Submitter for Route {
    async fn submit(&self, submit: Submit) -> Answer {
        let route = Self { cluster: Arc::clone(&self.cluster), from: self.from };
        // A caller who goes away does not call his command back.
        let way = tokio::spawn(async move { route.travel(submit).await });
        let answer = tokio::time::timeout(PATIENCE, way).await;
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => unknown("the way broke"),
            Err(_) => unknown("no answer in time"),
        }
    }
}
