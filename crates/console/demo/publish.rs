//! The demo's sagas: small ones with every kind of step, on the real engine. Not the product's.

use domain::saga::{
    Meets, NoTrigger, OnExpiry, Plan, Retry, Saga, StepName, Steps, Target, Unknown,
};
use domain::{Envelope, StreamId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Publishes a post; a boost is charged for.
#[derive(Debug, Clone)]
pub struct Publish;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub post: Uuid,
    pub title: String,
    pub boost_minor: i64,
    pub platforms: Vec<String>,
    pub charge: Option<String>,
    pub links: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    Take(Uuid),
    LetGo(Uuid),
    HoldQuota,
    ReleaseQuota,
    Charge { minor: i64 },
    Refund { charge: Option<String>, minor: i64 },
    Publish { on: String },
    Withdraw { link: Option<String>, on: String },
    Confirm { post: Uuid },
    Notify(Uuid),
    Count,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    Charged { charge: String },
    Published { link: String },
}

impl Publish {
    /// The plan, in a version.
    pub fn in_version(version: u32) -> Steps<Self> {
        Plan::<Self>::new(version)
            .deadline(6 * 3_600_000, OnExpiry::Undo)
            .undoable("take-post", |s, _| Ask::Take(s.post), |s, _, _| Ask::LetGo(s.post))
            .undoable("hold-quota", |_, _| Ask::HoldQuota, |_, _, _| Ask::ReleaseQuota)
            .undoable(
                "charge-boost",
                |state, _| Ask::Charge { minor: state.boost_minor },
                |state, _, answer| Ask::Refund {
                    charge: match answer {
                        Some(Answer::Charged { charge }) => Some(charge.clone()),
                        _ => None,
                    },
                    minor: state.boost_minor,
                },
            )
            .when(|state| state.boost_minor > 0)
            .unknown(Unknown::ProbeThenPark)
            .timeout_ms(10_000)
            .each(
                "publish",
                |state| state.platforms.clone(),
                |_, on| Ask::Publish { on: on.to_owned() },
                |_, on, answer| Ask::Withdraw {
                    link: match answer {
                        Some(Answer::Published { link }) => Some(link.clone()),
                        _ => None,
                    },
                    on: on.to_owned(),
                },
            )
            .retry(Retry::exponential().attempts(8).breaker("platform"))
            .unknown(Unknown::ProbeThenUndo)
            .timeout_ms(10_000)
            .within(1_800_000, OnExpiry::Park)
            .pivot("confirm", |state, _| Ask::Confirm { post: state.post })
            .retry(Retry::exponential().attempts(2).then_park())
            .forward("notify-author", |state, _| Ask::Notify(state.post))
            .forward("count", |_, _| Ask::Count)
            .undo_retry(Retry::exponential().attempts(50).cap_ms(600_000))
            .build()
    }
}

impl Saga for Publish {
    const CONTEXT: &'static str = "social";
    const NAME: &'static str = "publish-post";
    const CATEGORY: &'static str = "publish_post";
    type Trigger = NoTrigger;
    type State = State;
    type Ask = Ask;
    type Answer = Answer;

    fn plan() -> Steps<Self> {
        Self::in_version(2)
    }

    fn meet(event: &Envelope<NoTrigger>) -> Vec<Meets<State>> {
        match event.payload {}
    }

    fn target(ask: &Ask) -> Target {
        let post = |id: &Uuid| StreamId::new("post", *id);
        let quota =
            || StreamId::new("quota", Uuid::from_u128(0x0190_e2a4_7171_7000_8000_0000_0000_0001));
        match ask {
            Ask::Take(id) => Target::aggregate(post(id), "take it"),
            Ask::LetGo(id) => Target::aggregate(post(id), "let it go"),
            Ask::HoldQuota => Target::aggregate(quota(), "hold 1 post"),
            Ask::ReleaseQuota => Target::aggregate(quota(), "release 1 post"),
            Ask::Charge { minor } => Target::port("payments", "charge").money(*minor, "EUR"),
            Ask::Refund { charge, minor } => {
                let what = charge.as_deref().unwrap_or("what was charged");
                Target::port("payments", format!("refund {what}")).money(*minor, "EUR")
            }
            Ask::Publish { on } => Target::port("publishing", format!("publish on {on}")),
            Ask::Withdraw { on, .. } => Target::port("publishing", format!("withdraw from {on}")),
            Ask::Confirm { post } => Target::port("catalogue", format!("confirm post {post}")),
            Ask::Notify(id) => Target::aggregate(post(id), "tell the author"),
            Ask::Count => Target::port("statistics", "count it"),
        }
    }

    fn fold(mut state: State, _: StepName<'_>, answer: &Answer) -> State {
        match answer {
            Answer::Charged { charge } => state.charge = Some(charge.clone()),
            Answer::Published { link } => state.links.push(link.clone()),
        }
        state
    }
}

/// Delivers a notification by mail.
#[derive(Debug, Clone)]
pub struct Deliver;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    pub notification: Uuid,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum MailAsk {
    Open(Uuid),
    Close(Uuid),
    Send(Uuid),
}

impl Saga for Deliver {
    const CONTEXT: &'static str = "notifications";
    const NAME: &'static str = "deliver-notification";
    const CATEGORY: &'static str = "deliver_notification";
    type Trigger = NoTrigger;
    type State = Mail;
    type Ask = MailAsk;
    type Answer = String;

    fn plan() -> Steps<Self> {
        Plan::<Self>::new(1)
            .undoable(
                "open-delivery",
                |mail, _| MailAsk::Open(mail.notification),
                |mail, _, _| MailAsk::Close(mail.notification),
            )
            .pivot("send-mail", |mail, _| MailAsk::Send(mail.notification))
            .unknown(Unknown::ProbeThenRepeat)
            .forward("mark-delivered", |mail, _| MailAsk::Close(mail.notification))
            .build()
    }

    fn meet(event: &Envelope<NoTrigger>) -> Vec<Meets<Mail>> {
        match event.payload {}
    }

    fn target(ask: &MailAsk) -> Target {
        let stream = |id: &Uuid| StreamId::new("notification", *id);
        match ask {
            MailAsk::Open(id) => Target::aggregate(stream(id), "open the delivery"),
            MailAsk::Close(id) => Target::aggregate(stream(id), "close the delivery"),
            MailAsk::Send(_) => Target::port("mail", "send the notification"),
        }
    }

    fn fold(state: Mail, _: StepName<'_>, _: &String) -> Mail {
        state
    }
}

/// A saga of the demo: what its targets give when they do what they are asked.
pub trait Played: Saga {
    /// What a step gives.
    fn gives(ask: &Self::Ask) -> Option<Self::Answer>;
}

impl Played for Publish {
    fn gives(ask: &Ask) -> Option<Answer> {
        match ask {
            Ask::Charge { minor } => Some(Answer::Charged { charge: format!("ch_3P{minor}xKq2") }),
            Ask::Publish { on } => Some(Answer::Published {
                link: format!("https://{on}.example/@brightside/3lb7xq2c"),
            }),
            _ => None,
        }
    }
}

impl Played for Deliver {
    fn gives(_: &MailAsk) -> Option<String> {
        None
    }
}
