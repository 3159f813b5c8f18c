//! `up --demo`: a living tenant to look at. Drafts, plans and publishes over the product's own API, as
//! a user would, and only against the sandbox. Not a part of a product that serves anybody.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use axum::http::{Method, StatusCode};
use domain::{Principal, UserId};
use provider_http::{Client, Request, now};
use serde_json::{Value, json};

use crate::settings::Settings;

/// Posts in the first minute come faster: who starts it wants to see something.
const FIRST: u32 = 20;
const PAUSE_FIRST: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_secs(6);
/// Sagas that do something at a time; nothing is added to more.
const IN_FLIGHT_MAX: usize = 8;
/// Plans for the next hour.
const PLANS: usize = 6;
/// The nearest of them, and how far apart they are, in seconds.
const PLAN_FIRST_S: i64 = 240;
const PLAN_EACH_S: i64 = 530;
/// Posts of one run, about eight hours: for whoever forgets it.
const POSTS_MAX: u32 = 5_000;
/// What the tenant may publish in a month: the demo is not to end by its quota.
const QUOTA: i64 = 100_000;
/// How long one call may take.
const CALL_MS: i64 = 10_000;
/// Providers of the world outside: none may be set up.
const OUTSIDE: [&str; 3] = ["bluesky-url", "stripe-key-file", "smtp-url"];

const ACCOUNTS: [(&str, &str); 3] =
    [("bluesky", "northwind.sandbox"), ("mastodon", "northwind"), ("linkedin", "northwind-coffee")];

/// One post and what is done about it. Words in brackets are the sandbox's.
struct Story {
    title: &'static str,
    body: &'static str,
    platforms: &'static [&'static str],
    /// Minor units; one that ends in 02 is declined.
    boost: Option<i64>,
    /// When it is due.
    due: Due,
    /// It comes to wait for a human: none is added while one waits.
    waits: bool,
}

#[derive(Clone, Copy)]
enum Due {
    Now,
    /// In so many seconds.
    In(i64),
    /// Within the hour, while few plans are there.
    Later,
}

const fn story(
    title: &'static str,
    body: &'static str,
    platforms: &'static [&'static str],
) -> Story {
    Story { title, body, platforms, boost: None, due: Due::Now, waits: false }
}

const STORIES: &[Story] = &[
    story("Opening hours", "From Monday on we open at seven.", &["bluesky", "mastodon"]),
    Story {
        boost: Some(1_500),
        ..story(
            "Autumn menu",
            "Pumpkin, plum and a lot of cinnamon. [sticky 25 on bluesky] [refuse on mastodon]",
            &["bluesky", "mastodon"],
        )
    },
    Story {
        waits: true,
        boost: Some(2_500),
        ..story(
            "A new roastery",
            "We roast next door from now on. Come and smell. [mute on linkedin]",
            &["bluesky", "linkedin"],
        )
    },
    Story {
        due: Due::In(12),
        boost: Some(900),
        ..story("Tasting on Friday", "Six coffees, one hour, no talking.", &["bluesky", "mastodon"])
    },
    story("We are hiring", "A barista for the early shift. [delay 3 on linkedin]", &["linkedin"]),
    story(
        "Lost and found",
        "Whose red umbrella is this? [drop on bluesky]",
        &["bluesky", "mastodon"],
    ),
    Story {
        boost: Some(4_902),
        ..story("Gift cards", "For those who have everything but coffee.", &["bluesky", "linkedin"])
    },
    story("Queue at noon [bounce]", "We know. A second machine is on its way.", &["mastodon"]),
    Story {
        due: Due::In(25),
        ..story(
            "Behind the bar",
            "How to clean a grinder. [busy 2 on mastodon]",
            &["mastodon", "bluesky"],
        )
    },
    story("Beans of the month", "Sidamo, washed. [limit 8 on bluesky]", &["bluesky"]),
    Story {
        due: Due::Later,
        boost: Some(1_200),
        ..story("Cake of the week", "Baked this morning. Gone by four.", &["bluesky", "linkedin"])
    },
    Story {
        due: Due::In(20),
        boost: Some(3_000),
        ..story(
            "Closed on Sunday",
            "We count beans. [delay 2 on bluesky] [sticky 40 on mastodon] [refuse on linkedin]",
            &["bluesky", "mastodon", "linkedin"],
        )
    },
];

/// Whether these settings allow it: nothing of it may reach anybody.
pub(crate) fn allowed(settings: &Settings) -> Result<()> {
    const WHY: &str = "RC0109: --demo plays with the sandbox alone";
    ensure!(settings.get("sandbox") != "off", "{WHY}: leave --sandbox out");
    // Read models of something else would give way to those of the demo.
    let database = settings.some("database-url").is_none();
    ensure!(database, "{WHY} and its own database: leave --database-url and DATABASE_URL out");
    ensure!(settings.some("tokens").is_none(), "{WHY} and without users: leave --tokens out");
    if let Some(name) = OUTSIDE.iter().find(|name| settings.some(name).is_some()) {
        bail!("{WHY}: leave --{name} out");
    }
    Ok(())
}

/// Plays against the product at this address, if there is one, until something else has ended.
pub(crate) async fn beside<T>(address: Option<SocketAddr>, other: impl Future<Output = T>) -> T {
    let playing = address.map(|address| tokio::spawn(play(address)));
    let ended = other.await;
    if let Some(playing) = playing {
        playing.abort();
    }
    ended
}

async fn play(address: SocketAddr) {
    let player = match Client::new(&format!("http://{address}")) {
        Ok(http) => Player { http },
        Err(error) => return tracing::error!(%error, "the demo does not start"),
    };
    while let Err(error) = player.prepare().await {
        // The read models may come up behind the API.
        tracing::info!(error = format!("{error:#}"), "the demo waits");
        tokio::time::sleep(PAUSE_FIRST).await;
    }
    if let Err(error) = player.plan_ahead().await {
        tracing::warn!(error = format!("{error:#}"), "the demo goes on");
    }
    for n in 0..POSTS_MAX {
        let story = &STORIES[n as usize % STORIES.len()];
        if let Err(error) = player.tell(n, story).await {
            tracing::warn!(error = format!("{error:#}"), "the demo goes on");
        }
        tokio::time::sleep(if n < FIRST { PAUSE_FIRST } else { PAUSE }).await;
    }
    tracing::info!("the demo has published its share; start again for more");
}

/// When the plan with this number is due, from now on.
fn planned_s(n: usize) -> i64 {
    PLAN_FIRST_S + PLAN_EACH_S * i64::try_from(n % PLANS).unwrap_or(0)
}

struct Player {
    http: Client,
}

impl Player {
    /// Accounts, an address, a quota; what is there already stays.
    async fn prepare(&self) -> Result<()> {
        let there = self.get("/api/social/accounts").await?;
        let there = there["items"].as_array().cloned().unwrap_or_default();
        for (platform, handle) in ACCOUNTS {
            if !there.iter().any(|it| it["handle"] == handle) {
                let account =
                    json!({ "platform": platform, "handle": handle, "access_token": "sandbox" });
                self.send(Method::POST, "/api/social/connect", &account).await?;
            }
        }
        let owner = Principal::local_owner();
        let user = UserId::of(&owner.tenant, &owner.actor);
        let address = json!({ "mail_address": "owner@northwind.example" });
        self.send(Method::PUT, &format!("/api/notifications/recipients/{user}"), &address).await?;
        self.send(Method::PUT, "/api/billing/quota", &json!({ "monthly": QUOTA })).await?;
        Ok(())
    }

    /// Plans for the next hour, as far as they are missing.
    async fn plan_ahead(&self) -> Result<()> {
        let later = STORIES.iter().filter(|story| matches!(story.due, Due::Later));
        for (n, story) in (self.sagas("state:waiting").await?..PLANS).zip(later.cycle()) {
            self.publish(story, Some(planned_s(n))).await?;
        }
        Ok(())
    }

    /// Publishes one post, unless enough is under way.
    async fn tell(&self, n: u32, story: &Story) -> Result<()> {
        if self.sagas("state:running,undoing").await? >= IN_FLIGHT_MAX
            || (story.waits && self.sagas("state:parked").await? > 0)
        {
            return Ok(());
        }
        let due_s = match story.due {
            Due::Now => None,
            Due::In(due_s) => Some(due_s),
            Due::Later if self.sagas("state:waiting").await? >= PLANS => return Ok(()),
            Due::Later => Some(planned_s(n as usize)),
        };
        self.publish(story, due_s).await
    }

    /// Now, or in so many seconds.
    async fn publish(&self, story: &Story, due_s: Option<i64>) -> Result<()> {
        let draft = json!({ "title": story.title, "body": story.body, "tags": ["demo"] });
        let post = self.send(Method::POST, "/api/content/posts", &draft).await?;
        let post = post["id"].as_str().context("an answer without an id")?;
        let boost = story.boost.map(|minor| json!({ "minor": minor, "currency": "EUR" }));
        let platforms = story.platforms;
        if let Some(due_s) = due_s {
            let publish_at = now().plus_ms(due_s * 1_000);
            let plan = json!({ "publish_at": publish_at, "platforms": platforms, "boost": boost });
            let path = format!("/api/content/posts/{post}/schedule");
            self.send(Method::POST, &path, &plan).await?;
        } else {
            let wish = json!({ "post_id": post, "platforms": platforms, "boost": boost });
            self.send(Method::POST, "/api/social/publish", &wish).await?;
        }
        Ok(())
    }

    /// How many publications pass a filter; counted no further than matters here.
    async fn sagas(&self, filter: &str) -> Result<usize> {
        let filter = format!("{filter} type:publish-post");
        let path = "/api/sagas";
        let limit = IN_FLIGHT_MAX.to_string();
        let request = request(Method::GET, path).query(&[("filter", &filter), ("limit", &limit)]);
        let page = self.call(path, request).await?;
        page["items"].as_array().map(Vec::len).context("a page without items")
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.call(path, request(Method::GET, path)).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.call(path, request(method, path).json(body)).await
    }

    async fn call(&self, path: &str, request: Request) -> Result<Value> {
        let answer = self.http.call(request).await;
        let answer = answer.with_context(|| path.to_owned())?;
        let status: StatusCode = answer.status;
        ensure!(status.is_success(), "{path}: {status} {}", answer.says(&["/detail"]));
        answer.json().with_context(|| format!("{path}: no JSON"))
    }
}

fn request(method: Method, path: &str) -> Request {
    Request::new(method, path, now().plus_ms(CALL_MS))
}
