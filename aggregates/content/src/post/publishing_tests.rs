//! How a post is taken for a publication, and let go or marked. Not the plans before it.

use domain::{Decider as _, Money, Platform, PublicationId};
use testkit::{at, given, id};

use super::tests::{
    BLUESKY, drafted, links, on, planned, schedule, scheduled, text, withdraw, withdrawn,
};
use super::{Command, Event, Post, Rejection, State};

fn publication(n: u64) -> PublicationId {
    PublicationId(id(n))
}

fn begin(n: u64, plan: Option<i64>) -> Command {
    Command::Begin { publication: publication(n), plan, platforms: on(BLUESKY) }
}

fn stop(n: u64) -> Command {
    Command::Stop { publication: publication(n) }
}

fn mark(n: u64) -> Command {
    Command::MarkPublished { publication: publication(n), links: links() }
}

/// By the publication 7, saying "hello".
fn started(plan: i64) -> Event {
    let super::Text { title, body, tags } = text("hello");
    Event::PublishingStarted { publication: publication(7), plan, title, body, tags }
}

fn stopped() -> Event {
    Event::PublishingStopped { publication: publication(7) }
}

fn published() -> Event {
    Event::Published { publication: publication(7), links: links() }
}

#[test]
fn a_due_plan_takes_the_post_and_its_text() {
    given::<Post>([drafted("hello"), scheduled(1, BLUESKY)])
        .when(begin(7, Some(1)))
        .then([started(1)]);
}

#[test]
fn at_once_takes_a_draft_and_uses_up_a_plan() {
    given::<Post>([drafted("hello")]).when(begin(7, None)).then([started(0)]);
    given::<Post>([drafted("hello"), scheduled(1, BLUESKY), planned(2, 5, BLUESKY)])
        .when(begin(7, None))
        .then([started(2)]);
}

#[test]
fn a_plan_that_was_changed_or_taken_back_takes_nothing() {
    let unscheduled = Event::Unscheduled { plan: 1 };
    for after in [planned(2, 5, BLUESKY), unscheduled] {
        given::<Post>([drafted("hello"), scheduled(1, BLUESKY), after])
            .when(begin(7, Some(1)))
            .then_refused(Rejection::Superseded { plan: 1 });
    }
}

#[test]
fn a_post_is_not_taken_beyond_the_limit_of_its_platforms() {
    given::<Post>([drafted(&"a".repeat(301))])
        .when(begin(7, None))
        .then_refused(Rejection::TooLong { platform: Platform::Bluesky, chars: 301, limit: 300 });
}

#[test]
fn who_has_the_post_is_told_its_text_again_and_nobody_else_gets_it() {
    let before = [drafted("hello"), scheduled(1, BLUESKY), started(1)];
    given::<Post>(before.clone()).when(begin(7, Some(1))).then([started(1)]);
    let taken = Rejection::Taken { by: publication(7) };
    given::<Post>(before.clone()).when(begin(8, None)).then_refused(taken.clone());
    given::<Post>([&before[..], &[published()]].concat()).when(begin(8, None)).then_refused(taken);
    let again = Rejection::NotAllowed { command: "begin_publishing", state: "published" };
    given::<Post>([&before[..], &[published()]].concat()).when(begin(7, None)).then_refused(again);
    let refused = Rejection::NotAllowed { command: "begin_publishing", state: "withdrawn" };
    given::<Post>([drafted("hello"), withdrawn()]).when(begin(7, None)).then_refused(refused);
}

#[test]
fn what_is_being_published_or_is_published_does_not_change() {
    let edit = || Command::Edit { text: text("goodbye") };
    for (state, last) in [("publishing", vec![]), ("published", vec![published()])] {
        for command in [edit(), schedule(1, BLUESKY), Command::Unschedule, withdraw()] {
            let name = command.name();
            given::<Post>([&[drafted("hello"), started(0)], &last[..]].concat())
                .when(command)
                .then_refused(Rejection::NotAllowed { command: name, state });
        }
    }
}

#[test]
fn stopped_leaves_a_draft_whose_next_plan_has_a_new_number() {
    let before = [drafted("hello"), scheduled(1, BLUESKY), started(1)];
    given::<Post>(before.clone()).when(stop(7)).then([stopped()]);
    let after = [&before[..], &[stopped()]].concat();
    let state = after.iter().fold(State::Absent, Post::evolve);
    assert_eq!(state, State::Draft { text: text("hello"), plan: 1 });
    given::<Post>(after).when(schedule(9, BLUESKY)).then([planned(2, 9, BLUESKY)]);
}

#[test]
fn stopping_what_is_not_this_publications_changes_nothing() {
    given::<Post>([]).when(stop(7)).then_nothing();
    for last in [drafted("hello"), scheduled(1, BLUESKY), withdrawn(), stopped()] {
        given::<Post>([drafted("hello"), last]).when(stop(7)).then_nothing();
    }
    for last in [started(0), published()] {
        given::<Post>([drafted("hello"), last]).when(stop(8)).then_nothing();
    }
    let refused = Rejection::NotAllowed { command: "stop_publishing", state: "published" };
    given::<Post>([drafted("hello"), published()]).when(stop(7)).then_refused(refused);
}

#[test]
fn it_is_published_once_and_by_who_has_it() {
    let before = [drafted("hello"), started(0)];
    given::<Post>(before.clone()).when(mark(7)).then([published()]);
    given::<Post>([&before[..], &[published()]].concat()).when(mark(7)).then_nothing();
    let refused = |state| Rejection::NotAllowed { command: "mark_published", state };
    given::<Post>(before.clone()).when(mark(8)).then_refused(refused("publishing"));
    given::<Post>([drafted("hello")]).when(mark(7)).then_refused(refused("draft"));
    given::<Post>([]).when(mark(7)).then_refused(Rejection::NoSuchPost);
}

#[test]
fn a_plan_can_be_boosted_and_another_boost_is_another_plan() {
    let boost = |minor| Command::Schedule {
        publish_at: at(1),
        platforms: on(BLUESKY),
        boost: Some(Money::new(minor, "EUR")),
        issued_at: at(0),
    };
    let boosted = |minor, plan| Event::Scheduled {
        publish_at: at(1),
        platforms: on(BLUESKY),
        title: Some("hi".into()),
        boost: Some(Money::new(minor, "EUR")),
        plan,
    };
    given::<Post>([drafted("hello")]).when(boost(500)).then([boosted(500, 1)]);
    given::<Post>([drafted("hello"), boosted(500, 1)]).when(boost(500)).then_nothing();
    given::<Post>([drafted("hello"), boosted(500, 1)]).when(boost(600)).then([boosted(600, 2)]);
}
