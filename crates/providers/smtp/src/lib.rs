//! Hands letters to a mail server, over SMTP. Not a mail server, and not a queue: one connection a
//! letter, one try.
//!
//! **Once, as far as mail can.** The `Message-ID` is made of the step's key: a copy that is sent again
//! is the same letter to whoever reads it. A server cannot be asked what it took.
//!
//! What becomes of a letter:
//!
//! | meets | it is |
//! |---|---|
//! | 250 behind the text | done |
//! | 4xx anywhere | transient |
//! | 5xx anywhere | refused `mail_refused` |
//! | no address is known, or it is none | refused `no_address`, `bad_address` |
//! | the login is refused (535) | transient: an operator must look |
//! | the server has no TLS, or a certificate that nobody vouches for | transient: an operator must look |
//! | no connection, cut or silent before the text | transient |
//! | cut or silent behind the text, or an answer that cannot be read | **unknown** |

mod letter;
mod server;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::saga::{Fault, Outcome, Refusal};
use lettre::Address;
use lettre::message::Mailbox;
use ports::{AddressBook, Effect, Mail, MailRequest, Mailed};

pub use server::{BadServer, Server};

/// What the answer must be written down in, before the effect is due.
const MARGIN_MS: i64 = 100;

/// Sends from one address by one server.
pub struct Smtp {
    server: Server,
    from: Mailbox,
    addresses: Arc<dyn AddressBook>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("server", &self.server).finish_non_exhaustive()
    }
}

/// How far a talk with the server came to no end.
#[derive(Debug)]
pub(crate) enum Stopped {
    Refused(Refusal),
    Transient(Fault),
    Unknown(Fault),
}

impl Smtp {
    /// Sends by this server, from `from`, as `Recount <recount@example.org>`; the book knows whom users
    /// are reached at.
    pub fn new(
        server: Server,
        from: &str,
        addresses: Arc<dyn AddressBook>,
    ) -> Result<Self, BadServer> {
        let from = from.parse().map_err(|_| BadServer::From(from.to_owned()))?;
        Ok(Self { server, from, addresses })
    }

    async fn hand_over(&self, effect: &Effect, ask: &MailRequest) -> Result<Mailed, Stopped> {
        let known = self.addresses.address(&effect.tenant, ask.user).await;
        let known = known.map_err(|error| Stopped::Transient(Fault::new(error.to_string())))?;
        let refused = |rule: &str, detail: &str| Stopped::Refused(Refusal::new(rule, detail));
        let known = known.ok_or_else(|| refused("no_address", "no mail address is known"))?;
        let to: Address = known
            .expose()
            .parse()
            .map_err(|_| refused("bad_address", "the mail address is none"))?;
        let message_id = letter::message_id(effect.key, &self.from);
        let letter = letter::written(&self.from, &to, ask, &message_id)
            .map_err(|why| refused("bad_letter", &why))?;
        let left_ms = effect.due_at.ms_since(provider_http::now()) - MARGIN_MS;
        let Some(left) = u64::try_from(left_ms).ok().filter(|it| *it > 0) else {
            return Err(Stopped::Transient(Fault::new("no time was left to send it")));
        };
        self.server.send(&letter, Duration::from_millis(left)).await?;
        Ok(Mailed { message_id })
    }
}

#[async_trait]
impl Mail for Smtp {
    async fn send(&self, effect: &Effect, ask: &MailRequest) -> Outcome<Mailed> {
        match self.hand_over(effect, ask).await {
            Ok(mailed) => Outcome::Done(mailed),
            Err(Stopped::Refused(no)) => Outcome::Refused(no),
            Err(Stopped::Transient(fault)) => Outcome::Transient(fault),
            Err(Stopped::Unknown(fault)) => Outcome::Unknown(fault),
        }
    }
}
