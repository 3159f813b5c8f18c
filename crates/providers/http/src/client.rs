//! The client: one a provider, with its connections kept open.

use std::time::Duration;

use bytes::Bytes;
use domain::Timestamp;
use http::Uri;
use http::header::USER_AGENT;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::answer::shortened;
use crate::{Answer, NoAnswer, Request, tls};

/// Most bytes of an answer: a page of 100 payments is far below.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// How long a connection may take: longer means nobody is there.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// An idle connection is kept for less than what servers commonly keep (60 s or more).
const IDLE_MAX: Duration = Duration::from_secs(30);
/// An answer that comes later than this before the effect is due could not be written down in time.
const MARGIN_MS: i64 = 100;
const AGENT: &str = concat!("recount/", env!("CARGO_PKG_VERSION"));

/// Calls one target.
#[derive(Clone)]
pub struct Client {
    base: String,
    host: String,
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The base is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a server; write it as https://host or http://host:port")]
pub struct BadUrl(pub String);

impl Client {
    /// Calls what is under `base`, as `https://bsky.social`.
    pub fn new(base: &str) -> Result<Self, BadUrl> {
        let base = base.trim_end_matches('/');
        // What stands before an `@` is a secret.
        let wrong = || BadUrl(base.rsplit('@').next().unwrap_or_default().to_owned());
        let uri: Uri = base.parse().map_err(|_| wrong())?;
        let host = uri.authority().filter(|it| !it.as_str().contains('@')).ok_or_else(wrong)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.query().is_some() {
            return Err(wrong());
        }
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_MAX));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls::settings(uri.scheme_str() == Some("https")))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Ok(Self { base: base.to_owned(), host: host.to_string(), http })
    }

    /// Whom it calls, as `bsky.social` or `127.0.0.1:2583`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends a request once and reads the answer to its end.
    pub async fn call(&self, request: Request) -> Result<Answer, NoAnswer> {
        let host = &self.host;
        let left_ms = request.due_at.ms_since(now()) - MARGIN_MS;
        let Some(left) = u64::try_from(left_ms).ok().filter(|it| *it > 0) else {
            return Err(NoAnswer::NotSent(format!("no time was left to ask {host}")));
        };
        let mut built = http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.base, request.path))
            .header(USER_AGENT, AGENT);
        for (name, value) in request.headers {
            built = built.header(name, value);
        }
        let built = built.body(Full::new(request.body));
        let built =
            built.map_err(|_| NoAnswer::NotSent(format!("no request to {host} came of it")));
        let asked = self.exchange(built?);
        let late = |_| NoAnswer::Lost(format!("{host} did not answer within {left} ms"));
        tokio::time::timeout(Duration::from_millis(left), asked).await.map_err(late)?
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let host = &self.host;
        let response = self.http.request(request).await.map_err(|error| {
            let why = format!("{host}: {}", chain(&error));
            if error.is_connect() { NoAnswer::NotSent(why) } else { NoAnswer::Lost(why) }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            NoAnswer::Lost(format!("{host}: the answer was cut: {}", chain(&*error)))
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

/// An error with its sources, once each. Errors of connections name neither path nor headers.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    shortened(&text)
}

/// The time, as deadlines are compared with it.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_micros(since.map_or(0, |it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX)))
}
