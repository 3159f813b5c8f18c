//! The filter language: what is read, what is refused and how, and that print and parse are inverse.
//! Not its SQL, which `tests/sql` compares with a real database.

use domain::saga::SagaId;
use domain::{EventId, Timestamp};
use expect_test::expect;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::event::Event;
use crate::instance::Instance;
use crate::words::Cause;

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

/// A saga that was started two hours ago and is parked in doubt for one.
fn row() -> SagaRow {
    let saga = SagaId(Uuid::from_u128(0x9df1_8120));
    let started = Event::Started {
        saga,
        plan: "publish-post".into(),
        version: 6,
        hash: String::new(),
        trigger: EventId(Uuid::nil()),
        state: "{}".into(),
        steps: vec![],
    };
    let parked =
        Event::Parked { cause: Cause::InDoubt, step: String::new(), detail: "Timed out".into() };
    let hours = |ago: i64| now().plus_ms(-ago * 3_600_000);
    let is = Instance::default().evolve(hours(2), &started).evolve(hours(1), &parked);
    SagaRow::of(saga.0, format!("publish_post-{saga}"), "acme".into(), is)
}

#[test]
fn terms_narrow_the_list() {
    let passes = |text: &str| Filter::parse(text).unwrap().holds(&row(), now());
    for fits in [
        "",
        "state:parked",
        "state:in-doubt -state:undo-failed,held",
        "state:done,parked -state:done",
        "cause:in-doubt",
        "cause:in_doubt,undo-failed",
        "type:publish-post version<7 version>=6 version=6",
        "type:publish-* type~POST",
        "age>1h age>=2h age<=2h age<3h idle>59m",
        "error~\"timed OUT\" -error~refused",
        "tenant:acme tenant:a*",
        "id:00000000-0000-0000-0000-00009df18120 id:publish_post-00000000",
        "publish \"Timed out\" -left<1h -left>1h",
        "waits:human phase:forward attempts:0 risk<=0",
    ] {
        assert!(passes(fits), "{fits}");
    }
    for other in [
        "state:done",
        "-state:parked",
        "age>2h",
        "age<2h",
        "idle<59m",
        "left<1w",
        "left>1s",
        "step:charge-boost",
        "tenant:acm",
        "version>9223372036854775807",
        "nothing",
    ] {
        assert!(!passes(other), "{other}");
    }
}

const WRONG: &[&str] = &[
    "sate:parked",
    "state:parked,stuck x",
    "state~parked",
    "error:timeout",
    "age:2h",
    "age>2",
    "age>2y",
    "age>101000000w",
    "version>two",
    "type:",
    "type: publish",
    "type:a,",
    "error~\"no end",
    "error~\"\\n\"",
    "error~\"\"",
    "ärger:x",
    "a!b",
    "sort:age",
    "sort:-",
    "sort:due sort:due",
    "group:age",
    "-group:error",
];

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let all: Vec<String> = WRONG
        .iter()
        .map(|text| format!("{text}\n    {}\n", Filter::parse(text).unwrap_err()))
        .collect();
    expect![[r#"
        sate:parked
            character 1: found `sate:parked`; possible: state, phase, type, version, step, target, cause, waits, error, attempts, risk, age, idle, left, id, tenant, sort, group
        state:parked,stuck x
            character 14: found `stuck`; possible: waiting, running, undoing, parked, done, undone, in-doubt, undo-failed, held
        state~parked
            character 6: found `~parked`; possible: `:`
        error:timeout
            character 6: found `:timeout`; possible: `~`
        age:2h
            character 4: found `:2h`; possible: `<`, `<=`, `>` or `>=`
        age>2
            character 5: found `2`; possible: a time up to 100 years, as 500ms, 90s, 15m, 2h, 3d, 1w
        age>2y
            character 5: found `2y`; possible: a time up to 100 years, as 500ms, 90s, 15m, 2h, 3d, 1w
        age>101000000w
            character 5: found `101000000w`; possible: a time up to 100 years, as 500ms, 90s, 15m, 2h, 3d, 1w
        version>two
            character 9: found `two`; possible: a whole number
        type:
            character 6: found the end; possible: a name; in quotes when it has other than letters and digits
        type: publish
            character 6: found a space; possible: a name; in quotes when it has other than letters and digits
        type:a,
            character 8: found the end; possible: a name; in quotes when it has other than letters and digits
        error~"no end
            character 14: found the end; possible: `"` at the end of the text
        error~"\n"
            character 8: found `\n"`; possible: `\"` or `\\`
        error~""
            character 7: found `""`; possible: a part of the text
        ärger:x
            character 6: found `:x`; possible: a space between terms
        a!b
            character 2: found `!b`; possible: a space between terms
        sort:age
            character 6: found `age`; possible: started, last, ended, due, attempts, risk, type, state
        sort:-
            character 7: found the end; possible: started, last, ended, due, attempts, risk, type, state
        sort:due sort:due
            character 10: found `sort:due`; possible: one `sort`
        group:age
            character 7: found `age`; possible: error, state, type, cause, step, waits, tenant, version
        -group:error
            character 2: found `group:error`; possible: state, phase, type, version, step, target, cause, waits, error, attempts, risk, age, idle, left, id, tenant, sort, group
    "#]].assert_eq(&all.concat());
}

#[test]
fn a_filter_has_an_end() {
    let many = vec!["x"; TERMS_MAX];
    assert!(Filter::parse(&many.join(" ")).is_ok());
    let more = format!("{} y", many.join(" "));
    assert_eq!(Filter::parse(&more).unwrap_err().possible, "at most 50 terms");
    let values = format!("type:{} x", vec!["x"; TERMS_MAX + 1].join(","));
    assert_eq!(Filter::parse(&values).unwrap_err().possible, "at most 50 values");
    assert!(Filter::parse(&"x".repeat(TEXT_CHARS_MAX + 1)).is_err());
}

#[test]
fn a_text_has_one_form() {
    let once = |text: &str| Filter::parse(text).unwrap().to_string();
    let text = r#" age>=7200s   cause:in_doubt sort:-risk "two words" version=6 plain group:error"#;
    let printed = r#"age>=2h cause:in-doubt "two words" version:6 plain group:error sort:-risk"#;
    assert_eq!((once(text).as_str(), once(printed).as_str()), (printed, printed));
    let filter = Filter::parse(printed).unwrap();
    assert_eq!(filter.order(), ("at_risk", true));
    let less = filter.without(1).without(99).to_string();
    assert_eq!(less, r#"age>=2h "two words" version:6 plain group:error sort:-risk"#);
}

/// Any filter that a text can say.
pub(super) fn filters() -> impl Strategy<Value = Filter> {
    let text = || {
        any::<String>()
            .prop_map(|text| text.replace('\0', " "))
            .prop_filter("said", |it| !it.is_empty())
    };
    let of = |fits: fn(Kind) -> bool| {
        let keys: Vec<_> = Key::ALL.iter().copied().filter(|key| fits(key.kind())).collect();
        proptest::sample::select(keys)
    };
    let words = of(|kind| matches!(kind, Kind::Word(_))).prop_flat_map(|key| {
        let Kind::Word(words) = key.kind() else { unreachable!("of words") };
        let some = proptest::sample::select(words).prop_map(str::to_owned);
        (Just(key), proptest::collection::vec(some, 1..4))
    });
    let names = (of(|kind| kind == Kind::Text), proptest::collection::vec(text(), 1..4));
    let parts = (of(|kind| matches!(kind, Kind::Text | Kind::Part)), text());
    let than =
        || proptest::sample::select(vec![Than::Less, Than::AtMost, Than::More, Than::AtLeast]);
    let number_than = prop_oneof![Just(Than::Equal), than()];
    let number = prop_oneof![-5..20_i64, any::<i64>()];
    let ms = prop_oneof![
        0..100_u64,
        (0..200_u64).prop_map(|it| it * 3_600_000),
        0..3_000_000_000_000_u64
    ];
    let says = prop_oneof![
        words.prop_map(|(key, any)| Says::Is(key, any)),
        names.prop_map(|(key, any)| Says::Is(key, any)),
        parts.prop_map(|(key, text)| Says::Has(key, text)),
        (of(|kind| kind == Kind::Number), number_than, number)
            .prop_map(|(key, than, number)| Says::Number(key, than, number)),
        (of(|kind| kind == Kind::Time), than(), ms)
            .prop_map(|(key, than, ms)| Says::Time(key, than, ms)),
        text().prop_map(Says::Word),
    ];
    let term = (any::<bool>(), says).prop_map(|(not, says)| Term { not, says });
    let way = prop_oneof![Just(Way::Up), Just(Way::Down)];
    let sort = proptest::option::of((proptest::sample::select(Sort::ALL), way));
    let group = proptest::option::of(proptest::sample::select(Group::ALL));
    (proptest::collection::vec(term, 0..6), sort, group).prop_map(|(terms, sort, group)| Filter {
        terms,
        sort,
        group,
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_itself(filter in filters()) {
        let text = filter.to_string();
        prop_assume!(text.chars().count() <= TEXT_CHARS_MAX);
        prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), tail in "[-a-z:~<>=,\"\\\\ 0-9]{0,30}") {
        for text in [&text, &tail] {
            if let Err(wrong) = Filter::parse(text) {
                prop_assert!(wrong.at >= 1 && wrong.at <= text.chars().count() + 1, "{wrong:?}");
            }
        }
    }
}
