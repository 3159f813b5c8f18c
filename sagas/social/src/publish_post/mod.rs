//! Saga `publish-post`: a post goes to all its platforms, or nothing of it stays anywhere. Not the
//! calls of providers, which the ports carry.
//!
//! It begins when a plan is due, or at once when somebody asks for it. It has the number of its
//! publication; so have the payment and the notice. A plan that is changed, taken back or used up
//! cancels its saga, which has done nothing until then. The text is that of the post when the saga
//! takes it; nobody changes the post from there to the end.
//!
//! | step | kind | asks | takes back |
//! |---|---|---|---|
//! | open-publication | undoable | `publication::Open` | `publication::Fail` |
//! | open-notice | undoable | `notification::Promise` | `notification::Send`: it was not published |
//! | take-post | undoable | `post::Begin`, which gives the text | `post::Stop` |
//! | hold-quota | undoable | `quota::Hold` | `quota::Release` |
//! | open-payment, if boosted | undoable | `payment::Open` | `payment::Cancel` |
//! | charge-boost, if boosted | undoable | port `payments`: charge | port `payments`: refund |
//! | publish, each platform | undoable | port `publishing`: publish | port `publishing`: withdraw |
//! | confirm | pivot | `publication::Confirm` | - |
//! | mark-post | forward | `post::MarkPublished` | - |
//! | settle-payment, if boosted | forward | `payment::Settle` | - |
//! | use-quota | forward | `quota::Use` | - |
//! | send-notice | forward | `notification::Send`: it was published | - |
//!
//! Reading order: this contract, `plan.rs` (the plan), `ask.rs` (what each step asks of whom),
//! `meet.rs` (what events mean to it), `port.rs` (what providers are asked).

mod ask;
mod meet;
#[cfg(test)]
mod meet_tests;
mod plan;
mod port;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world_tests;

use std::collections::BTreeSet;

use domain::saga::{AnyCommand, Heard, Meets, Saga, StepName, Steps, Target};
use domain::{
    Envelope, EventSet, Link, Money, Platform, PostId, PublicationId, TenantId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

pub use ask::Ask;
pub use port::{ChargeRequest, Charged, PublishRequest, Published, RefundRequest, WithdrawRequest};

/// The saga.
#[derive(Debug, Clone)]
pub struct PublishPost;

/// The events that reach it.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(union)]
pub enum Trigger {
    /// Of posts: plans.
    Post(content::post::Event),
    /// Of publications: wishes.
    Publication(social::publication::Event),
}

/// What it knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Whose post it is.
    pub tenant: TenantId,
    /// Who planned or wished it: is told, and pays the boost.
    pub author: UserId,
    /// The publication; the saga's own number.
    pub publication: PublicationId,
    /// The post.
    pub post: PostId,
    /// The plan it is for; `None`: at once.
    pub plan: Option<i64>,
    /// Where it goes.
    pub platforms: BTreeSet<Platform>,
    /// What is paid so that more people see it.
    pub boost: Option<Money>,
    /// What it says, once the post was taken.
    pub text: Option<PostText>,
    /// What was charged.
    pub charged: Option<Charged>,
    /// Where it can be read so far.
    pub links: Vec<Link>,
    /// Why it is taken back.
    pub why: Option<String>,
}

/// What a post says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostText {
    /// Its title.
    pub title: Option<String>,
    /// What it says.
    pub body: String,
    /// Its tags, in the user's order.
    pub tags: Vec<String>,
}

/// What a step can get back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Of `take-post`.
    Text(PostText),
    /// Of `charge-boost`.
    Charged(Charged),
    /// Of `publish`.
    Published(Published),
}

impl Saga for PublishPost {
    const CONTEXT: &'static str = "social";
    const NAME: &'static str = "publish-post";
    const CATEGORY: &'static str = "publish_post";
    type Trigger = Trigger;
    type State = State;
    type Ask = Ask;
    type Answer = Answer;

    fn plan() -> Steps<Self> {
        plan::plan()
    }

    fn meet(event: &Envelope<Trigger>) -> Vec<Meets<State>> {
        meet::meet(event)
    }

    fn target(ask: &Ask) -> Target {
        ask.target()
    }

    fn command(ask: &Ask, at: Timestamp) -> Option<AnyCommand> {
        ask.command(at)
    }

    fn answer(ask: &Ask, heard: &impl Heard) -> Option<Answer> {
        ask.answer(heard)
    }

    fn fold(mut state: State, step: StepName<'_>, answer: &Answer) -> State {
        match answer {
            Answer::Text(text) => state.text = Some(text.clone()),
            Answer::Charged(charged) => state.charged = Some(charged.clone()),
            Answer::Published(published) => {
                if let Ok(platform) = step.item.parse() {
                    let url = published.link.as_ref().unwrap_or(&published.uri).clone();
                    state.links.retain(|link| link.platform != platform);
                    state.links.push(Link { platform, url });
                }
            }
        }
        state
    }

    fn undoing(state: State, why: &str) -> State {
        State { why: Some(why.to_owned()), ..state }
    }
}
