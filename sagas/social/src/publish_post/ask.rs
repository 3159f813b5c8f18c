//! What each step asks of whom, as data, and as the command of an aggregate. Not the calls, which the
//! ports carry.

use std::collections::BTreeSet;

use billing::{payment, quota};
use content::post;
use domain::saga::{AnyCommand, Heard, Target};
use domain::{
    Decider, Link, Money, Platform, PostId, PublicationId, StreamId, Timestamp, UserId, Uuid,
};
use notifications::notification;
use serde::{Deserialize, Serialize};
use social::publication;

use super::port::{ChargeRequest, Charged, PublishRequest, RefundRequest, WithdrawRequest};
use super::{Answer, PostText, State};

/// What a step can ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "a field is named as in the command that it becomes")]
pub enum Ask {
    /// `open-publication`.
    OpenPublication {
        publication: PublicationId,
        post: PostId,
        plan: i64,
        platforms: BTreeSet<Platform>,
        boost: Option<Money>,
    },
    /// The undo of `open-publication`.
    FailPublication { publication: PublicationId, why: Option<String> },
    /// `open-notice`.
    PromiseNotice { notification: PublicationId, user: UserId, post: PostId },
    /// `send-notice`, and the undo of `open-notice`.
    SendNotice { notification: PublicationId, notice: Notice },
    /// `take-post`.
    TakePost {
        post: PostId,
        publication: PublicationId,
        plan: Option<i64>,
        platforms: BTreeSet<Platform>,
    },
    /// The undo of `take-post`.
    StopPost { post: PostId, publication: PublicationId },
    /// `hold-quota`.
    HoldQuota { quota: Uuid, publication: PublicationId },
    /// The undo of `hold-quota`.
    ReleaseQuota { quota: Uuid, publication: PublicationId },
    /// `use-quota`.
    UseQuota { quota: Uuid, publication: PublicationId },
    /// `open-payment`.
    OpenPayment { payment: PublicationId, customer: UserId, amount: Money },
    /// The undo of `open-payment`.
    CancelPayment { payment: PublicationId, reference: Option<String> },
    /// `settle-payment`.
    SettlePayment { payment: PublicationId, reference: Option<String> },
    /// `charge-boost`: port `payments`.
    Charge(ChargeRequest),
    /// The undo of `charge-boost`: port `payments`.
    Refund(RefundRequest),
    /// `publish`: port `publishing`.
    Publish(PublishRequest),
    /// The undo of `publish`: port `publishing`.
    Withdraw(WithdrawRequest),
    /// `confirm`.
    Confirm { publication: PublicationId, links: Vec<Link> },
    /// `mark-post`.
    MarkPost { post: PostId, publication: PublicationId, links: Vec<Link> },
}

/// What the author is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub kind: notification::Kind,
    /// The title of the post, if the post was taken.
    pub title: Option<String>,
    /// Where it can be read.
    pub links: Vec<Link>,
    /// Why it was taken back.
    pub why: Option<String>,
}

pub(super) fn open_publication(state: &State, _: &str) -> Ask {
    Ask::OpenPublication {
        publication: state.publication,
        post: state.post,
        plan: state.plan.unwrap_or(0),
        platforms: state.platforms.clone(),
        boost: state.boost.clone(),
    }
}

pub(super) fn fail_publication(state: &State, _: &str, _: Option<&Answer>) -> Ask {
    Ask::FailPublication { publication: state.publication, why: state.why.clone() }
}

pub(super) fn promise_notice(state: &State, _: &str) -> Ask {
    Ask::PromiseNotice { notification: state.publication, user: state.author, post: state.post }
}

pub(super) fn send_failure(state: &State, _: &str, _: Option<&Answer>) -> Ask {
    notice(state, notification::Kind::NotPublished, vec![], state.why.clone())
}

pub(super) fn send_notice(state: &State, _: &str) -> Ask {
    notice(state, notification::Kind::Published, state.links.clone(), None)
}

fn notice(state: &State, kind: notification::Kind, links: Vec<Link>, why: Option<String>) -> Ask {
    let title = state.text.as_ref().and_then(|text| text.title.clone());
    let notice = Notice { kind, title, links, why };
    Ask::SendNotice { notification: state.publication, notice }
}

pub(super) fn take_post(state: &State, _: &str) -> Ask {
    let (post, publication, plan) = (state.post, state.publication, state.plan);
    Ask::TakePost { post, publication, plan, platforms: state.platforms.clone() }
}

pub(super) fn stop_post(state: &State, _: &str, _: Option<&Answer>) -> Ask {
    Ask::StopPost { post: state.post, publication: state.publication }
}

pub(super) fn hold_quota(state: &State, _: &str) -> Ask {
    Ask::HoldQuota { quota: quota::id_of(&state.tenant), publication: state.publication }
}

pub(super) fn release_quota(state: &State, _: &str, _: Option<&Answer>) -> Ask {
    Ask::ReleaseQuota { quota: quota::id_of(&state.tenant), publication: state.publication }
}

pub(super) fn use_quota(state: &State, _: &str) -> Ask {
    Ask::UseQuota { quota: quota::id_of(&state.tenant), publication: state.publication }
}

pub(super) fn open_payment(state: &State, _: &str) -> Ask {
    let (payment, customer) = (state.publication, state.author);
    Ask::OpenPayment { payment, customer, amount: boost(state) }
}

pub(super) fn cancel_payment(state: &State, _: &str, _: Option<&Answer>) -> Ask {
    Ask::CancelPayment { payment: state.publication, reference: reference(state) }
}

pub(super) fn settle_payment(state: &State, _: &str) -> Ask {
    Ask::SettlePayment { payment: state.publication, reference: reference(state) }
}

/// Of the charge; nobody knows it when an operator says that it happened.
fn reference(state: &State) -> Option<String> {
    state.charged.as_ref().map(|charged| charged.reference.clone())
}

pub(super) fn charge(state: &State, _: &str) -> Ask {
    Ask::Charge(charge_request(state))
}

pub(super) fn refund(state: &State, _: &str, answer: Option<&Answer>) -> Ask {
    let charged: Option<Charged> = match answer {
        Some(Answer::Charged(charged)) => Some(charged.clone()),
        _ => None,
    };
    Ask::Refund(RefundRequest { charge: charge_request(state), charged })
}

fn charge_request(state: &State) -> ChargeRequest {
    ChargeRequest {
        payment: state.publication,
        customer: state.author,
        amount: boost(state),
        description: "Boost of a post".to_owned(),
    }
}

fn boost(state: &State) -> Money {
    state.boost.clone().expect("the plan has these steps only when there is a boost")
}

pub(super) fn publish(state: &State, on: &str) -> Ask {
    Ask::Publish(publish_request(state, on))
}

pub(super) fn withdraw(state: &State, on: &str, answer: Option<&Answer>) -> Ask {
    let published = match answer {
        Some(Answer::Published(published)) => Some(published.clone()),
        _ => None,
    };
    Ask::Withdraw(WithdrawRequest { publish: publish_request(state, on), published })
}

fn publish_request(state: &State, on: &str) -> PublishRequest {
    // An operator who skips `take-post` without a text meets this: the saga parks instead of
    // publishing nothing.
    let text = state.text.clone().expect("take-post gave the text");
    PublishRequest {
        publication: state.publication,
        post: state.post,
        platform: on.parse().expect("the items are the platforms of the state"),
        account: None,
        title: text.title,
        text: text.body,
        tags: text.tags,
    }
}

pub(super) fn confirm(state: &State, _: &str) -> Ask {
    Ask::Confirm { publication: state.publication, links: state.links.clone() }
}

pub(super) fn mark_post(state: &State, _: &str) -> Ask {
    let (post, publication) = (state.post, state.publication);
    Ask::MarkPost { post, publication, links: state.links.clone() }
}

impl Ask {
    pub(super) fn target(&self) -> Target {
        let of = |category: &'static str, id: Uuid, what: &str| {
            Target::aggregate(StreamId::new(category, id), what)
        };
        let publication =
            |id: &PublicationId, what| of(publication::Publication::CATEGORY, id.0, what);
        let notification =
            |id: &PublicationId, what| of(notification::Notification::CATEGORY, id.0, what);
        let post = |id: &PostId, what| of(post::Post::CATEGORY, id.0, what);
        let quota = |id: &Uuid, what| of(quota::Quota::CATEGORY, *id, what);
        let payment = |id: &PublicationId, what| of(payment::Payment::CATEGORY, id.0, what);
        match self {
            Self::OpenPublication { publication: id, .. } => publication(id, "open it"),
            // A wish stands before it is opened, and is taken back all the same.
            Self::FailPublication { publication: id, .. } => {
                publication(id, "say that it failed").regardless()
            }
            Self::Confirm { publication: id, .. } => publication(id, "confirm it"),
            Self::PromiseNotice { notification: id, .. } => notification(id, "promise a notice"),
            Self::SendNotice { notification: id, notice } => match notice.kind {
                notification::Kind::Published => notification(id, "tell that it is published"),
                notification::Kind::NotPublished => {
                    notification(id, "tell that it could not be published")
                }
            },
            Self::TakePost { post: id, .. } => post(id, "take it for publishing"),
            Self::StopPost { post: id, .. } => post(id, "let it go"),
            Self::MarkPost { post: id, .. } => post(id, "mark it published"),
            Self::HoldQuota { quota: id, .. } => quota(id, "hold one publication"),
            Self::ReleaseQuota { quota: id, .. } => quota(id, "release one publication"),
            Self::UseQuota { quota: id, .. } => quota(id, "use one publication"),
            Self::OpenPayment { payment: id, amount, .. } => payment(id, &format!("owe {amount}")),
            Self::CancelPayment { payment: id, .. } => payment(id, "owe nothing"),
            Self::SettlePayment { payment: id, .. } => payment(id, "settle it"),
            Self::Charge(charge) => Target::port("payments", "charge the boost")
                .money(charge.amount.minor, &*charge.amount.currency),
            Self::Refund(refund) => {
                let amount = &refund.charge.amount;
                Target::port("payments", "refund the boost").money(amount.minor, &*amount.currency)
            }
            Self::Publish(publish) => {
                Target::port("publishing", format!("publish on {}", publish.platform))
            }
            Self::Withdraw(withdraw) => {
                Target::port("publishing", format!("withdraw from {}", withdraw.publish.platform))
            }
        }
    }

    pub(super) fn command(&self, at: Timestamp) -> Option<AnyCommand> {
        Some(match self.clone() {
            Self::OpenPublication { post, platforms, boost, plan, .. } => {
                let wish = publication::Wish { post, platforms, boost };
                AnyCommand::new(publication::Command::Open { wish, plan })
            }
            Self::FailPublication { why, .. } => {
                AnyCommand::new(publication::Command::Fail { why })
            }
            Self::Confirm { links, .. } => AnyCommand::new(publication::Command::Confirm { links }),
            Self::PromiseNotice { user, post, .. } => {
                AnyCommand::new(notification::Command::Promise { user, post })
            }
            Self::SendNotice { notice: Notice { kind, title, links, why }, .. } => {
                let notice = notification::Notice { kind, title, links, why };
                AnyCommand::new(notification::Command::Send { notice })
            }
            Self::TakePost { publication, plan, platforms, .. } => {
                AnyCommand::new(post::Command::Begin { publication, plan, platforms })
            }
            Self::StopPost { publication, .. } => {
                AnyCommand::new(post::Command::Stop { publication })
            }
            Self::MarkPost { publication, links, .. } => {
                AnyCommand::new(post::Command::MarkPublished { publication, links })
            }
            Self::HoldQuota { publication, .. } => {
                AnyCommand::new(quota::Command::Hold { publication, at })
            }
            Self::ReleaseQuota { publication, .. } => {
                AnyCommand::new(quota::Command::Release { publication })
            }
            Self::UseQuota { publication, .. } => {
                AnyCommand::new(quota::Command::Use { publication, at })
            }
            Self::OpenPayment { customer, amount, .. } => {
                AnyCommand::new(payment::Command::Open { customer, amount })
            }
            Self::CancelPayment { reference, .. } => {
                AnyCommand::new(payment::Command::Cancel { reference })
            }
            Self::SettlePayment { reference, .. } => {
                AnyCommand::new(payment::Command::Settle { reference })
            }
            Self::Charge(_) | Self::Refund(_) | Self::Publish(_) | Self::Withdraw(_) => {
                return None;
            }
        })
    }

    pub(super) fn answer(&self, heard: &impl Heard) -> Option<Answer> {
        if !matches!(self, Self::TakePost { .. }) {
            return None;
        }
        heard.events::<post::Event>().into_iter().find_map(|event| match event {
            post::Event::PublishingStarted { title, body, tags, .. } => {
                Some(Answer::Text(PostText { title, body, tags }))
            }
            _ => None,
        })
    }
}
