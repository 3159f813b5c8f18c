//! What the saga asks of providers, and what they give: plain data, stored as it stands. Tenant, key
//! and deadline come with the call; tokens and addresses are opened by the adapter and stand nowhere
//! here.

use domain::{Money, Platform, PostId, PublicationId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Publish a post on one platform: port `publishing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The publication it is part of.
    pub publication: PublicationId,
    /// The post.
    pub post: PostId,
    /// Where it goes.
    pub platform: Platform,
    /// The account it goes out from; without one, the connected one.
    pub account: Option<Uuid>,
    /// Its title, for platforms that have one.
    pub title: Option<String>,
    /// What it says.
    pub text: String,
    /// Its tags, in the user's order, without `#`.
    pub tags: Vec<String>,
}

/// Where a post stands on a platform, as people and as programs name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The platform's own name of it, as an at-uri.
    pub uri: String,
    /// Where people see it.
    pub link: Option<String>,
    /// Hash or number of exactly this content, where the platform tells one.
    pub revision: Option<String>,
    /// The account it went out from; it is withdrawn from the same.
    pub account: Option<Uuid>,
}

/// Take a post back from one platform: port `publishing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawRequest {
    /// What was asked.
    pub publish: PublishRequest,
    /// What came of it; `None`: no answer is known, the adapter finds it by the forward key.
    pub published: Option<Published>,
}

/// Charge the boost of a publication: port `payments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeRequest {
    /// The payment; its aggregate has the same number.
    pub payment: PublicationId,
    /// Who pays.
    pub customer: UserId,
    /// How much.
    pub amount: Money,
    /// What for, as the payer's statement shows it; no personal value.
    pub description: String,
}

/// What a payment provider gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// The provider's own name of the charge.
    pub reference: String,
    /// How much was taken.
    pub amount: Money,
}

/// Give a charge back: port `payments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequest {
    /// What was asked; all of it is given back.
    pub charge: ChargeRequest,
    /// What came of it; `None`: no answer is known, the adapter finds it by the forward key.
    pub charged: Option<Charged>,
}
