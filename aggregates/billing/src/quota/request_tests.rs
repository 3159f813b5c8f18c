//! What the body of the quota's route becomes. Not HTTP, and not the rules.

use domain::{Aggregate as _, Invalid, Method, TenantId};
use testkit::{Refused, request};

use super::{Command, Quota};

fn ask(monthly: &str) -> Result<Command, Refused> {
    let body = format!(r#"{{"monthly": {monthly}}}"#);
    request::<Quota>("set_quota", &body).map(|asked| asked.command)
}

#[test]
fn the_allowance_of_the_tenant_is_the_only_route_and_begins_nothing() {
    let asked = request::<Quota>("set_quota", r#"{"monthly": 5}"#).unwrap();
    assert_eq!((asked.route.method, asked.route.path), (Method::Put, "/quota"));
    assert!(!asked.route.creates());
    assert_eq!(asked.command.name(), "set_quota");
    for name in ["hold_quota", "use_quota", "release_quota"] {
        assert_eq!(request::<Quota>(name, "{}").unwrap_err(), Refused::NoSuchRoute);
    }
}

#[test]
fn every_tenant_has_one_of_its_own() {
    let of = |tenant| Quota::only_one(&TenantId::from_static(tenant)).unwrap();
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
}

#[test]
fn an_allowance_is_a_number_within_bounds() {
    for monthly in [0, 1, 100_000] {
        assert_eq!(ask(&monthly.to_string()), Ok(Command::Set { monthly }));
    }
    for wrong in ["-1", "100001"] {
        let detail = "a quota is 0 to 100000 publications";
        let invalid = Invalid::field("/monthly", "out_of_bounds", detail);
        assert_eq!(ask(wrong), Err(Refused::Invalid(invalid)));
    }
    for malformed in ["\"5\"", "1.5", "5, \"yearly\": 1"] {
        assert!(matches!(ask(malformed), Err(Refused::Malformed(_))), "{malformed}");
    }
}
