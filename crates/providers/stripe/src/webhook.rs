//! What Stripe tells by itself: the signature over the raw bytes first, then what it means for a
//! payment. Not the route, and not the command that comes of it.

use domain::{Money, PublicationId, TenantId, Timestamp};
use hmac::{Hmac, Mac};
use ports::Secret;
use serde_json::Value;
use sha2::Sha256;

use crate::api::{PAYMENT, TENANT, money};

/// How old or how far ahead the time of a signature may be: five minutes, as Stripe says.
const TOLERANCE_MS: i64 = 300_000;

/// Reads webhooks of one endpoint.
#[derive(Debug)]
pub struct Webhook {
    secrets: Vec<Secret>,
}

/// What was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Stripe's own name of the event: the same however often it comes.
    pub event: String,
    /// Whose payment.
    pub tenant: TenantId,
    /// Which.
    pub payment: PublicationId,
    /// What became of it.
    pub what: What,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was charged.
    Charged {
        /// The payment intent.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// It was given back, whole or in part.
    Refunded {
        /// How much in all.
        in_all: Money,
    },
}

/// Why it is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// There is no signature, or it cannot be read.
    #[error("the header Stripe-Signature is missing or cannot be read")]
    Unsigned,
    /// No secret of ours made it, or the body is another one.
    #[error("the signature does not fit the body")]
    WrongSignature,
    /// It is of another time.
    #[error("the signature is older than five minutes, or from the future")]
    TooOld,
    /// It is signed, and no event.
    #[error("the body is no event of Stripe's")]
    NotAnEvent,
}

impl Webhook {
    /// With the secrets of the endpoint, one a line: while one is exchanged there are two. `None`
    /// without any.
    pub fn new(secrets: &str) -> Option<Self> {
        let lines = secrets.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<_> = lines.map(|line| Secret::new(line.to_owned())).collect();
        (!secrets.is_empty()).then_some(Self { secrets })
    }

    /// Reads what came: `signature` is the header `Stripe-Signature`, `body` the bytes as they were
    /// sent. `None`: it is genuine, and about nothing of ours.
    pub fn read(
        &self,
        signature: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Told>, NotTaken> {
        let signature = signature.ok_or(NotTaken::Unsigned)?;
        let pairs = || signature.split(',').filter_map(|it| it.trim().split_once('='));
        let at = pairs().find(|(name, _)| *name == "t").map(|(_, at)| at);
        let at = at.ok_or(NotTaken::Unsigned)?;
        let signed: Vec<_> =
            pairs().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| bytes(hex)).collect();
        if signed.is_empty() {
            return Err(NotTaken::Unsigned);
        }
        let fits = |secret: &Secret| signed.iter().any(|it| verifies(secret, at, body, it));
        if !self.secrets.iter().any(fits) {
            return Err(NotTaken::WrongSignature);
        }
        let seconds: i64 = at.parse().map_err(|_| NotTaken::Unsigned)?;
        let signed_at = Timestamp::from_millis(seconds.saturating_mul(1_000));
        if now.ms_since(signed_at).abs() > TOLERANCE_MS {
            return Err(NotTaken::TooOld);
        }
        let event: Value = serde_json::from_slice(body).map_err(|_| NotTaken::NotAnEvent)?;
        let id = event["id"].as_str().ok_or(NotTaken::NotAnEvent)?;
        let kind = event["type"].as_str().ok_or(NotTaken::NotAnEvent)?;
        Ok(told(id, kind, &event["data"]["object"]))
    }
}

/// Compares in a time that does not tell where they differ.
fn verifies(secret: &Secret, at: &str, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return false;
    };
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()).collect()
}

fn told(id: &str, kind: &str, object: &Value) -> Option<Told> {
    let metadata = &object["metadata"];
    let payment: PublicationId = metadata[PAYMENT].as_str()?.parse().ok()?;
    let tenant: TenantId = metadata[TENANT].as_str()?.parse().ok()?;
    let what = match kind {
        "payment_intent.succeeded" => What::Charged {
            reference: object["id"].as_str()?.to_owned(),
            amount: money(&object["amount"], &object["currency"])?,
        },
        "charge.refunded" => {
            What::Refunded { in_all: money(&object["amount_refunded"], &object["currency"])? }
        }
        _ => return None,
    };
    Some(Told { event: id.to_owned(), tenant, payment, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
    const BODY: &str = r#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","amount":500,
        "currency":"eur","metadata":{"recount_payment":"0190e2a4-0000-7000-8000-000000000001","recount_tenant":"local"}}}}"#;

    fn sign(secret: &str, seconds: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{seconds}.{body}").as_bytes());
        format!("t={seconds},v1={:x}", mac.finalize().into_bytes())
    }

    fn read(signature: &str, body: &str) -> Result<Option<Told>, NotTaken> {
        let webhook = Webhook::new("whsec_old\nwhsec_new\n").unwrap();
        webhook.read(Some(signature), body.as_bytes(), NOW)
    }

    #[test]
    fn what_is_signed_is_read() {
        let at = NOW.as_millis() / 1_000;
        let told = read(&sign("whsec_new", at, BODY), BODY).unwrap().unwrap();
        let amount = Money::new(500, "EUR");
        assert_eq!(told.what, What::Charged { reference: "pi_1".into(), amount });
        assert_eq!((told.event.as_str(), told.tenant.as_str()), ("evt_1", "local"));
        assert_eq!(read(&sign("whsec_old", at, BODY), BODY).unwrap(), Some(told));
        let refunded = BODY
            .replace("payment_intent.succeeded", "charge.refunded")
            .replace("\"amount\"", "\"amount_refunded\"");
        let told = read(&sign("whsec_new", at, &refunded), &refunded).unwrap().unwrap();
        assert_eq!(told.what, What::Refunded { in_all: Money::new(500, "EUR") });
        // Several signatures, as while a secret is exchanged: one that fits is enough.
        let both = format!("{},v1={}", sign("whsec_new", at, BODY), "0".repeat(64));
        assert!(read(&both, BODY).is_ok());
    }

    #[test]
    fn what_is_genuine_and_not_ours_is_nothing() {
        let at = NOW.as_millis() / 1_000;
        for body in [
            BODY.replace("recount_payment", "other"),
            BODY.replace("payment_intent.succeeded", "customer.created"),
        ] {
            assert_eq!(read(&sign("whsec_new", at, &body), &body), Ok(None));
        }
    }

    #[test]
    fn what_is_forged_changed_or_old_is_not_taken() {
        let at = NOW.as_millis() / 1_000;
        let genuine = sign("whsec_new", at, BODY);
        assert_eq!(read(&genuine, &BODY.replace("500", "501")), Err(NotTaken::WrongSignature));
        assert_eq!(read(&sign("whsec_x", at, BODY), BODY), Err(NotTaken::WrongSignature));
        // The time is signed too.
        let later = genuine.replace(&at.to_string(), &(at + 1).to_string());
        assert_eq!(read(&later, BODY), Err(NotTaken::WrongSignature));
        for at in [at - 301, at + 301] {
            assert_eq!(read(&sign("whsec_new", at, BODY), BODY), Err(NotTaken::TooOld));
        }
        for unsigned in ["", "t=1", "v1=00", "t=1,v1=xyz", "t=,v0=00"] {
            assert_eq!(read(unsigned, BODY), Err(NotTaken::Unsigned), "{unsigned}");
        }
        assert_eq!(read(&sign("whsec_new", at, "{}"), "{}"), Err(NotTaken::NotAnEvent));
        let webhook = Webhook::new("whsec_new").unwrap();
        assert_eq!(webhook.read(None, b"", NOW), Err(NotTaken::Unsigned));
        assert!(Webhook::new("\n \n").is_none());
    }
}
