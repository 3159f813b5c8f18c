//! What events mean to the saga, one by one. Not what it does then.

use content::post::Event as Post;
use domain::saga::{Meets, Saga as _, SagaId};
use domain::{ActorId, Envelope, Money, Platform, PostId, PublicationId, Timestamp, UserId};
use social::publication::Event as Publication;
use testkit::{at, envelope, id};

use super::meet::of_plan;
use super::tests::wished;
use super::{PublishPost, State, Trigger};

/// An event of the post 1.
fn of_post(event: Post) -> Vec<Meets<State>> {
    PublishPost::meet(&envelope(1, 1, 1, Trigger::Post(event)))
}

fn of_publication(event: Publication) -> Vec<Meets<State>> {
    PublishPost::meet(&envelope(1, 1, 1, Trigger::Publication(event)))
}

fn scheduled(plan: i64) -> Post {
    Post::Scheduled {
        publish_at: at(60_000),
        platforms: [Platform::X].into(),
        title: Some("Hello".into()),
        boost: Some(Money::new(500, "EUR")),
        plan,
    }
}

fn saga(plan: i64) -> SagaId {
    SagaId(of_plan(PostId(id(1)), plan).0)
}

fn started(publication: PublicationId, plan: i64) -> Post {
    let (title, body, tags) = (None, "hello".into(), vec![]);
    Post::PublishingStarted { publication, plan, title, body, tags }
}

fn begins(meets: &Meets<State>) -> (SagaId, &State, Option<Timestamp>) {
    match meets {
        Meets::Start { saga, state, at } => (*saga, state, *at),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plan_begins_a_saga_of_its_own_when_it_is_due() {
    let meets = of_post(scheduled(1));
    let [start] = &meets[..] else { panic!("{meets:?}") };
    let (begun, state, due) = begins(start);
    assert_eq!((begun, due), (saga(1), Some(at(60_000))));
    assert_eq!(state.publication.0, begun.0);
    assert_eq!((state.post, state.plan), (PostId(id(1)), Some(1)));
    assert_eq!(state.boost, Some(Money::new(500, "EUR")));
    let author = UserId::of(&state.tenant, &ActorId::from_static("owner"));
    assert_eq!((state.author, state.tenant.as_str()), (author, "local"));
    assert_ne!(saga(1), saga(2));
}

#[test]
fn a_plan_made_anew_cancels_the_saga_of_the_one_before() {
    let meets = of_post(scheduled(3));
    let [cancel, start] = &meets[..] else { panic!("{meets:?}") };
    assert_eq!(*cancel, Meets::Cancel { saga: saga(2), why: "the post was planned anew" });
    assert_eq!(begins(start).0, saga(3));
}

#[test]
fn a_plan_without_a_number_is_from_before_there_was_a_saga() {
    assert_eq!(of_post(scheduled(0)), []);
    assert_eq!(of_post(Post::Unscheduled { plan: 0 }), []);
}

#[test]
fn a_plan_taken_back_and_a_post_withdrawn_cancel_it() {
    let expected = Meets::Cancel { saga: saga(2), why: "its plan was taken back" };
    assert_eq!(of_post(Post::Unscheduled { plan: 2 }), [expected]);
    let expected = Meets::Cancel { saga: saga(2), why: "the post was withdrawn" };
    assert_eq!(of_post(Post::Withdrawn { reason: None, plan: 2 }), [expected]);
    assert_eq!(of_post(Post::Withdrawn { reason: None, plan: 0 }), []);
}

#[test]
fn a_post_published_at_once_uses_its_plan_up() {
    let other = PublicationId(id(7));
    let expected = Meets::Cancel { saga: saga(2), why: "the post is published at once instead" };
    assert_eq!(of_post(started(other, 2)), [expected]);
    assert_eq!(of_post(started(other, 0)), []);
    assert_eq!(of_post(started(PublicationId(saga(2).0), 2)), []);
}

#[test]
fn a_wish_begins_it_at_once_under_its_own_number() {
    let Envelope { payload, .. } = envelope(1, 1, 1, wished());
    let Trigger::Publication(wish) = payload else { unreachable!() };
    let meets = of_publication(wish);
    let [start] = &meets[..] else { panic!("{meets:?}") };
    let (begun, state, due) = begins(start);
    assert_eq!((begun, due), (SagaId(id(1)), None));
    assert_eq!((state.post, state.plan), (PostId(id(9)), None));
}

#[test]
fn everything_else_is_no_news() {
    let (title, body, tags) = (None, String::from("hello"), vec![]);
    for event in [
        Post::Drafted { title: title.clone(), body: body.clone(), tags: tags.clone() },
        Post::Edited { title, body, tags },
        Post::PublishingStopped { publication: PublicationId(id(7)) },
        Post::Published { publication: PublicationId(id(7)), links: vec![] },
    ] {
        assert_eq!(of_post(event), []);
    }
    for event in [
        Publication::Opened {
            post: PostId(id(1)),
            platforms: [Platform::X].into(),
            boost: None,
            plan: 1,
        },
        Publication::Failed { why: None },
        Publication::Confirmed { links: vec![] },
    ] {
        assert_eq!(of_publication(event), []);
    }
}
