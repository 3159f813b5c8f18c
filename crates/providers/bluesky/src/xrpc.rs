//! Calls as the AT protocol has them: a method's name, JSON, an error's name. Not what they are for.

use domain::Timestamp;
use domain::saga::{Fault, Refusal};
use http::Method;
use ports::{Effect, Secret};
use provider_http::{Answer, BadUrl, Client, NoAnswer, Request};
use serde_json::Value;

use crate::session::Open;
use crate::{COLLECTION, Not};

/// One server.
#[derive(Debug)]
pub(crate) struct Xrpc(Client);

/// What it said.
#[derive(Debug)]
pub(crate) struct Said {
    answer: Answer,
    pub(crate) body: Value,
}

impl Xrpc {
    pub(crate) fn new(url: &str) -> Result<Self, BadUrl> {
        Client::new(url).map(Self)
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host()
    }

    /// A call that changes something of the account's repository.
    pub(crate) async fn write(
        &self,
        method: &str,
        access: &Secret,
        body: &Value,
        effect: &Effect,
    ) -> Result<Said, Not> {
        let request = Request::new(Method::POST, format!("/xrpc/{method}"), effect.due_at);
        let answered = self.0.call(request.bearer(access.expose()).json(body)).await;
        let said = Said::of(answered.map_err(|none| match none {
            NoAnswer::NotSent(why) => Not::Transient(Fault::new(why)),
            NoAnswer::Lost(why) => Not::Unknown(Fault::new(why)),
        })?);
        if said.answer.status.is_server_error() {
            // Broken on the way in or out: nobody knows.
            return Err(Not::Unknown(said.fault(self.host())));
        }
        Ok(said)
    }

    /// Looks at a record of the session's own repository.
    pub(crate) async fn record(
        &self,
        open: &Open,
        rkey: &str,
        effect: &Effect,
    ) -> Result<Said, Not> {
        let path = "/xrpc/com.atproto.repo.getRecord";
        let request = Request::new(Method::GET, path, effect.due_at)
            .query(&[("repo", &open.did), ("collection", COLLECTION), ("rkey", rkey)])
            .bearer(open.access.expose());
        self.harmless(request).await
    }

    /// A call about sessions: it writes nothing that stays.
    pub(crate) async fn session(
        &self,
        method: &str,
        token: Option<&Secret>,
        body: Option<&Value>,
        due_at: Timestamp,
    ) -> Result<Said, Not> {
        let mut request = Request::new(Method::POST, format!("/xrpc/{method}"), due_at);
        if let Some(token) = token {
            request = request.bearer(token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.harmless(request).await
    }

    async fn harmless(&self, request: Request) -> Result<Said, Not> {
        let answered = self.0.call(request).await;
        let said = Said::of(answered.map_err(|none| Not::Transient(Fault::new(none.to_string())))?);
        if said.answer.status.is_server_error() {
            return Err(Not::Transient(said.fault(self.host())));
        }
        Ok(said)
    }
}

impl Said {
    fn of(answer: Answer) -> Self {
        Self { body: answer.json().unwrap_or_default(), answer }
    }

    pub(crate) fn ok(&self) -> bool {
        self.answer.status.is_success()
    }

    /// Whether it is the error of this name.
    pub(crate) fn is(&self, error: &str) -> bool {
        !self.ok() && self.body["error"] == error
    }

    /// Whether the session that was shown is no longer one.
    pub(crate) fn session_ended(&self) -> bool {
        self.answer.status == 401 || self.is("ExpiredToken") || self.is("InvalidToken")
    }

    /// Whether it asks to come back later.
    pub(crate) fn limited(&self) -> bool {
        self.answer.status == 429 || self.is("RateLimitExceeded")
    }

    pub(crate) fn fault(&self, host: &str) -> Fault {
        self.answer.fault(format!("{host}: {}", self.words()))
    }

    /// The server's own words.
    pub(crate) fn words(&self) -> String {
        self.answer.says(&["/message", "/error"])
    }

    /// What it means when it is not the answer that was hoped for.
    pub(crate) fn must_be_ok(&self, host: &str) -> Result<(), Not> {
        if self.ok() {
            return Ok(());
        }
        if self.limited() {
            return Err(Not::Transient(self.fault(host)));
        }
        let detail = format!("{host}: {}", self.words());
        Err(Not::Refused(Refusal::new("not_accepted", detail)))
    }
}
