//! The port to platforms: a post is published on one, and withdrawn from it. Not how a platform is
//! spoken to.

use async_trait::async_trait;
use domain::Platform;
use domain::saga::{Outcome, Probe};
use uuid::Uuid;

use crate::Effect;

/// A post as it is to stand on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where.
    pub platform: Platform,
    /// The text.
    pub text: String,
    /// Its title, for platforms that have titles.
    pub title: Option<String>,
    /// Its tags, without `#`.
    pub tags: Vec<String>,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The platform's own name of it, as an at-uri.
    pub uri: String,
    /// Where people see it.
    pub link: Option<String>,
    /// Hash or number of exactly this content, where the platform tells one.
    pub revision: Option<String>,
    /// The account it was published with; it is withdrawn with the same.
    pub account: Option<Uuid>,
}

/// Publishes on one platform. Every method tries once, and ends before the effect is due.
#[async_trait]
pub trait Publishing: Send + Sync {
    /// Publishes; the same key twice is one post.
    async fn publish(&self, effect: &Effect, post: &Publication) -> Outcome<Published>;

    /// Takes back what stands under `effect.takes_back`. `seen` is what publishing answered, `None`
    /// when that is not known. Of what is not there it is done.
    async fn withdraw(
        &self,
        effect: &Effect,
        post: &Publication,
        seen: Option<&Published>,
    ) -> Outcome<()>;

    /// Whether the post stands under `effect.key`.
    async fn probe(&self, effect: &Effect, post: &Publication) -> Probe<Published>;
}
