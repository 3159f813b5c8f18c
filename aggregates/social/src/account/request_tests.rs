//! What the bodies of the account's routes become. Not HTTP, and not the rules.

use domain::{Invalid, Method, Platform};
use testkit::{Refused, id, request, sealed};

use super::{Account, Command};

const CONNECT: &str = r#"{"platform": "bluesky", "handle": "ada.example", "access_token": "hush"}"#;

fn command(route: &str, body: &str) -> Command {
    request::<Account>(route, body).unwrap().command
}

fn refused(route: &str, body: &str) -> Refused {
    request::<Account>(route, body).unwrap_err()
}

fn invalid(pointer: &str, code: &'static str, detail: &str) -> Refused {
    Refused::Invalid(Invalid::field(pointer, code, detail))
}

#[test]
fn the_routes_are_those_of_the_product() {
    for (name, path, body) in [
        ("connect_account", "/connect", CONNECT),
        ("reconnect_account", "/accounts/{id}/reconnect", r#"{"access_token": "hush"}"#),
        ("disconnect_account", "/accounts/{id}/disconnect", "{}"),
    ] {
        let asked = request::<Account>(name, body).unwrap();
        assert_eq!((asked.route.method, asked.route.path), (Method::Post, path));
        assert_eq!(asked.command.name(), name);
        assert_eq!(asked.route.creates(), name == "connect_account");
    }
}

#[test]
fn secrets_and_names_are_sealed_under_the_key_of_the_account() {
    let expected = Command::Connect {
        platform: Platform::Bluesky,
        handle: "ada.example".into(),
        display_name: None,
        access_token: sealed(id(1), "access_token", "hush"),
    };
    assert_eq!(command("connect_account", CONNECT), expected);
    let named = CONNECT.replace('}', r#", "display_name": "Ada"}"#);
    let Command::Connect { display_name, .. } = command("connect_account", &named) else {
        panic!("it connects")
    };
    assert_eq!(display_name, Some(sealed(id(1), "display_name", "Ada")));
    let again = command("reconnect_account", r#"{"access_token": "new"}"#);
    let access_token = sealed(id(1), "access_token", "new");
    assert_eq!(again, Command::Reconnect { access_token });
}

#[test]
fn a_token_is_needed_and_bounded() {
    let connect = |token: &str| CONNECT.replace("hush", token);
    let reconnect = |token: &str| format!(r#"{{"access_token": "{token}"}}"#);
    let (fits, long) = ("a".repeat(4_096), "a".repeat(4_097));
    assert_eq!(command("connect_account", &connect(&fits)).name(), "connect_account");
    assert_eq!(command("reconnect_account", &reconnect(&fits)).name(), "reconnect_account");
    for (route, empty, long) in [
        ("connect_account", connect(" "), connect(&long)),
        ("reconnect_account", reconnect(""), reconnect(&long)),
    ] {
        let expected = invalid("/access_token", "empty", "a token is needed");
        assert_eq!(refused(route, &empty), expected);
        assert_eq!(refused(route, &long), Refused::TooMuch("/access_token".into(), 4_096));
    }
}

#[test]
fn a_handle_is_a_word_without_an_at_in_front() {
    let connect = |handle: &str| CONNECT.replace("ada.example", handle);
    for fits in ["a", "ada@mastodon.example", &"a".repeat(253)] {
        assert_eq!(command("connect_account", &connect(fits)).name(), "connect_account");
    }
    for (wrong, detail) in [
        ("", "write the name without `@`"),
        ("@ada", "write the name without `@`"),
        ("ada lovelace", "a handle has no spaces"),
        ("ada\\u0000", "a handle has no spaces"),
    ] {
        let expected = invalid("/handle", "not_a_handle", detail);
        assert_eq!(refused("connect_account", &connect(wrong)), expected);
    }
    let expected = Refused::TooMuch("/handle".into(), 253);
    assert_eq!(refused("connect_account", &connect(&"a".repeat(254))), expected);
}

#[test]
fn a_display_name_is_a_name_or_left_out() {
    let connect = |name: &str| CONNECT.replace('}', &format!(r#", "display_name": "{name}"}}"#));
    let expected = invalid("/display_name", "empty", "write a name, or leave it out");
    assert_eq!(refused("connect_account", &connect(" ")), expected);
    let fits = command("connect_account", &connect(&"ä".repeat(100)));
    assert_eq!(fits.name(), "connect_account");
    let expected = Refused::TooMuch("/display_name".into(), 100);
    assert_eq!(refused("connect_account", &connect(&"ä".repeat(101))), expected);
}

#[test]
fn a_reason_is_optional_and_bounded() {
    assert_eq!(command("disconnect_account", "{}"), Command::Disconnect { reason: None });
    let reason = |count: usize| format!(r#"{{"reason": "{}"}}"#, "ä".repeat(count));
    let expected = Command::Disconnect { reason: Some("ä".repeat(500)) };
    assert_eq!(command("disconnect_account", &reason(500)), expected);
    let expected = Refused::TooMuch("/reason".into(), 500);
    assert_eq!(refused("disconnect_account", &reason(501)), expected);
}

#[test]
fn what_is_not_understood_is_refused_without_a_word_of_the_token() {
    for (route, body, why) in [
        ("connect_account", CONNECT.replace("handle", "hanlde"), "unknown field `hanlde`"),
        ("connect_account", CONNECT.replace("bluesky", "myspace"), "unknown variant `myspace`"),
        ("reconnect_account", "{}".to_owned(), "missing field `access_token`"),
    ] {
        match refused(route, &body) {
            Refused::Malformed(sentence) => {
                assert!(sentence.starts_with(why) && !sentence.contains("hush"), "{sentence}");
            }
            other => panic!("{body} is {other:?}"),
        }
    }
}
