//! Where providers learn whom they act for. Accounts and addresses are sealed in the log: they are
//! opened here, used for one call, and wiped.

use std::fmt;

use async_trait::async_trait;
use domain::{Platform, TenantId, UserId};
use uuid::Uuid;
use zeroize::Zeroizing;

/// An opened secret or personal value: wiped when dropped, silent in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes it over.
    pub fn new(plain: String) -> Self {
        Self(Zeroizing::new(plain))
    }

    /// The value itself; for the call it is opened for, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// An account of a tenant on a platform.
#[derive(Debug, Clone)]
pub struct Account {
    /// Which.
    pub id: Uuid,
    /// Its public name there.
    pub handle: String,
    /// What lets us act for it.
    pub token: Secret,
}

/// The book could not be read now; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookError(pub String);

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BookError {}

/// Knows the accounts of tenants.
#[async_trait]
pub trait AccountBook: Send + Sync {
    /// The account to act with: the one that is named, if it is still connected; without a name the
    /// one on this platform whose token is the newest. `None`: there is none.
    async fn account(
        &self,
        tenant: &TenantId,
        platform: Platform,
        named: Option<Uuid>,
    ) -> Result<Option<Account>, BookError>;
}

/// Knows the mail addresses of users.
#[async_trait]
pub trait AddressBook: Send + Sync {
    /// The address of a user; `None`: none is known.
    async fn address(&self, tenant: &TenantId, user: UserId) -> Result<Option<Secret>, BookError>;
}

/// Knows who pays for a user at the payment provider.
#[async_trait]
pub trait PayerBook: Send + Sync {
    /// The provider's name of the customer that is charged for this user; `None`: nobody pays.
    async fn payer(&self, tenant: &TenantId, user: UserId) -> Result<Option<String>, BookError>;
}
