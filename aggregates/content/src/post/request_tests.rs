//! What the bodies of the post's routes become. Not HTTP, and not the rules.

use domain::{Invalid, Method, Money, Platform};
use testkit::{Refused, at, request};

use super::{Command, Post, Text};

fn command(route: &str, body: &str) -> Command {
    request::<Post>(route, body).unwrap().command
}

fn refused(route: &str, body: &str) -> Refused {
    request::<Post>(route, body).unwrap_err()
}

fn invalid(pointer: &str, code: &'static str, detail: &str) -> Refused {
    Refused::Invalid(Invalid::field(pointer, code, detail))
}

#[test]
fn the_routes_are_those_of_the_product() {
    for (name, method, path) in [
        ("draft_post", Method::Post, "/posts"),
        ("edit_post", Method::Put, "/posts/{id}"),
        ("schedule_post", Method::Post, "/posts/{id}/schedule"),
        ("unschedule_post", Method::Post, "/posts/{id}/unschedule"),
        ("withdraw_post", Method::Delete, "/posts/{id}"),
    ] {
        let body = match name {
            "draft_post" | "edit_post" => r#"{"body": "hello"}"#,
            "schedule_post" => r#"{"publish_at": "2026-11-21T12:00:00Z", "platforms": ["x"]}"#,
            _ => "{}",
        };
        let asked = request::<Post>(name, body).unwrap();
        assert_eq!((asked.route.method, asked.route.path), (method, path));
        assert_eq!(asked.command.name(), name);
        assert_eq!(asked.route.creates(), name == "draft_post");
    }
}

#[test]
fn a_draft_and_an_edit_take_a_text_with_or_without_title_and_tags() {
    let full = r#"{"title": "hi", "body": "hello", "tags": ["rust", "cqrs"]}"#;
    let text = Text {
        title: Some("hi".into()),
        body: "hello".into(),
        tags: vec!["rust".into(), "cqrs".into()],
    };
    assert_eq!(command("draft_post", full), Command::Draft { text: text.clone() });
    assert_eq!(command("edit_post", full), Command::Edit { text });
    let text = Text { body: "hello".into(), ..Text::default() };
    assert_eq!(
        command("draft_post", r#"{"body": "hello"}"#),
        Command::Draft { text: text.clone() }
    );
    assert_eq!(command("edit_post", r#"{"body": "hello"}"#), Command::Edit { text });
}

#[test]
fn a_schedule_takes_a_time_and_each_platform_once() {
    let body = r#"{"publish_at": "2026-11-21T13:00:01+01:00", "platforms": ["x", "bluesky"]}"#;
    let expected = Command::Schedule {
        publish_at: at(1_000),
        platforms: [Platform::Bluesky, Platform::X].into(),
        boost: None,
        issued_at: at(0),
    };
    assert_eq!(command("schedule_post", body), expected);
    let twice = r#"{"publish_at": "2026-11-21T12:00:00Z", "platforms": ["x", "x"]}"#;
    assert_eq!(
        refused("schedule_post", twice),
        invalid("/platforms/1", "duplicate", "`x` is named twice")
    );
    let none = r#"{"publish_at": "2026-11-21T12:00:00Z", "platforms": []}"#;
    assert_eq!(
        refused("schedule_post", none),
        invalid("/platforms", "empty", "name at least one platform")
    );
}

#[test]
fn no_more_platforms_than_the_limit() {
    let body = |count: usize| {
        let words: Vec<_> = Platform::WORDS[..count].iter().map(|w| format!("{w:?}")).collect();
        format!(r#"{{"publish_at": "2026-11-21T12:00:00Z", "platforms": [{}]}}"#, words.join(","))
    };
    assert_eq!(command("schedule_post", &body(10)).name(), "schedule_post");
    assert_eq!(refused("schedule_post", &body(11)), Refused::TooMuch("/platforms".into(), 10));
}

#[test]
fn a_reason_is_optional_and_bounded() {
    assert_eq!(command("withdraw_post", "{}"), Command::Withdraw { reason: None });
    let reason = |count: usize| format!(r#"{{"reason": "{}"}}"#, "ä".repeat(count));
    assert_eq!(
        command("withdraw_post", &reason(500)),
        Command::Withdraw { reason: Some("ä".repeat(500)) }
    );
    assert_eq!(refused("withdraw_post", &reason(501)), Refused::TooMuch("/reason".into(), 500));
}

#[test]
fn a_text_is_within_its_bounds() {
    let body = |count: usize| format!(r#"{{"body": "{}"}}"#, "ä".repeat(count));
    let title = |count: usize| format!(r#"{{"body": "a", "title": "{}"}}"#, "ä".repeat(count));
    let tags = |count: usize| {
        let tags: Vec<_> = (0..count).map(|n| format!("\"t{n}\"")).collect();
        format!(r#"{{"body": "a", "tags": [{}]}}"#, tags.join(","))
    };
    let tag = |count: usize| format!(r#"{{"body": "a", "tags": ["{}"]}}"#, "ä".repeat(count));
    for route in ["draft_post", "edit_post"] {
        for fits in [body(10_000), title(200), tags(30), tag(50)] {
            assert_eq!(command(route, &fits).name(), route);
        }
        assert_eq!(refused(route, &body(10_001)), Refused::TooMuch("/body".into(), 10_000));
        assert_eq!(refused(route, &title(201)), Refused::TooMuch("/title".into(), 200));
        assert_eq!(refused(route, &tags(31)), Refused::TooMuch("/tags".into(), 30));
        assert_eq!(
            refused(route, &tag(51)),
            invalid("/tags/0", "too_long", "a tag has at most 50 characters")
        );
    }
}

#[test]
fn a_text_says_something_in_each_part_it_has() {
    for (body, expected) in [
        (r#"{"body": " "}"#, invalid("/body", "empty", "a post says something")),
        (
            r#"{"body": "a", "title": ""}"#,
            invalid("/title", "empty", "write a title, or leave it out"),
        ),
        (r#"{"body": "a", "tags": ["b", ""]}"#, invalid("/tags/1", "empty", "a tag is a word")),
        (
            r#"{"body": "a", "tags": ["b", "b"]}"#,
            invalid("/tags/1", "duplicate", "`b` stands twice"),
        ),
    ] {
        assert_eq!(refused("draft_post", body), expected);
        assert_eq!(refused("edit_post", body), expected);
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for (route, body, why) in [
        ("draft_post", r#"{"body": "a", "colour": 1}"#, "unknown field `colour`"),
        ("draft_post", "{}", "missing field `body`"),
        ("edit_post", r#"{"body": 1}"#, "invalid type: integer `1`, expected a string"),
        ("unschedule_post", r#"{"reason": "a"}"#, "unknown field `reason`"),
        (
            "schedule_post",
            r#"{"publish_at": "tomorrow", "platforms": ["x"]}"#,
            "`tomorrow` is not a time; write RFC 3339, as 2026-11-21T08:30:00Z",
        ),
        (
            "schedule_post",
            r#"{"publish_at": "2026-11-21T12:00:00Z", "platforms": ["myspace"]}"#,
            "unknown variant `myspace`, expected one of `bluesky`",
        ),
    ] {
        match refused(route, body) {
            Refused::Malformed(sentence) => assert!(sentence.starts_with(why), "{sentence}"),
            other => panic!("{body} is {other:?}"),
        }
    }
}

#[test]
fn a_boost_is_an_amount_that_can_be_paid() {
    let body = |boost: &str| {
        let head = r#"{"publish_at": "2026-11-21T12:00:00Z", "platforms": ["x"], "boost": "#;
        format!("{head}{boost}}}")
    };
    let expected = Command::Schedule {
        publish_at: at(0),
        platforms: [Platform::X].into(),
        boost: Some(Money::new(500, "EUR")),
        issued_at: at(0),
    };
    assert_eq!(command("schedule_post", &body(r#"{"minor": 500, "currency": "EUR"}"#)), expected);
    for minor in [i64::MIN, -1, 0, 100_000_000] {
        let boost = format!(r#"{{"minor": {minor}, "currency": "EUR"}}"#);
        let detail = "an amount is 1 to 99999999 minor units";
        let expected = invalid("/boost/minor", "not_an_amount", detail);
        assert_eq!(refused("schedule_post", &body(&boost)), expected);
    }
    for currency in ["", "eur", "EURO", "E1R"] {
        let boost = format!(r#"{{"minor": 500, "currency": "{currency}"}}"#);
        let detail = "a currency is three capital letters (ISO 4217), as EUR";
        let expected = invalid("/boost/currency", "not_a_currency", detail);
        assert_eq!(refused("schedule_post", &body(&boost)), expected);
    }
}
