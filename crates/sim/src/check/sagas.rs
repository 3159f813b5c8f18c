//! Every saga against the log, the aggregates and the book of the targets: each trigger has its saga,
//! each saga ended or stands parked in sight, what was undone stands nowhere, what is done stands once,
//! undos go backwards, timers never fire early (I14-I18).

use std::collections::{BTreeMap, BTreeSet};

use domain::saga::SagaId;
use domain::{Decider, EventSet, PublicationId, StreamId, Timestamp, Uuid};
use log::{Body, Verdict};
use orchestrator::{Direction, Event, Folded, Instance, Phase, Standing, ledger};

use crate::broker::{Broker, State};
use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::targets::Book;
use crate::world::lock;

/// A saga as the log has it.
pub(super) struct Told {
    stream: StreamId,
    folded: Folded,
    /// Its events, each with its log time and the number of its frame.
    pub(super) events: Vec<(Timestamp, usize, Event)>,
}

impl Told {
    const fn is(&self) -> &Instance {
        &self.folded.is
    }

    fn was_operated(&self) -> bool {
        self.events.iter().any(|(_, _, event)| matches!(event, Event::StepSkipped { .. }))
    }
}

const CATEGORIES: [&str; 2] = ["publish_post", "deliver_notification"];

fn all(broker: &Broker, state: &State) -> (Vec<Told>, Vec<String>) {
    let (mut sagas, mut wrong) = (BTreeMap::<StreamId, Told>::new(), Vec::new());
    for lane in state.lanes.values() {
        let mut frame = 0;
        for valid in &lane.judge.valid {
            frame += usize::from(valid.record.header.place == 0);
            let Body::Event { meta, data, .. } = &valid.record.body else { continue };
            if !CATEGORIES.contains(&meta.stream.category()) {
                continue;
            }
            let told = sagas.entry(meta.stream.clone()).or_insert_with(|| Told {
                stream: meta.stream.clone(),
                folded: Folded::default(),
                events: Vec::new(),
            });
            told.folded.take(&broker.schemas, data, meta.recorded_at);
            match broker.schemas.decode(data) {
                Ok(event) => told.events.push((meta.recorded_at, frame, event)),
                Err(error) => wrong.push(format!("I9 an event of {}: {error}", meta.stream)),
            }
        }
    }
    (sagas.into_values().collect(), wrong)
}

/// Sagas that neither ended nor are parked, and those that are parked.
pub(crate) fn open(cluster: &Cluster) -> (usize, Vec<StreamId>) {
    let (sagas, _) = all(&cluster.broker, &lock(&cluster.broker.state));
    let running = sagas.iter().filter(|it| it.is().is_running());
    let (parked, open): (Vec<_>, Vec<_>) = running.partition(|it| it.is().is_parked());
    (open.len(), parked.into_iter().map(|it| it.stream.clone()).collect())
}

/// Checks all sagas; with `complete`, nothing may be under way.
pub(crate) fn sagas(cluster: &Cluster, complete: bool) {
    let state = lock(&cluster.broker.state);
    let (sagas, mut wrong) = all(&cluster.broker, &state);
    let book = lock(&cluster.targets.book);
    let struck = cluster.world.struck();
    let forgets = struck.iter().any(|(kind, times)| *kind == Fault::ForgetsKeys && *times > 0);
    let by_id: BTreeMap<SagaId, &Told> =
        sagas.iter().filter_map(|it| Some((it.is().id?, it))).collect();
    for told in &sagas {
        let known = wrong.len();
        one(told, complete, &mut wrong);
        if cluster.world.is_shown() && wrong.len() > known {
            for (at, frame, event) in &told.events {
                eprintln!("{} {at} frame {frame} {event:?}", told.stream);
            }
        }
        if complete {
            super::rare::rare(&cluster.world, told);
        }
    }
    for (key, deed) in &book.deeds {
        if deed.times > 1 && (deed.minor > 0 || !forgets) {
            wrong.push(format!("I16 {} of {} was done {} times", deed.step, deed.saga, deed.times));
        }
        let Some(told) = by_id.get(&deed.saga) else {
            wrong.push(format!("I15 {} was done for {}, which is no saga", deed.step, deed.saga));
            continue;
        };
        if !complete || told.was_operated() {
            continue;
        }
        let entry = ledger(told.is()).into_iter().find(|entry| entry.key == Some(*key));
        let standing = entry.map(|entry| entry.standing);
        let gone = matches!(standing, None | Some(Standing::NotDone | Standing::Undone));
        if !deed.taken_back && gone {
            let stream = &told.stream;
            wrong.push(format!("I17 {} of {stream} stands; it says {standing:?}", deed.step));
        }
        if deed.taken_back && standing == Some(Standing::Stands) {
            wrong.push(format!(
                "I17 {} of {} is gone; it says that it stands",
                deed.step, told.stream
            ));
        }
    }
    if complete {
        ends(&by_id, &book, &mut wrong);
        triggers(&cluster.broker, &state, &by_id, &mut wrong);
        aggregates(&cluster.broker, &state, &by_id, cluster.world.is_shown(), &mut wrong);
        for lane in state.lanes.values() {
            for valid in &lane.judge.valid {
                if let Body::Outcome(outcome) = &valid.record.body
                    && outcome.verdict == Verdict::Fenced
                {
                    cluster.world.sometimes("undo fenced a key");
                }
            }
        }
    }
    drop((state, book));
    for wrong in wrong {
        cluster.world.wrong(wrong);
    }
}

fn one(told: &Told, complete: bool, wrong: &mut Vec<String>) {
    let (is, stream) = (told.is(), &told.stream);
    if let Some(poison) = &told.folded.unreadable {
        wrong.push(format!("I9 {stream}: {poison:?}"));
    }
    if complete && is.is_running() && !is.is_parked() {
        wrong.push(format!(
            "I14 {stream} neither ended nor is parked: {}",
            orchestrator::why(is, is.last_at)
        ));
    }
    let mut timers = BTreeMap::new();
    let mut operated = usize::MAX;
    let mut undone = Vec::new();
    let mut asked = BTreeSet::new();
    for (at, frame, event) in &told.events {
        match event {
            Event::TimerSet { timer, at, .. } => drop(timers.insert(*timer, *at)),
            Event::Operated { .. } => operated = *frame,
            Event::TimerFired { timer } => match timers.get(timer) {
                Some(due) if at < due && operated != *frame => {
                    wrong.push(format!("I18 {stream}: timer {timer} fired early"));
                }
                Some(_) => {}
                None => wrong.push(format!("I18 {stream}: timer {timer} fired and was never set")),
            },
            Event::StepScheduled { step, direction: Direction::Forward, timer, due_at, .. } => {
                timers.insert(*timer, *due_at);
                asked.insert(step.clone());
            }
            Event::StepScheduled {
                step, direction: Direction::Undo, line, timer, due_at, ..
            } => {
                timers.insert(*timer, *due_at);
                if !asked.contains(step) {
                    wrong.push(format!("I17 {stream}: {step} is taken back and was never asked"));
                }
                if !undone.iter().any(|(known, _)| known == step) {
                    undone.push((step.clone(), *line));
                }
            }
            _ => {}
        }
    }
    for pair in undone.windows(2) {
        if pair[0].1 < pair[1].1 {
            wrong.push(format!("I17 {stream}: {} is taken back before {}", pair[0].0, pair[1].0));
        }
    }
}

/// What is done stands once, what is undone stands nowhere.
fn ends(by_id: &BTreeMap<SagaId, &Told>, book: &Book, wrong: &mut Vec<String>) {
    for (id, told) in by_id {
        let (is, stream) = (told.is(), &told.stream);
        if told.was_operated() || stream.category() != "publish_post" {
            continue;
        }
        let mine = book.deeds.values().filter(|deed| deed.saga == *id && !deed.taken_back);
        let stands: BTreeSet<&str> = mine.clone().map(|deed| deed.step.as_str()).collect();
        let money: i64 = mine.map(|deed| deed.minor * i64::from(deed.times)).sum();
        let asked: BTreeSet<&str> =
            is.steps.iter().filter(|(_, step)| !step.ours).map(|(name, _)| name.as_str()).collect();
        let paid: i64 = is
            .steps
            .values()
            .filter(|step| !step.ours)
            .filter_map(|step| step.money.as_ref())
            .map(|money| money.minor)
            .sum();
        match is.phase {
            Phase::Done if stands != asked || money != paid => {
                wrong.push(format!(
                    "I16 {stream} is done: asked {asked:?}, {paid}; stands {stands:?}, {money}"
                ));
            }
            Phase::Undone if !stands.is_empty() || money != 0 => {
                wrong.push(format!("I17 {stream} is undone; {stands:?} stands, {money}"));
            }
            _ => {}
        }
    }
}

/// Whatever begins a saga has begun it.
fn triggers(
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
fn aggregates(
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
                    || never_opened(told.is())
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

/// A wish that was taken back before its saga could open it stays a wish: what never happened is not
/// undone. Found by seed 150 of 6 minutes, and an open question to the plan of the saga.
fn never_opened(is: &Instance) -> bool {
    is.steps
        .get("open-publication")
        .is_none_or(|step| step.forward.status != orchestrator::Status::Done && step.fenced)
}
