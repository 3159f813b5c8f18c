//! The running product as the command line asks it: HTTP, with a bearer token when there is one. Not
//! the log, which other commands read themselves.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

/// Most bytes of an answer: a page of 200 sagas is far below.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long a connection may take: longer means nobody is there.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long an answer may take: what the product takes at most, and a little.
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// How often a request that changes something is sent, under one key, when no answer came.
const TRIES: u32 = 3;

/// A running product.
pub(crate) struct Client {
    base: String,
    token: Option<String>,
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What the product said, when it was not yes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Said {
    /// It answered with an error.
    #[error("{}", sentence(.0))]
    Problem(Box<Value>),
    /// It cannot be reached, or did not answer.
    #[error("cannot reach {url}: {why}")]
    Nothing {
        /// Who was asked.
        url: String,
        /// Why there is no answer.
        why: String,
    },
}

fn sentence(problem: &Value) -> String {
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let (code, detail, page) = (text("code"), text("detail"), text("type"));
    let page = page.rsplit('/').next().map(|rc| format!(" ({rc})")).unwrap_or_default();
    format!("{code}: {detail}{page}")
}

impl Said {
    /// The exit code: 2 what was asked is wrong, 4 nobody there, 5 somebody was faster or it does not
    /// fit, 1 the rest.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Nothing { .. } => 4,
            Self::Problem(problem) => match problem["status"].as_u64() {
                Some(400) => 2,
                Some(409 | 412) => 5,
                Some(503) => 4,
                _ => 1,
            },
        })
    }
}

impl Client {
    /// Asks the product at this address; the token stands in a file of its own.
    pub(crate) fn new(base: &str, token_file: Option<&Path>) -> Result<Self> {
        let base = base.trim_end_matches('/');
        let uri: Uri = base.parse().with_context(|| format!("--url {base}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            bail!("--url {base}: write it as http://127.0.0.1:7070 or https://host");
        }
        let token = token_file.map(|file| {
            let text = std::fs::read_to_string(file);
            text.with_context(|| format!("--token-file {}", file.display()))
        });
        let token = token.transpose()?.map(|text| text.trim().to_owned());
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_MAX));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { base: base.to_owned(), token, http })
    }

    fn nothing(&self, why: impl std::fmt::Display) -> Said {
        Said::Nothing { url: self.base.clone(), why: why.to_string() }
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, Said> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::USER_AGENT, concat!("recount/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body)).map_err(|error| self.nothing(error))?;
        self.http.request(request).await.map_err(|error| self.nothing(chain(&error)))
    }

    /// The JSON of an answer, or its problem.
    async fn read(&self, response: Response<Incoming>) -> Result<Value, Said> {
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| self.nothing(error))?.to_bytes();
        let read = serde_json::from_slice::<Value>(&body);
        if parts.status.is_success() {
            return read.map_err(|error| self.nothing(format!("its answer is no JSON: {error}")));
        }
        // What stands in front of the product may answer for it.
        let foreign = || {
            let detail = parts.status.canonical_reason().unwrap_or_default();
            serde_json::json!({ "status": parts.status.as_u16(), "code": "http", "detail": detail })
        };
        let problem = read.ok().filter(|it| it["detail"].is_string());
        Err(Said::Problem(Box::new(problem.unwrap_or_else(foreign))))
    }

    /// GET.
    pub(crate) async fn get(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Value, Said> {
        let answered =
            async { self.read(self.send(&Method::GET, path, headers, None).await?).await };
        let answered = tokio::time::timeout(ANSWER_MAX, answered).await;
        answered.unwrap_or_else(|_| Err(self.nothing("no answer in time")))
    }

    /// POST under a key: without an answer it is sent again, and done once.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, Said> {
        let headers = [("idempotency-key", key.to_owned())];
        let mut tries = 1;
        loop {
            let answered = async {
                self.read(self.send(&Method::POST, path, &headers, Some(body)).await?).await
            };
            let answered = tokio::time::timeout(ANSWER_MAX, answered).await;
            match answered.unwrap_or_else(|_| Err(self.nothing("no answer in time"))) {
                Err(Said::Nothing { .. }) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                other => return other,
            }
        }
    }

    /// A live answer; what it says comes with [`Live::next`].
    pub(crate) async fn live(&self, path: &str, after: Option<&str>) -> Result<Live, Said> {
        let mut headers = vec![("accept", "text/event-stream".to_owned())];
        headers.extend(after.map(|id| ("last-event-id", id.to_owned())));
        let response = self.send(&Method::GET, path, &headers, None).await?;
        if response.status() != StatusCode::OK {
            self.read(response).await?;
            return Err(self.nothing("it does not tell live"));
        }
        Ok(Live { body: response.into_body(), bytes: Vec::new() })
    }
}

/// Server-sent events as they come.
pub(crate) struct Live {
    body: Incoming,
    /// What came and is not read yet; a frame may end within a letter.
    bytes: Vec<u8>,
}

impl Live {
    /// The next event, as its id and data; `None`: the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some(end) = self.bytes.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.bytes.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
                };
                let data = field("data:").and_then(|data| serde_json::from_str(data).ok());
                if let Some(data) = data {
                    return Some((field("id:").unwrap_or_default().to_owned(), data));
                }
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.bytes.extend_from_slice(&data);
            }
        }
    }
}

/// TLS by the authorities that this machine trusts, as outgoing calls of the product do it.
fn tls() -> ClientConfig {
    let mut authorities = RootCertStore::empty();
    // Plain HTTP works without any; a TLS handshake will say what is missing.
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of the default protocol versions")
        .with_root_certificates(authorities)
        .with_no_client_auth()
}

/// An error with its sources, once each.
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
    text
}

/// A part of a URL.
pub(crate) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
