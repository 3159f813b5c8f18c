//! A registry of schemas from outside: what it has, and what is brought there. Knows two ways to bring a
//! schema under an id of its own choice. Not which schemas.

mod apicurio;

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codec::Schema;
use provider_http::{BadUrl, Client, Request};
use serde_json::{Value, json};

/// How long an answer is waited for, in milliseconds: a registry that imports takes seconds.
const ANSWER_MAX_MS: i64 = 30_000;
/// What stands in the address of Apicurio's front for Confluent's clients.
const APICURIO: &str = "/apis/ccompat/";

/// One version of a subject.
pub(super) struct Wanted<'a> {
    pub(super) subject: String,
    pub(super) schema: &'a Schema,
}

impl Wanted<'_> {
    pub(super) fn version(&self) -> u32 {
        self.schema.version()
    }
}

/// It did not come to be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Taken(String),
    #[error("{0}")]
    Refused(String),
}

/// A registry.
pub(super) struct Registry {
    url: String,
    http: Client,
    /// The header that proves who asks.
    user: Option<String>,
}

impl Registry {
    /// The registry at `url`; `user` is `user:password`.
    pub(super) fn new(url: &str, user: Option<&str>) -> Result<Self, BadUrl> {
        let user = user.map(|user| format!("Basic {}", STANDARD.encode(user)));
        Ok(Self { url: url.trim_end_matches('/').to_owned(), http: Client::new(url)?, user })
    }

    /// Brings what is missing, and proves that every id names its schema; gives how many were missing.
    pub(super) async fn register(&self, wanted: &[Wanted<'_>]) -> Result<usize, Failed> {
        let mut missing = Vec::new();
        for it in wanted {
            if !self.has(it).await? {
                missing.push(it);
            }
        }
        let subjects: BTreeSet<&str> = missing.iter().map(|it| it.subject.as_str()).collect();
        let apicurio = self.url.split_once(APICURIO).map(|(root, _)| root);
        match apicurio {
            Some(root) if !missing.is_empty() => self.import(root, &missing).await?,
            Some(_) => {}
            None => {
                for subject in &subjects {
                    let mode = json!({ "mode": "IMPORT" });
                    self.put(&format!("/mode/{subject}?force=true"), &mode).await?;
                }
            }
        }
        for it in &missing {
            self.post(it).await?;
        }
        for subject in &subjects {
            if apicurio.is_none() {
                self.ask(Method::DELETE, &format!("/mode/{subject}"), None).await?;
            }
            let rule = json!({ "compatibility": "FULL_TRANSITIVE" });
            self.put(&format!("/config/{subject}"), &rule).await?;
        }
        for it in &missing {
            if !self.has(it).await? {
                let (subject, version, id) = (&it.subject, it.version(), it.schema.id());
                return Err(Failed::Refused(format!(
                    "{subject} version {version} does not stand under id {id}: this registry gives ids \
                     of its own; readers can use the /registry of any node"
                )));
            }
        }
        Ok(missing.len())
    }

    /// Whether a version is there under its id. An id or a version that is another schema's is an error.
    async fn has(&self, it: &Wanted<'_>) -> Result<bool, Failed> {
        let (subject, version, id) = (&it.subject, it.version(), it.schema.id());
        if let Some(found) = self.get(&format!("/schemas/ids/{id}")).await? {
            let same =
                |text: &str| parsed(text).is_some() && parsed(text) == parsed(it.schema.text());
            if !found["schema"].as_str().is_some_and(same) {
                let event = it.schema.event_type();
                return Err(Failed::Taken(format!(
                    "id {id}, which records of {event} carry, is another schema's in this registry"
                )));
            }
        }
        let found = self.get(&format!("/subjects/{subject}/versions/{version}")).await?;
        match found.map(|it| it["id"].as_u64()) {
            None => Ok(false),
            Some(Some(found)) if found == u64::from(id) => Ok(true),
            Some(found) => Err(Failed::Taken(format!(
                "{subject} version {version} is in this registry under id {}, and records carry id {id}: \
                 remove that subject there, or take another registry",
                found.map_or_else(|| "?".to_owned(), |it| it.to_string())
            ))),
        }
    }

    async fn post(&self, it: &Wanted<'_>) -> Result<(), Failed> {
        let body = json!({
            "schemaType": "AVRO",
            "schema": it.schema.text(),
            "id": it.schema.id(),
            "version": it.version(),
        });
        let path = format!("/subjects/{}/versions", it.subject);
        self.ask(Method::POST, &path, Some(&body)).await.map(drop)
    }

    async fn put(&self, path: &str, body: &Value) -> Result<(), Failed> {
        self.ask(Method::PUT, path, Some(body)).await.map(drop)
    }

    async fn get(&self, path: &str) -> Result<Option<Value>, Failed> {
        self.ask(Method::GET, path, None).await
    }

    /// `None`: there is no such thing.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, Failed> {
        let request = self.request(method.clone(), path);
        let request = body.map_or(request.clone(), |body| request.json(body));
        let answer = self.http.call(request).await;
        let answer = answer.map_err(|error| Failed::Unreachable(error.to_string()))?;
        if answer.status == StatusCode::NOT_FOUND && matches!(method, Method::GET | Method::DELETE)
        {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self.refused(&method, path, &answer));
        }
        Ok(Some(serde_json::from_slice(&answer.body).unwrap_or_default()))
    }

    fn request(&self, method: Method, path: &str) -> Request {
        let request = Request::new(method, path, provider_http::now().plus_ms(ANSWER_MAX_MS));
        match &self.user {
            Some(user) => request.header(header::AUTHORIZATION, user),
            None => request,
        }
    }

    fn refused(&self, method: &Method, path: &str, answer: &provider_http::Answer) -> Failed {
        let said: String = String::from_utf8_lossy(&answer.body).chars().take(300).collect();
        let (host, status) = (self.http.host(), answer.status);
        Failed::Refused(format!("{method} {path} at {host}: {status} {said}"))
    }
}

/// As JSON: a registry may write it without spaces.
fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
