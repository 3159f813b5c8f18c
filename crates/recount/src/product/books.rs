//! The books of providers: whose account, whose address, who pays. Read from the log and the read
//! models; secrets are opened with the keyring for one call. Not the providers.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use codec::Schemas;
use domain::query::{Compare, Condition, Test};
use domain::{Decider, Platform, Projection, Sealed, StreamId, TenantId, Timestamp, UserId, Value};
use keyring::Keyring;
use log::Log;
use notifications::recipient::{self, Recipient};
use ports::{Account, AccountBook, AddressBook, BookError, PayerBook, Secret};
use projector::{ListQuery, ReadStore, RowJson, Table, Whose};
use social::account::{self, Account as Accounts};
use social_projections::accounts::AccountRow;
use uuid::Uuid;

use super::reads::LateReads;

/// Most accounts of a tenant on one platform that are looked at.
const ACCOUNTS_MAX: u16 = 200;

/// Log, read models and keys of this installation.
#[derive(Clone)]
pub(crate) struct Books {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) reads: LateReads,
}

fn unread(error: impl std::fmt::Display) -> BookError {
    BookError(error.to_string())
}

impl Books {
    /// The state of an aggregate of this tenant, folded from the log; another tenant's was never begun.
    async fn state<D: Decider>(
        &self,
        topic: &'static str,
        tenant: &TenantId,
        id: Uuid,
    ) -> Result<D::State, BookError>
    where
        D::State: Default + Send + 'static,
    {
        let (log, schemas, tenant) =
            (Arc::clone(&self.log), Arc::clone(&self.schemas), tenant.clone());
        let folding = tokio::task::spawn_blocking(move || {
            let stream = StreamId::new(D::CATEGORY, id);
            let history =
                audit::History::new(log, Arc::clone(&schemas)).category(D::CATEGORY, topic);
            let mut state = D::State::default();
            for event in history.stream(&stream).map_err(unread)? {
                if event.meta.tenant != tenant {
                    continue;
                }
                let event = schemas.decode::<D::Event>(&event.data).map_err(unread)?;
                state = D::evolve(state, &event);
            }
            Ok(state)
        });
        folding.await.map_err(unread)?
    }

    fn opened(&self, sealed: &Sealed, field: &'static str) -> Result<Option<Secret>, BookError> {
        match self.keys.open_sealed(sealed, field) {
            Ok(plain) => Ok(plain.expose_str().map(|text| Secret::new(text.to_owned()))),
            // Forgotten on purpose: as if it had never been known.
            Err(keyring::UnsealError::Destroyed { .. }) => Ok(None),
            Err(error) => Err(unread(error)),
        }
    }

    async fn connected(&self, tenant: &TenantId, id: Uuid) -> Result<Option<Account>, BookError> {
        match self.state::<Accounts>("social.events", tenant, id).await? {
            account::State::Connected { handle, access_token, .. } => {
                let token = self.opened(&access_token, "access_token")?;
                Ok(token.map(|token| Account { id, handle, token }))
            }
            account::State::Absent | account::State::Disconnected { .. } => Ok(None),
        }
    }

    /// Connected accounts on a platform, the newest token first.
    async fn candidates(
        &self,
        tenant: &TenantId,
        platform: Platform,
    ) -> Result<Vec<Uuid>, BookError> {
        let is = |column, word: &str| {
            let with = Value::Text(word.to_owned());
            Condition::Is(Compare { column, test: Test::Is, with })
        };
        let query = ListQuery {
            whose: Whose::Tenant(tenant.clone()),
            only: Condition::All(vec![is("platform", platform.as_str()), is("state", "connected")]),
            sort: "connected_at",
            descending: true,
            after: None,
            limit: ACCOUNTS_MAX,
        };
        // How far it was before it was asked: what it says then is at least that new.
        let behind = self.behind()?;
        let page = self.reads.list(&Table::of::<AccountRow>(), &query).await.map_err(unread)?;
        if page.items.is_empty() && behind {
            return Err(BookError("the accounts are not read to their end yet".to_owned()));
        }
        let text = |row: &RowJson, name: &str| row.get(name)?.as_str().map(str::to_owned);
        let mut found: Vec<(Timestamp, Uuid)> = page
            .items
            .iter()
            .filter_map(|row| {
                let token_at = text(row, "token_at")?.parse().ok()?;
                Some((token_at, text(row, "account_id")?.parse().ok()?))
            })
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    /// Whether the read model of accounts lacks something that stands in the log.
    fn behind(&self) -> Result<bool, BookError> {
        let status = ReadStore::status(&self.reads);
        let accounts = status.iter().find(|it| it.name == AccountRow::NAME);
        let accounts =
            accounts.ok_or_else(|| BookError("the accounts are not there yet".into()))?;
        Ok(accounts.lanes.iter().any(|lane| lane.events > 0))
    }
}

#[async_trait]
impl AccountBook for Books {
    async fn account(
        &self,
        tenant: &TenantId,
        platform: Platform,
        named: Option<Uuid>,
    ) -> Result<Option<Account>, BookError> {
        if let Some(id) = named {
            return self.connected(tenant, id).await;
        }
        for id in self.candidates(tenant, platform).await? {
            // The log has the last word: it may have been disconnected since.
            if let Some(account) = self.connected(tenant, id).await? {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl AddressBook for Books {
    async fn address(&self, tenant: &TenantId, user: UserId) -> Result<Option<Secret>, BookError> {
        match self.state::<Recipient>("notifications.events", tenant, user.0).await? {
            recipient::State::Known { mail_address } => self.opened(&mail_address, "mail_address"),
            recipient::State::Absent | recipient::State::Unknown => Ok(None),
        }
    }
}

/// Who pays, from a file of the operator's: `tenant = "cus_..."`, and `"tenant/user" = "cus_..."` for
/// single users. It is read for each charge: a new line needs no restart.
#[derive(Debug)]
pub(crate) struct Payers(Option<PathBuf>);

impl Payers {
    /// In this file, which must be readable now; nobody pays without one.
    pub(crate) fn open(file: Option<&str>) -> Result<Self> {
        let payers = Self(file.map(PathBuf::from));
        payers.read().map_err(anyhow::Error::msg)?;
        Ok(payers)
    }

    fn read(&self) -> Result<toml::Table, String> {
        let Some(file) = &self.0 else { return Ok(toml::Table::new()) };
        let wrong = |why: String| format!("{}: {why}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let table: toml::Table = text.parse().map_err(|_| wrong("it is no TOML".to_owned()))?;
        match table.iter().find(|(_, customer)| !customer.is_str()) {
            Some((whose, _)) => Err(wrong(format!("the customer of `{whose}` must be text"))),
            None => Ok(table),
        }
    }
}

#[async_trait]
impl PayerBook for Payers {
    async fn payer(&self, tenant: &TenantId, user: UserId) -> Result<Option<String>, BookError> {
        let all = self.read().map_err(BookError)?;
        let of = |whose: &str| all.get(whose)?.as_str().map(str::to_owned);
        Ok(of(&format!("{tenant}/{user}")).or_else(|| of(tenant.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_pays_himself_or_his_tenant_does_and_a_new_line_needs_no_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("customers.toml");
        let (tenant, user) = (TenantId::from_static("local"), UserId(Uuid::from_u128(7)));
        std::fs::write(&file, "local = \"cus_all\"\n").unwrap();
        let payers = Payers::open(file.to_str()).unwrap();
        assert_eq!(payers.payer(&tenant, user).await.unwrap().as_deref(), Some("cus_all"));
        std::fs::write(&file, format!("local = \"cus_all\"\n\"local/{user}\" = \"cus_7\"\n"))
            .unwrap();
        assert_eq!(payers.payer(&tenant, user).await.unwrap().as_deref(), Some("cus_7"));
        let other = TenantId::from_static("other");
        assert_eq!(payers.payer(&other, user).await.unwrap(), None);
        std::fs::write(&file, "local = 7").unwrap();
        let error = payers.payer(&tenant, user).await.unwrap_err().to_string();
        assert!(error.ends_with("the customer of `local` must be text"), "{error}");
        assert!(Payers::open(file.to_str()).is_err());
        assert_eq!(Payers::open(None).unwrap().payer(&tenant, user).await.unwrap(), None);
    }
}
