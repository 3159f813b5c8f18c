//! The rules of a recipient as sentences, arm by arm. Not its routes: `request_tests.rs` asks those.

use domain::{Aggregate as _, Decider as _, Rejection as _, RejectionKind, Sealed};
use proptest::prelude::*;
use testkit::{given, id, sealed};

use super::{Command, Event, Recipient, Rejection, State};

testkit::decider_laws!(crate::Notifications: Recipient, commands());

fn commands() -> impl Strategy<Value = Command> {
    let address = "[a-b]".prop_map(|plain| address(&plain));
    prop_oneof![
        address.prop_map(|mail_address| Command::Set { mail_address }),
        Just(Command::Remove)
    ]
}

fn address(plain: &str) -> Sealed {
    sealed(id(1), "mail_address", plain)
}

fn set(plain: &str) -> Command {
    Command::Set { mail_address: address(plain) }
}

fn was_set(plain: &str) -> Event {
    Event::Set { mail_address: address(plain) }
}

#[test]
fn an_address_is_set_and_set_anew() {
    given::<Recipient>([]).when(set("ada@a.org")).then([was_set("ada@a.org")]);
    given::<Recipient>([was_set("ada@a.org")]).when(set("ada@b.org")).then([was_set("ada@b.org")]);
    given::<Recipient>([was_set("ada@a.org"), Event::Removed])
        .when(set("ada@b.org"))
        .then([was_set("ada@b.org")]);
}

#[test]
fn an_address_is_removed_once() {
    given::<Recipient>([was_set("ada@a.org")]).when(Command::Remove).then([Event::Removed]);
    given::<Recipient>([was_set("ada@a.org"), Event::Removed]).when(Command::Remove).then_nothing();
    given::<Recipient>([]).when(Command::Remove).then_refused(Rejection::NoSuchRecipient);
    assert_eq!(Rejection::NoSuchRecipient.to_string(), "there is no such recipient");
    let (rule, kind) = (Rejection::NoSuchRecipient.rule(), Rejection::NoSuchRecipient.kind());
    assert_eq!((rule, kind), ("no_such_recipient", RejectionKind::Absent));
}

#[test]
fn neither_the_history_nor_a_log_line_shows_the_address() {
    let state = Recipient::evolve(State::Absent, &was_set("ada@a.org"));
    assert_eq!(Recipient::show(&state), [("state", "known".to_owned())]);
    let printed = format!("{:?} {:?} {state:?}", set("ada@a.org"), was_set("ada@a.org"));
    assert!(!printed.contains("ada"), "{printed}");
    let gone = Recipient::evolve(state, &Event::Removed);
    assert_eq!(gone, State::Unknown);
}
