//! What the events of sagas say, read as any outsider would: shares no code with the engine that wrote
//! them. Not what stands at the targets, which a test compares with this.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::Event;

/// One step of a saga.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// The idempotency key of the way there.
    pub key: String,
    /// Whom it asks: a stream, or a port.
    pub target: String,
    /// Whether that is an aggregate of the product's own.
    pub ours: bool,
    /// Line and item in the plan.
    pub place: (u64, u64),
    /// It happened.
    pub done: bool,
    /// It was taken back.
    pub undone: bool,
}

/// One saga, folded from its events.
#[derive(Debug, Clone, Default)]
pub struct Saga {
    /// Its stream.
    pub stream: String,
    /// What it began with.
    pub began_with: Value,
    /// Its steps by name.
    pub steps: BTreeMap<String, Step>,
    /// `done` or `undone`, when it is over.
    pub end: Option<String>,
    /// What waits for a human: the step, and why.
    pub parks: BTreeMap<String, (String, String)>,
    /// Its timers by number: what for, how often set, how often fired.
    pub timers: BTreeMap<u64, (String, u32, u32)>,
    /// Timers that came when nothing waited for them.
    pub ignored: usize,
    /// Answers that never came.
    pub unknown: usize,
    /// Whether it turned round.
    pub undoing: bool,
    /// What its events contradict.
    pub wrong: Vec<String>,
}

impl Saga {
    /// All sagas of exported events, which are sorted by stream and version.
    pub fn all(events: &[Event]) -> BTreeMap<String, Self> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        for event in events {
            if let Some(what) = event.event_type.strip_prefix("saga.instance.") {
                let saga = all.entry(event.stream.clone()).or_default();
                saga.stream.clone_from(&event.stream);
                saga.fold(what, &event.data);
            }
        }
        all
    }

    /// Whether nothing more is to come without a human.
    pub fn rests(&self) -> bool {
        self.end.is_some() || !self.parks.is_empty()
    }

    /// As the product's list says it: `done`, `undone`, `parked`; else empty.
    pub fn state(&self) -> &str {
        let parked = if self.parks.is_empty() { "" } else { "parked" };
        self.end.as_deref().unwrap_or(parked)
    }

    /// Steps that ask somebody outside of the product, with their names.
    pub fn outside(&self) -> impl Iterator<Item = (&String, &Step)> {
        self.steps.iter().filter(|(_, step)| !step.ours)
    }

    fn fold(&mut self, what: &str, data: &Value) {
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| data[name].as_u64().unwrap_or_default();
        if self.end.is_some()
            && !matches!(what, "timer_ignored.v1" | "answer_ignored.v1" | "late_event.v1")
        {
            self.wrong.push(format!("{what} behind its end"));
        }
        let (step, undo) = (text("step"), text("direction") == "undo");
        match what {
            "started.v1" => {
                self.began_with = serde_json::from_str(&text("state")).unwrap_or_default();
            }
            "timer_set.v1" => self.timer(number("timer"), &text("purpose"), 1, 0),
            "timer_fired.v1" => self.timer(number("timer"), "", 0, 1),
            "timer_ignored.v1" => self.ignored += 1,
            "step_unknown.v1" => self.unknown += 1,
            "step_scheduled.v1" => {
                self.timer(number("timer"), "attempt", 1, 0);
                self.asked(&step, undo, data);
            }
            "step_done.v1" if undo => self.undone(&step),
            "step_done.v1" => self.done(&step),
            "probe_answered.v1" if data["behind_undo"] == false && text("answer") == "happened" => {
                self.done(&step);
            }
            "probe_answered.v1" if data["behind_undo"] == true && text("answer") == "happened" => {
                // It arrived after all: taken back once more.
                self.steps.entry(step).or_default().undone = false;
            }
            "undo_started.v1" => self.undoing = true,
            "parked.v1" => {
                self.parks.insert(step, (text("cause"), text("detail")));
            }
            "resumed.v1" => {
                self.parks.remove(&step);
            }
            "ended.v1" => self.ended(text("end")),
            _ => {}
        }
    }

    fn timer(&mut self, number: u64, purpose: &str, set: u32, fired: u32) {
        let known = self.timers.entry(number).or_default();
        if set > 0 {
            purpose.clone_into(&mut known.0);
        }
        known.1 += set;
        known.2 += fired;
        let (purpose, set, fired) = known.clone();
        if set != 1 || fired > 1 {
            self.wrong.push(format!("timer {number} ({purpose}): set {set} times, fired {fired}"));
        }
    }

    fn asked(&mut self, name: &str, undo: bool, data: &Value) {
        let place = (data["line"].as_u64(), data["item"].as_u64());
        let place = (place.0.unwrap_or_default(), place.1.unwrap_or_default());
        let key = data["key"].as_str().unwrap_or_default().to_owned();
        if undo {
            // Whatever was begun behind it in the plan is taken back already.
            let open: Vec<_> = self.steps.iter().filter(|(_, it)| it.done && !it.undone).collect();
            for (other, _) in open.into_iter().filter(|(_, it)| it.place > place) {
                self.wrong.push(format!("{name} was taken back before {other}"));
            }
            return;
        }
        if self.undoing {
            self.wrong.push(format!("{name} was begun while everything is taken back"));
        }
        let step = self.steps.entry(name.to_owned()).or_default();
        if !step.key.is_empty() && step.key != key {
            self.wrong.push(format!("{name} was asked under two keys, though no human said so"));
        }
        step.key = key;
        step.place = place;
        step.ours = data["ours"] == true;
        data["target"].as_str().unwrap_or_default().clone_into(&mut step.target);
    }

    fn done(&mut self, name: &str) {
        let step = self.steps.entry(name.to_owned()).or_default();
        if step.done {
            self.wrong.push(format!("{name} was done twice"));
        }
        step.done = true;
    }

    fn undone(&mut self, name: &str) {
        let step = self.steps.entry(name.to_owned()).or_default();
        if step.undone {
            self.wrong.push(format!("{name} was taken back twice"));
        }
        step.undone = true;
    }

    fn ended(&mut self, end: String) {
        let standing = |(name, it): (&String, &Step)| (it.done && !it.undone).then(|| name.clone());
        let standing: BTreeSet<_> = self.steps.iter().filter_map(standing).collect();
        let all_done = self.steps.values().all(|it| it.done);
        let fits = if end == "done" { all_done && !self.undoing } else { standing.is_empty() };
        if !fits || !self.parks.is_empty() {
            let parks = self.parks.keys();
            self.wrong.push(format!("{end}, but {standing:?} stand and {parks:?} wait"));
        }
        self.end = Some(end);
    }
}
