//! What is asked in these tests, and the outcomes that are expected.

use domain::saga::{Fault, Outcome};
use domain::{Money, Platform, PostId, PublicationId, UserId};
use ports::{
    ChargeRequest, Charged, MailRequest, PublishRequest, Published, RefundRequest, WithdrawRequest,
};
use uuid::Uuid;

pub(crate) fn post(platform: Platform, text: &str) -> PublishRequest {
    PublishRequest {
        publication: PublicationId(Uuid::new_v4()),
        post: PostId(Uuid::new_v4()),
        platform,
        account: None,
        title: Some("a title".into()),
        text: text.to_owned(),
        tags: vec!["recount".into()],
    }
}

pub(crate) fn back(publish: &PublishRequest, published: Option<&Published>) -> WithdrawRequest {
    WithdrawRequest { publish: publish.clone(), published: published.cloned() }
}

pub(crate) fn charge(minor: i64) -> ChargeRequest {
    ChargeRequest {
        payment: PublicationId(Uuid::new_v4()),
        customer: UserId(Uuid::new_v4()),
        amount: Money::new(minor, "EUR"),
        description: "Boost of a post".into(),
    }
}

pub(crate) fn refund(charge: &ChargeRequest, charged: Option<&Charged>) -> RefundRequest {
    RefundRequest { charge: charge.clone(), charged: charged.cloned() }
}

pub(crate) fn mail(subject: &str) -> MailRequest {
    MailRequest {
        notification: PublicationId(Uuid::new_v4()),
        user: UserId(Uuid::new_v4()),
        subject: subject.to_owned(),
        text: "It stands on Bluesky.\n.\nA dot alone on its line ends nothing. Grüße!\n".into(),
    }
}

pub(crate) fn done<T: std::fmt::Debug>(outcome: Outcome<T>) -> T {
    let Outcome::Done(what) = outcome else { panic!("it is not done: {outcome:?}") };
    what
}

/// The rule of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Outcome<T>) -> String {
    let Outcome::Refused(no) = outcome else { panic!("it is not refused: {outcome:?}") };
    no.rule
}

pub(crate) fn transient<T: std::fmt::Debug>(outcome: Outcome<T>) -> Fault {
    let Outcome::Transient(fault) = outcome else { panic!("it is not transient: {outcome:?}") };
    fault
}

pub(crate) fn unknown<T: std::fmt::Debug>(outcome: Outcome<T>) -> Fault {
    let Outcome::Unknown(fault) = outcome else { panic!("it is not unknown: {outcome:?}") };
    fault
}
