//! The rules of a post as sentences, arm by arm. Not its routes: `request_tests.rs` asks those.

use std::collections::BTreeSet;

use domain::{
    Aggregate as _, Decider as _, Link, Money, Platform, PublicationId, Rejection as _,
    RejectionKind,
};
use proptest::prelude::*;
use testkit::{at, given, id};

use super::{Command, Event, Planned, Post, Rejection, State, Text};

testkit::decider_laws!(crate::Content: Post, commands());

fn commands() -> impl Strategy<Value = Command> {
    let text = (
        proptest::option::of("[a-c]{1,2}"),
        "(a|ä|𐍈){1,400}",
        prop::collection::vec("[a-b]", 0..3),
    )
        .prop_map(|(title, body, tags)| Text { title, body, tags });
    let platforms = prop::collection::btree_set(prop::sample::select(Platform::ALL), 1..4);
    let any_time = prop_oneof![Just(i64::MIN), -2..3_i64, Just(i64::MAX)].prop_map(at);
    let boost = proptest::option::of((1..3_i64).prop_map(|minor| Money::new(minor, "EUR")));
    let publication = || (1..3_u64).prop_map(|n| PublicationId(id(n)));
    prop_oneof![
        text.clone().prop_map(|text| Command::Draft { text }),
        text.prop_map(|text| Command::Edit { text }),
        (any_time, platforms.clone(), boost, (-2..3_i64).prop_map(at)).prop_map(
            |(publish_at, platforms, boost, issued_at)| {
                Command::Schedule { publish_at, platforms, boost, issued_at }
            }
        ),
        Just(Command::Unschedule),
        proptest::option::of("[a-b]").prop_map(|reason| Command::Withdraw { reason }),
        (publication(), proptest::option::of(0..3_i64), platforms).prop_map(
            |(publication, plan, platforms)| Command::Begin { publication, plan, platforms }
        ),
        publication().prop_map(|publication| Command::Stop { publication }),
        publication()
            .prop_map(|publication| Command::MarkPublished { publication, links: links() }),
    ]
}

pub(super) fn text(body: &str) -> Text {
    Text { title: Some("hi".into()), body: body.into(), tags: vec!["rust".into()] }
}

pub(super) fn drafted(body: &str) -> Event {
    let Text { title, body, tags } = text(body);
    Event::Drafted { title, body, tags }
}

fn edited(body: &str) -> Event {
    let Text { title, body, tags } = text(body);
    Event::Edited { title, body, tags }
}

pub(super) fn on(platforms: &[Platform]) -> BTreeSet<Platform> {
    platforms.iter().copied().collect()
}

/// Under the first plan.
pub(super) fn scheduled(publish_at_ms: i64, platforms: &[Platform]) -> Event {
    planned(1, publish_at_ms, platforms)
}

pub(super) fn planned(plan: i64, publish_at_ms: i64, platforms: &[Platform]) -> Event {
    let (publish_at, platforms) = (at(publish_at_ms), on(platforms));
    Event::Scheduled { publish_at, platforms, title: Some("hi".into()), boost: None, plan }
}

/// Asked at the kit's noon.
pub(super) fn schedule(publish_at_ms: i64, platforms: &[Platform]) -> Command {
    let (publish_at, platforms) = (at(publish_at_ms), on(platforms));
    Command::Schedule { publish_at, platforms, boost: None, issued_at: at(0) }
}

pub(super) fn withdrawn() -> Event {
    Event::Withdrawn { reason: None, plan: 0 }
}

pub(super) fn withdraw() -> Command {
    Command::Withdraw { reason: None }
}

pub(super) fn links() -> Vec<Link> {
    vec![Link { platform: Platform::Bluesky, url: "https://bsky.example/1".into() }]
}

pub(super) const BLUESKY: &[Platform] = &[Platform::Bluesky];

#[test]
fn a_post_begins_as_a_draft() {
    given::<Post>([]).when(Command::Draft { text: text("hello") }).then([drafted("hello")]);
}

#[test]
fn a_post_begins_once() {
    for (state, before) in [
        ("draft", vec![drafted("hello")]),
        ("scheduled", vec![drafted("hello"), scheduled(1, BLUESKY)]),
        ("withdrawn", vec![drafted("hello"), withdrawn()]),
    ] {
        given::<Post>(before)
            .when(Command::Draft { text: text("hello") })
            .then_refused(Rejection::NotAllowed { command: "draft_post", state });
    }
}

#[test]
fn what_was_never_drafted_takes_no_other_command() {
    let edit = Command::Edit { text: text("hello") };
    for command in [edit, schedule(1, BLUESKY), Command::Unschedule, withdraw()] {
        given::<Post>([]).when(command).then_refused(Rejection::NoSuchPost);
    }
}

#[test]
fn a_draft_can_say_something_else() {
    given::<Post>([drafted("hello")])
        .when(Command::Edit { text: text("goodbye") })
        .then([edited("goodbye")]);
}

#[test]
fn each_part_of_a_text_can_change_alone() {
    let old = text("hello");
    let no_title = Text { title: None, ..old.clone() };
    let no_tags = Text { tags: vec![], ..old };
    for text in [no_title, no_tags] {
        let Text { title, body, tags } = text.clone();
        given::<Post>([drafted("hello")]).when(Command::Edit { text }).then([Event::Edited {
            title,
            body,
            tags,
        }]);
    }
}

#[test]
fn an_edit_that_changes_nothing_is_no_event() {
    let edit = || Command::Edit { text: text("hello") };
    given::<Post>([drafted("hello")]).when(edit()).then_nothing();
    given::<Post>([drafted("hello"), scheduled(1, BLUESKY)]).when(edit()).then_nothing();
    given::<Post>([drafted("goodbye"), edited("hello")]).when(edit()).then_nothing();
}

#[test]
fn a_scheduled_post_can_say_something_else_and_stays_scheduled() {
    let before = [drafted("hello"), scheduled(1, BLUESKY)];
    given::<Post>(before.clone())
        .when(Command::Edit { text: text("goodbye") })
        .then([edited("goodbye")]);
    let state = before.iter().chain([&edited("goodbye")]).fold(State::Absent, Post::evolve);
    let planned = Planned { publish_at: at(1), platforms: on(BLUESKY), boost: None };
    assert_eq!(state, State::Scheduled { text: text("goodbye"), plan: 1, planned });
}

#[test]
fn a_scheduled_post_is_not_edited_beyond_the_limit_of_its_platforms() {
    let before = [drafted("hello"), scheduled(1, BLUESKY)];
    given::<Post>(before.clone())
        .when(Command::Edit { text: text(&"ä".repeat(300)) })
        .then([edited(&"ä".repeat(300))]);
    given::<Post>(before)
        .when(Command::Edit { text: text(&"ä".repeat(301)) })
        .then_refused(Rejection::TooLong { platform: Platform::Bluesky, chars: 301, limit: 300 });
}

#[test]
fn a_draft_is_bound_by_no_platform() {
    let long = "a".repeat(5_000);
    given::<Post>([drafted("a")]).when(Command::Edit { text: text(&long) }).then([edited(&long)]);
}

#[test]
fn a_draft_can_be_scheduled_for_now_and_later() {
    let both = [Platform::Mastodon, Platform::Bluesky];
    for ms in [0, 1, 1_000_000] {
        given::<Post>([drafted("hello")]).when(schedule(ms, &both)).then([scheduled(ms, &both)]);
    }
}

#[test]
fn scheduling_in_the_past_is_refused() {
    for (ms, late_by_ms) in [(-1, 1), (-5_000, 5_000)] {
        let refusal = Rejection::InThePast { late_by_ms };
        given::<Post>([drafted("a")]).when(schedule(ms, BLUESKY)).then_refused(refusal.clone());
        given::<Post>([drafted("a"), scheduled(1, BLUESKY)])
            .when(schedule(ms, BLUESKY))
            .then_refused(refusal);
    }
}

#[test]
fn a_microsecond_late_is_late() {
    let publish_at = domain::Timestamp::from_micros(at(0).as_micros() - 1);
    given::<Post>([drafted("a")])
        .when(Command::Schedule {
            publish_at,
            platforms: on(BLUESKY),
            boost: None,
            issued_at: at(0),
        })
        .then_refused(Rejection::InThePast { late_by_ms: 1 });
}

#[test]
fn scheduling_checks_the_text_against_the_tightest_platform() {
    let all = [Platform::Linkedin, Platform::Bluesky, Platform::X];
    given::<Post>([drafted(&"a".repeat(280))]).when(schedule(1, &all)).then([scheduled(1, &all)]);
    given::<Post>([drafted(&"a".repeat(281))])
        .when(schedule(1, &all))
        .then_refused(Rejection::TooLong { platform: Platform::X, chars: 281, limit: 280 });
    // Planned anew for a tighter platform: the text that fitted before does not any more.
    given::<Post>([drafted(&"a".repeat(281)), scheduled(1, BLUESKY)])
        .when(schedule(1, &[Platform::X]))
        .then_refused(Rejection::TooLong { platform: Platform::X, chars: 281, limit: 280 });
}

#[test]
fn a_plan_can_be_made_anew() {
    let before = [drafted("hello"), scheduled(1, BLUESKY)];
    given::<Post>(before.clone()).when(schedule(2, BLUESKY)).then([planned(2, 2, BLUESKY)]);
    given::<Post>(before).when(schedule(1, &[Platform::X])).then([planned(2, 1, &[Platform::X])]);
}

#[test]
fn the_same_plan_again_stands_even_when_its_time_has_come() {
    for ms in [1, -1] {
        given::<Post>([drafted("hello"), scheduled(ms, BLUESKY)])
            .when(schedule(ms, BLUESKY))
            .then_nothing();
    }
}

#[test]
fn a_plan_can_be_taken_back_and_leaves_the_text() {
    let before = [drafted("hello"), scheduled(1, BLUESKY)];
    let unscheduled = Event::Unscheduled { plan: 1 };
    given::<Post>(before.clone()).when(Command::Unschedule).then([unscheduled.clone()]);
    let state = before.iter().chain([&unscheduled]).fold(State::Absent, Post::evolve);
    assert_eq!(state, State::Draft { text: text("hello"), plan: 1 });
}

#[test]
fn a_draft_has_no_plan_to_take_back() {
    given::<Post>([drafted("hello")]).when(Command::Unschedule).then_nothing();
}

#[test]
fn a_draft_and_a_scheduled_post_can_be_withdrawn_with_a_reason() {
    let reason = || Some("typo".to_owned());
    for (plan, before) in
        [vec![drafted("a")], vec![drafted("a"), scheduled(1, BLUESKY)]].into_iter().enumerate()
    {
        given::<Post>(before)
            .when(Command::Withdraw { reason: reason() })
            .then([Event::Withdrawn { reason: reason(), plan: i64::try_from(plan).unwrap() }]);
    }
}

#[test]
fn withdrawn_is_the_end() {
    let before = [drafted("hello"), withdrawn()];
    given::<Post>(before.clone()).when(withdraw()).then_nothing();
    for command in [Command::Edit { text: text("x") }, schedule(1, BLUESKY), Command::Unschedule] {
        let name = command.name();
        given::<Post>(before.clone())
            .when(command)
            .then_refused(Rejection::NotAllowed { command: name, state: "withdrawn" });
    }
}

#[test]
fn a_refusal_says_which_rule_why_and_what_to_do() {
    let too_long = Rejection::TooLong { platform: Platform::Bluesky, chars: 301, limit: 300 };
    let not_allowed = Rejection::NotAllowed { command: "edit_post", state: "withdrawn" };
    let superseded = Rejection::Superseded { plan: 2 };
    let taken = Rejection::Taken { by: PublicationId(id(7)) };
    for (refusal, rule, kind, sentence) in [
        (Rejection::NoSuchPost, "no_such_post", RejectionKind::Absent, "there is no such post"),
        (
            not_allowed,
            "not_allowed",
            RejectionKind::Conflict,
            "a post that is withdrawn does not take `edit_post`",
        ),
        (
            superseded,
            "superseded",
            RejectionKind::Conflict,
            "plan 2 of the post was changed or taken back",
        ),
        (
            taken,
            "taken",
            RejectionKind::Conflict,
            "publication 0190e2a4-0000-7000-8000-000000000007 has the post",
        ),
        (
            Rejection::InThePast { late_by_ms: 5 },
            "in_the_past",
            RejectionKind::Invalid,
            "publish_at is 5 ms in the past; choose a later time",
        ),
        (
            too_long,
            "too_long",
            RejectionKind::Conflict,
            "the text has 301 characters, Bluesky takes 300; shorten it or leave Bluesky out",
        ),
    ] {
        assert_eq!((refusal.rule(), refusal.kind()), (rule, kind));
        assert_eq!(refusal.to_string(), sentence);
    }
}

#[test]
fn the_history_shows_the_plan_and_the_text() {
    let events = [drafted("hello"), scheduled(1, &[Platform::X, Platform::Bluesky])];
    let state = events.iter().fold(State::Absent, Post::evolve);
    let lines: Vec<_> =
        Post::show(&state).into_iter().map(|(name, text)| format!("{name}={text}")).collect();
    let expected = "state=scheduled plan=1 publish_at=2026-11-21T12:00:00.001Z platforms=bluesky, x \
        title=hi body=hello tags=rust";
    assert_eq!(lines.join(" "), expected);
    assert_eq!(Post::show(&State::Absent), [("state", "absent".to_owned())]);
}
