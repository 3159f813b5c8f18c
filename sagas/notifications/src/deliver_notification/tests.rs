//! The saga as timelines, its letters, and its laws. Not its target's rules, which are tested where
//! they stand.

use domain::saga::{Meets, Probe, Saga as _};
use domain::{Link, Platform, PostId, UserId};
use expect_test::expect;
use notifications::notification::{Command, Event, Kind};
use testkit::Says::{Done, Gives, Refused, Transient, Unknown};
use testkit::{Script, envelope, id, saga};

use super::{Answer, Ask, DeliverNotification, MailRequest, Mailed, State};

testkit::saga_laws!(DeliverNotification, published(), answer);

fn answer(ask: &Ask) -> Answer {
    let of = match ask {
        Ask::SendMail(mail) => mail.notification,
        Ask::BeginDelivery { notification }
        | Ask::MarkUndelivered { notification, .. }
        | Ask::MarkDelivered { notification, .. } => *notification,
    };
    Answer::Mailed(Mailed { message_id: format!("<{of}@recount>") })
}

fn published() -> Event {
    sent(Kind::Published, Some("Hello"), None)
}

fn sent(kind: Kind, title: Option<&str>, why: Option<&str>) -> Event {
    let links = match kind {
        Kind::Published => vec![
            Link { platform: Platform::Bluesky, url: "https://bsky.example/1".into() },
            Link { platform: Platform::X, url: "https://x.example/2".into() },
        ],
        Kind::NotPublished => vec![],
    };
    let (title, why) = (title.map(str::to_owned), why.map(str::to_owned));
    Event::Sent { user: UserId(id(5)), post: PostId(id(9)), kind, title, links, why }
}

fn begun(event: Event) -> State {
    match &DeliverNotification::meet(&envelope(1, 1, 1, event))[..] {
        [Meets::Start { state, at: None, .. }] => state.clone(),
        other => panic!("{other:?}"),
    }
}

fn delivering() -> Script<DeliverNotification> {
    saga::<DeliverNotification>(published())
}

fn mailed() -> Answer {
    Answer::Mailed(Mailed { message_id: "<1@recount>".into() })
}

#[test]
fn a_notification_goes_out_by_mail() {
    let timeline = delivering().answers("send-mail", Gives(mailed())).timeline();
    expect![[r"
        open-delivery    done
        send-mail        done
        mark-delivered   done
        done
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_refusal_parks_nobody_and_the_notification_is_undelivered() {
    let timeline = delivering().answers("send-mail", Refused("no such mailbox")).timeline();
    expect![[r"
        open-delivery   done
        send-mail       refused: no such mailbox
        open-delivery   undone
        undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_mail_server_that_is_busy_is_asked_again() {
    let timeline = delivering()
        .answers("send-mail", Transient("451 greylisted"))
        .answers("send-mail", Done)
        .timeline();
    expect![[r"
        open-delivery    done
        send-mail        not now: 451 greylisted
        send-mail        done
        mark-delivered   done
        done
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_mail_whose_answer_is_lost_is_sent_again_with_the_same_key() {
    let timeline = delivering()
        .answers("send-mail", Unknown("connection lost"))
        .probe("send-mail", Probe::NotHappened)
        .timeline();
    expect![[r"
        open-delivery    done
        send-mail        unknown: connection lost
        send-mail        probed: not_happened
        send-mail        done
        mark-delivered   done
        done
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_refusal_behind_a_busy_signal_parks_nobody_either() {
    let timeline = delivering()
        .answers("send-mail", Transient("451 greylisted"))
        .answers("send-mail", Refused("550 no such mailbox"))
        .probe("send-mail", Probe::NotHappened)
        .probe("send-mail", Probe::NotHappened)
        .timeline();
    expect![[r"
        open-delivery   done
        send-mail       not now: 451 greylisted
        send-mail       refused: 550 no such mailbox
        send-mail       probed: not_happened
        send-mail       probed: not_happened
        open-delivery   undone
        undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_mail_server_that_never_has_time_leaves_it_undelivered() {
    let script = (0..15)
        .fold(delivering(), |script, _| script.answers("send-mail", Transient("421 too busy")))
        .probe("send-mail", Probe::NotHappened)
        .probe("send-mail", Probe::NotHappened);
    let timeline = script.timeline();
    assert_eq!(timeline.matches("not now: 421 too busy").count(), 15);
    assert!(timeline.ends_with("open-delivery   undone\nundone\n"), "{timeline}");
}

#[test]
fn nothing_but_what_is_sent_begins_it() {
    for event in [
        Event::Promised { user: UserId(id(5)), post: PostId(id(9)) },
        Event::Read,
        Event::DeliveryBegun,
        Event::Delivered { message_id: None },
        Event::Undelivered { why: None },
    ] {
        assert_eq!(DeliverNotification::meet(&envelope(1, 1, 1, event)), []);
    }
}

#[test]
fn what_it_is_told_ends_in_what_it_asks() {
    let state = begun(published());
    let state = DeliverNotification::undoing(state, "send-mail was refused: no such mailbox");
    let ask = super::ask::mark_undelivered(&state, "", None);
    let why = Some("send-mail was refused: no such mailbox".to_owned());
    assert_eq!(ask, Ask::MarkUndelivered { notification: state.notification, why: why.clone() });
    let command = ask.command().unwrap().0.downcast::<Command>().unwrap();
    assert_eq!(*command, Command::MarkUndelivered { why });
    let name = domain::saga::StepName::of("send-mail");
    let state = DeliverNotification::fold(state, name, &mailed());
    let command = super::ask::mark_delivered(&state, "").command().unwrap();
    let expected = Command::MarkDelivered { message_id: Some("<1@recount>".into()) };
    assert_eq!(*command.0.downcast::<Command>().unwrap(), expected);
    assert!(super::ask::send_mail(&state, "").command().is_none());
}

#[test]
fn a_letter_says_what_became_of_the_post_and_where_to_look() {
    let Ask::SendMail(MailRequest { subject, text, user, .. }) =
        super::ask::send_mail(&begun(published()), "")
    else {
        unreachable!()
    };
    assert_eq!((subject.as_str(), user), ("Published: Hello", UserId(id(5))));
    expect![[r#"
        Your post "Hello" is published.

        Bluesky: https://bsky.example/1
        X: https://x.example/2
    "#]]
    .assert_eq(&text);
    let state = begun(sent(Kind::NotPublished, None, Some("publish/x was refused: too long")));
    assert_eq!(state.subject, "Not published: untitled");
    expect![[r#"
        Your post "untitled" could not be published, and everything was taken back.

        Why: publish/x was refused: too long

        It is a draft again.
    "#]]
    .assert_eq(&state.text);
}

#[test]
fn a_title_cannot_end_the_subject_line_and_has_its_length() {
    let title = format!("a\r\nBcc: all@example.org{}", "ä".repeat(100));
    let subject = begun(sent(Kind::Published, Some(&title), None)).subject;
    assert!(subject.starts_with("Published: a  Bcc: all@example.org"), "{subject}");
    assert!(subject.ends_with('\u{2026}') && !subject.contains(['\r', '\n']), "{subject}");
    assert_eq!(subject.chars().count(), "Published: ".len() + 81);
}
