//! The port to platforms: a post is published on one, and withdrawn from it. Not how a platform is
//! spoken to.

use async_trait::async_trait;
use domain::saga::{Outcome, Probe};
use social_sagas::publish_post::{PublishRequest, Published, WithdrawRequest};

use crate::Effect;

/// Publishes on one platform. Every method tries once, and ends before the effect is due.
#[async_trait]
pub trait Publishing: Send + Sync {
    /// Publishes; the same key twice is one post.
    async fn publish(&self, effect: &Effect, ask: &PublishRequest) -> Outcome<Published>;

    /// Takes back what stands under `effect.takes_back`. Of what is not there it is done.
    async fn withdraw(&self, effect: &Effect, ask: &WithdrawRequest) -> Outcome<()>;

    /// Whether the post stands under `effect.key`.
    async fn probe(&self, effect: &Effect, ask: &PublishRequest) -> Probe<Published>;
}
