//! What the bodies of the recipient's routes become. Not HTTP, and not the rules.

use domain::{Invalid, Method};
use testkit::{Refused, id, request, sealed};

use super::{Command, Recipient};

fn set(address: &str) -> Result<Command, Refused> {
    let body = format!(r#"{{"mail_address": "{address}"}}"#);
    request::<Recipient>("set_recipient", &body).map(|asked| asked.command)
}

#[test]
fn the_routes_address_a_user() {
    for (name, method, body) in [
        ("set_recipient", Method::Put, r#"{"mail_address": "ada@example.org"}"#),
        ("remove_recipient", Method::Delete, "{}"),
    ] {
        let asked = request::<Recipient>(name, body).unwrap();
        assert_eq!((asked.route.method, asked.route.path), (method, "/recipients/{id}"));
        assert_eq!(asked.command.name(), name);
    }
}

#[test]
fn an_address_is_sealed_under_the_users_key() {
    let mail_address = sealed(id(1), "mail_address", "ada@example.org");
    assert_eq!(set("ada@example.org"), Ok(Command::Set { mail_address }));
}

#[test]
fn what_cannot_be_an_address_is_refused_without_repeating_it() {
    for fits in ["a@b", "ada.lovelace+recount@mail.example.org"] {
        assert!(set(fits).is_ok(), "{fits}");
    }
    for wrong in ["", "ada", "@host", "ada@", "a@b@c", "ada @example.org", "Ada <a@b>", "a@b\\n"] {
        let detail = "write an address as name@host, without spaces or a name around it";
        let invalid = Invalid::field("/mail_address", "not_an_address", detail);
        assert_eq!(set(wrong), Err(Refused::Invalid(invalid)), "{wrong}");
    }
    let long = format!("{}@b", "a".repeat(253));
    assert_eq!(set(&long), Err(Refused::TooMuch("/mail_address".into(), 254)));
    let more = r#"{"mail_address": "ada@example.org", "name": "Ada"}"#;
    match request::<Recipient>("set_recipient", more).unwrap_err() {
        Refused::Malformed(sentence) => assert!(!sentence.contains("ada@"), "{sentence}"),
        other => panic!("{other:?}"),
    }
}
