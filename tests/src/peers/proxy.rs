//! A proxy that can lie, in front of a counterpart: answers get lost behind the work, or are never
//! asked for. For Stripe's stand-in it also has what that lacks: idempotency keys as Stripe honours
//! them, and webhooks that come more than once. Keeps its own list of calls.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A way not to tell the truth about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Does the work, then cuts the connection.
    CutAfter,
    /// Cuts the connection, and nothing is done.
    CutBefore,
    /// Answers with this status, and nothing is done.
    Answer(u16),
    /// Answers 429 with `Retry-After` of so many seconds, and nothing is done.
    Limit(u32),
    /// Does the work, then answers this status, as a server does that broke on its way out.
    BreakAfter(u16),
    /// Does the work, and answers so late.
    Late(Duration),
}

/// A call that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyCall {
    /// As `POST /v1/refunds`.
    pub what: String,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
    /// The body, as it came.
    pub body: String,
    /// Whether it went on to the counterpart, or was answered here.
    pub worked: bool,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    /// Its address.
    pub url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    behind: String,
    http: reqwest::Client,
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    calls: Vec<ProxyCall>,
    lies: VecDeque<(String, Lie, u32)>,
    /// First answers by key; `None` while the first is running.
    answers: BTreeMap<String, Option<First>>,
    hook: Option<(String, u32)>,
    /// What was answered to each event that was sent on, and its type.
    heard: Vec<(String, u16)>,
}

/// The first answer under a key, and what it was the answer to.
#[derive(Debug, Clone)]
struct First {
    what: String,
    asked: Bytes,
    status: StatusCode,
    body: Bytes,
}

/// Parameters of Stripe that the stand-in does not know; they change nothing that it does.
const UNKNOWN_BEHIND: [&str; 1] = ["description"];
const FORM: &str = "application/x-www-form-urlencoded";

impl Proxy {
    /// In front of what is at `behind`.
    pub async fn start(behind: String) -> Self {
        let (http, state) = (reqwest::Client::new(), Mutex::default());
        let shared = Arc::new(Shared { behind, http, state });
        let app = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let serving = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Self { url, shared, serving }
    }

    /// Lies about the next so many calls of this kind, as `POST /v1/refunds`.
    pub fn lie(&self, about: &str, how: Lie, times: u32) {
        self.shared.known().lies.push_back((about.to_owned(), how, times));
    }

    /// Every call that came, in order.
    pub fn calls(&self) -> Vec<ProxyCall> {
        self.shared.known().calls.clone()
    }

    /// Every event that was sent on: its type, and the status that was answered.
    pub(super) fn heard(&self) -> Vec<(String, u16)> {
        self.shared.known().heard.clone()
    }

    /// Where the stand-in sends events, so that each comes `times` times to `url`.
    pub(super) fn repeats(&self, url: &str, times: u32) -> String {
        self.shared.known().hook = Some((url.to_owned(), times));
        format!("{}/hook", self.url)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_lie(&self, what: &str) -> Option<Lie> {
        let mut known = self.known();
        let place = known.lies.iter().position(|(about, ..)| about == what)?;
        let (_, how, left) = &mut known.lies[place];
        let how = *how;
        *left -= 1;
        if *left == 0 {
            known.lies.remove(place);
        }
        Some(how)
    }

    /// The work itself.
    async fn forward(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Plain {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.behind));
        for name in ["authorization", "content-type"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let form = headers.get("content-type").is_some_and(|it| it == FORM);
        request = if form { request.body(known_behind(&body)) } else { request.body(body) };
        let answer = request.send().await.expect("the counterpart answers");
        let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
        let retry_after = answer.headers().get("retry-after").cloned();
        let body = answer.bytes().await.expect("the counterpart answers");
        Plain { status, retry_after, body }
    }

    async fn hooked(&self, headers: &HeaderMap, body: Bytes) {
        let Some((url, times)) = self.known().hook.clone() else { return };
        for _ in 0..times {
            let mut request = self.http.post(&url).body(body.clone());
            for name in ["stripe-signature", "content-type"] {
                if let Some(value) = headers.get(name) {
                    request = request.header(name, value);
                }
            }
            // Who does not listen hears it another time or never, as with Stripe.
            if let Ok(answer) = request.send().await {
                let event: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
                let kind = event["type"].as_str().unwrap_or_default().to_owned();
                self.known().heard.push((kind, answer.status().as_u16()));
            }
        }
    }
}

struct Plain {
    status: StatusCode,
    retry_after: Option<HeaderValue>,
    body: Bytes,
}

impl IntoResponse for Plain {
    fn into_response(self) -> Response {
        let mut answer =
            (self.status, [("content-type", "application/json")], self.body).into_response();
        if let Some(after) = self.retry_after {
            answer.headers_mut().insert("retry-after", after);
        }
        answer
    }
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Infallible> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    if head.uri.path() == "/hook" {
        shared.hooked(&head.headers, body).await;
        return Ok(StatusCode::OK.into_response());
    }
    let what = format!("{} {}", head.method, head.uri.path());
    let key =
        head.headers.get("idempotency-key").and_then(|it| it.to_str().ok()).map(str::to_owned);
    let lie = shared.next_lie(&what);
    let call = |worked| ProxyCall {
        what: what.clone(),
        key: key.clone(),
        body: String::from_utf8_lossy(&body).into_owned(),
        worked,
    };
    if let Some(early) = lie.and_then(early) {
        shared.known().calls.push(call(false));
        return Ok(early);
    }
    if let Some(stored) = key.as_deref().and_then(|key| shared.stored(key, &what, &body)) {
        shared.known().calls.push(call(false));
        return Ok(stored);
    }
    shared.known().calls.push(call(true));
    let path = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let work = tokio::spawn({
        let (shared, method, path) = (Arc::clone(&shared), head.method, path.to_owned());
        let (headers, body, what) = (head.headers, body, what);
        async move {
            let done = shared.forward(&method, &path, &headers, body.clone()).await;
            if let Some(key) = key {
                let (status, answer) = (done.status, done.body.clone());
                let first = First { what, asked: body, status, body: answer };
                shared.known().answers.insert(key, Some(first));
            }
            done
        }
    });
    // Of its own: a caller that goes away does not stop the work.
    let done = work.await.expect("the work does not panic");
    Ok(match lie {
        Some(Lie::CutAfter) => cut(),
        Some(Lie::BreakAfter(status)) => status_of(status).into_response(),
        Some(Lie::Late(by)) => {
            tokio::time::sleep(by).await;
            done.into_response()
        }
        _ => done.into_response(),
    })
}

/// Lies that are told before anything is done.
fn early(lie: Lie) -> Option<Response> {
    match lie {
        Lie::CutBefore => Some(cut()),
        Lie::Answer(status) => Some(status_of(status).into_response()),
        Lie::Limit(seconds) => {
            let after = Some(HeaderValue::from(seconds));
            Some(Plain { retry_after: after, ..status_of(429) }.into_response())
        }
        Lie::CutAfter | Lie::BreakAfter(_) | Lie::Late(_) => None,
    }
}

impl Shared {
    /// What Stripe says to a key that it knows.
    fn stored(&self, key: &str, what: &str, asked: &Bytes) -> Option<Response> {
        let mut known = self.known();
        let Some(first) = known.answers.get(key).cloned() else {
            known.answers.insert(key.to_owned(), None);
            return None;
        };
        let Some(first) = first else {
            let error = json!({ "error": { "type": "idempotency_error", "code": "idempotency_key_in_use",
                "message": "another request with this key is running" } });
            return Some((StatusCode::CONFLICT, axum::Json(error)).into_response());
        };
        if first.what != what || first.asked != *asked {
            let error = json!({ "error": { "type": "idempotency_error",
                "message": "the key was used with other parameters" } });
            return Some((StatusCode::BAD_REQUEST, axum::Json(error)).into_response());
        }
        let plain = Plain { status: first.status, retry_after: None, body: first.body };
        let mut answer = plain.into_response();
        answer.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        Some(answer)
    }
}

fn status_of(status: u16) -> Plain {
    let body = json!({ "error": { "type": "api_error", "message": "told to say so" } });
    let status = StatusCode::from_u16(status).expect("a status");
    Plain { status, retry_after: None, body: Bytes::from(body.to_string()) }
}

/// An answer that breaks off: less comes than was announced, and the connection is closed.
fn cut() -> Response {
    let broken =
        futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
    let mut answer = Response::new(Body::from_stream(broken));
    answer.headers_mut().insert("content-length", HeaderValue::from_static("100"));
    answer
}

/// A form without what the counterpart does not know.
fn known_behind(form: &[u8]) -> String {
    let pairs = form_urlencoded::parse(form).filter(|(name, _)| !UNKNOWN_BEHIND.contains(&&**name));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
