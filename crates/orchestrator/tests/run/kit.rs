//! A context with two aggregates and a saga over them and three ports, and a rig that starts, stops and
//! kills what runs it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codec::Schemas;
use domain::context::Aggregates;
use domain::saga::{
    AnyCommand, Heard, Meets, Plan, Retry, Saga, SagaId, Sagas, StepName, Steps, Target, Unknown,
};
use domain::{
    ActorId, Aggregate, CommandKey, Decider, Envelope, EventData, EventSet, Rejection, Routes,
    StreamId, TenantId, Timestamp,
};
use lane::{Answer, Commands, Deciders, Submit};
use log::{Fingerprint, Log, Topic, Topics};
use orchestrator::run::{Carriers, Desk, Holding, Operate, Options, Running, Seen, Submitter};
use orchestrator::{Event, Order, Phase, Types, Verb};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::world::World;

/// A rule that says no.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct No(&'static str);

impl Rejection for No {
    fn rule(&self) -> &'static str {
        "no"
    }
}

/// Places for sagas; each holds one.
pub(crate) struct Quota;

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "kit.quota")]
pub(crate) enum QuotaEvent {
    #[event("held.v1")]
    Held { place: i64 },
    #[event("released.v1")]
    Released {},
}

#[derive(Debug, Clone)]
pub(crate) enum QuotaCommand {
    Hold,
    Release,
}

/// Places held, and all that ever were.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Places {
    pub(crate) held: i64,
    pub(crate) ever: i64,
}

impl Decider for Quota {
    const CATEGORY: &'static str = "quota";
    type Command = QuotaCommand;
    type Event = QuotaEvent;
    type State = Places;
    type Error = No;

    fn decide(state: &Places, command: QuotaCommand) -> Result<Vec<QuotaEvent>, No> {
        match command {
            QuotaCommand::Hold => Ok(vec![QuotaEvent::Held { place: state.ever + 1 }]),
            QuotaCommand::Release if state.held == 0 => Err(No("nothing is held")),
            QuotaCommand::Release => Ok(vec![QuotaEvent::Released {}]),
        }
    }

    fn evolve(mut state: Places, event: &QuotaEvent) -> Places {
        match event {
            QuotaEvent::Held { .. } => {
                state.held += 1;
                state.ever += 1;
            }
            QuotaEvent::Released {} => state.held -= 1,
        }
        state
    }
}

impl Aggregate for Quota {
    fn routes(_: &mut impl Routes<Self>) {}
    fn show(_: &Places) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// What a saga is started by.
pub(crate) struct Post;

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "kit.post")]
pub(crate) enum PostEvent {
    #[event("due.v1")]
    Due { minor: i64, platforms: Vec<String> },
    /// It will be due, and nowhere to be published.
    #[event("planned.v1")]
    Planned { at: Timestamp },
    #[event("withdrawn.v1")]
    Withdrawn {},
    #[event("confirmed.v1")]
    Confirmed {},
}

impl Decider for Post {
    const CATEGORY: &'static str = "post";
    type Command = PostEvent;
    type Event = PostEvent;
    type State = bool;
    type Error = No;

    fn decide(confirmed: &bool, command: PostEvent) -> Result<Vec<PostEvent>, No> {
        Ok(if *confirmed && command == (PostEvent::Confirmed {}) { vec![] } else { vec![command] })
    }

    fn evolve(confirmed: bool, event: &PostEvent) -> bool {
        confirmed || *event == PostEvent::Confirmed {}
    }
}

impl Aggregate for Post {
    fn routes(_: &mut impl Routes<Self>) {}
    fn show(_: &bool) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

pub(crate) struct Kit;

impl domain::Context for Kit {
    const NAME: &'static str = "kit";
    const SCHEMAS: &'static [&'static str] = &[
        r#"{"type":"record","namespace":"kit.quota","name":"HeldV1","event_type":"kit.quota.held.v1","doc":"A place was held.","fields":[{"name":"place","doc":"Which.","type":"long"}]}"#,
        r#"{"type":"record","namespace":"kit.quota","name":"ReleasedV1","event_type":"kit.quota.released.v1","doc":"A place was released.","fields":[]}"#,
        r#"{"type":"record","namespace":"kit.post","name":"DueV1","event_type":"kit.post.due.v1","doc":"It is due.","fields":[{"name":"minor","doc":"Money.","type":"long"},{"name":"platforms","doc":"Where.","type":{"type":"array","items":"string"}}]}"#,
        r#"{"type":"record","namespace":"kit.post","name":"PlannedV1","event_type":"kit.post.planned.v1","doc":"It will be due.","fields":[{"name":"at","doc":"When.","type":{"type":"long","logicalType":"timestamp-micros"}}]}"#,
        r#"{"type":"record","namespace":"kit.post","name":"WithdrawnV1","event_type":"kit.post.withdrawn.v1","doc":"Taken back.","fields":[]}"#,
        r#"{"type":"record","namespace":"kit.post","name":"ConfirmedV1","event_type":"kit.post.confirmed.v1","doc":"Published.","fields":[]}"#,
    ];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<Quota>();
        to.aggregate::<Post>();
    }
}

/// Holds a place, charges, publishes on each platform; then the pivot, and a mail.
#[derive(Debug, Clone)]
pub(crate) struct Publish;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) post: Uuid,
    minor: i64,
    platforms: Vec<String>,
    pub(crate) place: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Ask {
    Hold,
    Release,
    Charge { minor: i64 },
    Refund { known: Option<String> },
    Publish { on: String },
    Withdraw { on: String },
    Confirm { post: Uuid },
    Mail,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Heard1 {
    Place(i64),
    Reference(String),
}

/// More than a busy machine keeps an answer back.
const ANSWERS_WITHIN_MS: u64 = 2_000;
/// The same of what a test waits for.
const HAPPENS_WITHIN: Duration = Duration::from_mins(1);
const QUICK: Retry = Retry { base_ms: 4, ..Retry::exponential().cap_ms(20) };

impl Saga for Publish {
    const CONTEXT: &'static str = "kit";
    const NAME: &'static str = "publish-kit";
    const CATEGORY: &'static str = "publish_kit";
    type Trigger = PostEvent;
    type State = State;
    type Ask = Ask;
    type Answer = Heard1;

    fn plan() -> Steps<Self> {
        Plan::<Self>::new(1)
            .undoable("hold", |_, _| Ask::Hold, |_, _, _| Ask::Release)
            .retry(QUICK)
            .undoable(
                "charge",
                |state, _| Ask::Charge { minor: state.minor },
                |_, _, answer| Ask::Refund {
                    known: match answer {
                        Some(Heard1::Reference(known)) => Some(known.clone()),
                        _ => None,
                    },
                },
            )
            .when(|state| state.minor > 0)
            .retry(QUICK)
            .timeout_ms(ANSWERS_WITHIN_MS)
            .unknown(Unknown::ProbeThenPark)
            .each(
                "publish",
                |state| state.platforms.clone(),
                |_, on| Ask::Publish { on: on.to_owned() },
                |_, on, _| Ask::Withdraw { on: on.to_owned() },
            )
            .retry(QUICK.breaker("platform"))
            .timeout_ms(ANSWERS_WITHIN_MS)
            .pivot("confirm", |state, _| Ask::Confirm { post: state.post })
            .retry(QUICK)
            .forward("mail", |_, _| Ask::Mail)
            .retry(QUICK)
            .timeout_ms(ANSWERS_WITHIN_MS)
            .undo_retry(QUICK.attempts(30))
            .build()
    }

    fn meet(event: &Envelope<PostEvent>) -> Vec<Meets<State>> {
        let saga = SagaId(event.id());
        match &event.payload {
            PostEvent::Due { minor, platforms } => {
                let (minor, platforms, post) = (*minor, platforms.clone(), event.id());
                let state = State { post, minor, platforms, place: None };
                vec![Meets::Start { saga, state, at: None }]
            }
            PostEvent::Planned { at } => {
                let state = State { post: event.id(), minor: 0, platforms: vec![], place: None };
                vec![Meets::Start { saga, state, at: Some(*at) }]
            }
            PostEvent::Withdrawn {} => vec![Meets::Cancel { saga, why: "it was withdrawn" }],
            PostEvent::Confirmed {} => vec![],
        }
    }

    fn target(ask: &Ask) -> Target {
        let quota = || StreamId::new("quota", QUOTA);
        match ask {
            Ask::Hold => Target::aggregate(quota(), "hold a place"),
            Ask::Release => Target::aggregate(quota(), "release it"),
            Ask::Charge { minor } => Target::port("payments", "charge").money(*minor, "EUR"),
            Ask::Refund { .. } => Target::port("payments", "refund"),
            Ask::Publish { on } => Target::port("publishing", format!("publish on {on}")),
            Ask::Withdraw { on } => Target::port("publishing", format!("withdraw from {on}")),
            Ask::Confirm { post } => Target::aggregate(StreamId::new("post", *post), "confirm"),
            Ask::Mail => Target::port("mail", "tell the author"),
        }
    }

    fn command(ask: &Ask, _: Timestamp) -> Option<AnyCommand> {
        match ask {
            Ask::Hold => Some(AnyCommand::new(QuotaCommand::Hold)),
            Ask::Release => Some(AnyCommand::new(QuotaCommand::Release)),
            Ask::Confirm { .. } => Some(AnyCommand::new(PostEvent::Confirmed {})),
            _ => None,
        }
    }

    fn answer(ask: &Ask, heard: &impl Heard) -> Option<Heard1> {
        let held = |event: QuotaEvent| match event {
            QuotaEvent::Held { place } => Some(Heard1::Place(place)),
            QuotaEvent::Released {} => None,
        };
        match ask {
            Ask::Hold => heard.events::<QuotaEvent>().into_iter().find_map(held),
            _ => None,
        }
    }

    fn fold(state: State, step: StepName<'_>, answer: &Heard1) -> State {
        match (step.name, answer) {
            ("hold", Heard1::Place(place)) => State { place: Some(*place), ..state },
            _ => state,
        }
    }
}

pub(crate) const QUOTA: Uuid = Uuid::from_u128(7);
const TENANT: TenantId = TenantId::from_static("local");

pub(crate) fn topics() -> Topics {
    let topic = |name: &str, lanes| Topic { name: name.to_owned(), lanes };
    let all = vec![topic("kit.events", 2), topic("kit.sagas", 2)];
    Topics::new(Uuid::from_u128(1), all)
}

fn schemas() -> Arc<Schemas> {
    let builder = Schemas::builder().register::<Kit>();
    let builder = builder.shared("saga", &["kit.sagas"], orchestrator::SCHEMAS);
    Arc::new(builder.build().unwrap())
}

/// Writes an event of a known type by a schema that this program does not know.
struct Newer {
    writes: &'static str,
    topic: &'static str,
}

impl lane::Handler for Newer {
    fn context(&self) -> &'static str {
        "kit"
    }
    fn topic(&self) -> String {
        self.topic.to_owned()
    }
    fn fresh(&self) -> lane::AnyState {
        Box::new(())
    }
    fn replay(&self, _: &mut lane::AnyState, _: &EventData, _: Timestamp) -> Result<(), String> {
        Ok(())
    }
    fn decide(
        &self,
        _: &mut lane::AnyState,
        _: Box<dyn std::any::Any + Send>,
        _: Timestamp,
    ) -> Result<Vec<EventData>, lane::NoEvent> {
        let event_type = self.writes.into();
        Ok(vec![EventData { event_type, fingerprint: 1, datum: vec![1, 2, 3] }])
    }
    fn show(&self, _: &lane::AnyState) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// What runs: the command runtime and the sagas over it.
pub(crate) struct Rig {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) commands: Commands,
    pub(crate) running: Option<Running>,
    schemas: Arc<Schemas>,
}

impl Rig {
    /// A process on a log.
    pub(crate) async fn start(log: &Arc<dyn Log>, world: &Arc<World>) -> Self {
        let rig = Self::commands_only(log);
        let submitter = Arc::new(rig.commands.clone());
        rig.run(world, submitter).await
    }

    /// Runs sagas whose commands go this way.
    pub(crate) async fn run(mut self, world: &Arc<World>, by: Arc<dyn Submitter>) -> Self {
        let options = Options { submitter: by, ..self.options(world) };
        self.running = Some(orchestrator::run::start(options).await.unwrap());
        self
    }

    /// A process that takes commands and runs no sagas.
    pub(crate) fn commands_only(log: &Arc<dyn Log>) -> Self {
        let schemas = schemas();
        let deciders = deciders(&schemas);
        Self::deciding(log, schemas, deciders)
    }

    /// The same with a newer program's way to write something under a category.
    pub(crate) fn newer(log: &Arc<dyn Log>, category: &str, writes: &'static str) -> Self {
        let schemas = schemas();
        let mut deciders = Deciders::new(Arc::clone(&schemas));
        let topic = if category == "post" { "kit.events" } else { "kit.sagas" };
        deciders.handler(category, Arc::new(Newer { writes, topic }));
        Self::deciding(log, schemas, deciders)
    }

    fn deciding(log: &Arc<dyn Log>, schemas: Arc<Schemas>, deciders: Deciders) -> Self {
        let commands = Commands::start(Arc::clone(log), deciders, "n1").unwrap();
        Self { log: Arc::clone(log), commands, running: None, schemas }
    }

    pub(crate) fn options(&self, world: &Arc<World>) -> Options {
        let world: Arc<World> = Arc::clone(world);
        Options {
            log: Arc::clone(&self.log),
            deciders: deciders(&self.schemas),
            submitter: Arc::new(self.commands.clone()),
            types: types(),
            carriers: Carriers::default().with::<Publish>(world),
            holding: Holding::Always,
            grace: Duration::from_secs(5),
        }
    }

    pub(crate) fn desk(&self) -> Desk {
        self.running.as_ref().unwrap().desk()
    }

    /// Drops everything that runs, at once. The log is free when its writer has ended.
    pub(crate) async fn kill(self) {
        let Self { log, commands, running, .. } = self;
        drop(running);
        commands.stop().await;
        drop(commands);
        let begun = Instant::now();
        while begun.elapsed() < HAPPENS_WITHIN {
            if Arc::strong_count(&log) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("somebody still holds the log");
    }

    /// Ends in good order.
    pub(crate) async fn stop(self) {
        if let Some(running) = self.running {
            running.stop().await;
        }
        self.commands.stop().await;
    }

    pub(crate) async fn ask(&self, stream: StreamId, command: Box<dyn std::any::Any + Send>) {
        self.ask_as(TENANT, stream, command).await;
    }

    pub(crate) async fn ask_as(
        &self,
        tenant: TenantId,
        stream: StreamId,
        command: Box<dyn std::any::Any + Send>,
    ) {
        let answer = self.try_ask(tenant, stream, command).await;
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    }

    async fn try_ask(
        &self,
        tenant: TenantId,
        stream: StreamId,
        command: Box<dyn std::any::Any + Send>,
    ) -> Answer {
        let key = CommandKey(*Uuid::new_v4().as_bytes());
        let submit = Submit {
            stream,
            command,
            key: Some(key),
            fingerprint: Fingerprint::default(),
            expected: None,
            tenant,
            actor: ActorId::from_static("ann"),
            correlation: CORRELATION,
            causation: None,
            trace: None,
            fence: false,
            asked_at: None,
        };
        self.commands.submit(submit).await
    }

    /// A post is due.
    pub(crate) async fn due(&self, n: u128, minor: i64, platforms: &[&str]) -> StreamId {
        let platforms = platforms.iter().map(|on| (*on).to_owned()).collect();
        self.ask(post(n), Box::new(PostEvent::Due { minor, platforms })).await;
        StreamId::new("publish_kit", post(n).id())
    }

    /// The same on a log that may die under it.
    pub(crate) async fn try_due(&self, n: u128, minor: i64, platforms: &[&str]) -> Answer {
        let platforms = platforms.iter().map(|on| (*on).to_owned()).collect();
        self.try_ask(TENANT, post(n), Box::new(PostEvent::Due { minor, platforms })).await
    }

    /// Waits until a saga is as it should be.
    pub(crate) async fn until(&self, saga: &StreamId, holds: impl Fn(&Seen) -> bool) -> Seen {
        let desk = self.desk();
        let mut last = None;
        let begun = Instant::now();
        while begun.elapsed() < HAPPENS_WITHIN {
            if let Ok(seen) = desk.saga(saga, None).await {
                if holds(&seen) {
                    return seen;
                }
                last = Some(seen);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let events = last.as_ref().map(events);
        panic!("{saga} does not come there: {events:#?}, targets {:?}", desk.targets());
    }

    pub(crate) async fn over(&self, saga: &StreamId) -> Seen {
        self.until(saga, |seen| matches!(seen.is().phase, Phase::Done | Phase::Undone)).await
    }

    pub(crate) async fn parked(&self, saga: &StreamId) -> Seen {
        self.until(saga, |seen| seen.is().is_parked()).await
    }

    pub(crate) async fn operate(&self, saga: &StreamId, order: Order) -> Answer {
        let operate = Operate {
            stream: saga.clone(),
            tenant: TENANT,
            order,
            key: None,
            correlation: CORRELATION,
            trace: None,
        };
        self.desk().operate(operate).await.unwrap()
    }

    /// Places that are held now, and that ever were.
    pub(crate) fn places(&self) -> Places {
        let stream = StreamId::new("quota", QUOTA);
        let lane =
            self.log.topics().lane_for(self.log.topics().find("kit.events").unwrap(), &stream);
        let stored = self.log.read_stream(lane, &stream, 0).unwrap();
        let events = stored.iter().filter_map(|one| {
            match log::Record::decode(lane, &one.bytes).unwrap().body {
                log::Body::Event { data, .. } => Some(self.schemas.decode(&data).unwrap()),
                _ => None,
            }
        });
        events.fold(Places::default(), |state, event| Quota::evolve(state, &event))
    }
}

pub(crate) const CORRELATION: Uuid = Uuid::from_u128(99);

pub(crate) fn post(n: u128) -> StreamId {
    StreamId::new("post", Uuid::from_u128(1_000 + n))
}

pub(crate) fn types() -> Types {
    let mut types = Types::default();
    types.saga::<Publish>();
    types
}

fn deciders(schemas: &Arc<Schemas>) -> Deciders {
    let mut deciders = Deciders::new(Arc::clone(schemas));
    deciders.add::<Kit>();
    types().handlers(&mut deciders);
    deciders
}

pub(crate) fn order(verb: Verb, step: &str, seen: &Seen) -> Order {
    Order {
        verb,
        step: step.to_owned(),
        actor: ActorId::from_static("ann"),
        reason: "asked for".to_owned(),
        revision: seen.is().revision,
        happened: false,
        output: None,
        ticket: None,
        approver: None,
    }
}

pub(crate) fn events(seen: &Seen) -> Vec<Event> {
    seen.events.iter().map(|past| past.event.clone().unwrap()).collect()
}
