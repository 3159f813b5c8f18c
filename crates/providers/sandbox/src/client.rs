//! The provider: calls the sandbox as it would call a platform, a bank, a mail server.

use async_trait::async_trait;
use domain::saga::{Outcome, Probe, Refusal, StepKey};
use http::Method;
use ports::{
    ChargeRequest, Charged, Effect, Mail, MailRequest, Mailed, Payments, PublishRequest, Published,
    Publishing, RefundRequest, WithdrawRequest,
};
use provider_http::{Answer, BadUrl, Client, NoAnswer, Request};
use serde::Serialize;
use serde_json::json;

use crate::ledger::Kind;

/// Calls one sandbox.
#[derive(Debug, Clone)]
pub struct SandboxClient {
    http: Client,
    /// Where its pages are, for links.
    pages: String,
}

impl SandboxClient {
    /// Of the sandbox at `url`, whose pages are served under `pages`.
    pub fn new(url: &str, pages: &str) -> Result<Self, BadUrl> {
        Ok(Self { http: Client::new(url)?, pages: pages.trim_end_matches('/').to_owned() })
    }

    async fn put(
        &self,
        effect: &Effect,
        kind: Kind,
        (on, text): (&str, &str),
        asked: &impl Serialize,
    ) -> Outcome<()> {
        let body = json!({ "tenant": effect.tenant, "on": on, "text": text, "asked": asked });
        let request = Request::new(Method::PUT, path(kind, effect.key), effect.due_at);
        self.outcome(self.http.call(request.json(&body)).await)
    }

    async fn take_back(&self, effect: &Effect, kind: Kind) -> Outcome<()> {
        let path = path(kind, effect.forward_key());
        let request = Request::new(Method::DELETE, path, effect.due_at);
        self.outcome(self.http.call(request).await)
    }

    async fn look<T>(&self, effect: &Effect, kind: Kind, stands: T) -> Probe<T> {
        let path = path(kind, effect.forward_key());
        match self.http.call(Request::new(Method::GET, path, effect.due_at)).await {
            Ok(answer) if answer.status == 200 => Probe::Happened(stands),
            Ok(answer) if answer.status == 404 || answer.status == 410 => Probe::NotHappened,
            _ => Probe::CannotTell,
        }
    }

    fn outcome(&self, answered: Result<Answer, NoAnswer>) -> Outcome<()> {
        let answer = match answered {
            Ok(answer) => answer,
            Err(none) => return none.outcome(),
        };
        let said = answer.says(&["/message"]);
        match answer.status.as_u16() {
            200 => Outcome::Done(()),
            409 | 410 | 422 => {
                let rule = answer.says(&["/error"]);
                Outcome::Refused(Refusal::new(rule, format!("the sandbox: {said}")))
            }
            429 | 503 => Outcome::Transient(answer.fault(format!("the sandbox: {said}"))),
            _ => Outcome::Unknown(answer.fault(format!("{}: {said}", self.http.host()))),
        }
    }

    fn published(&self, key: StepKey, ask: &PublishRequest) -> Published {
        Published {
            uri: format!("sandbox://{}/{key}", ask.platform),
            link: Some(format!("{}/posts/{key}", self.pages)),
            revision: None,
            account: None,
        }
    }
}

fn path(kind: Kind, key: StepKey) -> String {
    format!("/{}/{key}", kind.as_str())
}

fn charged(key: StepKey, ask: &ChargeRequest) -> Charged {
    Charged { reference: format!("sandbox-{key}"), amount: ask.amount.clone() }
}

fn with<T>(outcome: Outcome<()>, done: T) -> Outcome<T> {
    match outcome {
        Outcome::Done(()) => Outcome::Done(done),
        Outcome::Refused(no) => Outcome::Refused(no),
        Outcome::Transient(fault) => Outcome::Transient(fault),
        Outcome::Unknown(fault) => Outcome::Unknown(fault),
    }
}

#[async_trait]
impl Publishing for SandboxClient {
    async fn publish(&self, effect: &Effect, ask: &PublishRequest) -> Outcome<Published> {
        let on = ask.platform.to_string();
        let outcome = self.put(effect, Kind::Posts, (&on, &ask.text), ask).await;
        with(outcome, self.published(effect.key, ask))
    }

    async fn withdraw(&self, effect: &Effect, _: &WithdrawRequest) -> Outcome<()> {
        self.take_back(effect, Kind::Posts).await
    }

    async fn probe(&self, effect: &Effect, ask: &PublishRequest) -> Probe<Published> {
        self.look(effect, Kind::Posts, self.published(effect.forward_key(), ask)).await
    }
}

#[async_trait]
impl Payments for SandboxClient {
    async fn charge(&self, effect: &Effect, ask: &ChargeRequest) -> Outcome<Charged> {
        let outcome = self.put(effect, Kind::Charges, ("", &ask.description), ask).await;
        with(outcome, charged(effect.key, ask))
    }

    async fn refund(&self, effect: &Effect, _: &RefundRequest) -> Outcome<()> {
        self.take_back(effect, Kind::Charges).await
    }

    async fn probe(&self, effect: &Effect, ask: &ChargeRequest) -> Probe<Charged> {
        self.look(effect, Kind::Charges, charged(effect.forward_key(), ask)).await
    }
}

#[async_trait]
impl Mail for SandboxClient {
    async fn send(&self, effect: &Effect, ask: &MailRequest) -> Outcome<Mailed> {
        let text = format!("{}\n{}", ask.subject, ask.text);
        let outcome = self.put(effect, Kind::Mails, ("", &text), ask).await;
        with(outcome, Mailed { message_id: format!("<{}@sandbox.invalid>", effect.key) })
    }
}
