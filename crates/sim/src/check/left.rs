//! What begins sagas, and what they have left in the aggregates when they are over: every trigger has its
//! saga, and what was undone stands nowhere (I14, I17). Not the sagas' own events.

use std::collections::BTreeMap;

use domain::saga::SagaId;
use domain::{Decider, EventSet, PublicationId, Uuid};
use log::Body;
use orchestrator::Phase;

use super::sagas::Told;
use crate::broker::{Broker, State};

/// Whatever begins a saga has begun it.
pub(super) fn triggers(
    broker: &Broker,
    state: &State,
    by_id: &BTreeMap<SagaId, &Told>,
    wrong: &mut Vec<String>,
) {
    use content::post::Event as Post;
    use notifications::notification::Event as Notice;
    use social::publication::Event as Publication;
    for valid in state.lanes.values().flat_map(|lane| &lane.judge.valid) {
        let Body::Event { meta, data, .. } = &valid.record.body else { continue };
        let id = meta.stream.id();
        let saga = match meta.stream.category() {
            "post" => match decode::<Post>(broker, data) {
                Some(Post::Scheduled { plan, .. }) => {
                    let post = domain::PostId(id).to_string();
                    domain::derived_id(&["publication", &post, &plan.to_string()])
                }
                _ => continue,
            },
            "publication" => match decode::<Publication>(broker, data) {
                Some(Publication::Requested { .. }) => id,
                _ => continue,
            },
            "notification" => match decode::<Notice>(broker, data) {
                Some(Notice::Sent { .. }) => id,
                _ => continue,
            },
            _ => continue,
        };
        if !by_id.contains_key(&SagaId(saga)) {
            let (stream, version) = (&meta.stream, meta.version);
            wrong.push(format!("I14 event {version} of {stream} began no saga"));
        }
    }
}

fn decode<E: EventSet>(broker: &Broker, data: &domain::EventData) -> Option<E> {
    broker.schemas.decode(data).ok()
}

/// The states of all aggregates of a kind.
fn states<D: Decider>(broker: &Broker, state: &State) -> BTreeMap<Uuid, D::State> {
    let mut all: BTreeMap<Uuid, D::State> = BTreeMap::new();
    for valid in state.lanes.values().flat_map(|lane| &lane.judge.valid) {
        let Body::Event { meta, data, .. } = &valid.record.body else { continue };
        if meta.stream.category() == D::CATEGORY
            && let Some(event) = decode::<D::Event>(broker, data)
        {
            let before = all.remove(&meta.stream.id()).unwrap_or_default();
            all.insert(meta.stream.id(), D::evolve(before, &event));
        }
    }
    all
}

/// What a saga that ended has left in the aggregates.
pub(super) fn aggregates(
    broker: &Broker,
    state: &State,
    by_id: &BTreeMap<SagaId, &Told>,
    shown: bool,
    wrong: &mut Vec<String>,
) {
    use billing::quota::Quota;
    use content::post::{Post, State as OfPost};
    use social::publication::{Publication, State as OfPublication};
    let over = |publication: PublicationId| {
        by_id.get(&SagaId(publication.0)).is_none_or(|it| !it.is().is_running())
    };
    for quota in states::<Quota>(broker, state).values() {
        for held in quota.held.iter().filter(|held| over(**held)) {
            wrong.push(format!("I17 publication {held} is over, and its place is still held"));
        }
    }
    for (id, post) in states::<Post>(broker, state) {
        if let OfPost::Publishing { publication, .. } = post
            && over(publication)
        {
            wrong.push(format!("I17 publication {publication} is over, and has post {id}"));
        }
    }
    for (id, publication) in states::<Publication>(broker, state) {
        let Some(told) = by_id.get(&SagaId(id)) else { continue };
        let fits = match told.is().phase {
            Phase::Done => publication == OfPublication::Confirmed,
            Phase::Undone => {
                matches!(publication, OfPublication::Failed | OfPublication::Absent)
            }
            _ => true,
        };
        if !fits && !told.was_operated() {
            if shown {
                eprintln!("{} {:#?}", told.stream, told.events);
            }
            wrong.push(format!(
                "I17 {} is {:?}, its publication {publication:?}",
                told.stream,
                told.is().phase
            ));
        }
    }
}
