//! What the saga asks of a mail server, and what it gives: plain data, stored as it stands. The
//! address is opened by the adapter and stands nowhere here.

use domain::{PublicationId, UserId};
use serde::{Deserialize, Serialize};

/// Mail a notification to a user: port `mail`. The adapter makes the `Message-ID` of the call's key,
/// so that a repeat is the same mail.
///
/// A mail server cannot be asked whether it took a mail, and a second copy does no harm: so the
/// adapter answers a probe with `NotHappened`, and what nobody confirmed is sent again, or left
/// undelivered once it was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRequest {
    /// The notification; it has the number of the publication it is about.
    pub notification: PublicationId,
    /// To whom; the address is the user's affair.
    pub user: UserId,
    /// The subject, one line.
    pub subject: String,
    /// The text, plain.
    pub text: String,
}

/// What a mail server gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    /// The `Message-ID`, with its angle brackets.
    pub message_id: String,
}
