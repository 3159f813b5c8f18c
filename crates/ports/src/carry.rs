//! The ports carry the asks of the sagas: which ask goes through which port, and which answer comes
//! back. Commands to aggregates do not come here.

use async_trait::async_trait;
use domain::saga::{Outcome, Probe, Refusal};
use notifications_sagas::deliver_notification::{
    Answer as Delivered, Ask as Deliver, DeliverNotification,
};
use social_sagas::publish_post::{Answer as Published, Ask as Publish, PublishPost};

use crate::{Carrier, Effect, Ports};

fn answered<T, A>(outcome: Outcome<T>, answer: impl FnOnce(T) -> Option<A>) -> Outcome<Option<A>> {
    match outcome {
        Outcome::Done(done) => Outcome::Done(answer(done)),
        Outcome::Refused(no) => Outcome::Refused(no),
        Outcome::Transient(fault) => Outcome::Transient(fault),
        Outcome::Unknown(fault) => Outcome::Unknown(fault),
    }
}

fn found<T, A>(probe: Probe<T>, answer: impl FnOnce(T) -> A) -> Probe<Option<A>> {
    match probe {
        Probe::Happened(it) => Probe::Happened(Some(answer(it))),
        Probe::NotHappened => Probe::NotHappened,
        Probe::CannotTell => Probe::CannotTell,
    }
}

/// What is for an aggregate went astray: nothing is done.
fn astray<A>() -> Outcome<Option<A>> {
    let detail = "this is a command to an aggregate, and no port takes it";
    Outcome::Refused(Refusal::new("no_port", detail))
}

#[async_trait]
impl Carrier<PublishPost> for Ports {
    async fn perform(&self, effect: &Effect, ask: &Publish) -> Outcome<Option<Published>> {
        match ask {
            Publish::Publish(ask) => match self.publisher(ask.platform) {
                Ok(port) => {
                    let outcome = port.publish(effect, ask).await;
                    answered(outcome, |it| Some(Published::Published(it)))
                }
                Err(no) => Outcome::Refused(no),
            },
            Publish::Withdraw(ask) => match self.publisher(ask.publish.platform) {
                Ok(port) => answered(port.withdraw(effect, ask).await, |()| None),
                Err(no) => Outcome::Refused(no),
            },
            Publish::Charge(ask) => match self.cashier() {
                Ok(port) => {
                    answered(port.charge(effect, ask).await, |it| Some(Published::Charged(it)))
                }
                Err(no) => Outcome::Refused(no),
            },
            Publish::Refund(ask) => match self.cashier() {
                Ok(port) => answered(port.refund(effect, ask).await, |()| None),
                Err(no) => Outcome::Refused(no),
            },
            _ => astray(),
        }
    }

    async fn probe(&self, effect: &Effect, ask: &Publish) -> Probe<Option<Published>> {
        match ask {
            Publish::Publish(ask) => match self.publisher(ask.platform) {
                Ok(port) => found(port.probe(effect, ask).await, Published::Published),
                Err(_) => Probe::CannotTell,
            },
            Publish::Charge(ask) => match self.cashier() {
                Ok(port) => found(port.probe(effect, ask).await, Published::Charged),
                Err(_) => Probe::CannotTell,
            },
            _ => Probe::CannotTell,
        }
    }
}

#[async_trait]
impl Carrier<DeliverNotification> for Ports {
    async fn perform(&self, effect: &Effect, ask: &Deliver) -> Outcome<Option<Delivered>> {
        let Deliver::SendMail(ask) = ask else { return astray() };
        match self.postman() {
            Ok(port) => answered(port.send(effect, ask).await, |it| Some(Delivered::Mailed(it))),
            Err(no) => Outcome::Refused(no),
        }
    }

    /// A mail server cannot be asked, and a second copy of a letter does no harm.
    async fn probe(&self, _: &Effect, _: &Deliver) -> Probe<Option<Delivered>> {
        Probe::NotHappened
    }
}
