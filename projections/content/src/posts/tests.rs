//! Rows of `posts` after a history. Not the queries over them.

use content::post::{Event, PostId};
use domain::{ActorId, Link, Money, Platform, PublicationId};
use testkit::{at, id, rows};

use super::{PostRow, PostState};

fn drafted(body: &str) -> Event {
    Event::Drafted { title: Some("hi".into()), body: body.into(), tags: vec!["rust".into()] }
}

fn scheduled(publish_at_ms: i64) -> Event {
    let platforms = [Platform::X, Platform::Bluesky].into();
    Event::Scheduled {
        publish_at: at(publish_at_ms),
        platforms,
        title: Some("hi".into()),
        boost: Some(Money::new(500, "EUR")),
        plan: 1,
    }
}

fn started() -> Event {
    Event::PublishingStarted {
        publication: PublicationId(id(7)),
        plan: 1,
        title: Some("hi".into()),
        body: "hello".into(),
        tags: vec!["rust".into()],
    }
}

/// The first post of a history, just drafted.
fn draft() -> PostRow {
    PostRow {
        post_id: PostId(id(1)),
        state: PostState::Draft,
        title: Some("hi".into()),
        body: "hello".into(),
        tags: vec!["rust".into()],
        platforms: vec![],
        publish_at: None,
        boost_minor: None,
        boost_currency: None,
        publication_id: None,
        links: vec![],
        published_at: None,
        author: ActorId::from_static("owner"),
        created_at: second(1_001),
        updated_at: second(1_001),
    }
}

fn second(number: i64) -> domain::Timestamp {
    at(number * 1_000)
}

#[test]
fn a_drafted_post_is_a_row() {
    assert_eq!(rows::<PostRow>([(1, vec![drafted("hello")])]), [draft()]);
}

#[test]
fn an_edit_replaces_all_that_the_post_says() {
    let edited = Event::Edited { title: None, body: "goodbye".into(), tags: vec![] };
    let expected = PostRow {
        title: None,
        body: "goodbye".into(),
        tags: vec![],
        updated_at: second(1_002),
        ..draft()
    };
    assert_eq!(rows::<PostRow>([(1, vec![drafted("hello"), edited])]), [expected]);
}

#[test]
fn a_scheduled_post_has_its_plan_and_a_new_plan_replaces_it() {
    let planned = |version: i64, publish_at| PostRow {
        state: PostState::Scheduled,
        platforms: vec!["bluesky".into(), "x".into()],
        publish_at: Some(at(publish_at)),
        boost_minor: Some(500),
        boost_currency: Some("EUR".into()),
        updated_at: second(1_000 + version),
        ..draft()
    };
    let mut history = vec![drafted("hello"), scheduled(5)];
    assert_eq!(rows::<PostRow>([(1, history.clone())]), [planned(2, 5)]);
    history.push(scheduled(6));
    assert_eq!(rows::<PostRow>([(1, history)]), [planned(3, 6)]);
}

#[test]
fn an_edit_of_a_scheduled_post_keeps_its_plan() {
    let edited = Event::Edited { title: None, body: "goodbye".into(), tags: vec![] };
    let found = rows::<PostRow>([(1, vec![drafted("hello"), scheduled(5), edited])]);
    assert_eq!((found[0].state, found[0].publish_at), (PostState::Scheduled, Some(at(5))));
    assert_eq!(found[0].body, "goodbye");
}

#[test]
fn a_plan_taken_back_leaves_a_draft() {
    let history = vec![drafted("hello"), scheduled(5), Event::Unscheduled { plan: 1 }];
    let expected = PostRow { updated_at: second(1_003), ..draft() };
    assert_eq!(rows::<PostRow>([(1, history)]), [expected]);
}

#[test]
fn a_post_on_its_way_names_its_publication_until_it_stops() {
    let mut history = vec![drafted("hello"), scheduled(5), started()];
    let expected = PostRow {
        state: PostState::Publishing,
        publication_id: Some(PublicationId(id(7))),
        updated_at: second(1_003),
        ..draft()
    };
    assert_eq!(rows::<PostRow>([(1, history.clone())]), [expected]);
    history.push(Event::PublishingStopped { publication: PublicationId(id(7)) });
    let expected = PostRow { updated_at: second(1_004), ..draft() };
    assert_eq!(rows::<PostRow>([(1, history)]), [expected]);
}

#[test]
fn a_published_post_says_where_it_can_be_read() {
    let link = |platform, url: &str| Link { platform, url: url.into() };
    let links = vec![link(Platform::Bluesky, "https://a/1"), link(Platform::X, "https://b/2")];
    let published = Event::Published { publication: PublicationId(id(7)), links };
    let expected = PostRow {
        state: PostState::Published,
        platforms: vec!["bluesky".into(), "x".into()],
        publication_id: Some(PublicationId(id(7))),
        links: vec!["https://a/1".into(), "https://b/2".into()],
        published_at: Some(second(1_004)),
        updated_at: second(1_004),
        ..draft()
    };
    let history = vec![drafted("hello"), scheduled(5), started(), published];
    assert_eq!(rows::<PostRow>([(1, history)]), [expected]);
}

#[test]
fn a_withdrawn_post_stays_a_row_without_a_plan() {
    let history = vec![drafted("hello"), scheduled(5), Event::Withdrawn { reason: None, plan: 1 }];
    let expected = PostRow { state: PostState::Withdrawn, updated_at: second(1_003), ..draft() };
    assert_eq!(rows::<PostRow>([(1, history)]), [expected]);
}

#[test]
fn each_post_has_a_row_of_its_own() {
    let found =
        rows::<PostRow>([(2, vec![drafted("second"), scheduled(5)]), (1, vec![drafted("first")])]);
    let seen: Vec<_> = found.iter().map(|row| (row.post_id, row.body.as_str())).collect();
    assert_eq!(seen, [(PostId(id(1)), "first"), (PostId(id(2)), "second")]);
}
