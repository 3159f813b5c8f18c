//! A Bluesky PDS: where posts really go when they are published there.

use std::process::Command;

use reqwest::Client;
use serde_json::{Value, json};

use super::install;
use super::process::Process;

/// A running PDS.
#[derive(Debug)]
pub struct Pds {
    process: Process,
    http: Client,
}

/// An account on it.
#[derive(Debug, Clone)]
pub struct PdsAccount {
    /// As `alice.test`.
    pub handle: String,
    /// Its password.
    pub password: String,
    /// Its identity.
    pub did: String,
}

/// A post that stands on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdsPost {
    /// Its at-uri.
    pub uri: String,
    /// Hash of its content.
    pub cid: String,
    /// What it says.
    pub text: String,
    /// The whole record.
    pub record: Value,
}

impl Pds {
    /// Starts one without limits.
    pub fn start() -> Self {
        Self::start_as(false)
    }

    /// Starts one with the PDS's own limits: among others 30 logins in 5 minutes.
    pub fn start_limited() -> Self {
        Self::start_as(true)
    }

    fn start_as(limited: bool) -> Self {
        let (node, modules) = install::pds();
        // Modules are found from where the script stands.
        let text = include_str!("../../counterparts/pds/start.mjs");
        let script = install::beside(&modules, "start.mjs", text);
        let mut command = Command::new(node);
        command.arg(script).env("RATE_LIMITS", if limited { "1" } else { "0" });
        command.env("LOG_ENABLED", "false");
        Self { process: Process::start("pds", command), http: Client::new() }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.process.url()
    }

    async fn call(&self, method: &str, body: Value) -> Value {
        let url = format!("{}/xrpc/{method}", self.url());
        let answer = self.http.post(url).json(&body).send().await.expect("the PDS answers");
        let status = answer.status();
        let answer: Value = answer.json().await.expect("the PDS answers JSON");
        assert!(status.is_success(), "{method}: {status} {answer}");
        answer
    }

    /// Makes an account, as `alice` for `alice.test`.
    pub async fn account(&self, name: &str) -> PdsAccount {
        let (handle, password) = (format!("{name}.test"), format!("password-of-{name}"));
        let body = json!({ "handle": handle, "email": format!("{name}@example.test"), "password": password });
        let made = self.call("com.atproto.server.createAccount", body).await;
        let did = made["did"].as_str().unwrap_or_default().to_owned();
        PdsAccount { handle, password, did }
    }

    /// All posts of an account that stand now, the oldest key first.
    pub async fn posts(&self, of: &PdsAccount) -> Vec<PdsPost> {
        let mut posts = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut url = format!(
                "{}/xrpc/com.atproto.repo.listRecords?repo={}&collection=app.bsky.feed.post&limit=100&reverse=true",
                self.url(),
                of.did
            );
            if !cursor.is_empty() {
                url = format!("{url}&cursor={cursor}");
            }
            let answer = self.http.get(url).send().await.expect("the PDS answers");
            let page: Value = answer.json().await.expect("the PDS answers JSON");
            let records = page["records"].as_array().cloned().unwrap_or_default();
            if records.is_empty() {
                return posts;
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            posts.extend(records.iter().map(|it| PdsPost {
                uri: text(&it["uri"]),
                cid: text(&it["cid"]),
                text: text(&it["value"]["text"]),
                record: it["value"].clone(),
            }));
            let Some(next) = page["cursor"].as_str() else { return posts };
            next.clone_into(&mut cursor);
        }
    }
}
