//! How a publication is asked for over the API: the body into a command, and the route. Not rules:
//! what is said here is wrong whatever the state.

use domain::{Aggregate, Ask, Describe, Invalid, Method, Money, Platform, PostId};
use domain::{Request, Route, Routes};
use serde::Deserialize;

use super::{Command, PLATFORMS_MAX, Publication, State, Wish};

impl Aggregate for Publication {
    fn routes(to: &mut impl Routes<Self>) {
        to.command::<PublishPost>(Route {
            method: Method::Post,
            path: "/publish",
            name: "publish_post",
            summary: "Publish a post now, whatever is planned for it",
        });
    }

    fn show(state: &State) -> Vec<(&'static str, String)> {
        state.lines()
    }
}

/// A post to publish now.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct PublishPost {
    /// The post: a draft, or a scheduled one.
    post_id: PostId,
    /// Where it goes: at least one, each once.
    #[describe(max_items = PLATFORMS_MAX)]
    platforms: Vec<Platform>,
    /// What is paid so that more people see it.
    boost: Option<Money>,
}

impl Request<Publication> for PublishPost {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        let Self { post_id: post, platforms, boost } = self;
        let platforms = Platform::each_once(platforms, "/platforms")?;
        if let Some(boost) = &boost {
            boost.check("/boost")?;
        }
        Ok(Command::Request { wish: Wish { post, platforms, boost } })
    }
}
