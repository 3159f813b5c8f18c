//! Charges and refunds over Stripe's API, and reads its webhooks. Not a client of Stripe: five calls
//! (a customer's card, a payment intent, charges, refunds, a refund), by form, at a pinned version.
//!
//! **Once.** Every call that moves money carries the step's key as `Idempotency-Key`, which Stripe
//! honours for at least 24 hours, and in its metadata, by which it is found later. Metadata also names
//! payment and tenant: webhooks are told to the right payment by them.
//!
//! What becomes of a call:
//!
//! | meets | charge | refund | probe |
//! |---|---|---|---|
//! | succeeded | done | done | happened, unless it was refunded |
//! | nobody pays, or without a card | refused `no_payer`, `no_card` | - | not happened |
//! | 402: declined | refused `card_declined` | refused `not_accepted` | not happened |
//! | the bank wants the payer's consent | refused `needs_consent`, the intent is cancelled | - | not happened |
//! | still processing | **unknown** | transient: it cannot be given back yet | cannot tell |
//! | given back already (by refunds that stand, `charge_already_refunded`) | - | done | not happened |
//! | never charged | - | done | not happened |
//! | 400, 404: the request itself | refused `not_accepted` | refused `not_accepted` | cannot tell |
//! | 401, 403: our key | transient: an operator must look | transient | cannot tell |
//! | 409: the first call with this key is still running | **unknown** | **unknown** | - |
//! | 429 | transient, with `Retry-After` | same | cannot tell |
//! | 5xx, lost or cut answer, when money was to move | **unknown** | **unknown** | - |
//! | the same of a call that only looks | transient | transient | cannot tell |
//! | no connection, no time left | transient | transient | cannot tell |

mod api;
mod charge;
mod refund;
mod webhook;

use std::sync::Arc;

use ports::{PayerBook, Secret};
use provider_http::{BadUrl, Client};

pub use webhook::{NotTaken, Told, Webhook, What};

/// Moves money by one Stripe account.
pub struct Stripe {
    http: Client,
    key: Secret,
    payers: Arc<dyn PayerBook>,
}

impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stripe").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Stripe {
    /// Calls the API at `url`, as `https://api.stripe.com`, with this secret key; the book says which
    /// customer pays for whom.
    pub fn new(url: &str, key: Secret, payers: Arc<dyn PayerBook>) -> Result<Self, BadUrl> {
        Ok(Self { http: Client::new(url)?, key, payers })
    }
}
