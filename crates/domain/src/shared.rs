//! The shared kernel's ids and values: what the events of several contexts name. Not a place for
//! rules.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ActorId, Platform, TenantId};

crate::uuid_id! {
    /// One post.
    pub struct PostId;
}

crate::uuid_id! {
    /// One publication of a post; its payment, its notice and the saga that runs it have the same
    /// number.
    pub struct PublicationId;
}

crate::uuid_id! {
    /// One user, as notifications are addressed.
    pub struct UserId;
}

impl UserId {
    /// Of an actor: the actor's own id where it is a UUID, derived from tenant and actor otherwise.
    ///
    /// ```
    /// use domain::{ActorId, TenantId, UserId};
    /// let tenant = TenantId::from_static("local");
    /// let of = |actor| UserId::of(&tenant, &ActorId::from_static(actor)).to_string();
    /// assert_eq!(of("0190e2a4-0000-7000-8000-000000000001"), "0190e2a4-0000-7000-8000-000000000001");
    /// assert_eq!(of("owner"), "6bcf8bb6-3e79-5d7f-aa55-82e025a80904");
    /// ```
    pub fn of(tenant: &TenantId, actor: &ActorId) -> Self {
        let own = Uuid::try_parse(actor.as_str()).ok();
        Self(own.unwrap_or_else(|| derived_id(&["user", tenant.as_str(), actor.as_str()])))
    }
}

/// The id that belongs to these words (UUIDv5): always the same, so that nobody has to remember it.
/// No word holds a `/`.
pub fn derived_id(words: &[&str]) -> Uuid {
    let name = format!("recount/{}", words.join("/"));
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

/// Where a post can be read on a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The platform.
    pub platform: Platform,
    /// The address, for people.
    pub url: String,
}
