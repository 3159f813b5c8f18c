//! Rows of `notifications` after a history. Not the queries over them.

use ::notifications::notification::{Delivery, Event, Kind};
use domain::{Link, Platform, PostId, PublicationId, UserId};
use testkit::{at, id, rows};

use super::NotificationRow;

fn promised() -> Event {
    Event::Promised { user: UserId(id(5)), post: PostId(id(9)) }
}

fn sent() -> Event {
    let link = Link { platform: Platform::X, url: "https://x.example/1".into() };
    Event::Sent {
        user: UserId(id(5)),
        post: PostId(id(9)),
        kind: Kind::Published,
        title: Some("Hello".into()),
        links: vec![link],
        why: None,
    }
}

/// Promised and sent.
fn row() -> NotificationRow {
    NotificationRow {
        notification_id: PublicationId(id(1)),
        user_id: UserId(id(5)),
        kind: Kind::Published,
        post_id: PostId(id(9)),
        title: Some("Hello".into()),
        links: vec!["https://x.example/1".into()],
        why: None,
        unread: true,
        delivery: Delivery::None,
        undelivered_why: None,
        sent_at: at(1_002_000),
        read_at: None,
    }
}

#[test]
fn only_what_was_sent_is_in_an_inbox() {
    assert_eq!(rows::<NotificationRow>([(1, vec![promised()])]), []);
    assert_eq!(rows::<NotificationRow>([(1, vec![promised(), sent()])]), [row()]);
}

#[test]
fn what_was_read_is_unread_no_more() {
    let expected = NotificationRow { unread: false, read_at: Some(at(1_003_000)), ..row() };
    assert_eq!(rows::<NotificationRow>([(1, vec![promised(), sent(), Event::Read])]), [expected]);
}

#[test]
fn its_delivery_goes_on_beside_it() {
    let mut history = vec![promised(), sent(), Event::DeliveryBegun];
    let begun = NotificationRow { delivery: Delivery::Begun, ..row() };
    assert_eq!(rows::<NotificationRow>([(1, history.clone())]), [begun]);
    let mut bounced = history.clone();
    bounced.push(Event::Undelivered { why: Some("no such mailbox".into()) });
    let expected = NotificationRow {
        delivery: Delivery::Undelivered,
        undelivered_why: Some("no such mailbox".into()),
        ..row()
    };
    assert_eq!(rows::<NotificationRow>([(1, bounced)]), [expected]);
    history.push(Event::Delivered { message_id: None });
    let expected = NotificationRow { delivery: Delivery::Delivered, ..row() };
    assert_eq!(rows::<NotificationRow>([(1, history)]), [expected]);
}
