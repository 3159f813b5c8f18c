//! Rows of `publications` after a history. Not the queries over them.

use domain::{ActorId, Link, Money, Platform, PostId, PublicationId};
use social::publication::Event;
use testkit::{at, id, rows};

use super::{PublicationRow, PublicationState};

fn requested() -> Event {
    let platforms = [Platform::X, Platform::Bluesky].into();
    Event::Requested { post: PostId(id(9)), platforms, boost: Some(Money::new(500, "EUR")) }
}

fn opened(plan: i64) -> Event {
    let (platforms, boost) =
        ([Platform::X, Platform::Bluesky].into(), Some(Money::new(500, "EUR")));
    Event::Opened { post: PostId(id(9)), platforms, boost, plan }
}

/// Requested, and nothing more.
fn row() -> PublicationRow {
    PublicationRow {
        publication_id: PublicationId(id(1)),
        post_id: PostId(id(9)),
        state: PublicationState::Requested,
        platforms: vec!["bluesky".into(), "x".into()],
        boost_minor: Some(500),
        boost_currency: Some("EUR".into()),
        plan: None,
        links: vec![],
        why: None,
        begun_by: ActorId::from_static("owner"),
        begun_at: at(1_001_000),
        ended_at: None,
    }
}

#[test]
fn a_wish_is_a_row_and_stays_when_it_is_taken_up() {
    assert_eq!(rows::<PublicationRow>([(1, vec![requested()])]), [row()]);
    let open = PublicationRow { state: PublicationState::Opened, ..row() };
    assert_eq!(rows::<PublicationRow>([(1, vec![requested(), opened(0)])]), [open]);
}

#[test]
fn a_due_plan_is_a_row_with_its_number() {
    let open = PublicationRow { state: PublicationState::Opened, plan: Some(2), ..row() };
    assert_eq!(rows::<PublicationRow>([(1, vec![opened(2)])]), [open]);
}

#[test]
fn it_ends_with_its_links_or_with_the_reason() {
    let link = Link { platform: Platform::X, url: "https://x.example/1".into() };
    let confirmed = Event::Confirmed { links: vec![link] };
    let expected = PublicationRow {
        state: PublicationState::Confirmed,
        links: vec!["https://x.example/1".into()],
        ended_at: Some(at(1_003_000)),
        ..row()
    };
    assert_eq!(rows::<PublicationRow>([(1, vec![requested(), opened(0), confirmed])]), [expected]);
    let failed = Event::Failed { why: Some("too long".into()) };
    let expected = PublicationRow {
        state: PublicationState::Failed,
        why: Some("too long".into()),
        ended_at: Some(at(1_003_000)),
        ..row()
    };
    assert_eq!(rows::<PublicationRow>([(1, vec![requested(), opened(0), failed])]), [expected]);
}

#[test]
fn what_never_began_has_no_row() {
    assert_eq!(rows::<PublicationRow>([(1, vec![Event::Failed { why: None }])]), []);
}
