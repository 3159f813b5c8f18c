//! The demo's answers about sagas: the engine's row and filter over what stands in memory, and a world
//! that does what a saga asks when somebody acted on it.

use std::sync::LazyLock;

use console::{
    AsOf, BackendError, Breaker, Desk, OrderError, Recorded, SagaList, SagaView, Target,
};
use domain::saga::{Outcome, Saga, Sagas};
use domain::{Principal, Row, StreamId, Timestamp, Value};
use orchestrator::filter::{Filter, Group};
use orchestrator::{Effect, Event, Input, Instance, Order, SagaRow, Types, decide, next};
use uuid::Uuid;

use super::publish::{Deliver, Played, Publish, State};
use super::{Demo, Inner};

/// How long a target takes when it is looked at, in milliseconds.
const TAKES_MS: u64 = 250;

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let mut types = Types::default();
    types.saga::<Publish>();
    types.saga::<Deliver>();
    types
});

impl Inner {
    fn instance(&self, id: &StreamId) -> Option<Instance> {
        let events = self.sagas.get(id)?.iter();
        let begin = Instance::default();
        Some(events.fold(begin, |is, one| is.evolve(one.head.meta.recorded_at, &one.event)))
    }

    fn saga_rows(&self) -> Vec<SagaRow> {
        let row = |id: &StreamId| {
            let is = self.instance(id).unwrap_or_default();
            SagaRow::of(id.id(), id.to_string(), "local".to_owned(), is)
        };
        self.sagas.keys().map(row).collect()
    }
}

/// The value of a column.
fn value(row: &SagaRow, column: &str) -> Value {
    let at = SagaRow::COLUMNS.iter().position(|one| one.name == column);
    at.and_then(|at| row.clone().into_values().into_iter().nth(at)).unwrap_or(Value::Null)
}

/// Values in an order; what is not there comes last.
fn rank(value: &Value) -> (bool, i64, String) {
    match value {
        Value::Int(n) => (false, *n, String::new()),
        Value::Time(at) => (false, at.as_micros(), String::new()),
        Value::Text(text) => (false, 0, text.clone()),
        _ => (true, 0, String::new()),
    }
}

fn now() -> Timestamp {
    chrono::Utc::now().into()
}

#[async_trait::async_trait]
impl Desk for Demo {
    fn types(&self) -> &Types {
        &TYPES
    }

    async fn list(
        &self,
        _: &Principal,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<SagaList, BackendError> {
        let mut rows: Vec<SagaRow> = self.lock().saga_rows();
        rows.retain(|row| filter.holds(row, now()));
        let (column, down) = filter.order();
        rows.sort_by_key(|row| rank(&value(row, column)));
        if down {
            rows.reverse();
        }
        let total = rows.len();
        let from = after.and_then(|at| at.parse().ok()).unwrap_or(0_usize);
        let next = (total > from + limit).then(|| (from + limit).to_string());
        let rows = rows.into_iter().skip(from).take(limit).collect();
        let as_of = AsOf { position: Some("social.sagas/5@1882171".to_owned()), behind_ms: 40 };
        Ok(SagaList { rows, total: total as u64, next, as_of })
    }

    async fn counts(
        &self,
        _: &Principal,
        filter: &Filter,
        by: Group,
    ) -> Result<Vec<(String, u64)>, BackendError> {
        let mut counts: Vec<(String, u64)> = Vec::new();
        let rows = self.lock().saga_rows();
        for row in rows.iter().filter(|row| filter.holds(row, now())) {
            let word = match value(row, by.column()) {
                Value::Text(text) => text,
                Value::Int(n) => n.to_string(),
                _ => String::new(),
            };
            match counts.iter_mut().find(|(known, _)| *known == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((word, 1)),
            }
        }
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Ok(counts)
    }

    async fn due(&self, _: &Principal, edges: &[Timestamp]) -> Result<Vec<u64>, BackendError> {
        let rows = self.lock().saga_rows();
        let between = |pair: &[Timestamp]| {
            let wakes = rows.iter().filter_map(|row| row.wakes_at);
            wakes.filter(|at| *at >= pair[0] && *at < pair[1]).count() as u64
        };
        Ok(edges.windows(2).map(between).collect())
    }

    async fn saga(&self, _: &Principal, id: &StreamId) -> Result<Option<SagaView>, BackendError> {
        let inner = self.lock();
        let Some(events) = inner.sagas.get(id).filter(|events| !events.is_empty()) else {
            return Ok(None);
        };
        let head = &events[0].head;
        Ok(Some(SagaView {
            id: id.clone(),
            headline: None,
            tenant: head.meta.tenant.clone(),
            lane: head.lane.clone(),
            owner: Some("node-1".to_owned()),
            events: events.clone(),
        }))
    }

    async fn act(&self, who: &Principal, id: &StreamId, order: &Order) -> Result<u64, OrderError> {
        let types = self.types();
        let ty = types.of(id.category()).ok_or(OrderError::Refused("no such saga".to_owned()))?;
        let is = self.lock().instance(id).unwrap_or_default();
        let events = ty.preview(&is, order, now())?;
        for event in &events {
            self.record_by(id.id(), ty.context(), ty.category(), now(), event, who.actor.as_str());
        }
        match id.category() {
            "publish_post" => self.play_on::<Publish>(id.clone()),
            _ => self.play_on::<Deliver>(id.clone()),
        }
        Ok(is.revision + events.len() as u64)
    }

    async fn targets(&self, _: &Principal) -> Result<Vec<Target>, BackendError> {
        let target = |name: &str, breaker, ago_ms: i64, says: &str| Target {
            name: name.to_owned(),
            breaker,
            since: now().plus_ms(-ago_ms),
            says: says.to_owned(),
        };
        let open = Breaker::Open { until: now().plus_ms(41_000) };
        Ok(vec![
            target("publishing/bluesky", open, 339_000, "503 on 5 of 5 calls"),
            target("publishing/mastodon", Breaker::HalfOpen, 29_000, "502 from mastodon.social"),
            target("payments", Breaker::Closed, 86_400_000, ""),
            target("mail", Breaker::Closed, 86_400_000, ""),
        ])
    }
}

impl Demo {
    /// Begins a saga as the API would; its targets answer one after the other.
    pub fn publish(&self, state: State) -> StreamId {
        let id = Uuid::now_v7();
        let event = domain::EventId(Uuid::now_v7());
        let input = Input::Trigger { event, saga: domain::saga::SagaId(id), state, at: None };
        let events =
            decide(&Publish::plan(), &Instance::default(), input, now()).unwrap_or_default();
        for event in &events {
            self.record(id, Publish::CONTEXT, Publish::CATEGORY, now(), event);
        }
        let stream = StreamId::new(Publish::CATEGORY, id);
        self.play_on::<Publish>(stream.clone());
        stream
    }

    /// The world after somebody acted: targets do what they are asked, one after the other.
    fn play_on<S: Played>(&self, id: StreamId) {
        let demo = self.clone();
        tokio::spawn(async move {
            let plan = S::plan();
            for _ in 0..100 {
                tokio::time::sleep(std::time::Duration::from_millis(TAKES_MS)).await;
                let is = demo.lock().instance(&id).unwrap_or_default();
                let effects = next(&plan, &is).unwrap_or_default();
                let input = effects.into_iter().find_map(|effect| match effect {
                    Effect::Perform { attempt, ask, .. } => {
                        let outcome = Outcome::Done(S::gives(&ask));
                        Some(Input::Answer { attempt, outcome })
                    }
                    _ => None,
                });
                let Some(input) = input else { return };
                let events: Vec<Event> = decide(&plan, &is, input, now()).unwrap_or_default();
                for event in &events {
                    demo.record(id.id(), S::CONTEXT, S::CATEGORY, now(), event);
                }
            }
        });
    }

    /// The recorded events of a saga.
    pub fn recorded(&self, id: &StreamId) -> Vec<Recorded> {
        self.lock().sagas.get(id).cloned().unwrap_or_default()
    }
}
