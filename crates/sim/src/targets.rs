//! The targets of sagas: platforms, a payment provider, a mail server. They lie as real ones do: they do
//! the work and give no answer, answer with an error, work when nobody waits any more, forget keys. What
//! they really did stands in their own book, which is what checks believe.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::saga::{Fault as Failure, Outcome, Probe, Refusal, SagaId, StepKey};
use notifications_sagas::deliver_notification::{MailRequest, Mailed};
use ports::{Effect, Mail, Payments, Publishing};
use social_sagas::publish_post::{
    ChargeRequest, Charged, PublishRequest, Published, RefundRequest, WithdrawRequest,
};

use crate::broker::Broker;
use crate::faults::Fault;
use crate::planted::Planted;
use crate::world::lock;

/// Something that a target did.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) saga: SagaId,
    pub(crate) step: String,
    pub(crate) minor: i64,
    /// How often it was done.
    pub(crate) times: u32,
    /// Which attempt of the step did it last, and when its request was sent, in milliseconds.
    pub(crate) attempt: u32,
    pub(crate) asked_ms: u64,
    /// When that request arrived.
    pub(crate) done_ms: u64,
    pub(crate) taken_back: bool,
    /// The number of its taking back among all.
    pub(crate) back_number: u64,
}

/// What targets really did, by the key of the forward way.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) deeds: BTreeMap<StepKey, Deed>,
    backs: u64,
    pub(crate) mails: u64,
    down_until_ms: u64,
}

/// All targets of the world.
pub(crate) struct Targets {
    broker: Arc<Broker>,
    pub(crate) book: Mutex<Book>,
}

/// What becomes of one call.
enum Way {
    /// An honest answer.
    Honest,
    /// It is done, and this is said.
    Done(Lie),
    /// It is not done, and this is said.
    NotDone(Lie),
    Refused,
}

enum Lie {
    Silence,
    Later,
    Unknown,
    Transient,
}

impl Targets {
    pub(crate) fn new(broker: &Arc<Broker>) -> Arc<Self> {
        Arc::new(Self { broker: Arc::clone(broker), book: Mutex::default() })
    }

    fn way(&self, undo: bool) -> Way {
        let world = &self.broker.world;
        let now = world.ms();
        if world.strikes(Fault::TargetDown) {
            let down = world.chance().between(1_000, 240_000);
            lock(&self.book).down_until_ms = now + down;
        }
        if lock(&self.book).down_until_ms > now {
            return Way::NotDone(Lie::Transient);
        }
        if world.strikes(Fault::TargetTransient) {
            return Way::NotDone(Lie::Transient);
        }
        if world.strikes(Fault::WorksAndTimesOut) {
            return Way::Done(Lie::Silence);
        }
        if world.strikes(Fault::WorksLate) {
            return Way::Done(Lie::Later);
        }
        if world.strikes(Fault::WorksAndErrs) {
            return Way::Done(Lie::Unknown);
        }
        let refuses = if undo { Fault::UndoRefused } else { Fault::TargetRefuses };
        if world.strikes(refuses) { Way::Refused } else { Way::Honest }
    }

    /// One call: the work, if it is done, and what is said.
    async fn call<T>(
        self: &Arc<Self>,
        effect: &Effect,
        work: impl Fn(&mut Book) -> T + Send + 'static,
    ) -> Outcome<T> {
        let world = Arc::clone(&self.broker.world);
        self.is_intended(effect);
        let ms = world.chance().tailed(40);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let said = match self.way(effect.takes_back.is_some()) {
            Way::Honest => return Outcome::Done(work(&mut lock(&self.book))),
            Way::Refused => {
                return Outcome::Refused(Refusal::new("no", "the target does not want to"));
            }
            Way::Done(Lie::Later) => {
                let ms = world.chance().between(1_000, 55_000);
                let it = Arc::clone(self);
                world.after(ms, move || drop(work(&mut lock(&it.book))));
                Lie::Silence
            }
            Way::Done(lie) => {
                work(&mut lock(&self.book));
                lie
            }
            Way::NotDone(lie) => lie,
        };
        match said {
            Lie::Silence | Lie::Later => {
                std::future::pending::<()>().await;
                Outcome::Unknown(Failure::new("never said"))
            }
            Lie::Unknown => Outcome::Unknown(Failure::new("500 of a proxy")),
            Lie::Transient => {
                let patient = world.chance().percent(30);
                let wait = patient.then(|| world.chance().between(500, 90_000));
                let detail = "not now".to_owned();
                Outcome::Transient(Failure { detail, retry_after_ms: wait })
            }
        }
    }

    /// Nothing may be asked before its intent is in the log.
    fn is_intended(&self, effect: &Effect) {
        let state = lock(&self.broker.state);
        if !state.intents.contains_key(&effect.key.0) {
            let (step, saga) = (&effect.step, effect.saga);
            drop(state);
            self.broker.world.wrong(format!("I15 {step} of {saga} is asked before its intent"));
        }
    }

    /// Does the work of a key once; a platform that forgets keys does it again.
    fn deed(&self, effect: &Effect, minor: i64) -> impl Fn(&mut Book) + Send + 'static {
        let world = Arc::clone(&self.broker.world);
        let (key, saga, step) = (effect.key, effect.saga, effect.step.clone());
        let (attempt, asked_ms) = (effect.attempt, world.ms());
        let forgets = if minor > 0 {
            world.plants(Planted::DoubleEffect)
        } else {
            world.strikes(Fault::ForgetsKeys)
        };
        move |book| {
            let new = || Deed {
                saga,
                step: step.clone(),
                minor,
                times: 0,
                attempt,
                asked_ms,
                done_ms: 0,
                taken_back: false,
                back_number: 0,
            };
            let deed = book.deeds.entry(key).or_insert_with(new);
            (deed.attempt, deed.asked_ms, deed.done_ms) = (attempt, asked_ms, world.ms());
            world.note("deed", &[key.0.as_u64_pair().0, u64::from(deed.times)]);
            if deed.times == 0 || forgets {
                deed.times += 1;
            } else {
                world.sometimes("effect done twice under one key, once kept");
            }
        }
    }

    /// Takes back what was done under a key. What arrives later is done all the same.
    fn back(&self, effect: &Effect) -> impl Fn(&mut Book) + Send + 'static {
        let world = Arc::clone(&self.broker.world);
        let key = effect.forward_key();
        move |book| {
            if world.plants(Planted::RefundForgotten) && world.chance().percent(30) {
                return;
            }
            book.backs += 1;
            let number = book.backs;
            world.note("back", &[key.0.as_u64_pair().0]);
            if let Some(deed) = book.deeds.get_mut(&key)
                && !deed.taken_back
            {
                deed.taken_back = true;
                deed.back_number = number;
            }
        }
    }

    async fn ask<T>(self: &Arc<Self>, effect: &Effect, found: impl Fn() -> T + Send) -> Probe<T> {
        let world = &self.broker.world;
        let ms = world.chance().tailed(40);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        if world.strikes(Fault::CannotTell) {
            return Probe::CannotTell;
        }
        let book = lock(&self.book);
        if book.down_until_ms > world.ms() {
            return Probe::CannotTell;
        }
        let stands = book.deeds.get(&effect.key).is_some_and(|deed| !deed.taken_back);
        drop(book);
        if stands { Probe::Happened(found()) } else { Probe::NotHappened }
    }

    /// Charges what no saga has asked for.
    pub(crate) fn intrude(&self) {
        let key = StepKey(ambient::random_id());
        let deed = Deed {
            saga: SagaId(ambient::random_id()),
            step: "charge-boost".to_owned(),
            minor: 1,
            times: 1,
            attempt: 0,
            asked_ms: 0,
            done_ms: 0,
            taken_back: false,
            back_number: 0,
        };
        lock(&self.book).deeds.insert(key, deed);
    }
}

/// The targets as ports of a node.
pub(crate) struct Port {
    pub(crate) targets: Arc<Targets>,
    pub(crate) node: usize,
}

impl Port {
    async fn call<T: Send>(
        &self,
        effect: &Effect,
        work: impl Fn(&mut Book) -> T + Send + 'static,
    ) -> Outcome<T> {
        self.targets.broker.world.edge(self.node);
        self.targets.call(effect, work).await
    }
}

fn published(ask: &PublishRequest) -> Published {
    let uri = format!("at://{}/{}", ask.platform, ask.publication);
    Published { uri, link: None, revision: None, account: None }
}

fn charged(ask: &ChargeRequest) -> Charged {
    Charged { reference: format!("ch-{}", ask.payment), amount: ask.amount.clone() }
}

#[async_trait]
impl Publishing for Port {
    async fn publish(&self, effect: &Effect, ask: &PublishRequest) -> Outcome<Published> {
        let (work, answer) = (self.targets.deed(effect, 0), published(ask));
        self.call(effect, move |book| (work(book), answer.clone()).1).await
    }

    async fn withdraw(&self, effect: &Effect, _: &WithdrawRequest) -> Outcome<()> {
        self.call(effect, self.targets.back(effect)).await
    }

    async fn probe(&self, effect: &Effect, ask: &PublishRequest) -> Probe<Published> {
        self.targets.ask(effect, || published(ask)).await
    }
}

#[async_trait]
impl Payments for Port {
    async fn charge(&self, effect: &Effect, ask: &ChargeRequest) -> Outcome<Charged> {
        let (work, answer) = (self.targets.deed(effect, ask.amount.minor), charged(ask));
        self.call(effect, move |book| (work(book), answer.clone()).1).await
    }

    async fn refund(&self, effect: &Effect, _: &RefundRequest) -> Outcome<()> {
        self.call(effect, self.targets.back(effect)).await
    }

    async fn probe(&self, effect: &Effect, ask: &ChargeRequest) -> Probe<Charged> {
        self.targets.ask(effect, || charged(ask)).await
    }
}

#[async_trait]
impl Mail for Port {
    async fn send(&self, effect: &Effect, _: &MailRequest) -> Outcome<Mailed> {
        let message_id = format!("<{}@sim>", effect.key);
        let work = move |book: &mut Book| {
            book.mails += 1;
            Mailed { message_id: message_id.clone() }
        };
        self.call(effect, work).await
    }
}
