//! What stands in the demo's log: posts drafted, edited, scheduled, withdrawn; accounts connected.

use domain::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{Demo, Fact};

const TITLES: [&str; 18] = [
    "Autumn sale, day 3",
    "We are hiring: two engineers in Porto",
    "Changelog 0.42: faster rebuilds",
    "Behind the scenes: how we proof coffee",
    "Open house on Saturday",
    "Five things we learned from 10,000 retries",
    "Winter opening hours",
    "A letter from the workshop",
    "Thank you, Lisbon",
    "What a saga owes you when it fails",
    "New: export to CSV",
    "Maintenance on Sunday, 02:00 UTC",
    "Meet Ida, who answers your mail",
    "The long road to exactly once",
    "Photo contest: the winners",
    "Recipe: rye bread in 20 minutes",
    "Our office plants, ranked",
    "Save the date: 12 December",
];

const PEOPLE: [&str; 4] = ["ida", "m.okafor", "a.lindqvist", "scheduler"];

/// Writes it all, so that the last event is some seconds old.
pub(super) fn seed(demo: &Demo) {
    let now = Timestamp::from(chrono::Utc::now());
    for (at, platform) in (0..).zip(["bluesky", "mastodon", "linkedin"]) {
        let fact = Fact {
            topic: "social.events",
            category: "account",
            id: id(200 + at),
            verb: "connected",
            actor: "ida",
            at: now.plus_ms(-400_000_000 + ms(at) * 50_000),
            json: json!({"platform": platform, "handle": format!("brightside.{platform}"), "token": "sealed"}),
        };
        demo.append(&fact);
    }
    // By time, not by post, as a log is written.
    let mut facts: Vec<Fact<'static>> = Vec::new();
    for (at, title) in (0..).zip(TITLES) {
        history(at, title, now, &mut facts);
    }
    facts.sort_by_key(|fact| fact.at);
    for fact in &facts {
        demo.append(fact);
    }
}

/// Spread as real ids are, and the same in every run.
pub(super) fn id(n: u128) -> Uuid {
    let tail = (n * 0x9e37_79b9_7f4a_7c15) & 0x3fff_ffff_ffff_ffff;
    Uuid::from_u128(((0x0190_e2a4_5c68_7000 + n * 0x1_7003) << 64) | (0x8 << 60) | tail)
}

fn history(n: u128, title: &'static str, now: Timestamp, facts: &mut Vec<Fact<'static>>) {
    let age_ms = 14_000 + ms(n * n) * 900_000;
    let steps = 1 + n % 5;
    let from = now.plus_ms(-age_ms - ms(steps) * 1_260_000);
    let mut say = |step: u128, verb: &'static str, json: serde_json::Value| {
        facts.push(Fact {
            topic: "content.events",
            category: "post",
            id: id(n + 1),
            verb,
            actor: person(n + step),
            at: now.plus_ms(-age_ms).min(from.plus_ms(ms(step) * 1_260_000 + ms(n) * 7_411)),
            json,
        });
    };
    say(0, "drafted", json!({"title": title, "body": "The first words of it.", "author": "ida"}));
    if steps >= 2 {
        say(
            1,
            "edited",
            json!({"body": "Everything 20 % off until Sunday, online and in the shop."}),
        );
    }
    if steps >= 3 {
        let at = now.plus_ms(86_400_000 * (ms(n % 6) + 1)).to_string();
        say(2, "scheduled", json!({"publish_at": at, "platforms": ["bluesky", "mastodon"]}));
    }
    if steps >= 4 {
        let at = now.plus_ms(172_800_000).to_string();
        say(3, "rescheduled", json!({"publish_at": at}));
    }
    if steps >= 5 {
        say(4, "withdrawn", json!({"reason": "Legal asked for another wording."}));
    }
}

fn ms(n: u128) -> i64 {
    i64::try_from(n).unwrap_or(0)
}

fn person(n: u128) -> &'static str {
    usize::try_from(n).ok().and_then(|n| PEOPLE.get(n % PEOPLE.len())).copied().unwrap_or("ida")
}
