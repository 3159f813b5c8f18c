//! What the body of the notification's route becomes. Not HTTP, and not the rules.

use domain::Method;
use testkit::{Refused, request};

use super::{Command, Notification};

#[test]
fn reading_is_the_only_route_and_nothing_needs_to_be_said() {
    let asked = request::<Notification>("read_notification", "{}").unwrap();
    assert_eq!((asked.route.method, asked.route.path), (Method::Put, "/{id}/read"));
    assert_eq!(asked.command, Command::Read);
    assert_eq!(asked.command.name(), "read_notification");
    for name in ["promise_notification", "send_notification", "begin_delivery", "mark_delivered"] {
        assert_eq!(request::<Notification>(name, "{}").unwrap_err(), Refused::NoSuchRoute);
    }
    let more = request::<Notification>("read_notification", r#"{"by": "me"}"#).unwrap_err();
    assert!(matches!(more, Refused::Malformed(_)), "{more:?}");
}
