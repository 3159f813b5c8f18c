//! One running saga as the runner of its lane holds it: its state, and what was begun for it. Not the
//! deciding, which is the owner's; not the choice of what to begin, which is the roster's.

use std::collections::BTreeMap;
use std::sync::Arc;

use codec::Schemas;
use domain::{EventData, EventId, Meta, Timestamp};

use crate::run::any::{About, AnySaga, Doing};
use crate::run::meter;
use crate::run::wanted::Wanted;
use crate::{Cause, Direction, Event, Folded, Instance, Phase};

/// Whether something may be begun for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Not before it was told that this node has it now.
    No,
    /// It is being told.
    Asked,
    /// From this revision on.
    From(u64),
}

/// Something that was begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) wanted: Wanted,
    /// A timer that is set: when it fires.
    pub(crate) fires_at: Option<Timestamp>,
    /// A timer that fired: the revision that knows.
    pub(crate) answered: Option<u64>,
}

/// One running saga.
pub(crate) struct Held {
    pub(crate) kind: Arc<dyn AnySaga>,
    pub(crate) folded: Folded,
    pub(crate) about: About,
    /// The last intent of each way of a step.
    intents: BTreeMap<(String, Direction), EventId>,
    pub(crate) begun: BTreeMap<Doing, Begun>,
    pub(crate) ready: Ready,
    /// The revision at which it was told that it cannot go on.
    pub(crate) poison_told: Option<u64>,
    shown: Option<Shown>,
}

/// What the gauges show of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    state: &'static str,
    causes: Vec<Cause>,
}

impl Held {
    pub(crate) fn new(kind: Arc<dyn AnySaga>, meta: &Meta, ready: Ready) -> Self {
        let about = About {
            saga: kind.name(),
            stream: meta.stream.clone(),
            tenant: meta.tenant.clone(),
            correlation: meta.correlation,
            trace: meta.trace,
            intent: Some(meta.id),
        };
        Self {
            kind,
            folded: Folded::default(),
            about,
            intents: BTreeMap::new(),
            begun: BTreeMap::new(),
            ready,
            poison_told: None,
            shown: None,
        }
    }

    /// What the engine knows of it.
    pub(crate) const fn is(&self) -> &Instance {
        &self.folded.is
    }

    /// Takes one more event in; `live`: it has just happened.
    pub(crate) fn take(&mut self, schemas: &Schemas, meta: &Meta, data: &EventData, live: bool) {
        let at = meta.recorded_at;
        self.about.intent = Some(meta.id);
        let Ok(event) = schemas.decode::<Event>(data) else {
            self.folded.take(schemas, data, at);
            let why = self.folded.unreadable.as_ref().map(|poison| poison.0.as_str());
            tracing::error!(stream = %meta.stream, why, "a saga cannot be read; it stands still");
            return meter::poison(self.about.saga, "instance");
        };
        self.folded.is = std::mem::take(&mut self.folded.is).evolve(at, &event);
        match event {
            Event::StepScheduled { step, direction, .. } => {
                self.intents.insert((step, direction), meta.id);
            }
            Event::StepDone { step, direction, .. } if live => {
                if let Some(step) = self.is().steps.get(&step) {
                    let ms = at.ms_since(step.way(direction).asked_at);
                    meter::step(self.about.saga, direction, ms);
                }
            }
            Event::Ended { end } if live => meter::finished(self.about.saga, end),
            _ => {}
        }
    }

    /// Whose work it is, for a new piece of it.
    pub(crate) fn about(&self, doing: Option<&Doing>) -> About {
        let way = match doing {
            Some(Doing::Perform(attempt)) => Some((attempt.step.clone(), attempt.direction)),
            Some(Doing::Probe { step, .. }) => Some((step.clone(), Direction::Forward)),
            Some(Doing::Wake { .. }) | None => None,
        };
        let intent = way.and_then(|way| self.intents.get(&way).copied());
        let intent = intent.or(self.about.intent);
        About { intent, ..self.about.clone() }
    }

    /// Tells the gauges where it stands now; gone, it stands nowhere.
    pub(crate) fn show(&mut self, gone: bool) {
        let now = (!gone).then(|| self.shown_now());
        if now == self.shown {
            return;
        }
        let saga = self.about.saga;
        let count = |shown: &Option<Shown>, more: f64| {
            let Some(shown) = shown else { return };
            meter::active(saga, shown.state, more);
            shown.causes.iter().for_each(|cause| meter::parked(saga, *cause, more));
        };
        count(&self.shown, -1.0);
        count(&now, 1.0);
        self.shown = now;
    }

    fn shown_now(&self) -> Shown {
        let is = self.is();
        let causes = is.parks.values().map(|park| park.cause).collect();
        let state = if is.is_parked() || self.folded.unreadable.is_some() {
            "parked"
        } else if is.waits_to_begin() {
            "waiting"
        } else if is.phase == Phase::Undoing {
            "undoing"
        } else {
            "running"
        };
        Shown { state, causes }
    }
}
