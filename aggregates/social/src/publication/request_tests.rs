//! What the body of the publication's route becomes. Not HTTP, and not the rules.

use domain::{Invalid, Method, Money, Platform, PostId};
use testkit::{Refused, id, request};

use super::{Command, Publication, Wish};

const POST: &str = "0190e2a4-0000-7000-8000-000000000001";

fn ask(rest: &str) -> Result<Command, Refused> {
    let body = format!(r#"{{"post_id": "{POST}", {rest}}}"#);
    request::<Publication>("publish_post", &body).map(|asked| asked.command)
}

#[test]
fn the_wish_is_the_only_route() {
    let body = format!(r#"{{"post_id": "{POST}", "platforms": ["x"]}}"#);
    let asked = request::<Publication>("publish_post", &body).unwrap();
    assert_eq!((asked.route.method, asked.route.path), (Method::Post, "/publish"));
    assert!(asked.route.creates());
    assert_eq!(asked.command.name(), "publish_post");
    for name in ["open_publication", "fail_publication", "confirm_publication"] {
        assert_eq!(request::<Publication>(name, "{}").unwrap_err(), Refused::NoSuchRoute);
    }
}

#[test]
fn a_wish_names_a_post_and_each_platform_once_and_may_be_boosted() {
    let boosted = r#""platforms": ["x", "bluesky"], "boost": {"minor": 500, "currency": "EUR"}"#;
    let wish = Wish {
        post: PostId(id(1)),
        platforms: [Platform::Bluesky, Platform::X].into(),
        boost: Some(Money::new(500, "EUR")),
    };
    assert_eq!(ask(boosted), Ok(Command::Request { wish: wish.clone() }));
    let plain = Command::Request { wish: Wish { boost: None, ..wish } };
    assert_eq!(ask(r#""platforms": ["x", "bluesky"]"#), Ok(plain));
}

#[test]
fn a_wish_that_cannot_be_is_refused_whatever_the_state() {
    let invalid = |pointer: &str, code, detail: &str| {
        Err(Refused::Invalid(Invalid::field(pointer, code, detail)))
    };
    let none = invalid("/platforms", "empty", "name at least one platform");
    assert_eq!(ask(r#""platforms": []"#), none);
    let twice = invalid("/platforms/1", "duplicate", "`x` is named twice");
    assert_eq!(ask(r#""platforms": ["x", "x"]"#), twice);
    let many = ["\"x\""; 11].join(", ");
    let too_many = Err(Refused::TooMuch("/platforms".into(), 10));
    assert_eq!(ask(&format!(r#""platforms": [{many}]"#)), too_many);
    let nothing = r#""platforms": ["x"], "boost": {"minor": 0, "currency": "EUR"}"#;
    let no_amount =
        invalid("/boost/minor", "not_an_amount", "an amount is 1 to 99999999 minor units");
    assert_eq!(ask(nothing), no_amount);
    for malformed in [r#""platforms": ["myspace"]"#, r#""platforms": ["x"], "when": 1"#] {
        assert!(matches!(ask(malformed), Err(Refused::Malformed(_))), "{malformed}");
    }
}
