//! Charging: a payment intent over the payer's card, and finding it again.

use async_trait::async_trait;
use domain::saga::{Fault, Outcome, Probe, StepKey};
use ports::{ChargeRequest, Charged, Effect, Payments, RefundRequest};
use serde_json::Value;

use crate::Stripe;
use crate::api::{Not, PAYMENT, STEP, TENANT};

/// Charges on a page of a list: the most that Stripe gives.
const PAGE: &str = "100";
/// Pages that are looked at for one charge: a payer with more in this time is no payer of boosts.
const PAGES_MAX: usize = 20;
/// How much earlier than the step's first attempt its charge is looked for: an undo may come long
/// after what it takes back, when the saga waited for a human.
const EARLIER_MS: i64 = 90 * 24 * 3_600_000;

/// A charge that was found by the step's key.
#[derive(Debug)]
pub(crate) struct Found {
    /// The payment intent.
    pub(crate) intent: String,
    /// As `succeeded`, `pending`, `failed`.
    pub(crate) status: String,
    /// Whether all of it was given back.
    pub(crate) refunded: bool,
}

impl Stripe {
    /// Who pays.
    pub(crate) async fn payer(
        &self,
        effect: &Effect,
        ask: &ChargeRequest,
    ) -> Result<Option<String>, Not> {
        let payer = self.payers.payer(&effect.tenant, ask.customer).await;
        payer.map_err(|error| Not::Transient(Fault::new(error.to_string())))
    }

    /// The card that the payer has chosen for what is charged without him.
    async fn card(&self, payer: &str, effect: &Effect) -> Result<String, Not> {
        let customer = self.get(&format!("/v1/customers/{payer}"), &[], effect.due_at).await?;
        let chosen =
            [&customer["invoice_settings"]["default_payment_method"], &customer["default_source"]];
        let card = chosen.iter().find_map(|it| it.as_str()).map(str::to_owned);
        card.ok_or_else(|| Not::refused("no_card", "the payer has no card on file"))
    }

    async fn take(&self, effect: &Effect, ask: &ChargeRequest) -> Result<Charged, Not> {
        let nobody = || Not::refused("no_payer", "nobody is set up to pay for this user");
        let payer = self.payer(effect, ask).await?.ok_or_else(nobody)?;
        let card = self.card(&payer, effect).await?;
        let (key, payment) = (effect.key.to_string(), ask.payment.to_string());
        let (minor, currency) = (ask.amount.minor.to_string(), ask.amount.currency.to_lowercase());
        let [step, of, tenant] = [STEP, PAYMENT, TENANT].map(|name| format!("metadata[{name}]"));
        let form = [
            ("amount", &*minor),
            ("currency", &*currency),
            ("customer", &*payer),
            ("payment_method", &*card),
            ("description", &*ask.description),
            ("confirm", "true"),
            // The payer is not there to consent.
            ("off_session", "true"),
            (&*step, &*key),
            (&*of, &*payment),
            (&*tenant, effect.tenant.as_str()),
        ];
        let intent = self.post("/v1/payment_intents", &form, effect).await?;
        let id = intent["id"].as_str().unwrap_or_default();
        match intent["status"].as_str().unwrap_or_default() {
            "succeeded" => Ok(Charged { reference: id.to_owned(), amount: ask.amount.clone() }),
            "requires_action" => {
                self.cancel(id, effect).await;
                let detail = "the payer's bank wants his consent, and he is not there";
                Err(Not::refused("needs_consent", detail))
            }
            "requires_payment_method" | "canceled" => {
                Err(Not::refused("card_declined", "the card was declined"))
            }
            other => {
                let detail = format!("{}: the payment is {other}", self.http.host());
                Err(Not::Unknown(Fault::new(detail)))
            }
        }
    }

    /// The charge that was made under this key, if there is one.
    pub(crate) async fn find(
        &self,
        key: StepKey,
        effect: &Effect,
        payer: &str,
    ) -> Result<Option<Found>, Not> {
        let since = (effect.asked_at.as_millis() - EARLIER_MS) / 1_000;
        let (since, key) = (since.to_string(), key.to_string());
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let mut query = vec![
                ("customer", payer),
                ("created[gt]", &*since),
                ("limit", PAGE),
                ("expand[]", "data.payment_intent"),
            ];
            if !after.is_empty() {
                query.push(("starting_after", &*after));
            }
            let page = self.get("/v1/charges", &query, effect.due_at).await?;
            let charges = page["data"].as_array().map_or(&[][..], Vec::as_slice);
            // A declined attempt of the same intent may lie beside the one that succeeded.
            let mine = charges.iter().filter(|it| is_of(it, &key));
            let best =
                mine.max_by_key(|it| (it["status"] == "succeeded", it["status"] == "pending"));
            if let Some(charge) = best {
                return Ok(Some(found(charge)));
            }
            let last = charges.last().and_then(|it| it["id"].as_str()).map(str::to_owned);
            match last.filter(|_| page["has_more"] == true) {
                Some(last) => after = last,
                None => return Ok(None),
            }
        }
        Err(Not::Transient(Fault::new("too many charges to find the one")))
    }
}

/// Metadata stand on the intent; Stripe copies them to the charge.
fn is_of(charge: &Value, key: &str) -> bool {
    charge["metadata"][STEP] == key || charge["payment_intent"]["metadata"][STEP] == key
}

fn found(charge: &Value) -> Found {
    let intent = &charge["payment_intent"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let id = intent["id"].as_str().map_or_else(|| text(intent), str::to_owned);
    Found { intent: id, status: text(&charge["status"]), refunded: charge["refunded"] == true }
}

#[async_trait]
impl Payments for Stripe {
    async fn charge(&self, effect: &Effect, ask: &ChargeRequest) -> Outcome<Charged> {
        self.take(effect, ask).await.map_or_else(Into::into, Outcome::Done)
    }

    async fn refund(&self, effect: &Effect, ask: &RefundRequest) -> Outcome<()> {
        self.give_back(effect, ask).await.map_or_else(Into::into, Outcome::Done)
    }

    async fn probe(&self, effect: &Effect, ask: &ChargeRequest) -> Probe<Charged> {
        let payer = match self.payer(effect, ask).await {
            Ok(Some(payer)) => payer,
            // Without a payer nothing is ever asked of Stripe.
            Ok(None) => return Probe::NotHappened,
            Err(_) => return Probe::CannotTell,
        };
        match self.find(effect.forward_key(), effect, &payer).await {
            Ok(Some(it)) if it.status == "succeeded" && !it.refunded => {
                Probe::Happened(Charged { reference: it.intent, amount: ask.amount.clone() })
            }
            Ok(Some(it)) if it.status == "pending" => Probe::CannotTell,
            Ok(_) => Probe::NotHappened,
            Err(_) => Probe::CannotTell,
        }
    }
}
