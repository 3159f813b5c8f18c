//! Sessions: one an account, kept until it runs out, then refreshed. Not the accounts themselves.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use domain::Timestamp;
use domain::saga::Refusal;
use ports::{Account, Secret};
use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::Not;
use crate::xrpc::{Said, Xrpc};

/// An open session.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// The account's identity.
    pub(crate) did: String,
    /// What calls show.
    pub(crate) access: Secret,
    refresh: Secret,
    /// What it was opened with: a new password needs a new session.
    password: Secret,
    handle: String,
}

/// All open sessions. An account's is held while it is opened, so that many calls make one login.
#[derive(Debug, Default)]
pub(crate) struct Sessions(std::sync::Mutex<HashMap<Uuid, Arc<Mutex<Option<Open>>>>>);

impl Sessions {
    fn place(&self, account: Uuid) -> Arc<Mutex<Option<Open>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(account).or_default())
    }

    /// The session of an account, opened when there is none.
    pub(crate) async fn of(
        &self,
        xrpc: &Xrpc,
        account: &Account,
        due_at: Timestamp,
    ) -> Result<Open, Not> {
        let place = self.place(account.id);
        let mut place = place.lock().await;
        if let Some(open) = place.as_ref().filter(|it| it.password == account.token) {
            return Ok(open.clone());
        }
        let open = login(xrpc, &account.handle, &account.token, due_at).await?;
        Ok(place.insert(open).clone())
    }

    /// A session after `ended`, which has run out.
    pub(crate) async fn renew(
        &self,
        xrpc: &Xrpc,
        account: Uuid,
        ended: &Open,
        due_at: Timestamp,
    ) -> Result<Open, Not> {
        let place = self.place(account);
        let mut place = place.lock().await;
        if let Some(open) = place.as_ref().filter(|it| it.access != ended.access) {
            // Another call was faster.
            return Ok(open.clone());
        }
        *place = None;
        let method = "com.atproto.server.refreshSession";
        let said = xrpc.session(method, Some(&ended.refresh), None, due_at).await?;
        let open = match opened(&said, &ended.handle, &ended.password) {
            Some(open) => open,
            None if said.limited() => return Err(Not::Transient(said.fault(xrpc.host()))),
            None => login(xrpc, &ended.handle, &ended.password, due_at).await?,
        };
        Ok(place.insert(open).clone())
    }
}

async fn login(
    xrpc: &Xrpc,
    handle: &str,
    password: &Secret,
    due_at: Timestamp,
) -> Result<Open, Not> {
    let body = json!({ "identifier": handle, "password": password.expose() });
    let method = "com.atproto.server.createSession";
    let said = xrpc.session(method, None, Some(&body), due_at).await?;
    if let Some(open) = opened(&said, handle, password) {
        return Ok(open);
    }
    if said.limited() {
        return Err(Not::Transient(said.fault(xrpc.host())));
    }
    let words = said.words();
    let detail = format!("{} does not accept the account: {words}", xrpc.host());
    Err(Not::Refused(Refusal::new("account_not_accepted", detail)))
}

fn opened(said: &Said, handle: &str, password: &Secret) -> Option<Open> {
    let text = |name: &str| said.body[name].as_str().filter(|_| said.ok()).map(str::to_owned);
    Some(Open {
        did: text("did")?,
        access: Secret::new(text("accessJwt")?),
        refresh: Secret::new(text("refreshJwt")?),
        password: password.clone(),
        handle: handle.to_owned(),
    })
}
