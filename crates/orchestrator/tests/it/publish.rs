//! An example saga with every kind of step: quota, a charge when boosted, each platform, the pivot,
//! and what follows it. Not the product's, which stands in `sagas/`.

use domain::saga::{
    Late, Meets, OnExpiry, Plan, Retry, Saga, SagaId, StepName, Steps, Target, Unknown,
};
use domain::{Envelope, EventSet, StreamId};
use serde::{Deserialize, Serialize};
use testkit::id;

#[derive(Debug, Clone)]
pub(crate) struct Publish;

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "kit.post")]
pub(crate) enum Trigger {
    #[event("due.v1")]
    Due { boost_minor: i64, platforms: Vec<String> },
    #[event("edited.v1")]
    Edited {},
    #[event("withdrawn.v1")]
    Withdrawn {},
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    boost_minor: i64,
    pub(crate) platforms: Vec<String>,
    charge: Option<String>,
    links: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Ask {
    HoldQuota,
    ReleaseQuota,
    CheckAccount,
    Charge { minor: i64 },
    Refund { charge: Option<String>, minor: i64 },
    Publish { on: String },
    Withdraw { link: Option<String>, on: String },
    MarkPublished { links: usize },
    Notify,
    Count,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Nothing,
    Charged(String),
    Published(String),
}

impl Saga for Publish {
    const CONTEXT: &'static str = "kit";
    const NAME: &'static str = "publish-example";
    const CATEGORY: &'static str = "publish_example";
    type Trigger = Trigger;
    type State = State;
    type Ask = Ask;
    type Answer = Answer;

    fn plan() -> Steps<Self> {
        Plan::<Self>::new(1)
            .deadline(24 * 3_600_000, OnExpiry::Undo)
            .undoable("hold-quota", |_, _| Ask::HoldQuota, |_, _, _| Ask::ReleaseQuota)
            .read_only("check-account", |_, _| Ask::CheckAccount)
            .undoable(
                "charge-boost",
                |state, _| Ask::Charge { minor: state.boost_minor },
                |state, _, answer| Ask::Refund {
                    charge: match answer {
                        Some(Answer::Charged(id)) => Some(id.clone()),
                        _ => None,
                    },
                    minor: state.boost_minor,
                },
            )
            .when(|state| state.boost_minor > 0)
            .unknown(Unknown::ProbeThenPark)
            .each(
                "publish",
                |state| state.platforms.clone(),
                |_, on| Ask::Publish { on: on.to_owned() },
                |_, on, answer| Ask::Withdraw {
                    link: match answer {
                        Some(Answer::Published(link)) => Some(link.clone()),
                        _ => None,
                    },
                    on: on.to_owned(),
                },
            )
            .retry(Retry::exponential().attempts(8).breaker("platform"))
            .unknown(Unknown::ProbeThenUndo)
            .within(1_800_000, OnExpiry::Park)
            .pivot("confirm", |state, _| Ask::MarkPublished { links: state.links.len() })
            .retry(Retry::exponential().attempts(2))
            .forward("notify-author", |_, _| Ask::Notify)
            .forward("count", |_, _| Ask::Count)
            .unknown(Unknown::ProbeThenRepeat)
            .build()
    }

    fn meet(event: &Envelope<Trigger>) -> Vec<Meets<State>> {
        let saga = SagaId(event.meta.stream.id());
        vec![match &event.payload {
            Trigger::Due { boost_minor, platforms } => Meets::Start {
                saga,
                state: State {
                    boost_minor: *boost_minor,
                    platforms: platforms.clone(),
                    charge: None,
                    links: Vec::new(),
                },
                at: None,
            },
            Trigger::Edited {} => {
                Meets::Late { saga, late: Late::Ignore("what is published is what was due") }
            }
            Trigger::Withdrawn {} => Meets::Cancel { saga, why: "the post was withdrawn" },
        }]
    }

    fn target(ask: &Ask) -> Target {
        let quota = || StreamId::new("quota", id(1));
        let post = || StreamId::new("post", id(1));
        match ask {
            Ask::HoldQuota => Target::aggregate(quota(), "hold one post"),
            Ask::ReleaseQuota => Target::aggregate(quota(), "release one post"),
            Ask::CheckAccount => Target::port("accounts", "whether its token is good"),
            Ask::Charge { minor } => Target::port("payment", "charge").money(*minor, "EUR"),
            Ask::Refund { charge, minor } => {
                let what = charge.as_deref().unwrap_or("what was charged under the key");
                Target::port("payment", format!("refund {what}")).money(*minor, "EUR")
            }
            Ask::Publish { on } => Target::port("publish", format!("publish on {on}")),
            Ask::Withdraw { link, on } => {
                let what = link.as_deref().unwrap_or("what was published under the key");
                Target::port("publish", format!("withdraw {what} from {on}"))
            }
            Ask::MarkPublished { links } => {
                Target::port("catalogue", format!("mark published, {links} links"))
            }
            Ask::Notify => Target::aggregate(post(), "tell the author"),
            Ask::Count => Target::port("statistics", "count it"),
        }
    }

    fn fold(mut state: State, step: StepName<'_>, answer: &Answer) -> State {
        match (step.name, answer) {
            ("charge-boost", Answer::Charged(id)) => state.charge = Some(id.clone()),
            ("publish", Answer::Published(link)) => state.links.push(link.clone()),
            (_, Answer::Published(link)) if link == "poison" => panic!("a link that bites"),
            _ => {}
        }
        state
    }
}

pub(crate) fn answer(ask: &Ask) -> Answer {
    match ask {
        Ask::Charge { minor } => Answer::Charged(format!("ch_{minor}")),
        Ask::Publish { on } => Answer::Published(format!("https://{on}/1")),
        _ => Answer::Nothing,
    }
}

pub(crate) fn due() -> Trigger {
    let platforms = ["mastodon", "bluesky"].map(str::to_owned).to_vec();
    Trigger::Due { boost_minor: 500, platforms }
}
