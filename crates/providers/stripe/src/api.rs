//! Calls as Stripe has them, and what an answer means that is not the one hoped for.

use domain::saga::{Fault, Outcome, Refusal};
use domain::{Money, Timestamp};
use http::{HeaderName, Method};
use ports::Effect;
use provider_http::{Answer, NoAnswer, Request};
use serde_json::Value;

use crate::Stripe;

/// The version of the API that the calls are written for.
const VERSION: &str = "2024-06-20";
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Names of what we write into metadata. They are found by them again: they never change.
pub(crate) const STEP: &str = "recount_step";
pub(crate) const PAYMENT: &str = "recount_payment";
pub(crate) const TENANT: &str = "recount_tenant";

/// Why there is no answer that can be used.
#[derive(Debug)]
pub(crate) enum Not {
    Refused(Refusal),
    Transient(Fault),
    Unknown(Fault),
}

impl Not {
    pub(crate) fn refused(rule: &str, detail: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(rule, detail))
    }
}

impl<T> From<Not> for Outcome<T> {
    fn from(not: Not) -> Self {
        match not {
            Not::Refused(no) => Self::Refused(no),
            Not::Transient(fault) => Self::Transient(fault),
            Not::Unknown(fault) => Self::Unknown(fault),
        }
    }
}

impl Stripe {
    /// Looks; changes nothing.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        due_at: Timestamp,
    ) -> Result<Value, Not> {
        let request = Request::new(Method::GET, path, due_at).query(query);
        let answered = self.http.call(self.dressed(request)).await;
        let answer = answered.map_err(|none| Not::Transient(Fault::new(none.to_string())))?;
        if answer.status.is_server_error() {
            return Err(Not::Transient(self.fault(&answer)));
        }
        self.read(&answer)
    }

    /// Changes something, once under the effect's key.
    pub(crate) async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        effect: &Effect,
    ) -> Result<Value, Not> {
        let request = Request::new(Method::POST, path, effect.due_at)
            .header(IDEMPOTENCY_KEY, &effect.key.to_string())
            .form(form);
        let answer = self.http.call(self.dressed(request)).await.map_err(|none| match none {
            NoAnswer::NotSent(why) => Not::Transient(Fault::new(why)),
            NoAnswer::Lost(why) => Not::Unknown(Fault::new(why)),
        })?;
        if answer.status.is_server_error() || answer.status == 409 {
            return Err(Not::Unknown(self.fault(&answer)));
        }
        self.read(&answer)
    }

    /// Cancels an intent that waits for somebody. Whether it succeeds matters to nobody: an intent
    /// without consent takes no money.
    pub(crate) async fn cancel(&self, intent: &str, effect: &Effect) {
        let path = format!("/v1/payment_intents/{intent}/cancel");
        let request = Request::new(Method::POST, path, effect.due_at);
        drop(self.http.call(self.dressed(request.form(&[]))).await);
    }

    fn dressed(&self, request: Request) -> Request {
        request.bearer(self.key.expose()).header(STRIPE_VERSION, VERSION)
    }

    fn fault(&self, answer: &Answer) -> Fault {
        answer.fault(format!("{}: {}", self.http.host(), answer.says(&["/error/message"])))
    }

    fn read(&self, answer: &Answer) -> Result<Value, Not> {
        let json: Value = answer.json().unwrap_or_default();
        let fault = || self.fault(answer);
        match answer.status.as_u16() {
            200 if json.is_object() => Ok(json),
            // What says 200 and cannot be read did something that nobody can tell.
            200 => Err(Not::Unknown(fault())),
            401 | 403 => {
                let detail = format!("{} does not take our key", self.http.host());
                Err(Not::Transient(Fault::new(detail)))
            }
            429 => Err(Not::Transient(fault())),
            402 => {
                let code = json.pointer("/error/decline_code").or(json.pointer("/error/code"));
                let code = code.and_then(Value::as_str).unwrap_or("declined");
                let said = answer.says(&["/error/message"]);
                Err(Not::refused("card_declined", format!("{said} ({code})")))
            }
            _ => {
                let code = json.pointer("/error/code").and_then(Value::as_str);
                let rule = match code {
                    Some("charge_already_refunded") => "charge_already_refunded",
                    _ => "not_accepted",
                };
                Err(Not::refused(rule, fault().detail))
            }
        }
    }
}

/// Money as Stripe tells it.
pub(crate) fn money(minor: &Value, currency: &Value) -> Option<Money> {
    Some(Money::new(minor.as_i64()?, currency.as_str()?.to_uppercase()))
}
