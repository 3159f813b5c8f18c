//! Who asks. Not how it was proven: that is the edge's affair.

use serde::{Deserialize, Serialize};

use crate::{ActorId, TenantId};

/// What a principal may do, coarsely; finer policies come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, on every tenant page of the console too.
    Owner,
    /// Commands and queries of the product.
    Member,
    /// Queries only.
    Viewer,
    /// Steers sagas and projections.
    Operator,
    /// Reads the history and its proofs.
    Auditor,
    /// Another node of the same installation.
    Node,
}

/// The one who asks, carried by every command, query, console action and effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// Whose data it may touch.
    pub tenant: TenantId,
    /// Its name in the history.
    pub actor: ActorId,
    /// What it may do.
    pub roles: Vec<Role>,
}

impl Principal {
    /// The owner of a loopback installation without authentication: tenant `local`, actor `owner`.
    pub fn local_owner() -> Self {
        Self {
            tenant: TenantId::from_static("local"),
            actor: ActorId::from_static("owner"),
            roles: vec![Role::Owner],
        }
    }

    /// Whether it has one of these roles; an owner has all but `Node`.
    pub fn has(&self, any: &[Role]) -> bool {
        self.roles
            .iter()
            .any(|r| any.contains(r) || (*r == Role::Owner && !any.contains(&Role::Node)))
    }
}
