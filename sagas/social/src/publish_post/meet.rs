//! What events mean to the saga. Read an arm as: when this has happened, it begins, or ends.

use content::post::Event as Post;
use domain::saga::{Meets, SagaId};
use domain::{Envelope, PostId, PublicationId, UserId, derived_id};
use social::publication::{Event as Publication, Wish};

use super::{State, Trigger};

/// The publication of a plan: known before it begins, so that the plan can be taken back.
pub(super) fn of_plan(post: PostId, plan: i64) -> PublicationId {
    PublicationId(derived_id(&["publication", &post.to_string(), &plan.to_string()]))
}

pub(super) fn meet(event: &Envelope<Trigger>) -> Vec<Meets<State>> {
    match &event.payload {
        Trigger::Post(post) => planned(event, PostId(event.id()), post),
        Trigger::Publication(publication) => wished(event, publication),
    }
}

fn planned(event: &Envelope<Trigger>, post: PostId, happened: &Post) -> Vec<Meets<State>> {
    match happened {
        // From before plans had numbers: nobody was promised anything.
        Post::Scheduled { plan: ..=0, .. } => vec![],
        Post::Scheduled { publish_at, platforms, boost, plan, .. } => {
            let (platforms, boost) = (platforms.clone(), boost.clone());
            let wish = Wish { post, platforms, boost };
            let start = start(event, of_plan(post, *plan), wish, Some((*plan, *publish_at)));
            cancel(post, plan - 1, "the post was planned anew").into_iter().chain([start]).collect()
        }
        Post::Unscheduled { plan } => cancel(post, *plan, "its plan was taken back"),
        Post::Withdrawn { plan, .. } => cancel(post, *plan, "the post was withdrawn"),
        // Used up by its own saga, or by one that goes at once.
        Post::PublishingStarted { publication, plan, .. }
            if *publication != of_plan(post, *plan) =>
        {
            cancel(post, *plan, "the post is published at once instead")
        }
        // The text is taken when it begins, and what it does itself is no news.
        Post::Drafted { .. }
        | Post::Edited { .. }
        | Post::PublishingStarted { .. }
        | Post::PublishingStopped { .. }
        | Post::Published { .. } => vec![],
    }
}

fn wished(event: &Envelope<Trigger>, happened: &Publication) -> Vec<Meets<State>> {
    match happened {
        Publication::Requested { post, platforms, boost } => {
            let (platforms, boost) = (platforms.clone(), boost.clone());
            let wish = Wish { post: *post, platforms, boost };
            vec![start(event, PublicationId(event.id()), wish, None)]
        }
        // What it does itself is no news.
        Publication::Opened { .. } | Publication::Failed { .. } | Publication::Confirmed { .. } => {
            vec![]
        }
    }
}

fn start(
    event: &Envelope<Trigger>,
    publication: PublicationId,
    wish: Wish,
    plan: Option<(i64, domain::Timestamp)>,
) -> Meets<State> {
    let Wish { post, platforms, boost } = wish;
    let (plan, at) = plan.unzip();
    let tenant = event.meta.tenant.clone();
    let author = UserId::of(&tenant, &event.meta.actor);
    let (text, charged, links, why) = (None, None, vec![], None);
    let state = State {
        tenant,
        author,
        publication,
        post,
        plan,
        platforms,
        boost,
        text,
        charged,
        links,
        why,
    };
    Meets::Start { saga: SagaId(publication.0), state, at }
}

/// Takes back the saga of a plan, if there was one.
fn cancel(post: PostId, plan: i64, why: &'static str) -> Vec<Meets<State>> {
    if plan < 1 {
        return vec![];
    }
    vec![Meets::Cancel { saga: SagaId(of_plan(post, plan).0), why }]
}
