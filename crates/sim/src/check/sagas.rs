//! Every saga against the log, the aggregates and the book of the targets: each trigger has its saga,
//! each saga ended or stands parked in sight, what was undone stands nowhere, what is done stands once,
//! undos go backwards, timers never fire early (I14-I18).

use std::collections::{BTreeMap, BTreeSet};

use domain::saga::SagaId;
use domain::{StreamId, Timestamp};
use log::{Body, Verdict};
use orchestrator::{
    Direction, Event, Folded, Instance, Phase, Probed, REQUEST_MARGIN_MS, Standing, ledger,
};

use super::left;
use crate::broker::{Broker, State};
use crate::cluster::Cluster;
use crate::faults::Fault;
use crate::targets::{Book, Deed};
use crate::world::{World, lock};

/// A saga as the log has it.
pub(super) struct Told {
    pub(super) stream: StreamId,
    folded: Folded,
    /// Its events, each with its log time and the number of its frame.
    pub(super) events: Vec<(Timestamp, usize, Event)>,
}

impl Told {
    pub(super) const fn is(&self) -> &Instance {
        &self.folded.is
    }

    pub(super) fn was_operated(&self) -> bool {
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
        one(told, complete, &mut wrong);
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
        if !deed.taken_back && gone && outlived(&cluster.world, told, deed) {
            cluster.world.sometimes(crate::trace::ALLOWED[0]);
        } else if !deed.taken_back && gone {
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
        ends(&cluster.world, &by_id, &book, &mut wrong);
        left::triggers(&cluster.broker, &state, &by_id, &mut wrong);
        left::aggregates(&cluster.broker, &state, &by_id, cluster.world.is_shown(), &mut wrong);
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
    if cluster.world.is_shown() {
        let named = |told: &&Told| wrong.iter().any(|it| it.contains(&told.stream.to_string()));
        for told in sagas.iter().filter(named) {
            for (at, frame, event) in &told.events {
                eprintln!("{} {at} frame {frame} {event:?}", told.stream);
            }
        }
    }
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

/// Whether a request arrived when it had to be dead by the clock, and could be taken for dead: G6 lets a
/// target without fences be looked at for the last time when a request has lived as long as it can (its
/// time and a margin). That time is log time, the one clock that all owners of a saga share, and who
/// sets it forward while a request is under way makes it outlive its margin. So this is let pass only
/// when the clock was set forward between the request and its arrival, and when the step was settled behind
/// this very attempt, and no sooner than its whole time was over in the log.
fn outlived(world: &World, told: &Told, deed: &Deed) -> bool {
    let mut events = told.events.iter();
    let dead_at = events.find_map(|(_, _, event)| match event {
        Event::StepScheduled { step, direction: Direction::Forward, attempt, due_at, .. }
            if *step == deed.step && *attempt == deed.attempt =>
        {
            Some(due_at.plus_ms(REQUEST_MARGIN_MS))
        }
        _ => None,
    });
    let settled = events.any(|(at, _, event)| match event {
        Event::StepDone { step, direction: Direction::Undo, .. }
        | Event::ProbeAnswered { step, answer: Probed::NotHappened, .. } => {
            *step == deed.step && dead_at.is_some_and(|dead_at| *at >= dead_at)
        }
        _ => false,
    });
    settled && world.was_set_forward(deed.asked_ms, deed.done_ms)
}

/// What is done stands once, what is undone stands nowhere.
fn ends(world: &World, by_id: &BTreeMap<SagaId, &Told>, book: &Book, wrong: &mut Vec<String>) {
    for (id, told) in by_id {
        let (is, stream) = (told.is(), &told.stream);
        if told.was_operated() || stream.category() != "publish_post" {
            continue;
        }
        let undone = is.phase == Phase::Undone;
        let mine = book.deeds.values().filter(|deed| deed.saga == *id && !deed.taken_back);
        let mine = mine.filter(|deed| !(undone && outlived(world, told, deed)));
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
