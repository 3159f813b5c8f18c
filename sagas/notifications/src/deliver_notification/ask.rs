//! What each step asks of whom, as data, and as the command of an aggregate. Not the calls, which the
//! port carries.

use domain::saga::{AnyCommand, Target};
use domain::{Decider, PublicationId, StreamId};
use notifications::notification::{Command, Notification};
use serde::{Deserialize, Serialize};

use super::port::MailRequest;
use super::{Answer, State};

/// What a step can ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "a field is named as in the command that it becomes")]
pub enum Ask {
    /// `open-delivery`.
    BeginDelivery { notification: PublicationId },
    /// The undo of `open-delivery`.
    MarkUndelivered { notification: PublicationId, why: Option<String> },
    /// `send-mail`: port `mail`.
    SendMail(MailRequest),
    /// `mark-delivered`.
    MarkDelivered { notification: PublicationId, message_id: Option<String> },
}

pub(super) fn begin_delivery(state: &State, _: &str) -> Ask {
    Ask::BeginDelivery { notification: state.notification }
}

pub(super) fn mark_undelivered(state: &State, _: &str, _: Option<&Answer>) -> Ask {
    Ask::MarkUndelivered { notification: state.notification, why: state.why.clone() }
}

pub(super) fn send_mail(state: &State, _: &str) -> Ask {
    let (notification, user) = (state.notification, state.user);
    let (subject, text) = (state.subject.clone(), state.text.clone());
    Ask::SendMail(MailRequest { notification, user, subject, text })
}

pub(super) fn mark_delivered(state: &State, _: &str) -> Ask {
    let (notification, message_id) = (state.notification, state.message_id.clone());
    Ask::MarkDelivered { notification, message_id }
}

impl Ask {
    pub(super) fn target(&self) -> Target {
        let notification = |id: &PublicationId, what| {
            Target::aggregate(StreamId::new(Notification::CATEGORY, id.0), what)
        };
        match self {
            Self::BeginDelivery { notification: id } => notification(id, "begin its delivery"),
            Self::MarkUndelivered { notification: id, .. } => {
                notification(id, "say that it is undelivered")
            }
            Self::MarkDelivered { notification: id, .. } => {
                notification(id, "say that it is delivered")
            }
            Self::SendMail(mail) => Target::port("mail", format!("mail user {}", mail.user)),
        }
    }

    pub(super) fn command(&self) -> Option<AnyCommand> {
        Some(AnyCommand::new(match self {
            Self::BeginDelivery { .. } => Command::BeginDelivery,
            Self::MarkUndelivered { why, .. } => Command::MarkUndelivered { why: why.clone() },
            Self::MarkDelivered { message_id, .. } => {
                Command::MarkDelivered { message_id: message_id.clone() }
            }
            Self::SendMail(_) => return None,
        }))
    }
}
