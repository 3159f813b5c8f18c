//! The server: routes over the ledger, on a port of its own on the loopback.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path as Segments, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use domain::TenantId;
use domain::saga::{Refusal, StepKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::behaviour::{Behaviour, Rule, Then, Verdict, sticks, verdict};
use crate::ledger::{Kind, Ledger, LedgerError, Standing, Work};
use crate::page;

/// The sandbox could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its file.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Its port.
    #[error("the sandbox cannot listen on the loopback: {0}")]
    Listen(std::io::Error),
}

/// The running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    mood: Mutex<Mood>,
}

/// What is remembered of attempts; a new process begins anew.
#[derive(Debug, Default)]
struct Mood {
    rules: Vec<Rule>,
    seen: HashMap<(Kind, StepKey), Seen>,
    /// When somebody first would take it back.
    leaving: HashMap<(Kind, StepKey), Instant>,
}

#[derive(Debug, Clone)]
struct Seen {
    since: Instant,
    attempts: u32,
    by_rule: Option<Behaviour>,
}

/// What is put.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Put {
    pub(crate) tenant: TenantId,
    /// The platform, for posts.
    pub(crate) on: String,
    /// Where words of the sandbox may stand.
    pub(crate) text: String,
    /// All of it.
    pub(crate) asked: Value,
}

impl Sandbox {
    /// Starts it over the file in `dir`, on a free port.
    pub async fn start(dir: &Path) -> Result<Self, StartError> {
        let ledger = Mutex::new(Ledger::open(dir)?);
        let shared = Arc::new(Shared { ledger, mood: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let work = put(put_work).get(get_work).delete(delete_work);
        let router = Router::new()
            .route("/{kind}/{key}", work)
            .route("/{kind}", get(list))
            .route("/rules", post(add_rule).delete(drop_rules))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the sandbox serves no more");
            }
        });
        Ok(Self { address, shared, serving })
    }

    /// Its address, as `http://127.0.0.1:34567`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Pages for people: what stands in it. They change nothing.
    pub fn pages(&self) -> Router {
        Router::new()
            .route("/", get(front))
            .route("/posts/{key}", get(one_post))
            .with_state(Arc::clone(&self.shared))
    }

    /// Everything that was done, the oldest first, what was taken back among it.
    pub fn works(&self) -> Vec<Work> {
        self.shared.ledger().works().cloned().collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mood(&self) -> MutexGuard<'_, Mood> {
        self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that waits for the disk.
    async fn with_ledger<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Option<T> {
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || ask(&mut shared.ledger())).await.ok()
    }
}

impl Mood {
    /// What this attempt meets.
    fn meets(&mut self, kind: Kind, key: StepKey, put: &Put) -> Verdict {
        let known = self.seen.get(&(kind, key)).cloned();
        let mut seen = known.unwrap_or_else(|| {
            let by_rule = self.rule_for(kind, &put.on);
            Seen { since: Instant::now(), attempts: 0, by_rule }
        });
        seen.attempts += 1;
        let mut all: Vec<Behaviour> = seen.by_rule.into_iter().collect();
        all.extend(Behaviour::in_text(&put.text, &put.on));
        let verdict = verdict(&all, seen.attempts, seen.since.elapsed());
        self.seen.insert((kind, key), seen);
        verdict
    }

    /// For how many seconds a work that stands may not be taken back yet.
    fn keeps(&mut self, kind: Kind, key: StepKey, work: &Work) -> Option<u32> {
        let since = *self.leaving.entry((kind, key)).or_insert_with(Instant::now);
        sticks(&words(work), since.elapsed())
    }

    fn rule_for(&mut self, kind: Kind, on: &str) -> Option<Behaviour> {
        let fits = |rule: &Rule| {
            rule.kind.is_none_or(|it| it == kind) && rule.on.as_deref().is_none_or(|it| it == on)
        };
        let place = self.rules.iter().position(fits)?;
        let behaviour = self.rules[place].behaviour;
        self.rules[place].times = self.rules[place].times.saturating_sub(1);
        if self.rules[place].times == 0 {
            self.rules.remove(place);
        }
        Some(behaviour)
    }
}

type Key = Segments<(Kind, StepKey)>;

async fn put_work(
    State(shared): State<Arc<Shared>>,
    Segments((kind, key)): Key,
    Json(put): Json<Put>,
) -> Response {
    // What stands already is answered, whatever the mood is.
    let standing = shared.ledger().standing(kind, key);
    if standing == Standing::Unknown && declined(kind, &put) {
        return refused(&Refusal::new("card_declined", "the card was declined"));
    }
    let verdict = shared.mood().meets(kind, key, &put);
    let (after, then) = match verdict {
        Verdict::Do { after, then } => (after, then),
        Verdict::Cut => return cut(),
        _ if standing != Standing::Unknown => (Duration::ZERO, Then::Answer),
        Verdict::Refuse(no) => return refused(&no),
        Verdict::Later { status, seconds } => return later(status, seconds),
    };
    // It goes on though the caller is gone: what was sent arrives.
    let doing = tokio::spawn(async move {
        tokio::time::sleep(after).await;
        shared.with_ledger(move |ledger| do_it(ledger, kind, key, put)).await
    });
    let answer = doing.await.ok().flatten();
    match then {
        Then::Answer => answer.unwrap_or_else(broken),
        Then::Cut => cut(),
        Then::AnswerAfter(by) => {
            tokio::time::sleep(by).await;
            answer.unwrap_or_else(broken)
        }
    }
}

/// The work itself, once a key.
fn do_it(ledger: &mut Ledger, kind: Kind, key: StepKey, put: Put) -> Response {
    match ledger.standing(kind, key) {
        Standing::TakenBack => said(StatusCode::GONE, "fenced", "it was taken back"),
        Standing::Stands(work) if work.asked != put.asked => {
            said(StatusCode::CONFLICT, "key_reused", "the key was used for something else")
        }
        Standing::Stands(_) => Json(json!({})).into_response(),
        Standing::Unknown => match ledger.done(kind, key, put.tenant, put.asked) {
            Ok(()) => Json(json!({})).into_response(),
            Err(error) => {
                tracing::error!(%error, "the sandbox cannot write");
                broken()
            }
        },
    }
}

async fn get_work(State(shared): State<Arc<Shared>>, Segments((kind, key)): Key) -> Response {
    match shared.ledger().standing(kind, key) {
        Standing::Unknown => said(StatusCode::NOT_FOUND, "not_found", "never seen"),
        Standing::TakenBack => said(StatusCode::GONE, "fenced", "it was taken back"),
        Standing::Stands(work) if is_mute(&work) => {
            said(StatusCode::INTERNAL_SERVER_ERROR, "mute", "the sandbox was asked to tell nobody")
        }
        Standing::Stands(work) => Json(work).into_response(),
    }
}

/// Whether what was asked says that nobody is to be told of it.
fn is_mute(work: &Work) -> bool {
    words(work).contains(&Behaviour::Mute)
}

/// What the text of a work that stands asks for.
fn words(work: &Work) -> Vec<Behaviour> {
    let text = |path: &str| work.asked.pointer(path).and_then(Value::as_str).unwrap_or_default();
    Behaviour::in_text(text("/text"), text("/platform"))
}

async fn delete_work(State(shared): State<Arc<Shared>>, Segments((kind, key)): Key) -> Response {
    let standing = shared.ledger().standing(kind, key);
    if let Standing::Stands(work) = standing
        && let Some(seconds) = shared.mood().keeps(kind, key, &work)
    {
        return later(429, seconds);
    }
    let taken = shared.with_ledger(move |ledger| ledger.take_back(kind, key)).await;
    match taken {
        Some(Ok(())) => Json(json!({})).into_response(),
        Some(Err(error)) => {
            tracing::error!(%error, "the sandbox cannot write");
            broken()
        }
        None => broken(),
    }
}

async fn list(State(shared): State<Arc<Shared>>, Segments(kind): Segments<Kind>) -> Response {
    let ledger = shared.ledger();
    let works: Vec<&Work> = ledger.works().filter(|it| it.kind == kind).collect();
    Json(works).into_response()
}

async fn add_rule(State(shared): State<Arc<Shared>>, Json(rule): Json<Rule>) -> Response {
    shared.mood().rules.push(rule);
    StatusCode::NO_CONTENT.into_response()
}

async fn drop_rules(State(shared): State<Arc<Shared>>) -> Response {
    shared.mood().rules.clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn front(State(shared): State<Arc<Shared>>) -> Html<String> {
    Html(page::front(shared.ledger().works().rev()).into_string())
}

async fn one_post(State(shared): State<Arc<Shared>>, Segments(key): Segments<StepKey>) -> Response {
    match shared.ledger().standing(Kind::Posts, key) {
        Standing::Stands(work) => Html(page::post(&work).into_string()).into_response(),
        Standing::TakenBack => (StatusCode::GONE, "This post was taken back.").into_response(),
        Standing::Unknown => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A charge whose amount ends in 02.
fn declined(kind: Kind, put: &Put) -> bool {
    let minor = put.asked.pointer("/amount/minor").and_then(Value::as_i64);
    kind == Kind::Charges && minor.is_some_and(|it| it.rem_euclid(100) == 2)
}

fn said(status: StatusCode, rule: &str, message: &str) -> Response {
    (status, Json(json!({ "error": rule, "message": message }))).into_response()
}

fn refused(no: &Refusal) -> Response {
    said(StatusCode::UNPROCESSABLE_ENTITY, &no.rule, &no.detail)
}

fn later(status: u16, seconds: u32) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut answer = said(status, "later", "not now; nothing was done");
    if seconds > 0 {
        answer.headers_mut().insert("retry-after", HeaderValue::from(seconds));
    }
    answer
}

fn broken() -> Response {
    said(StatusCode::INTERNAL_SERVER_ERROR, "broken", "the sandbox is broken; its log says more")
}

/// An answer that breaks off: less comes than was announced, and the connection is closed.
fn cut() -> Response {
    let broken =
        futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
    let mut answer = Response::new(Body::from_stream(broken));
    answer.headers_mut().insert("content-length", HeaderValue::from_static("100"));
    answer
}
