//! Giving back: all of what one intent took, and never twice.

use domain::saga::Fault;
use ports::{Effect, RefundRequest};
use serde_json::Value;

use crate::Stripe;
use crate::api::{Not, PAYMENT, STEP, TENANT};

impl Stripe {
    pub(crate) async fn give_back(&self, effect: &Effect, ask: &RefundRequest) -> Result<(), Not> {
        let Some(intent) = self.intent_of(effect, ask).await? else { return Ok(()) };
        let stood = self.given_back(&intent, effect).await?;
        if stood >= ask.charge.amount.minor {
            return Ok(());
        }
        // The rest of it: somebody may have given back a part by hand.
        let rest = (ask.charge.amount.minor - stood).to_string();
        let (key, payment) = (effect.key.to_string(), ask.charge.payment.to_string());
        let [step, of, tenant] = [STEP, PAYMENT, TENANT].map(|name| format!("metadata[{name}]"));
        let form = [
            ("payment_intent", &*intent),
            ("amount", &*rest),
            (&*step, &*key),
            (&*of, &*payment),
            (&*tenant, effect.tenant.as_str()),
        ];
        match self.post("/v1/refunds", &form, effect).await {
            Ok(_) => Ok(()),
            Err(Not::Refused(no)) if no.rule == "charge_already_refunded" => Ok(()),
            Err(not) => Err(not),
        }
    }

    /// The intent to give back; `None`: nothing was taken.
    async fn intent_of(&self, effect: &Effect, ask: &RefundRequest) -> Result<Option<String>, Not> {
        if let Some(charged) = &ask.charged {
            return Ok(Some(charged.reference.clone()));
        }
        let Some(payer) = self.payer(effect, &ask.charge).await? else { return Ok(None) };
        let Some(found) = self.find(effect.forward_key(), effect, &payer).await? else {
            return Ok(None);
        };
        match &*found.status {
            "succeeded" if found.refunded => Ok(None),
            "succeeded" => Ok(Some(found.intent)),
            "pending" => {
                let detail = "the charge is still being processed and cannot be given back yet";
                Err(Not::Transient(Fault::new(detail)))
            }
            _ => Ok(None),
        }
    }

    /// How much of it was given back already, in minor units.
    async fn given_back(&self, intent: &str, effect: &Effect) -> Result<i64, Not> {
        let query = [("payment_intent", intent), ("limit", "100")];
        let page = self.get("/v1/refunds", &query, effect.due_at).await?;
        let stands = |it: &&Value| it["status"] != "failed" && it["status"] != "canceled";
        let all = page["data"].as_array().into_iter().flatten().filter(stands);
        Ok(all.filter_map(|it| it["amount"].as_i64()).sum())
    }
}
