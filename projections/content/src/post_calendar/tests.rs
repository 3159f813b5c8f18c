//! Rows of `post-calendar` after a history. Not the queries over them.

use content::post::{Event, PostId};
use domain::{Money, Platform, PublicationId};
use testkit::{at, id, rows};

use super::CalendarRow;

fn drafted() -> Event {
    Event::Drafted { title: Some("hi".into()), body: "hello".into(), tags: vec![] }
}

fn scheduled(publish_at_ms: i64) -> Event {
    let platforms = [Platform::Bluesky].into();
    Event::Scheduled {
        publish_at: at(publish_at_ms),
        platforms,
        title: Some("hi".into()),
        boost: Some(Money::new(500, "EUR")),
        plan: 1,
    }
}

fn unscheduled() -> Event {
    Event::Unscheduled { plan: 1 }
}

fn started() -> Event {
    let (publication, title, body) = (PublicationId(id(7)), None, "hello".into());
    Event::PublishingStarted { publication, plan: 1, title, body, tags: vec![] }
}

fn row(publish_at_ms: i64) -> CalendarRow {
    CalendarRow {
        post_id: PostId(id(1)),
        publish_at: at(publish_at_ms),
        platforms: vec!["bluesky".into()],
        title: Some("hi".into()),
        boosted: true,
    }
}

#[test]
fn only_a_scheduled_post_stands_in_the_calendar() {
    assert_eq!(rows::<CalendarRow>([(1, vec![drafted()])]), []);
    assert_eq!(rows::<CalendarRow>([(1, vec![drafted(), scheduled(5)])]), [row(5)]);
}

#[test]
fn a_new_plan_moves_it() {
    assert_eq!(rows::<CalendarRow>([(1, vec![drafted(), scheduled(5), scheduled(9)])]), [row(9)]);
}

#[test]
fn an_edit_changes_its_title_only() {
    let edited = Event::Edited { title: None, body: "goodbye".into(), tags: vec![] };
    assert_eq!(rows::<CalendarRow>([(1, vec![drafted(), edited.clone()])]), []);
    let expected = CalendarRow { title: None, ..row(5) };
    assert_eq!(rows::<CalendarRow>([(1, vec![drafted(), scheduled(5), edited])]), [expected]);
}

#[test]
fn it_goes_when_the_plan_is_taken_back_or_used_or_the_post_withdrawn() {
    for end in [unscheduled(), Event::Withdrawn { reason: None, plan: 1 }, started()] {
        assert_eq!(rows::<CalendarRow>([(1, vec![drafted(), scheduled(5), end])]), []);
    }
    let back = vec![drafted(), scheduled(5), unscheduled(), scheduled(9)];
    assert_eq!(rows::<CalendarRow>([(1, back)]), [row(9)]);
}
