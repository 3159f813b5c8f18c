//! Saga `deliver-notification`: what stands in a user's inbox also goes out by mail. Not the mail
//! server, which the port carries.
//!
//! It begins when a notification is sent, and has its number. A user without an address, a refusal and
//! a bounce are no trouble of anybody's: the saga ends undone, the notification stays in the inbox and
//! says why it is undelivered. Whoever published is long done by then.
//!
//! | step | kind | asks | takes back |
//! |---|---|---|---|
//! | open-delivery | undoable | `notification::BeginDelivery` | `notification::MarkUndelivered` |
//! | send-mail | pivot | port `mail`: send | - |
//! | mark-delivered | forward | `notification::MarkDelivered` | - |
//!
//! Reading order: this contract, `plan.rs` (the plan), `ask.rs` (what each step asks of whom),
//! `letter.rs` (what the mail says), `port.rs` (what the mail server is asked).

mod ask;
mod letter;
mod plan;
mod port;
#[cfg(test)]
mod tests;

use domain::saga::{AnyCommand, Heard, Meets, Saga, SagaId, StepName, Steps, Target};
use domain::{Envelope, PublicationId, Timestamp, UserId};
use notifications::notification::{Event, Notice};
use serde::{Deserialize, Serialize};

pub use ask::Ask;
pub use port::{MailRequest, Mailed};

/// The saga.
#[derive(Debug, Clone)]
pub struct DeliverNotification;

/// What it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The notification; the saga's own number.
    pub notification: PublicationId,
    /// Whom it is for.
    pub user: UserId,
    /// The subject of the mail.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The `Message-ID`, once it is sent.
    pub message_id: Option<String>,
    /// Why it is undelivered.
    pub why: Option<String>,
}

/// What a step can get back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Of `send-mail`.
    Mailed(Mailed),
}

impl Saga for DeliverNotification {
    const CONTEXT: &'static str = "notifications";
    const NAME: &'static str = "deliver-notification";
    const CATEGORY: &'static str = "deliver_notification";
    type Trigger = Event;
    type State = State;
    type Ask = Ask;
    type Answer = Answer;

    fn plan() -> Steps<Self> {
        plan::plan()
    }

    fn meet(event: &Envelope<Event>) -> Vec<Meets<State>> {
        match &event.payload {
            Event::Sent { user, kind, title, links, why, .. } => {
                let (title, links, why) = (title.clone(), links.clone(), why.clone());
                let notice = Notice { kind: *kind, title, links, why };
                let state = State {
                    notification: PublicationId(event.id()),
                    user: *user,
                    subject: letter::subject(&notice),
                    text: letter::text(&notice),
                    message_id: None,
                    why: None,
                };
                vec![Meets::Start { saga: SagaId(event.id()), state, at: None }]
            }
            // A mail is sent to who has read it in his inbox too: he may not have the inbox at hand.
            Event::Read
            // Nothing to deliver yet.
            | Event::Promised { .. }
            // What it does itself is no news.
            | Event::DeliveryBegun
            | Event::Delivered { .. }
            | Event::Undelivered { .. } => vec![],
        }
    }

    fn target(ask: &Ask) -> Target {
        ask.target()
    }

    fn command(ask: &Ask, _: Timestamp) -> Option<AnyCommand> {
        ask.command()
    }

    fn answer(_: &Ask, _: &impl Heard) -> Option<Answer> {
        None
    }

    fn fold(state: State, _: StepName<'_>, answer: &Answer) -> State {
        let Answer::Mailed(mailed) = answer;
        State { message_id: Some(mailed.message_id.clone()), ..state }
    }

    fn undoing(state: State, why: &str) -> State {
        State { why: Some(why.to_owned()), ..state }
    }
}
