//! Rows of `quotas` after a history. Not the queries over them.

use billing::quota::Event;
use domain::PublicationId;
use testkit::{at, id, rows};

use super::QuotaRow;

fn held(n: u64, month: &str) -> Event {
    Event::Held { publication: PublicationId(id(n)), month: month.parse().unwrap() }
}

fn used(n: u64, month: &str) -> Event {
    Event::Used { publication: PublicationId(id(n)), month: month.parse().unwrap() }
}

fn row(version: i64, month: Option<&str>, used: i64, held: i64) -> QuotaRow {
    QuotaRow {
        quota_id: id(1),
        monthly: 1_000,
        month: month.map(str::to_owned),
        used,
        held,
        updated_at: at((1_000 + version) * 1_000),
    }
}

#[test]
fn an_allowance_is_told_and_the_default_stands_until_then() {
    let expected = QuotaRow { monthly: 5, ..row(1, None, 0, 0) };
    assert_eq!(rows::<QuotaRow>([(1, vec![Event::Set { monthly: 5 }])]), [expected]);
    assert_eq!(rows::<QuotaRow>([(1, vec![held(7, "2026-11")])]), [row(1, Some("2026-11"), 0, 1)]);
}

#[test]
fn what_is_held_is_used_or_free_again() {
    let mut history = vec![held(7, "2026-11"), held(8, "2026-11"), used(7, "2026-11")];
    assert_eq!(rows::<QuotaRow>([(1, history.clone())]), [row(3, Some("2026-11"), 1, 1)]);
    history.push(Event::Released { publication: PublicationId(id(8)) });
    assert_eq!(rows::<QuotaRow>([(1, history)]), [row(4, Some("2026-11"), 1, 0)]);
}

#[test]
fn another_month_begins_with_nothing_used_but_what_is_held() {
    let history = vec![
        held(7, "2026-11"),
        used(7, "2026-11"),
        held(8, "2026-11"),
        held(9, "2026-12"),
        used(8, "2026-12"),
    ];
    assert_eq!(rows::<QuotaRow>([(1, history)]), [row(5, Some("2026-12"), 1, 1)]);
}
