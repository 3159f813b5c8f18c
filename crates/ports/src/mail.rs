//! The port to mail: a letter is handed to a mail server. What is handed over cannot be taken back,
//! and a server cannot be asked about it: so there is neither an undo nor a probe.

use async_trait::async_trait;
use domain::saga::Outcome;
use notifications_sagas::deliver_notification::{MailRequest, Mailed};

use crate::Effect;

/// Sends mail. Tries once, and ends before the effect is due.
#[async_trait]
pub trait Mail: Send + Sync {
    /// Hands a letter over. Its `Message-ID` is the same for every attempt, so that a second copy can
    /// be told from a second letter.
    async fn send(&self, effect: &Effect, ask: &MailRequest) -> Outcome<Mailed>;
}
