//! Publishes on Bluesky, over the AT protocol. Not a client of Bluesky: it logs in, writes one kind of
//! record, looks at it, and deletes it.
//!
//! **Once.** The name of a post's record (a TID) is made of the step's key, and it is written by
//! `putRecord` with `swapRecord: null`: absent, it is made; there with the same content, nothing
//! happens; there with another, it is refused. So every attempt is the same call. (`createRecord` with
//! a name of its own answers 500 to a repetition.)
//!
//! What becomes of a call:
//!
//! | meets | publish | withdraw | probe |
//! |---|---|---|---|
//! | 200 | done | done, also when nothing is there | happened |
//! | `InvalidSwap`: something stands under the name | what stands decides: the same text is done, another is refused `record_taken` | - | - |
//! | `RecordNotFound` | - | - | not happened |
//! | no account, or none that is still connected | refused `no_account` | refused `no_account` | cannot tell |
//! | login refused | refused `account_not_accepted` | refused `account_not_accepted` | cannot tell |
//! | 400, 403, 413: the post itself | refused `not_accepted` | refused `not_accepted` | cannot tell |
//! | 401, `ExpiredToken`, `InvalidToken` | a new session, once more; then transient | same | same, then cannot tell |
//! | 429, at login or at the call | transient, with `Retry-After` | same | cannot tell |
//! | no connection, no time left | transient | transient | cannot tell |
//! | lost or cut answer, 5xx, at the call | **unknown** | **unknown** | cannot tell |
//! | the same at login, where nothing is written | transient | transient | cannot tell |
//!
//! Sessions are kept per account and refreshed: logins are few (30 in 5 minutes).

mod post;
mod session;
mod tid;
mod xrpc;

use std::sync::Arc;

use async_trait::async_trait;
use domain::Platform;
use domain::saga::{Fault, Outcome, Probe, Refusal};
use ports::{AccountBook, Effect, PublishRequest, Published, Publishing, WithdrawRequest};
use provider_http::BadUrl;
use serde_json::{Value, json};
use uuid::Uuid;

use session::{Open, Sessions};
use xrpc::{Said, Xrpc};

const COLLECTION: &str = "app.bsky.feed.post";

/// Publishes on one Bluesky server.
#[derive(Debug)]
pub struct Bluesky {
    xrpc: Xrpc,
    sessions: Sessions,
    accounts: Book,
}

struct Book(Arc<dyn AccountBook>);

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccountBook")
    }
}

/// Why there is no answer that can be read.
enum Not {
    Refused(Refusal),
    Transient(Fault),
    Unknown(Fault),
}

impl<T> From<Not> for Outcome<T> {
    fn from(not: Not) -> Self {
        match not {
            Not::Refused(no) => Self::Refused(no),
            Not::Transient(fault) => Self::Transient(fault),
            Not::Unknown(fault) => Self::Unknown(fault),
        }
    }
}

/// One call of an open session: method, body, and whether it writes.
#[derive(Clone, Copy)]
enum Call<'a> {
    Put(&'a Value),
    Delete(&'a Value),
    Get(&'a str),
}

impl Bluesky {
    /// Publishes on the server at `url`, as `https://bsky.social`, with the accounts of this book,
    /// whose tokens are app passwords.
    pub fn new(url: &str, accounts: Arc<dyn AccountBook>) -> Result<Self, BadUrl> {
        let (xrpc, sessions) = (Xrpc::new(url)?, Sessions::default());
        Ok(Self { xrpc, sessions, accounts: Book(accounts) })
    }

    /// The account to act with, its session open.
    async fn open(&self, effect: &Effect, named: Option<Uuid>) -> Result<(Uuid, Open), Not> {
        let account = self.accounts.0.account(&effect.tenant, Platform::Bluesky, named).await;
        let account = account.map_err(|error| Not::Transient(Fault::new(error.to_string())))?;
        let account = account.ok_or_else(|| {
            let detail = if named.is_some() {
                "the Bluesky account is no longer connected"
            } else {
                "no Bluesky account is connected"
            };
            Not::Refused(Refusal::new("no_account", detail))
        })?;
        let open = self.sessions.of(&self.xrpc, &account, effect.due_at).await?;
        Ok((account.id, open))
    }

    /// Makes a call with a session; one that has run out is renewed, and the call made once more:
    /// nothing was done under it.
    async fn call(
        &self,
        effect: &Effect,
        account: Uuid,
        open: Open,
        call: Call<'_>,
    ) -> Result<Said, Not> {
        let mut open = open;
        for renewed in [false, true] {
            let said = match call {
                Call::Put(body) => {
                    self.xrpc.write("com.atproto.repo.putRecord", &open.access, body, effect).await
                }
                Call::Delete(body) => {
                    self.xrpc
                        .write("com.atproto.repo.deleteRecord", &open.access, body, effect)
                        .await
                }
                Call::Get(rkey) => self.xrpc.record(&open, rkey, effect).await,
            }?;
            if !said.session_ended() {
                return Ok(said);
            }
            if renewed {
                break;
            }
            open = self.sessions.renew(&self.xrpc, account, &open, effect.due_at).await?;
        }
        let detail = format!("{} takes no session that it has just given", self.xrpc.host());
        Err(Not::Transient(Fault::new(detail)))
    }

    async fn put(&self, effect: &Effect, ask: &PublishRequest) -> Result<Published, Not> {
        let (account, open) = self.open(effect, ask.account).await?;
        let rkey = tid::of(effect.key);
        let record = post::record(ask, effect.asked_at);
        let body = json!({
            "repo": open.did, "collection": COLLECTION, "rkey": rkey,
            "swapRecord": null, "record": record,
        });
        let did = open.did.clone();
        let said = self.call(effect, account, open.clone(), Call::Put(&body)).await?;
        if said.is("InvalidSwap") {
            let there = self.call(effect, account, open, Call::Get(&rkey)).await?;
            let same = there.body["value"]["text"].as_str() == Some(&*ask.text);
            if there.ok() && same {
                return Ok(published(&there.body, &did, &rkey, account));
            }
            let detail = "another post stands under the name of this one";
            return Err(Not::Refused(Refusal::new("record_taken", detail)));
        }
        said.must_be_ok(self.xrpc.host())?;
        Ok(published(&said.body, &did, &rkey, account))
    }

    async fn delete(&self, effect: &Effect, ask: &WithdrawRequest) -> Result<(), Not> {
        let seen = ask.published.as_ref();
        let named = seen.and_then(|it| it.account).or(ask.publish.account);
        let (account, open) = self.open(effect, named).await?;
        let told = seen.and_then(|it| it.uri.rsplit('/').next());
        let rkey = told.map_or_else(|| tid::of(effect.forward_key()), str::to_owned);
        let body = json!({ "repo": open.did, "collection": COLLECTION, "rkey": rkey });
        let said = self.call(effect, account, open, Call::Delete(&body)).await?;
        said.must_be_ok(self.xrpc.host())
    }

    async fn look(&self, effect: &Effect, ask: &PublishRequest) -> Result<Option<Published>, Not> {
        let (account, open) = self.open(effect, ask.account).await?;
        let rkey = tid::of(effect.forward_key());
        let did = open.did.clone();
        let said = self.call(effect, account, open, Call::Get(&rkey)).await?;
        if said.is("RecordNotFound") {
            return Ok(None);
        }
        said.must_be_ok(self.xrpc.host())?;
        Ok(Some(published(&said.body, &did, &rkey, account)))
    }
}

#[async_trait]
impl Publishing for Bluesky {
    async fn publish(&self, effect: &Effect, ask: &PublishRequest) -> Outcome<Published> {
        self.put(effect, ask).await.map_or_else(Into::into, Outcome::Done)
    }

    async fn withdraw(&self, effect: &Effect, ask: &WithdrawRequest) -> Outcome<()> {
        self.delete(effect, ask).await.map_or_else(Into::into, Outcome::Done)
    }

    async fn probe(&self, effect: &Effect, ask: &PublishRequest) -> Probe<Published> {
        match self.look(effect, ask).await {
            Ok(Some(published)) => Probe::Happened(published),
            Ok(None) => Probe::NotHappened,
            Err(_) => Probe::CannotTell,
        }
    }
}

/// From what the server told of a record; what it did not tell follows from its name.
fn published(told: &Value, did: &str, rkey: &str, account: Uuid) -> Published {
    let uri = told["uri"]
        .as_str()
        .map_or_else(|| format!("at://{did}/{COLLECTION}/{rkey}"), str::to_owned);
    Published {
        uri,
        link: Some(format!("https://bsky.app/profile/{did}/post/{rkey}")),
        revision: told["cid"].as_str().map(str::to_owned),
        account: Some(account),
    }
}
