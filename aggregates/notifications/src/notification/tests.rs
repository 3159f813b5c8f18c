//! The rules of a notification as sentences, arm by arm. Not its route: `request_tests.rs` asks that.

use domain::{
    Aggregate as _, Decider as _, Link, Platform, PostId, Rejection as _, RejectionKind, UserId,
};
use proptest::prelude::*;
use testkit::{given, id};

use super::{Command, Event, Kind, Notice, Notification, Rejection, State};

testkit::decider_laws!(crate::Notifications: Notification, commands());

fn commands() -> impl Strategy<Value = Command> {
    let text = || proptest::option::of("[a-b]");
    let kind = prop::sample::select(Kind::ALL);
    prop_oneof![
        (1..3_u64).prop_map(|n| Command::Promise { user: UserId(id(n)), post: PostId(id(n)) }),
        (kind, text(), text()).prop_map(|(kind, title, why)| Command::Send {
            notice: Notice { kind, title, links: notice().links, why }
        }),
        Just(Command::Read),
        Just(Command::BeginDelivery),
        text().prop_map(|message_id| Command::MarkDelivered { message_id }),
        text().prop_map(|why| Command::MarkUndelivered { why }),
    ]
}

fn promise() -> Command {
    Command::Promise { user: UserId(id(1)), post: PostId(id(2)) }
}

fn notice() -> Notice {
    let links = vec![Link { platform: Platform::Bluesky, url: "https://bsky.example/1".into() }];
    Notice { kind: Kind::Published, title: Some("hi".into()), links, why: None }
}

fn send() -> Command {
    Command::Send { notice: notice() }
}

fn delivered() -> Event {
    Event::Delivered { message_id: Some("<1@recount>".into()) }
}

fn mark_delivered() -> Command {
    Command::MarkDelivered { message_id: Some("<1@recount>".into()) }
}

fn undelivered() -> Event {
    Event::Undelivered { why: Some("no such mailbox".into()) }
}

fn mark_undelivered() -> Command {
    Command::MarkUndelivered { why: Some("no such mailbox".into()) }
}

fn promised() -> Event {
    Event::Promised { user: UserId(id(1)), post: PostId(id(2)) }
}

fn sent() -> Event {
    let Notice { kind, title, links, why } = notice();
    Event::Sent { user: UserId(id(1)), post: PostId(id(2)), kind, title, links, why }
}

fn refused(command: &'static str, state: &'static str) -> Rejection {
    Rejection::NotAllowed { command, state }
}

#[test]
fn it_is_promised_once() {
    given::<Notification>([]).when(promise()).then([promised()]);
    given::<Notification>([promised()]).when(promise()).then_nothing();
    given::<Notification>([promised(), sent()]).when(promise()).then_nothing();
}

#[test]
fn what_was_never_promised_takes_nothing_else() {
    for command in
        [send(), Command::Read, Command::BeginDelivery, mark_delivered(), mark_undelivered()]
    {
        given::<Notification>([]).when(command).then_refused(Rejection::NoSuchNotification);
    }
}

#[test]
fn what_was_promised_is_sent_once_and_says_one_thing() {
    given::<Notification>([promised()]).when(send()).then([sent()]);
    let other = Notice { kind: Kind::NotPublished, ..notice() };
    given::<Notification>([promised(), sent()])
        .when(Command::Send { notice: other })
        .then_nothing();
}

#[test]
fn only_what_was_sent_is_read_and_once() {
    given::<Notification>([promised()])
        .when(Command::Read)
        .then_refused(refused("read_notification", "promised"));
    given::<Notification>([promised(), sent()]).when(Command::Read).then([Event::Read]);
    given::<Notification>([promised(), sent(), Event::Read]).when(Command::Read).then_nothing();
    given::<Notification>([promised(), sent(), Event::DeliveryBegun])
        .when(Command::Read)
        .then([Event::Read]);
}

#[test]
fn its_delivery_begins_once_and_ends_one_way() {
    let begun = vec![promised(), sent(), Event::DeliveryBegun];
    given::<Notification>(begun[..2].to_vec())
        .when(Command::BeginDelivery)
        .then([Event::DeliveryBegun]);
    given::<Notification>(begun.clone()).when(Command::BeginDelivery).then_nothing();
    given::<Notification>(begun.clone()).when(mark_delivered()).then([delivered()]);
    given::<Notification>(begun.clone()).when(mark_undelivered()).then([undelivered()]);
    let after = |last| [&begun[..], &[last]].concat();
    given::<Notification>(after(delivered())).when(mark_delivered()).then_nothing();
    given::<Notification>(after(undelivered())).when(mark_undelivered()).then_nothing();
    for (command, last) in [
        (Command::BeginDelivery, delivered()),
        (mark_undelivered(), delivered()),
        (Command::BeginDelivery, undelivered()),
        (mark_delivered(), undelivered()),
    ] {
        let name = command.name();
        given::<Notification>(after(last)).when(command).then_refused(refused(name, "sent"));
    }
}

#[test]
fn a_delivery_that_never_began_has_nothing_to_take_back() {
    given::<Notification>([promised(), sent()]).when(mark_undelivered()).then_nothing();
    given::<Notification>([promised(), sent()])
        .when(mark_delivered())
        .then_refused(refused("mark_delivered", "sent"));
}

#[test]
fn reading_and_delivery_do_not_touch_each_other() {
    let of = |events: &[Event]| events.iter().fold(State::Absent, Notification::evolve);
    let one = of(&[promised(), sent(), Event::Read, Event::DeliveryBegun, delivered()]);
    let other = of(&[promised(), sent(), Event::DeliveryBegun, delivered(), Event::Read]);
    assert_eq!((one, one.name()), (other, "read"));
}

#[test]
fn a_refusal_says_which_rule_and_why() {
    for (refusal, rule, kind, sentence) in [
        (
            Rejection::NoSuchNotification,
            "no_such_notification",
            RejectionKind::Absent,
            "there is no such notification",
        ),
        (
            refused("read_notification", "promised"),
            "not_allowed",
            RejectionKind::Conflict,
            "a notification that is promised does not take `read_notification`",
        ),
    ] {
        assert_eq!((refusal.rule(), refusal.kind()), (rule, kind));
        assert_eq!(refusal.to_string(), sentence);
    }
}

#[test]
fn the_history_shows_whose_it_is_and_how_far_its_delivery_is() {
    let state = [promised(), sent(), Event::DeliveryBegun];
    let state = state.iter().fold(State::Absent, Notification::evolve);
    let lines: Vec<_> = Notification::show(&state)
        .into_iter()
        .map(|(name, text)| format!("{name}={text}"))
        .collect();
    assert_eq!(lines.join(" "), format!("state=sent user={} delivery=begun", id(1)));
}
