//! A small saga, put where a test wants it by commands to its stream. No runner: nobody is asked.

use std::sync::{Arc, Mutex};

use api::{HistoryError, SagaDesk, SagaPast, SagaSeen};
use async_trait::async_trait;
use codec::Schemas;
use domain::saga::{
    Fault, Meets, NoTrigger, Outcome, Plan, Probe, Retry, Saga, SagaId, Sagas, StepName, Steps,
    Target, Unknown,
};
use domain::{ActorId, Envelope, EventId, StreamId, TenantId};
use lane::{Answer, Submit};
use log::{Body, Log, Record};
use orchestrator::{Attempt, Direction, Folded, Input, Purpose, Types};
use uuid::Uuid;

use crate::support::Product;

#[derive(Debug, Clone)]
pub(crate) struct Charge;

impl Saga for Charge {
    const CONTEXT: &'static str = "kit";
    const NAME: &'static str = "charge";
    const CATEGORY: &'static str = "charge";
    type Trigger = NoTrigger;
    type State = Vec<String>;
    type Ask = String;
    type Answer = String;

    fn plan() -> Steps<Self> {
        let quick = Retry { base_ms: 1, ..Retry::exponential().attempts(3) };
        Plan::<Self>::new(3)
            .undoable("charge", |_, _| "charge".into(), |_, _, _| "refund".into())
            .retry(quick)
            .unknown(Unknown::ProbeThenPark)
            .pivot("confirm", |_, _| "confirm".into())
            .forward("tell", |_, _| "tell".into())
            .build()
    }

    fn meet(event: &Envelope<NoTrigger>) -> Vec<Meets<Vec<String>>> {
        match event.payload {}
    }

    fn target(ask: &String) -> Target {
        Target::port("payments", ask.clone()).money(500, "EUR")
    }

    fn fold(mut state: Vec<String>, _: StepName<'_>, answer: &String) -> Vec<String> {
        state.push(answer.clone());
        state
    }
}

pub(crate) fn types() -> Types {
    let mut types = Types::default();
    types.saga::<Charge>();
    types
}

/// Reads sagas from the log in memory.
pub(crate) struct Desk {
    log: Arc<dyn Log>,
    schemas: Arc<Schemas>,
    types: Types,
    pub(crate) down: Mutex<bool>,
}

impl Desk {
    pub(crate) fn new(log: &Arc<dyn Log>, schemas: &Arc<Schemas>, types: Types) -> Self {
        let (log, schemas) = (Arc::clone(log), Arc::clone(schemas));
        Self { log, schemas, types, down: Mutex::default() }
    }
}

#[async_trait]
impl SagaDesk for Desk {
    fn types(&self) -> &Types {
        &self.types
    }

    async fn saga(
        &self,
        stream: &StreamId,
        tenant: &TenantId,
    ) -> Result<Option<SagaSeen>, HistoryError> {
        if *self.down.lock().unwrap() {
            return Err(HistoryError("secret disk".into()));
        }
        let topics = self.log.topics();
        let lane = topics.lane_for(topics.find("kit.sagas").unwrap(), stream);
        let (mut folded, mut events) = (Folded::default(), Vec::new());
        for stored in self.log.read_stream(lane, stream, 0).unwrap() {
            let Body::Event { meta, data, .. } = Record::decode(lane, &stored.bytes).unwrap().body
            else {
                continue;
            };
            folded.take(&self.schemas, &data, meta.recorded_at);
            let event = self.schemas.decode(&data).map_err(|error| error.to_string());
            events.push(SagaPast { meta: *meta, event });
        }
        let mine = events.first().is_some_and(|past| past.meta.tenant == *tenant);
        let unreadable = folded.unreadable.map(|poison| poison.0);
        Ok(mine.then_some(SagaSeen { is: folded.is, unreadable, events }))
    }
}

pub(crate) fn stream(n: u128) -> StreamId {
    StreamId::new("charge", Uuid::from_u128(n))
}

/// Tells a saga something.
pub(crate) async fn tell(product: &Product, n: u128, input: Input<Charge>) {
    let answer = product
        .commands
        .real
        .submit(Submit {
            stream: stream(n),
            command: Box::new(input),
            key: None,
            fingerprint: log::Fingerprint::default(),
            expected: None,
            tenant: TenantId::from_static("local"),
            actor: ActorId::from_static("runner"),
            correlation: Uuid::nil(),
            causation: None,
            trace: None,
            fence: false,
            asked_at: None,
        })
        .await;
    assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
}

/// Begins a saga: its first step is asked.
pub(crate) async fn begun(product: &Product, n: u128) {
    let (event, saga) = (EventId(Uuid::from_u128(n)), SagaId(Uuid::from_u128(n)));
    let state = vec!["began".to_owned()];
    tell(product, n, Input::Trigger { event, saga, state, at: None }).await;
}

/// Parks it in doubt: the answer never came, and the target cannot tell.
pub(crate) async fn in_doubt(product: &Product, n: u128) {
    begun(product, n).await;
    let step = || "charge".to_owned();
    let attempt = Attempt { step: step(), direction: Direction::Forward, number: 1 };
    let outcome = Outcome::Unknown(Fault::new("connection lost"));
    tell(product, n, Input::Answer { attempt, outcome }).await;
    loop {
        let seen = product.get(&format!("/api/sagas/{}", stream(n))).await.json();
        if seen["state"] == "parked" {
            assert_eq!(seen["cause"], "in_doubt", "{seen}");
            return;
        }
        let probe = Purpose::Probe.as_str();
        let timers = seen["timers"].as_array().unwrap();
        if let Some(timer) = timers.iter().find(|timer| timer["purpose"] == probe) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            let number = u32::try_from(timer["timer"].as_u64().unwrap()).unwrap();
            tell(product, n, Input::Timer(number)).await;
        } else {
            let probe = Probe::CannotTell;
            tell(product, n, Input::Probed { step: step(), behind_undo: false, probe }).await;
        }
    }
}
