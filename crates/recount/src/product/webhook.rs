//! What Stripe tells by itself, as commands to payments. The signature over the raw bytes is all that
//! lets anybody in; it is checked before the body is read as anything.

use std::sync::Arc;

use api::{CODES, Code, Problem};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use billing::payment::{Command, Payment};
use domain::{ActorId, Decider, StreamId};
use keyring::Keyring;
use lane::{Answer, Commands, Submit};
use log::Fingerprint;
use provider_stripe::{NotTaken, Told, Webhook, What};

/// Where Stripe sends to.
pub(crate) const PATH: &str = "/api/billing/webhooks/stripe";
/// Most bytes of an event: Stripe's are far below.
const BYTES_MAX: usize = 256 << 10;
/// Purposes of keyed hashes. Written into the log: they never change.
const KEY: &[u8] = b"stripe webhook";
const FINGERPRINT: &str = "stripe-webhook-fingerprint";
/// When Stripe may ask again, in seconds; it waits longer by itself.
const AGAIN_S: u64 = 30;

/// What the route needs.
pub(crate) struct Hook {
    pub(crate) webhook: Webhook,
    pub(crate) commands: Commands,
    pub(crate) keys: Arc<Keyring>,
}

/// The route.
pub(crate) fn routes(hook: Hook) -> Router {
    Router::new()
        .route(PATH, post(take))
        .layer(DefaultBodyLimit::max(BYTES_MAX))
        .with_state(Arc::new(hook))
}

async fn take(
    State(hook): State<Arc<Hook>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let signature = headers.get("stripe-signature").and_then(|it| it.to_str().ok());
    let told = hook.webhook.read(signature, &body, provider_http::now()).map_err(|why| {
        let code = if why == NotTaken::NotAnEvent { "RC0409" } else { "RC0414" };
        Problem::new(code_of(code), why.to_string())
    })?;
    // Genuine, and about nothing of ours: nobody needs to send it again.
    let Some(told) = told else { return Ok(StatusCode::NO_CONTENT) };
    let event = told.event.clone();
    match hook.commands.submit(submit(&hook.keys, told)).await {
        Answer::Accepted(_) => Ok(StatusCode::NO_CONTENT),
        Answer::Refused(refused) => {
            if !refused.rule.is_empty() {
                let (rule, stream) = (&refused.rule, &refused.stream);
                tracing::warn!(event, rule, %stream, "a payment does not take what Stripe tells");
            }
            Ok(StatusCode::NO_CONTENT)
        }
        Answer::KeyReused => {
            tracing::error!(event, "Stripe told two things under one name; the first counts");
            Ok(StatusCode::NO_CONTENT)
        }
        Answer::Elsewhere { url } => Err(api::elsewhere(&url)),
        Answer::StillRunning
        | Answer::Overloaded { .. }
        | Answer::Unavailable { .. }
        | Answer::Unknown { .. } => {
            let detail = "it could not be written down now; send it again";
            Err(Problem::new(code_of("RC0453"), detail).retry_after(AGAIN_S))
        }
    }
}

/// However often an event comes, it is one command: its name is the key.
fn submit(keys: &Keyring, told: Told) -> Submit {
    let (what, parts) = match told.what {
        What::Charged { reference, amount } => {
            let parts = format!("charged {reference} {amount}");
            (Command::Charge { reference, amount }, parts)
        }
        What::Refunded { in_all } => {
            let parts = format!("refunded {in_all}");
            (Command::Refund { in_all }, parts)
        }
    };
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&keys.mac(FINGERPRINT, &[parts.as_bytes()])[..16]);
    Submit {
        stream: StreamId::new(Payment::CATEGORY, told.payment.0),
        command: Box::new(what),
        key: Some(keys.command_key(&[KEY, told.event.as_bytes()])),
        fingerprint: Fingerprint(fingerprint),
        expected: None,
        tenant: told.tenant,
        actor: ActorId::from_static("stripe"),
        // The payment has the number of the publication, which the conversation began with.
        correlation: told.payment.0,
        causation: None,
        trace: None,
        fence: false,
        asked_at: None,
    }
}

fn code_of(rc: &str) -> &'static Code {
    CODES.iter().find(|code| code.rc == rc).expect("every code that is answered has an entry")
}
