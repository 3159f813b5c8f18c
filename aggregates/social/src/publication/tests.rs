//! The rules of a publication as sentences, arm by arm. Not its route: `request_tests.rs` asks that.

use domain::{
    Aggregate as _, Decider as _, Link, Money, Platform, PostId, Rejection as _, RejectionKind,
};
use proptest::prelude::*;
use testkit::{given, id};

use super::{Command, Event, Publication, Rejection, State, Wish};

testkit::decider_laws!(crate::Social: Publication, commands());

fn commands() -> impl Strategy<Value = Command> {
    let wish = (
        (1..3_u64).prop_map(|n| PostId(id(n))),
        prop::collection::btree_set(prop::sample::select(Platform::ALL), 1..4),
        proptest::option::of((1..3_i64).prop_map(|minor| Money::new(minor, "EUR"))),
    )
        .prop_map(|(post, platforms, boost)| Wish { post, platforms, boost });
    prop_oneof![
        wish.clone().prop_map(|wish| Command::Request { wish }),
        (wish, 0..3_i64).prop_map(|(wish, plan)| Command::Open { wish, plan }),
        proptest::option::of("[a-b]").prop_map(|why| Command::Fail { why }),
        Just(confirm()),
    ]
}

fn wish() -> Wish {
    let platforms = [Platform::Bluesky, Platform::X].into();
    Wish { post: PostId(id(1)), platforms, boost: Some(Money::new(500, "EUR")) }
}

fn links() -> Vec<Link> {
    vec![Link { platform: Platform::Bluesky, url: "https://bsky.example/1".into() }]
}

fn request() -> Command {
    Command::Request { wish: wish() }
}

fn open() -> Command {
    Command::Open { wish: wish(), plan: 2 }
}

fn fail() -> Command {
    Command::Fail { why: Some("too long".into()) }
}

fn confirm() -> Command {
    Command::Confirm { links: links() }
}

fn requested() -> Event {
    let Wish { post, platforms, boost } = wish();
    Event::Requested { post, platforms, boost }
}

fn opened() -> Event {
    let Wish { post, platforms, boost } = wish();
    Event::Opened { post, platforms, boost, plan: 2 }
}

fn failed() -> Event {
    Event::Failed { why: Some("too long".into()) }
}

fn confirmed() -> Event {
    Event::Confirmed { links: links() }
}

fn refused(command: &'static str, state: &'static str) -> Rejection {
    Rejection::NotAllowed { command, state }
}

#[test]
fn a_wish_begins_a_publication_once() {
    given::<Publication>([]).when(request()).then([requested()]);
    for (state, last) in [
        ("requested", requested()),
        ("opened", opened()),
        ("failed", failed()),
        ("confirmed", confirmed()),
    ] {
        given::<Publication>([last]).when(request()).then_refused(refused("publish_post", state));
    }
}

#[test]
fn it_is_opened_with_or_without_a_wish_and_once() {
    given::<Publication>([]).when(open()).then([opened()]);
    given::<Publication>([requested()]).when(open()).then([opened()]);
    given::<Publication>([opened()]).when(open()).then_nothing();
    for (state, last) in [("failed", failed()), ("confirmed", confirmed())] {
        let refusal = refused("open_publication", state);
        given::<Publication>([opened(), last]).when(open()).then_refused(refusal);
    }
}

#[test]
fn it_fails_at_most_once_and_never_behind_its_confirmation() {
    given::<Publication>([opened()]).when(fail()).then([failed()]);
    given::<Publication>([requested()]).when(fail()).then([failed()]);
    given::<Publication>([opened(), failed()]).when(fail()).then_nothing();
    given::<Publication>([]).when(fail()).then_nothing();
    given::<Publication>([opened(), confirmed()])
        .when(fail())
        .then_refused(refused("fail_publication", "confirmed"));
}

#[test]
fn it_is_confirmed_once_and_only_when_it_is_open() {
    given::<Publication>([opened()]).when(confirm()).then([confirmed()]);
    given::<Publication>([opened(), confirmed()]).when(confirm()).then_nothing();
    given::<Publication>([]).when(confirm()).then_refused(Rejection::NoSuchPublication);
    for (state, last) in [("requested", requested()), ("failed", failed())] {
        let refusal = refused("confirm_publication", state);
        given::<Publication>([last]).when(confirm()).then_refused(refusal);
    }
}

#[test]
fn a_refusal_says_which_rule_and_why() {
    for (refusal, rule, kind, sentence) in [
        (
            Rejection::NoSuchPublication,
            "no_such_publication",
            RejectionKind::Absent,
            "there is no such publication",
        ),
        (
            refused("publish_post", "failed"),
            "not_allowed",
            RejectionKind::Conflict,
            "a publication that is failed does not take `publish_post`",
        ),
    ] {
        assert_eq!((refusal.rule(), refusal.kind()), (rule, kind));
        assert_eq!(refusal.to_string(), sentence);
    }
}

#[test]
fn the_history_shows_what_goes_where() {
    let state = Publication::evolve(State::Absent, &opened());
    let lines: Vec<_> = Publication::show(&state)
        .into_iter()
        .map(|(name, text)| format!("{name}={text}"))
        .collect();
    let post = id(1);
    let expected = format!("state=opened post={post} platforms=bluesky, x boost=500 EUR");
    assert_eq!(lines.join(" "), expected);
    assert_eq!(Publication::show(&State::Failed), [("state", "failed".to_owned())]);
}
