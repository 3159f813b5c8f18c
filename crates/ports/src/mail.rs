//! The port to mail: a letter is handed to a mail server. What is handed over cannot be taken back,
//! and a server cannot be asked about it: so there is neither an undo nor a probe.

use async_trait::async_trait;
use domain::saga::Outcome;
use uuid::Uuid;

use crate::Effect;

/// A letter to a user, whose address only the adapter learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub user: Uuid,
    /// Its subject, one line.
    pub subject: String,
    /// Its text, plain.
    pub text: String,
}

/// A letter that the mail server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its `Message-ID`, with `<` and `>`: the same for every attempt, so that a second copy can be
    /// told from a second letter.
    pub message_id: String,
}

/// Sends mail. Tries once, and ends before the effect is due.
#[async_trait]
pub trait Mail: Send + Sync {
    /// Hands a letter over.
    async fn send(&self, effect: &Effect, letter: &Letter) -> Outcome<Posted>;
}
