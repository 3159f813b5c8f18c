//! Sagas as the console shows and steers them: lists and counts from the read model, one saga from its
//! stream, orders and targets from the runtime. Not the engine.

use async_trait::async_trait;
use console::{
    AsOf, BackendError, Breaker, Desk, EventHead, OrderError, Recorded, SagaList, SagaView, Target,
};
use domain::query::{Compare, Condition, Test};
use domain::{EventSet, Principal, Role, StreamId, Timestamp, Value};
use lane::Answer;
use orchestrator::filter::{Filter, Group};
use orchestrator::run::{BreakerState, DeskError, Operate, TargetReport};
use orchestrator::{Instance, NotTaken, Order, SagaRow, Types};
use projector::{GroupQuery, ListQuery, ReadError, ReadStore, RowJson, Table, Whose, value_json};
use uuid::Uuid;

use super::{ConsoleBackend, now};

/// Values of one column that are counted.
const VALUES_MAX: u16 = 100;
/// Names by which people know what a saga is about, in what it knows of its business; best first.
const HEADLINES: [&str; 4] = ["/text/title", "/text/body", "/title", "/subject"];
/// Most characters of a headline.
const HEADLINE_CHARS_MAX: usize = 80;

/// An owner sees every tenant.
fn whose(who: &Principal) -> Whose {
    if who.roles.contains(&Role::Owner) {
        return Whose::Everybody;
    }
    Whose::Tenant(who.tenant.clone())
}

fn unread(error: &ReadError) -> BackendError {
    BackendError::Unavailable(error.to_string())
}

/// The row of a saga from what it keeps; nothing else is needed.
fn row(json: &RowJson) -> Option<SagaRow> {
    let text = |name: &str| json.get(name)?.as_str();
    let is: Instance = serde_json::from_str(text("instance")?).ok()?;
    let stream: StreamId = text("stream")?.parse().ok()?;
    Some(SagaRow::of(stream.id(), stream.to_string(), text("tenant")?.to_owned(), is))
}

/// Where a page begins, as text: the key, and the value that is sorted by.
fn cursor((value, key): &(Value, Uuid)) -> String {
    match value {
        Value::Int(number) => format!("{key}:i:{number}"),
        Value::Time(at) => format!("{key}:t:{}", at.as_micros()),
        Value::Text(text) => format!("{key}:s:{text}"),
        _ => format!("{key}:n:"),
    }
}

fn after(text: &str) -> Option<(Value, Uuid)> {
    let mut parts = text.splitn(3, ':');
    let key = parts.next()?.parse().ok()?;
    let (kind, value) = (parts.next()?, parts.next()?);
    let value = match kind {
        "i" => Value::Int(value.parse().ok()?),
        "t" => Value::Time(Timestamp::from_micros(value.parse().ok()?)),
        "s" => Value::Text(value.to_owned()),
        _ => Value::Null,
    };
    Some((value, key))
}

impl ConsoleBackend {
    /// How many rows a condition holds of.
    async fn count(&self, who: &Principal, only: Condition) -> Result<u64, BackendError> {
        let query = counting(who, only, vec![], 1);
        let groups = self.reads.groups(&Table::of::<SagaRow>(), &query).await;
        let groups = groups.map_err(|error| unread(&error))?;
        Ok(groups.first().map_or(0, |group| group.count))
    }

    /// How fresh the read model is.
    fn fresh(&self) -> AsOf {
        let of = self.reads.status().into_iter().find(|status| status.name == "sagas");
        let lanes = of.map(|status| status.lanes).unwrap_or_default();
        let behind_ms = lanes.iter().map(|lane| lane.ms).max().unwrap_or_default();
        let newest = lanes.iter().filter(|lane| lane.seq > 0).max_by_key(|lane| lane.seq);
        let topics = self.history.log().topics();
        let position = newest.map(|at| format!("{}@{}", topics.lane_name(at.lane), at.seq));
        AsOf { position, behind_ms }
    }

    fn about(&self, id: &StreamId, is: &Instance) -> Option<String> {
        let ty = self.desk.types().of(id.category())?;
        let knows = ty.knows(is).ok()?;
        let mut said = HEADLINES.iter().filter_map(|name| knows.pointer(name)?.as_str());
        let said = said.find(|said| !said.is_empty())?;
        Some(said.chars().take(HEADLINE_CHARS_MAX).collect())
    }
}

fn counting(who: &Principal, only: Condition, by: Vec<&'static str>, limit: u16) -> GroupQuery {
    let (whose, between) = (whose(who), ("started_at", "last_at"));
    GroupQuery { whose, only, by, between, sum: "at_risk", sample: "stream", limit }
}

#[async_trait]
impl Desk for ConsoleBackend {
    fn types(&self) -> &Types {
        self.desk.types()
    }

    async fn list(
        &self,
        who: &Principal,
        filter: &Filter,
        from: Option<&str>,
        limit: usize,
    ) -> Result<SagaList, BackendError> {
        let (only, (sort, descending)) = (filter.condition(now()), filter.order());
        let query = ListQuery {
            whose: whose(who),
            only: only.clone(),
            sort,
            descending,
            after: from.and_then(after),
            limit: u16::try_from(limit).unwrap_or(u16::MAX),
        };
        let page = self.reads.list(&Table::of::<SagaRow>(), &query).await;
        let page = page.map_err(|error| unread(&error))?;
        Ok(SagaList {
            rows: page.items.iter().filter_map(row).collect(),
            total: self.count(who, only).await?,
            next: page.next.as_ref().map(cursor),
            as_of: self.fresh(),
        })
    }

    async fn counts(
        &self,
        who: &Principal,
        filter: &Filter,
        by: Group,
    ) -> Result<Vec<(String, u64)>, BackendError> {
        let query = counting(who, filter.condition(now()), vec![by.column()], VALUES_MAX);
        let groups = self.reads.groups(&Table::of::<SagaRow>(), &query).await;
        let groups = groups.map_err(|error| unread(&error))?;
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::Text(text) => text.clone(),
            other => value_json(other).to_string(),
        };
        let one = |group: &projector::Group| {
            (group.by.first().map(text).unwrap_or_default(), group.count)
        };
        Ok(groups.iter().map(one).collect())
    }

    async fn due(&self, who: &Principal, edges: &[Timestamp]) -> Result<Vec<u64>, BackendError> {
        let wakes =
            |test, at| Condition::Is(Compare { column: "wakes_at", test, with: Value::Time(at) });
        let mut all = Vec::new();
        for pair in edges.windows(2) {
            let between = vec![wakes(Test::From, pair[0]), wakes(Test::Before, pair[1])];
            all.push(self.count(who, Condition::All(between)).await?);
        }
        Ok(all)
    }

    async fn saga(&self, who: &Principal, id: &StreamId) -> Result<Option<SagaView>, BackendError> {
        let seen = match self.desk.saga(id, None).await {
            Ok(seen) => seen,
            Err(DeskError::Absent(_)) => return Ok(None),
            Err(error) => return Err(BackendError::Unavailable(error.to_string())),
        };
        if !Self::sees(who, &seen.tenant) {
            return Ok(None);
        }
        let lane = self.history.log().topics().lane_name(seen.lane);
        let recent = self.activity.recent();
        let owner = recent.lanes.get(&seen.lane).and_then(|lane| lane.owner.clone());
        let headline = self.about(id, seen.is());
        // An event that cannot be read parks the saga, and its page says so; it has no line here.
        let event = |past: orchestrator::run::Past| {
            let event = past.event.ok()?;
            let event_type = event.event_type().to_owned();
            let head = EventHead { meta: past.meta, lane: lane.clone(), event_type };
            Some(Recorded { head, event })
        };
        let events = seen.events.into_iter().filter_map(event).collect();
        Ok(Some(SagaView {
            id: id.clone(),
            headline,
            tenant: seen.tenant,
            lane: lane.clone(),
            owner,
            events,
        }))
    }

    async fn act(&self, who: &Principal, id: &StreamId, order: &Order) -> Result<u64, OrderError> {
        if !who.has(&[Role::Operator]) {
            return Err(OrderError::Refused("steering a saga needs the role operator".to_owned()));
        }
        let seen = self.desk.saga(id, None).await.map_err(|error| said(error, id))?;
        if !Self::sees(who, &seen.tenant) {
            return Err(OrderError::Refused(format!("there is no saga {id}")));
        }
        let operate = Operate {
            stream: id.clone(),
            tenant: seen.tenant,
            order: Order { actor: who.actor.clone(), ..order.clone() },
            key: None,
            correlation: Uuid::now_v7(),
            trace: None,
        };
        let answer = self.desk.operate(operate).await.map_err(|error| said(error, id))?;
        match answer {
            Answer::Accepted(it) => Ok(it.version),
            Answer::Refused(it) if it.rule == "stale_revision" => {
                Err(NotTaken::Stale { seen: order.revision, is: it.version }.into())
            }
            Answer::Refused(it) => Err(OrderError::Refused(it.detail)),
            Answer::KeyReused | Answer::StillRunning => {
                Err(OrderError::Refused("it is under way".to_owned()))
            }
            Answer::Overloaded { .. } => {
                Err(OrderError::Unavailable("too many commands are waiting; try again".to_owned()))
            }
            Answer::Unavailable { why } => Err(OrderError::Unavailable(why)),
            Answer::Elsewhere { url } => {
                Err(OrderError::Unavailable(format!("node {url} has it; give the order there")))
            }
            Answer::Unknown { why } => {
                Err(OrderError::Unavailable(format!("it may have happened; look again: {why}")))
            }
        }
    }

    async fn targets(&self, _who: &Principal) -> Result<Vec<Target>, BackendError> {
        let mut all: Vec<_> = self.desk.targets().into_iter().map(target).collect();
        all.sort_by_key(|target| (target.breaker == Breaker::Closed, target.name.clone()));
        Ok(all)
    }
}

fn said(error: DeskError, id: &StreamId) -> OrderError {
    match error {
        DeskError::NotTaken(not) => not.into(),
        DeskError::Absent(_) => OrderError::Refused(format!("there is no saga {id}")),
        other => OrderError::Unavailable(other.to_string()),
    }
}

fn target(report: TargetReport) -> Target {
    let until = report.until.unwrap_or(report.since);
    Target {
        name: report.name,
        breaker: match report.state {
            BreakerState::Closed => Breaker::Closed,
            BreakerState::HalfOpen => Breaker::HalfOpen,
            BreakerState::Open => Breaker::Open { until },
        },
        since: report.since,
        says: report.last_fault.map(|(_, fault)| fault).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_itself() {
        for value in [
            Value::Int(-7),
            Value::Time(Timestamp::from_micros(17)),
            Value::Text("a:b::".into()),
            Value::Null,
        ] {
            let at = (value, Uuid::from_u128(7));
            assert_eq!(after(&cursor(&at)), Some(at));
        }
        for wrong in ["", "7", "7:i:7", &format!("{}:i:x", Uuid::nil())] {
            assert_eq!(after(wrong), None, "{wrong}");
        }
    }
}
