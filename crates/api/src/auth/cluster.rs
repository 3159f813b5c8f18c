//! The secret that nodes of one installation show each other. Not a principal of its own: a node
//! that forwards a request says for whom.

use axum::http::HeaderMap;
use domain::{ActorId, Principal, Role, TenantId};
use serde::Deserialize;

use super::{same, sha256};

/// The header with the secret that nodes of one installation show each other.
pub const SECRET: &str = "x-recount-cluster";
/// The header that says for whom a node asks: JSON `{tenant, actor, roles}`.
pub(crate) const ON_BEHALF: &str = "x-recount-principal";

/// The shared secret of the nodes.
pub struct ClusterSecret([u8; 32]);

impl std::fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterSecret")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnBehalf {
    tenant: TenantId,
    actor: ActorId,
    roles: Vec<Role>,
}

impl ClusterSecret {
    /// Shortest secret, in bytes: 128 bits as hexadecimal digits.
    pub const BYTES_MIN: usize = 32;

    /// From the configured secret; `None` when it is too short to be one.
    pub fn new(secret: &str) -> Option<Self> {
        (secret.len() >= Self::BYTES_MIN).then(|| Self(sha256(secret.as_bytes())))
    }

    /// Whether a request shows the secret.
    pub(crate) fn shown(&self, headers: &HeaderMap) -> bool {
        headers.get(SECRET).is_some_and(|shown| same(&sha256(shown.as_bytes()), &self.0))
    }

    /// For whom a node asks: the one it names, or itself. `None`: the name cannot be read.
    pub(crate) fn principal(headers: &HeaderMap) -> Option<Principal> {
        let Some(named) = headers.get(ON_BEHALF) else {
            return Some(Principal {
                tenant: TenantId::from_static("local"),
                actor: ActorId::from_static("node"),
                roles: vec![Role::Node],
            });
        };
        let it: OnBehalf = serde_json::from_slice(named.as_bytes()).ok()?;
        Some(Principal { tenant: it.tenant, actor: it.actor, roles: it.roles })
    }
}
