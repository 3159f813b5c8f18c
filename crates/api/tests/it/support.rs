//! A product in memory around the edge: the real command runtime over a log in memory, a read store
//! that says what it is told, keys without secrets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{
    Authenticator, Builder, ClusterSecret, CommandPort, Condition, Edge, ForwardPort, HealthPort,
    Keys, LogHistory, Options, Part, Parts,
};
use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use codec::Schemas;
use domain::{LaneId, SealError, Sealed, Sealer, SubjectId, TenantId, Value as Cell};
use lane::{Answer, Deciders, Submit};
use log::{Log, MemoryLog, Topic, Topics};
use projector::{
    Group, GroupQuery, LaneLag, ListQuery, Page, ProjectionState, ProjectionStatus, ReadError,
    ReadStore, RowJson, Table,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use uuid::Uuid;

use crate::saga_kit;

/// Answers in order what it was told to; then it asks the real runtime.
pub(crate) struct Scripted {
    pub(crate) next: Mutex<VecDeque<Answer>>,
    pub(crate) seen: Mutex<Vec<Submit>>,
    pub(crate) real: lane::Commands,
}

#[async_trait]
impl CommandPort for Scripted {
    async fn submit(&self, command: Submit) -> Answer {
        let told = self.next.lock().unwrap().pop_front();
        match told {
            Some(Answer::Unknown { why }) if why == "panic" => panic!("told to"),
            Some(Answer::Unknown { why }) if why == "hang" => std::future::pending().await,
            Some(Answer::Unknown { why }) if why == "ask" => self.real.submit(command).await,
            Some(answer) => {
                self.seen.lock().unwrap().push(command);
                answer
            }
            None => self.real.submit(command).await,
        }
    }

    async fn submit_all(&self, commands: Vec<Submit>, within: Duration) -> Vec<Option<Answer>> {
        if self.next.lock().unwrap().is_empty() {
            return CommandPort::submit_all(&self.real, commands, within).await;
        }
        let asked = commands.into_iter().map(|it| tokio::time::timeout(within, self.submit(it)));
        let answers = futures_util::future::join_all(asked).await;
        answers.into_iter().map(Result::ok).collect()
    }
}

/// Positions that were waited for, and how long at most.
type Waited = (Vec<(LaneId, u64)>, Duration);

#[derive(Default)]
pub(crate) struct Reads {
    pub(crate) rows: Mutex<Vec<(RowJson, Uuid, u64)>>,
    pub(crate) asked: Mutex<Vec<ListQuery>>,
    pub(crate) grouped: Mutex<Vec<GroupQuery>>,
    pub(crate) waited: Mutex<Vec<Waited>>,
    pub(crate) behind: Mutex<Option<Vec<(LaneId, u64)>>>,
    pub(crate) down: Mutex<bool>,
    pub(crate) folded: Mutex<Vec<LaneLag>>,
}

#[async_trait]
impl ReadStore for Reads {
    async fn one(
        &self,
        _: &Table,
        tenant: &TenantId,
        key: Uuid,
    ) -> Result<Option<(RowJson, u64)>, ReadError> {
        if tenant.as_str() != "local" {
            return Ok(None);
        }
        let rows = self.rows.lock().unwrap();
        Ok(rows
            .iter()
            .find(|(_, id, _)| *id == key)
            .map(|(row, _, version)| (row.clone(), *version)))
    }

    async fn list(&self, _: &Table, query: &ListQuery) -> Result<Page, ReadError> {
        if *self.down.lock().unwrap() {
            return Err(ReadError::Unavailable("secret host 10.1.2.3".into()));
        }
        self.asked.lock().unwrap().push(query.clone());
        let rows = self.rows.lock().unwrap();
        let from = query
            .after
            .as_ref()
            .map_or(0, |(_, key)| rows.iter().position(|(_, id, _)| id == key).unwrap() + 1);
        let to = rows.len().min(from + usize::from(query.limit));
        let next = (to < rows.len())
            .then(|| (Cell::Int(7), rows[to - 1].1))
            .map(|(_, key)| (Cell::Time(domain::Timestamp::from_micros(17)), key));
        Ok(Page { items: rows[from..to].iter().map(|(row, _, _)| row.clone()).collect(), next })
    }

    async fn groups(&self, _: &Table, query: &GroupQuery) -> Result<Vec<Group>, ReadError> {
        self.grouped.lock().unwrap().push(query.clone());
        let at = domain::Timestamp::from_micros(17);
        let by = vec![Cell::Text("503 from payments".into())];
        let sample = "charge-7".to_owned();
        Ok(vec![Group { by, count: 3, first: at, last: at, sum: 700, sample }])
    }

    async fn wait_for(
        &self,
        projection: &'static str,
        positions: &[(LaneId, u64)],
        at_most: Duration,
    ) -> Result<(), ReadError> {
        self.waited.lock().unwrap().push((positions.to_vec(), at_most));
        match self.behind.lock().unwrap().clone() {
            Some(reached) => Err(ReadError::Behind { projection, reached }),
            None => Ok(()),
        }
    }

    fn status(&self) -> Vec<ProjectionStatus> {
        let lanes = self.folded.lock().unwrap().clone();
        let status = |name, table| ProjectionStatus {
            name,
            revision: 1,
            table,
            state: ProjectionState::Live,
            lanes: lanes.clone(),
            parked: vec![],
            folded: 0,
        };
        vec![status("posts", "content.posts"), status("sagas", "saga.instances")]
    }
}

struct Plain;

impl Keys for Plain {
    fn mac(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&[purpose.as_bytes()], parts].concat() {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn sealer(&self) -> &dyn Sealer {
        self
    }
}

impl Sealer for Plain {
    fn seal(
        &self,
        subject: SubjectId,
        field: &'static str,
        plain: &[u8],
    ) -> Result<Sealed, SealError> {
        let mut bytes = subject.0.as_bytes().to_vec();
        bytes.extend([0; 44]);
        bytes.extend(plain.iter().map(|byte| byte ^ 0xff));
        Sealed::from_bytes(bytes).ok_or_else(|| SealError { field, why: "too short".into() })
    }
}

#[derive(Default)]
pub(crate) struct Health {
    pub(crate) unready: Mutex<Option<String>>,
    pub(crate) failed: Mutex<bool>,
}

impl HealthPort for Health {
    fn ready(&self) -> Result<(), String> {
        self.unready.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn parts(&self) -> Vec<Part> {
        let condition = if *self.failed.lock().unwrap() { Condition::Fail } else { Condition::Ok };
        vec![Part {
            name: "log".into(),
            condition,
            says: "well".into(),
            figures: json!({ "records": 7 }),
        }]
    }
}

/// The edge and what stands around it.
pub(crate) struct Product {
    pub(crate) edge: Edge,
    pub(crate) commands: Arc<Scripted>,
    pub(crate) reads: Arc<Reads>,
    pub(crate) health: Arc<Health>,
    pub(crate) topics: Topics,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a problem, whose form is checked.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert!(body["type"].as_str().unwrap().starts_with("/docs/errors/RC04"), "{body}");
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
        for member in ["title", "detail", "instance"] {
            assert!(body[member].is_string(), "{member} is missing: {body}");
        }
        (self.status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }
}

pub(crate) fn product() -> Product {
    product_with(Options::default(), Authenticator::LocalOwner)
}

pub(crate) fn product_with(options: Options, auth: Authenticator) -> Product {
    assembled(options, auth, None)
}

/// One node of several, with what asks the others.
pub(crate) fn product_among(forward: Arc<dyn ForwardPort>) -> Product {
    assembled(Options::default(), Authenticator::LocalOwner, Some(forward))
}

/// The secret of the nodes.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn assembled(
    options: Options,
    auth: Authenticator,
    forward: Option<Arc<dyn ForwardPort>>,
) -> Product {
    let all =
        ["content.events", "social.events", "billing.events", "notifications.events", "kit.sagas"]
            .map(|name| Topic { name: name.into(), lanes: 4 });
    let topics = Topics::new(Uuid::from_u128(7), all.into());
    let memory: Arc<dyn Log> = Arc::new(MemoryLog::new(topics.clone()));
    let schemas = Schemas::builder()
        .register::<content::Content>()
        .register::<social::Social>()
        .register::<billing::Billing>()
        .register::<notifications::Notifications>()
        .shared("saga", &["kit.sagas"], orchestrator::SCHEMAS)
        .build()
        .unwrap();
    let schemas = Arc::new(schemas);
    let mut deciders = Deciders::new(Arc::clone(&schemas));
    deciders.add::<content::Content>();
    deciders.add::<social::Social>();
    deciders.add::<billing::Billing>();
    deciders.add::<notifications::Notifications>();
    let types = saga_kit::types();
    types.handlers(&mut deciders);
    let real = lane::Commands::start(Arc::clone(&memory), deciders, "test").unwrap();
    let commands = Arc::new(Scripted { next: Mutex::default(), seen: Mutex::default(), real });
    let (reads, health) = (Arc::new(Reads::default()), Arc::new(Health::default()));
    let desk: Arc<dyn api::SagaDesk> =
        Arc::new(saga_kit::Desk::new(&memory, &schemas, types.clone()));
    let history = LogHistory::new(memory, Arc::clone(&schemas)).sagas(&types);
    let history = history.context::<content::Content>().context::<social::Social>();
    let edge = Builder::new(Parts {
        commands: commands.clone(),
        reads: reads.clone(),
        history: Arc::new(history),
        schemas,
        keys: Arc::new(Plain),
        health: health.clone(),
        metrics: Arc::new(|| "recount_build_info 1\n".to_owned()),
        topics: topics.clone(),
        auth,
        cluster: forward.as_ref().and_then(|_| ClusterSecret::new(SECRET)),
        forward,
        options,
    })
    .context::<content::Content>()
    .context::<social::Social>()
    .context::<billing::Billing>()
    .context::<notifications::Notifications>()
    .projections(|to| content_projections::all(to))
    .projections(|to| social_projections::all(to))
    .projections(|to| billing_projections::all(to))
    .projections(|to| notifications_projections::all(to))
    .sagas(&desk)
    .build();
    Product { edge, commands, reads, health, topics }
}

impl Product {
    /// Sends a request and reads the answer.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Heard {
        let response = self.send(method, path, headers, body).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 24).await.unwrap();
        let text = String::from_utf8(bytes.into()).unwrap();
        Heard { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> axum::response::Response {
        let mut request =
            Request::builder().method(method).uri(path).header("host", "localhost:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.edge.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Heard {
        self.ask("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Heard {
        self.ask("POST", path, &[], &body.to_string()).await
    }

    /// Drafts a post and gives its id.
    pub(crate) async fn draft(&self) -> String {
        let heard = self.post("/api/content/posts", &json!({ "body": "hello" })).await;
        assert_eq!(heard.status, 201, "{}", heard.text);
        heard.json()["id"].as_str().unwrap().to_owned()
    }

    /// What the runtime answers next, instead of deciding.
    pub(crate) fn told(&self, answer: Answer) {
        self.commands.next.lock().unwrap().push_back(answer);
    }
}
