//! Which ask goes through which port, and what is said when nobody stands behind it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::saga::{Outcome, Probe, SagaId, StepKey};
use domain::{Money, Platform, PostId, PublicationId, TenantId, Timestamp, UserId};
use notifications_sagas::deliver_notification::{self as deliver, DeliverNotification};
use social_sagas::publish_post::{self as publish, PublishPost};
use uuid::Uuid;

use crate::{
    Carrier, ChargeRequest, Charged, Effect, Mail, MailRequest, Mailed, Payments, Ports,
    PublishRequest, Published, Publishing, RefundRequest, WithdrawRequest,
};

fn effect() -> Effect {
    Effect {
        key: StepKey(Uuid::from_u128(1)),
        takes_back: None,
        saga: SagaId(Uuid::from_u128(2)),
        step: "publish/x".to_owned(),
        attempt: 1,
        tenant: TenantId::from_static("local"),
        correlation: Uuid::from_u128(3),
        trace: None,
        asked_at: Timestamp::from_millis(0),
        due_at: Timestamp::from_millis(1),
    }
}

fn publish_on(platform: Platform) -> PublishRequest {
    PublishRequest {
        publication: PublicationId(Uuid::from_u128(4)),
        post: PostId(Uuid::from_u128(5)),
        platform,
        account: None,
        title: None,
        text: "Hello".to_owned(),
        tags: vec![],
    }
}

fn charge() -> ChargeRequest {
    ChargeRequest {
        payment: PublicationId(Uuid::from_u128(4)),
        customer: UserId(Uuid::from_u128(6)),
        amount: Money::new(500, "EUR"),
        description: "Boost of a post".to_owned(),
    }
}

fn mail() -> MailRequest {
    MailRequest {
        notification: PublicationId(Uuid::from_u128(4)),
        user: UserId(Uuid::from_u128(6)),
        subject: "Published".to_owned(),
        text: "It stands.".to_owned(),
    }
}

fn published() -> Published {
    Published { uri: "at://1".to_owned(), link: None, revision: None, account: None }
}

fn charged() -> Charged {
    Charged { reference: "pi_1".to_owned(), amount: Money::new(500, "EUR") }
}

/// Says done to everything, and remembers what it was asked.
#[derive(Default)]
struct Willing(Mutex<Vec<String>>);

impl Willing {
    fn asked(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
}

#[async_trait]
impl Publishing for Willing {
    async fn publish(&self, _: &Effect, ask: &PublishRequest) -> Outcome<Published> {
        self.asked(format!("publish on {}", ask.platform));
        Outcome::Done(published())
    }
    async fn withdraw(&self, _: &Effect, ask: &WithdrawRequest) -> Outcome<()> {
        self.asked(format!("withdraw from {}", ask.publish.platform));
        Outcome::Done(())
    }
    async fn probe(&self, _: &Effect, _: &PublishRequest) -> Probe<Published> {
        Probe::Happened(published())
    }
}

#[async_trait]
impl Payments for Willing {
    async fn charge(&self, _: &Effect, ask: &ChargeRequest) -> Outcome<Charged> {
        self.asked(format!("charge {}", ask.amount));
        Outcome::Done(charged())
    }
    async fn refund(&self, _: &Effect, ask: &RefundRequest) -> Outcome<()> {
        self.asked(format!("refund {}", ask.charge.amount));
        Outcome::Done(())
    }
    async fn probe(&self, _: &Effect, _: &ChargeRequest) -> Probe<Charged> {
        Probe::NotHappened
    }
}

#[async_trait]
impl Mail for Willing {
    async fn send(&self, _: &Effect, ask: &MailRequest) -> Outcome<Mailed> {
        self.asked(format!("send {}", ask.subject));
        Outcome::Done(Mailed { message_id: "<1@x>".to_owned() })
    }
}

fn asks() -> [publish::Ask; 4] {
    let (publish, charge) = (publish_on(Platform::X), charge());
    [
        publish::Ask::Publish(publish.clone()),
        publish::Ask::Withdraw(WithdrawRequest { publish, published: None }),
        publish::Ask::Charge(charge.clone()),
        publish::Ask::Refund(RefundRequest { charge, charged: None }),
    ]
}

async fn perform(ports: &Ports, ask: &publish::Ask) -> Outcome<Option<publish::Answer>> {
    Carrier::<PublishPost>::perform(ports, &effect(), ask).await
}

async fn probe(ports: &Ports, ask: &publish::Ask) -> Probe<Option<publish::Answer>> {
    Carrier::<PublishPost>::probe(ports, &effect(), ask).await
}

async fn send(ports: &Ports) -> Outcome<Option<deliver::Answer>> {
    let letter = deliver::Ask::SendMail(mail());
    Carrier::<DeliverNotification>::perform(ports, &effect(), &letter).await
}

#[tokio::test]
async fn every_ask_goes_through_its_port_and_its_answer_comes_back() {
    let willing = Arc::new(Willing::default());
    let ports = Ports::none().publishing(Platform::X, willing.clone());
    let ports = ports.payments(willing.clone()).mail(willing.clone());
    let mut answers = Vec::new();
    for ask in asks() {
        answers.push(perform(&ports, &ask).await);
    }
    let done = Outcome::Done;
    assert_eq!(
        answers,
        [
            done(Some(publish::Answer::Published(published()))),
            done(None),
            done(Some(publish::Answer::Charged(charged()))),
            done(None),
        ]
    );
    let sent = send(&ports).await;
    let mailed = Mailed { message_id: "<1@x>".to_owned() };
    assert_eq!(sent, Outcome::Done(Some(deliver::Answer::Mailed(mailed))));
    assert_eq!(
        *willing.0.lock().unwrap(),
        ["publish on x", "withdraw from x", "charge 500 EUR", "refund 500 EUR", "send Published"]
    );
    let [publish, _, charge, _] = asks();
    let found = Probe::Happened(Some(publish::Answer::Published(published())));
    assert_eq!(probe(&ports, &publish).await, found);
    assert_eq!(probe(&ports, &charge).await, Probe::NotHappened);
    let letter = deliver::Ask::SendMail(mail());
    assert_eq!(
        Carrier::<DeliverNotification>::probe(&ports, &effect(), &letter).await,
        Probe::NotHappened,
        "it may be sent again"
    );
}

#[tokio::test]
async fn without_a_provider_everything_is_refused_with_a_sentence_and_nothing_is_guessed() {
    let ports = Ports::none().publishing(Platform::Mastodon, Arc::new(Willing::default()));
    for ask in asks() {
        let Outcome::Refused(no) = perform(&ports, &ask).await else { panic!("{ask:?}") };
        assert_eq!(no.rule, "no_provider");
        assert!(no.detail.starts_with("nothing is set up to "), "{}", no.detail);
        assert_eq!(probe(&ports, &ask).await, Probe::CannotTell);
    }
    let sent = send(&ports).await;
    assert!(matches!(sent, Outcome::Refused(no) if no.rule == "no_provider"));
    assert!(ports.publishes_on(Platform::Mastodon) && !ports.publishes_on(Platform::X));
}

#[tokio::test]
async fn a_command_to_an_aggregate_is_no_affair_of_a_port() {
    let stop = publish::Ask::StopPost {
        post: PostId(Uuid::from_u128(5)),
        publication: PublicationId(Uuid::from_u128(4)),
    };
    let outcome = perform(&Ports::none(), &stop).await;
    assert!(matches!(outcome, Outcome::Refused(no) if no.rule == "no_port"));
}
