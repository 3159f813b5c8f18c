//! The sagas of one lane: what to begin now, and what to drop. Pure: it is handed what took effect and
//! what the time is. Not the doing, which is the runner's.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use codec::Schemas;
use domain::{EventData, Meta, StreamId, Timestamp};
use log::{Body, Frame};

use crate::run::any::{About, AnyInput, AnySaga, Doing, Job, News, Todo};
use crate::run::breaker::Shut;
use crate::run::held::{Begun, Held, Ready};
use crate::run::wanted::Wanted;
use crate::{Cause, Poison, Status};

/// Whether this node has a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// Always: no other node writes to this log.
    Always,
    /// While the newest claim of the lane is of the node at this address: no two nodes have one.
    Claimed(String),
}

/// How long a timer is left alone that fired, was answered, and is still there, in milliseconds: the
/// owner's clock is behind ours.
const AGAIN_MS: i64 = 1_000;

/// A call to begin.
pub(crate) struct Call {
    pub(crate) job: Box<dyn Job>,
    pub(crate) about: About,
    /// Whether it is still wanted: looked at right before it is begun.
    pub(crate) wanted: Wanted,
}

/// Something to tell a saga.
#[derive(Debug, Clone)]
pub(crate) struct Tell {
    pub(crate) about: About,
    pub(crate) news: News,
    pub(crate) input: AnyInput,
}

/// The sagas of one lane. Its room: 3 to 5 KB a running saga; those that are over are dropped.
pub(crate) struct Roster {
    kinds: HashMap<&'static str, Arc<dyn AnySaga>>,
    holding: Holding,
    /// Whether this node has the lane, as far as it was read.
    holds: bool,
    /// Whether everything was read that lay in the lane at the start.
    caught_up: bool,
    held: HashMap<StreamId, Held>,
    /// Timers that are set, by when they fire; each stands in `begun` of its saga too.
    timers: BTreeSet<(Timestamp, StreamId, u32)>,
    /// Decided and not begun; at most what all sagas list.
    calls: VecDeque<Call>,
    tells: VecDeque<Tell>,
}

impl Roster {
    pub(crate) fn new(kinds: impl IntoIterator<Item = Arc<dyn AnySaga>>, holding: Holding) -> Self {
        let holds = holding == Holding::Always;
        Self {
            kinds: kinds.into_iter().map(|kind| (kind.category(), kind)).collect(),
            holding,
            holds,
            caught_up: false,
            held: HashMap::new(),
            timers: BTreeSet::new(),
            calls: VecDeque::new(),
            tells: VecDeque::new(),
        }
    }

    /// Takes in what took effect.
    pub(crate) fn take(&mut self, schemas: &Schemas, frame: &Frame) {
        let mut touched = None;
        for record in &frame.records {
            match &record.body {
                Body::Claim(claim) => self.claimed(&claim.url),
                Body::Event { meta, data, .. } if self.event(schemas, meta, data) => {
                    touched = Some(&meta.stream);
                }
                Body::Event { .. } | Body::Outcome(_) => {}
            }
        }
        // All records of a frame are of one stream.
        if let Some(stream) = touched {
            self.settle(stream);
        }
    }

    fn event(&mut self, schemas: &Schemas, meta: &Meta, data: &EventData) -> bool {
        let serves = self.caught_up && self.holds;
        if meta.version == 1
            && let Some(kind) = self.kinds.get(meta.stream.category())
        {
            // One that begins under our eyes has nothing under way.
            let ready = if serves { Ready::From(1) } else { Ready::No };
            let held = Held::new(Arc::clone(kind), meta, ready);
            self.held.insert(meta.stream.clone(), held);
        }
        let Some(held) = self.held.get_mut(&meta.stream) else { return false };
        held.take(schemas, meta, data, self.caught_up);
        true
    }

    fn settle(&mut self, stream: &StreamId) {
        let Some(held) = self.held.get_mut(stream) else { return };
        let over = held.folded.unreadable.is_none() && !held.is().is_running();
        held.show(over);
        if over {
            self.forget(stream);
            self.held.remove(stream);
        } else {
            self.look(stream);
        }
    }

    /// Drops timers and everything that was begun.
    fn forget(&mut self, stream: &StreamId) {
        let Some(held) = self.held.get_mut(stream) else { return };
        for (doing, begun) in std::mem::take(&mut held.begun) {
            drop_it(&mut self.timers, stream, &doing, &begun);
        }
    }

    fn claimed(&mut self, url: &str) {
        let Holding::Claimed(own) = &self.holding else { return };
        let holds = own == url;
        if holds == self.holds {
            return;
        }
        self.holds = holds;
        if holds && self.caught_up {
            return self.recover();
        }
        let all: Vec<_> = self.held.keys().cloned().collect();
        for stream in all {
            self.forget(&stream);
            if let Some(held) = self.held.get_mut(&stream) {
                held.ready = Ready::No;
            }
        }
        self.timers.clear();
    }

    /// Whether this node has the lane, as far as it was read.
    pub(crate) const fn holds(&self) -> bool {
        self.holds
    }

    /// Everything was read that lay in the lane.
    pub(crate) fn caught_up(&mut self) {
        if !std::mem::replace(&mut self.caught_up, true) && self.holds {
            self.recover();
        }
    }

    /// Tells each saga that has something under way, before anything is begun for it, that nobody
    /// waits for that any more.
    fn recover(&mut self) {
        let mut silent = Vec::new();
        for (stream, held) in &mut self.held {
            if held.folded.unreadable.is_none() && held.kind.is_lost(held.is()) {
                held.ready = Ready::Asked;
                let (about, input) = (held.about(None), held.kind.input(News::Recovered));
                self.tells.push_back(Tell { about, news: News::Recovered, input });
            } else {
                held.ready = Ready::From(0);
                silent.push(stream.clone());
            }
        }
        for stream in &silent {
            self.look(stream);
        }
    }

    /// Begins what its saga lists and was not begun; drops what it lists no more.
    fn look(&mut self, stream: &StreamId) {
        let Some(held) = self.held.get_mut(stream) else { return };
        let revision = held.is().revision;
        if !matches!(held.ready, Ready::From(from) if revision >= from) {
            return;
        }
        if let Some(Poison(why)) = &held.folded.unreadable {
            let why = why.clone();
            self.forget(stream);
            return self.cannot_go_on(stream, why);
        }
        let todos = match held.kind.todo(held.is()) {
            Ok(todos) => todos,
            Err(Poison(why)) => return self.cannot_go_on(stream, why),
        };
        let listed: BTreeSet<_> = todos.iter().map(|todo| todo.doing.clone()).collect();
        held.begun.retain(|doing, begun| {
            let stays = listed.contains(doing);
            if !stays {
                drop_it(&mut self.timers, stream, doing, begun);
            }
            stays
        });
        for Todo { doing, job } in todos {
            let known = held.begun.get(&doing);
            let timer = match doing {
                Doing::Wake { timer, at } => Some((timer, at)),
                Doing::Perform(_) | Doing::Probe { .. } => None,
            };
            let fires_at = match (timer, known) {
                (Some((_, at)), None) => Some(at),
                // It fired, the saga knows, and it is still there.
                (Some((_, at)), Some(Begun { answered: Some(since), .. }))
                    if revision >= *since =>
                {
                    Some(held.is().last_at.plus_ms(AGAIN_MS).max(at))
                }
                (None, None) => None,
                (_, Some(_)) => continue,
            };
            let begun = Begun { wanted: Wanted::default(), fires_at, answered: None };
            if let (Some((timer, _)), Some(at)) = (timer, fires_at) {
                self.timers.insert((at, stream.clone(), timer));
            }
            if let Some(job) = job {
                let about = held.about(Some(&doing));
                self.calls.push_back(Call { job, about, wanted: begun.wanted.clone() });
            }
            held.begun.insert(doing, begun);
        }
    }

    /// It cannot be read, or its own code failed when it was asked what to do: told so, it parks.
    fn cannot_go_on(&mut self, stream: &StreamId, why: String) {
        let Some(held) = self.held.get_mut(stream) else { return };
        let parked = held.is().parks.get("").is_some_and(|park| park.cause == Cause::Poison);
        if parked || held.poison_told == Some(held.is().revision) {
            return;
        }
        held.poison_told = Some(held.is().revision);
        let news = News::Poisoned(why);
        let input = held.kind.input(news.clone());
        self.tells.push_back(Tell { about: held.about(None), news, input });
    }

    /// A saga was told something; `version` is that of its stream then, `None`: nobody took it.
    pub(crate) fn told(&mut self, stream: &StreamId, news: &News, version: Option<u64>) {
        let (Some(held), Some(version)) = (self.held.get_mut(stream), version) else { return };
        match news {
            News::Recovered if held.ready == Ready::Asked => held.ready = Ready::From(version),
            News::Timer(number) => {
                let mut begun = held.begun.iter_mut();
                let its =
                    |doing: &Doing| matches!(doing, Doing::Wake { timer, .. } if timer == number);
                if let Some((_, begun)) = begun.find(|(doing, _)| its(doing)) {
                    begun.answered = Some(version);
                }
            }
            News::Recovered | News::Poisoned(_) => {}
        }
        self.look(stream);
    }

    /// Timers whose time has come fire.
    pub(crate) fn fire(&mut self, now: Timestamp) {
        while let Some((at, ..)) = self.timers.first()
            && *at <= now
        {
            let Some((_, stream, timer)) = self.timers.pop_first() else { return };
            let Some(held) = self.held.get(&stream) else { continue };
            let news = News::Timer(timer);
            let input = held.kind.input(news.clone());
            self.tells.push_back(Tell { about: held.about(None), news, input });
        }
    }

    /// When the next timer fires.
    pub(crate) fn wakes_at(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, ..)| *at)
    }

    /// The next call to begin that is still wanted.
    pub(crate) fn next_call(&mut self) -> Option<Call> {
        std::iter::from_fn(|| self.calls.pop_front()).find(|call| call.wanted.still())
    }

    /// The next thing to tell a saga.
    pub(crate) fn next_tell(&mut self) -> Option<Tell> {
        self.tells.pop_front()
    }

    /// Timers by when they fire: saga, stream, number.
    pub(crate) fn timers(&self) -> impl Iterator<Item = (Timestamp, &Held, u32)> {
        let of = |(at, stream, timer): &(Timestamp, StreamId, u32)| {
            Some((*at, self.held.get(stream)?, *timer))
        };
        self.timers.iter().filter_map(of)
    }

    /// Running sagas that this node holds.
    pub(crate) fn running(&self) -> usize {
        self.held.len()
    }

    /// How many steps wait for the breaker of each target.
    pub(crate) fn waiting(&self) -> BTreeMap<&str, usize> {
        let mut waiting = BTreeMap::new();
        for step in self.held.values().flat_map(|held| held.is().steps.values()) {
            for way in [&step.forward, &step.undo] {
                let fault = way.fault.as_deref().filter(|_| way.status == Status::Waiting);
                if let Some(target) = fault.and_then(Shut::target_of) {
                    *waiting.entry(target).or_insert(0) += 1;
                }
            }
        }
        waiting
    }

    /// Sagas that cannot be read, and why.
    pub(crate) fn unreadable(&self) -> Vec<(StreamId, String)> {
        let why = |(stream, held): (&StreamId, &Held)| {
            held.folded.unreadable.as_ref().map(|Poison(why)| (stream.clone(), why.clone()))
        };
        self.held.iter().filter_map(why).collect()
    }
}

/// It is not wanted any more.
fn drop_it(
    timers: &mut BTreeSet<(Timestamp, StreamId, u32)>,
    stream: &StreamId,
    doing: &Doing,
    begun: &Begun,
) {
    begun.wanted.drop_it();
    if let (Doing::Wake { timer, .. }, Some(at)) = (doing, begun.fires_at) {
        timers.remove(&(at, stream.clone(), *timer));
    }
}
