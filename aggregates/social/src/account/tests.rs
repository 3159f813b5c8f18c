//! The rules of an account as sentences, arm by arm. Not its routes: `request_tests.rs` asks those.

use domain::{Aggregate as _, Decider as _, Platform, Rejection as _, RejectionKind, Sealed};
use proptest::prelude::*;
use testkit::{given, id, sealed};

use super::{Account, Command, Event, Rejection, State};

testkit::decider_laws!(crate::Social: Account, commands());

fn commands() -> impl Strategy<Value = Command> {
    let token = "[a-b]{1,2}".prop_map(|plain| token(&plain));
    let platform = prop::sample::select(Platform::ALL);
    prop_oneof![
        (platform, "[a-b]", any::<bool>(), token.clone()).prop_map(
            |(platform, handle, named, access_token)| Command::Connect {
                platform,
                handle,
                display_name: named.then(name),
                access_token
            }
        ),
        token.prop_map(|access_token| Command::Reconnect { access_token }),
        proptest::option::of("[a-b]").prop_map(|reason| Command::Disconnect { reason }),
    ]
}

fn token(plain: &str) -> Sealed {
    sealed(id(1), "access_token", plain)
}

fn name() -> Sealed {
    sealed(id(1), "display_name", "Ada Lovelace")
}

fn connect() -> Command {
    Command::Connect {
        platform: Platform::Bluesky,
        handle: "ada.example".into(),
        display_name: Some(name()),
        access_token: token("one"),
    }
}

fn connected() -> Event {
    Event::Connected {
        platform: Platform::Bluesky,
        handle: "ada.example".into(),
        display_name: Some(name()),
        access_token: token("one"),
    }
}

fn disconnected() -> Event {
    Event::Disconnected { reason: None }
}

fn reconnect(plain: &str) -> Command {
    Command::Reconnect { access_token: token(plain) }
}

fn reconnected(plain: &str) -> Event {
    Event::Reconnected { access_token: token(plain) }
}

fn state(events: &[Event]) -> State {
    events.iter().fold(State::Absent, Account::evolve)
}

#[test]
fn an_account_begins_connected() {
    given::<Account>([]).when(connect()).then([connected()]);
}

#[test]
fn an_account_is_connected_once() {
    let refusal = |state| Rejection::NotAllowed { command: "connect_account", state };
    given::<Account>([connected()]).when(connect()).then_refused(refusal("connected"));
    given::<Account>([connected(), disconnected()])
        .when(connect())
        .then_refused(refusal("disconnected"));
}

#[test]
fn what_was_never_connected_takes_no_other_command() {
    for command in [reconnect("two"), Command::Disconnect { reason: None }] {
        given::<Account>([]).when(command).then_refused(Rejection::NoSuchAccount);
    }
}

#[test]
fn a_connected_account_takes_a_new_token() {
    given::<Account>([connected()]).when(reconnect("two")).then([reconnected("two")]);
    let expected = State::Connected {
        platform: Platform::Bluesky,
        handle: "ada.example".into(),
        access_token: token("two"),
    };
    assert_eq!(state(&[connected(), reconnected("two")]), expected);
}

#[test]
fn a_disconnected_account_comes_back_with_a_token() {
    let before = [connected(), disconnected()];
    given::<Account>(before.clone()).when(reconnect("two")).then([reconnected("two")]);
    let after = state(&[connected(), disconnected(), reconnected("two")]);
    assert_eq!(after, state(&[connected(), reconnected("two")]));
}

#[test]
fn a_connected_account_can_be_disconnected_with_a_reason() {
    let reason = || Some("left the company".to_owned());
    given::<Account>([connected()])
        .when(Command::Disconnect { reason: reason() })
        .then([Event::Disconnected { reason: reason() }]);
}

#[test]
fn an_account_is_disconnected_once() {
    given::<Account>([connected(), disconnected()])
        .when(Command::Disconnect { reason: Some("again".into()) })
        .then_nothing();
}

#[test]
fn a_disconnected_account_holds_no_token() {
    let expected =
        State::Disconnected { platform: Platform::Bluesky, handle: "ada.example".into() };
    assert_eq!(state(&[connected(), disconnected()]), expected);
}

#[test]
fn the_history_shows_no_token_and_no_name() {
    let lines = Account::show(&state(&[connected()]));
    let expected = [("state", "connected"), ("platform", "bluesky"), ("handle", "ada.example")];
    assert_eq!(lines, expected.map(|(name, text)| (name, text.to_owned())));
    let printed = format!("{:?} {:?} {:?}", connect(), connected(), state(&[connected()]));
    assert!(!printed.contains("Ada") && !printed.contains("one"), "{printed}");
}

#[test]
fn a_refusal_says_which_rule_and_why() {
    let not_allowed = Rejection::NotAllowed { command: "connect_account", state: "disconnected" };
    for (refusal, rule, kind, sentence) in [
        (
            Rejection::NoSuchAccount,
            "no_such_account",
            RejectionKind::Absent,
            "there is no such account",
        ),
        (
            not_allowed,
            "not_allowed",
            RejectionKind::Conflict,
            "an account that is disconnected does not take `connect_account`",
        ),
    ] {
        assert_eq!((refusal.rule(), refusal.kind()), (rule, kind));
        assert_eq!(refusal.to_string(), sentence);
    }
}
