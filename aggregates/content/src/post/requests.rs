//! How a post is asked over the API: bodies into commands, and the routes. Not rules: what is said
//! here is wrong whatever the state.

use domain::{
    Aggregate, Ask, Describe, Invalid, Method, Money, Platform, Request, Route, Routes, Timestamp,
};
use serde::Deserialize;

use super::{
    BODY_CHARS_MAX, Command, PLATFORMS_MAX, Post, REASON_CHARS_MAX, State, TAG_CHARS_MAX, TAGS_MAX,
    TITLE_CHARS_MAX, Text,
};

impl Aggregate for Post {
    fn routes(to: &mut impl Routes<Self>) {
        to.command::<DraftPost>(Route {
            method: Method::Post,
            path: "/posts",
            name: "draft_post",
            summary: "Draft a post",
        });
        to.command::<EditPost>(Route {
            method: Method::Put,
            path: "/posts/{id}",
            name: "edit_post",
            summary: "Replace what a draft or scheduled post says",
        });
        to.command::<SchedulePost>(Route {
            method: Method::Post,
            path: "/posts/{id}/schedule",
            name: "schedule_post",
            summary: "Plan the publication of a post, or plan it anew",
        });
        to.command::<UnschedulePost>(Route {
            method: Method::Post,
            path: "/posts/{id}/unschedule",
            name: "unschedule_post",
            summary: "Take the plan back: the post is a draft again",
        });
        to.command::<WithdrawPost>(Route {
            method: Method::Delete,
            path: "/posts/{id}",
            name: "withdraw_post",
            summary: "Give a post up for good",
        });
    }

    fn show(state: &State) -> Vec<(&'static str, String)> {
        state.lines()
    }
}

/// A new post.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct DraftPost {
    /// Its title, for lists and the calendar.
    #[describe(max_chars = TITLE_CHARS_MAX)]
    title: Option<String>,
    /// What it says.
    #[describe(max_chars = BODY_CHARS_MAX)]
    body: String,
    /// Its tags, each up to 50 characters, without `#`.
    #[serde(default)]
    #[describe(max_items = TAGS_MAX)]
    tags: Vec<String>,
}

impl Request<Post> for DraftPost {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Draft { text: text(self.title, self.body, self.tags)? })
    }
}

/// What a post says from now on; what is left out is taken away.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct EditPost {
    /// Its title, for lists and the calendar.
    #[describe(max_chars = TITLE_CHARS_MAX)]
    title: Option<String>,
    /// What it says.
    #[describe(max_chars = BODY_CHARS_MAX)]
    body: String,
    /// Its tags, each up to 50 characters, without `#`.
    #[serde(default)]
    #[describe(max_items = TAGS_MAX)]
    tags: Vec<String>,
}

impl Request<Post> for EditPost {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Edit { text: text(self.title, self.body, self.tags)? })
    }
}

/// When and where a post is to be published.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct SchedulePost {
    /// When it is due; not in the past.
    publish_at: Timestamp,
    /// Where it goes: at least one, each once.
    #[describe(max_items = PLATFORMS_MAX)]
    platforms: Vec<Platform>,
    /// What is paid so that more people see it; charged when it is published.
    boost: Option<Money>,
}

impl Request<Post> for SchedulePost {
    fn into_command(self, ask: &Ask<'_>) -> Result<Command, Invalid> {
        let Self { publish_at, platforms, boost } = self;
        let platforms = Platform::each_once(platforms, "/platforms")?;
        if let Some(boost) = &boost {
            boost.check("/boost")?;
        }
        Ok(Command::Schedule { publish_at, platforms, boost, issued_at: ask.issued_at })
    }
}

/// Nothing needs to be said.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct UnschedulePost {}

impl Request<Post> for UnschedulePost {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Unschedule)
    }
}

/// Why a post is given up, if there is something to say.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct WithdrawPost {
    /// Why, for the history.
    #[describe(max_chars = REASON_CHARS_MAX)]
    reason: Option<String>,
}

impl Request<Post> for WithdrawPost {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Withdraw { reason: self.reason })
    }
}

/// What a post may say in any state.
fn text(title: Option<String>, body: String, tags: Vec<String>) -> Result<Text, Invalid> {
    if title.as_ref().is_some_and(|title| title.trim().is_empty()) {
        return Err(Invalid::field("/title", "empty", "write a title, or leave it out"));
    }
    if body.trim().is_empty() {
        return Err(Invalid::field("/body", "empty", "a post says something"));
    }
    for (at, tag) in tags.iter().enumerate() {
        let wrong = if tag.trim().is_empty() {
            Some(("empty", "a tag is a word".to_owned()))
        } else if tag.chars().count() > TAG_CHARS_MAX {
            Some(("too_long", format!("a tag has at most {TAG_CHARS_MAX} characters")))
        } else if tags[..at].contains(tag) {
            Some(("duplicate", format!("`{tag}` stands twice")))
        } else {
            None
        };
        if let Some((code, detail)) = wrong {
            return Err(Invalid::field(&format!("/tags/{at}"), code, detail));
        }
    }
    Ok(Text { title, body, tags })
}
