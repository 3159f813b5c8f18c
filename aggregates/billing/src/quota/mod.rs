//! A quota: how many publications a tenant has in a month. Not what they cost, and not who publishes.
//!
//! Lifecycle: it is there from the beginning, with [`MONTHLY_DEFAULT`]; a publication is held, then
//! used or released. A tenant has one, whose id is [`id_of`] the tenant. Only the allowance has a
//! route; the rest is asked by the saga `publish-post`.
//!
//! What always holds:
//! - what is held and what was used this month (UTC) is never more than the allowance, unless that
//!   was lowered meanwhile;
//! - a publication is held, used and released once, however often it is asked.
//!
//! Limit: [`MONTHLY_MAX`].
//!
//! Reading order: this language, [`State`], `decide.rs` (the rules), `requests.rs` (the route).

mod decide;
mod month;
#[cfg(test)]
mod request_tests;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use domain::{EventSet, PublicationId, RejectionKind, TenantId, Timestamp, Uuid};

pub use month::Month;
pub use state::{MONTHLY_DEFAULT, MONTHLY_MAX, State};

/// The id of a tenant's quota.
pub fn id_of(tenant: &TenantId) -> Uuid {
    domain::derived_id(&["quota", tenant.as_str()])
}

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Quota;

/// What can be asked of a quota.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Allow so many from now on.
    Set {
        /// How many publications in a month.
        monthly: i64,
    },
    /// Keep one for a publication.
    Hold {
        /// Which publication.
        publication: PublicationId,
        /// When this was asked.
        at: Timestamp,
    },
    /// It was published.
    Use {
        /// Which publication.
        publication: PublicationId,
        /// When this was asked.
        at: Timestamp,
    },
    /// It did not come about.
    Release {
        /// Which publication.
        publication: PublicationId,
    },
}

/// What can happen to a quota. Names and fields are the stored format: they never change, a new
/// meaning is a new version.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "billing.quota")]
pub enum Event {
    /// Another number is allowed.
    #[event("set.v1")]
    Set {
        /// How many publications in a month.
        monthly: i64,
    },
    /// One is kept for a publication.
    #[event("held.v1")]
    Held {
        /// Which publication.
        publication: PublicationId,
        /// The month, as `2026-11`.
        month: Month,
    },
    /// One was used.
    #[event("used.v1")]
    Used {
        /// By which publication.
        publication: PublicationId,
        /// The month that it counts for, as `2026-11`.
        month: Month,
    },
    /// One is free again.
    #[event("released.v1")]
    Released {
        /// Which publication did not come about.
        publication: PublicationId,
    },
}

/// Why a rule says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing is left.
    #[error("the {monthly} publications of {month} are used or held; raise the quota, or wait")]
    QuotaExhausted {
        /// The month.
        month: Month,
        /// How many it has.
        monthly: i64,
    },
}

impl domain::Rejection for Rejection {
    fn rule(&self) -> &'static str {
        match self {
            Self::QuotaExhausted { .. } => "quota_exhausted",
        }
    }

    fn kind(&self) -> RejectionKind {
        RejectionKind::Conflict
    }
}

impl Command {
    /// Its name; the route's, where there is one.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "set_quota",
            Self::Hold { .. } => "hold_quota",
            Self::Use { .. } => "use_quota",
            Self::Release { .. } => "release_quota",
        }
    }
}
