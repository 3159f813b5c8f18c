//! Stripe's stand-in (`localstripe`) behind the proxy that honours keys and can lie.

use std::process::Command;

use reqwest::Client;
use serde_json::Value;

use super::install;
use super::process::Process;
use super::proxy::{Lie, Proxy, ProxyCall};

/// A running stand-in with its proxy.
#[derive(Debug)]
pub struct Stripe {
    process: Process,
    proxy: Proxy,
    http: Client,
}

/// A charge, as the stand-in has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeCharge {
    /// Its name.
    pub id: String,
    /// The payment intent it is of.
    pub intent: String,
    /// Minor units.
    pub amount: i64,
    /// As `eur`.
    pub currency: String,
    /// As `succeeded` or `failed`.
    pub status: String,
    /// The metadata of its intent.
    pub metadata: Value,
}

/// A refund, as the stand-in has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeRefund {
    /// The charge it gives back.
    pub charge: String,
    /// Minor units.
    pub amount: i64,
}

/// The key of every call: the stand-in takes any.
const KEY: &str = "sk_test_recount";

impl Stripe {
    /// Starts both.
    pub async fn start() -> Self {
        let mut command = Command::new(install::python());
        command.args(["-c", include_str!("../../counterparts/python/stripe.py")]);
        let process = Process::start("stripe", command);
        let proxy = Proxy::start(process.url()).await;
        Self { process, proxy, http: Client::new() }
    }

    /// The proxy's address: what the product is given.
    pub fn url(&self) -> String {
        self.proxy.url.clone()
    }

    /// The key it takes.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Lies about the next so many calls of this kind, as `POST /v1/refunds`.
    pub fn lie(&self, about: &str, how: Lie, times: u32) {
        self.proxy.lie(about, how, times);
    }

    /// Every call that came to the proxy, in order.
    pub fn calls(&self) -> Vec<ProxyCall> {
        self.proxy.calls()
    }

    /// Sends what happens to `url`, signed with `secret`, each event `times` times.
    pub async fn webhooks(&self, url: &str, secret: &str, times: u32) {
        let to = self.proxy.repeats(url, times);
        self.post("/_config/webhooks/recount", &[("url", &*to), ("secret", secret)]).await;
    }

    /// Every event that was told: its type, and the status that was answered.
    pub fn told(&self) -> Vec<(String, u16)> {
        self.proxy.heard()
    }

    /// A customer whose card is good.
    pub async fn customer(&self) -> String {
        self.customer_with("pm_card_visa").await
    }

    /// A customer whose card is declined whenever it is charged.
    pub async fn declined_customer(&self) -> String {
        self.customer_with("pm_card_chargeCustomerFail").await
    }

    /// A customer without a card.
    pub async fn cardless_customer(&self) -> String {
        let made = self.post("/v1/customers", &[("name", "nobody")]).await;
        made["id"].as_str().unwrap_or_default().to_owned()
    }

    async fn customer_with(&self, card: &str) -> String {
        // Reading this name makes a card of it.
        let card = self.get(&format!("/v1/payment_methods/{card}")).await;
        let card = card["id"].as_str().unwrap_or_default().to_owned();
        let made = self.post("/v1/customers", &[("name", "somebody")]).await;
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        let attach = format!("/v1/payment_methods/{card}/attach");
        self.post(&attach, &[("customer", &*id)]).await;
        let default = [("invoice_settings[default_payment_method]", &*card)];
        self.post(&format!("/v1/customers/{id}"), &default).await;
        id
    }

    /// All charges, declined ones too.
    pub async fn charges(&self) -> Vec<StripeCharge> {
        let all = self.all("/v1/charges?limit=100&expand[]=data.payment_intent").await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = all.iter().map(|it| StripeCharge {
            id: text(&it["id"]),
            intent: text(&it["payment_intent"]["id"]),
            amount: it["amount"].as_i64().unwrap_or_default(),
            currency: text(&it["currency"]),
            status: text(&it["status"]),
            metadata: it["payment_intent"]["metadata"].clone(),
        });
        all.collect()
    }

    /// All refunds.
    pub async fn refunds(&self) -> Vec<StripeRefund> {
        let all = self.all("/v1/refunds?limit=100").await;
        let all = all.iter().map(|it| StripeRefund {
            charge: it["charge"].as_str().unwrap_or_default().to_owned(),
            amount: it["amount"].as_i64().unwrap_or_default(),
        });
        all.collect()
    }

    async fn all(&self, path: &str) -> Vec<Value> {
        let page = self.get(path).await;
        assert_eq!(page["has_more"], false, "a test makes less than a page of {path}");
        page["data"].as_array().cloned().unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        self.answered(self.http.get(format!("{}{path}", self.process.url())), path).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}{path}", self.process.url());
        self.answered(self.http.post(url).form(form), path).await
    }

    /// Straight to the stand-in: what a test arranges is no call of the product.
    async fn answered(&self, request: reqwest::RequestBuilder, path: &str) -> Value {
        let answer = request.bearer_auth(KEY).send().await.expect("the stand-in answers");
        let status = answer.status();
        let text = answer.text().await.expect("the stand-in answers text");
        assert!(status.is_success(), "{path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }
}
