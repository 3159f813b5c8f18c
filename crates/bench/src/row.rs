//! A row of the report: ours, controls and peers of one workload over some rounds, as a line of JSON or
//! as lines of text. Not the runs themselves.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::measure::{Measured, median};

/// What a goal is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// At least so many commands a second, and if said so, a p99 of at most so many milliseconds.
    PerS(f64, Option<f64>),
    /// At most so many milliseconds at the median.
    Ms(f64),
    /// At least this part of the rate of a control, and if said so, a p99 of at most so many milliseconds.
    PartOf(&'static str, f64, Option<f64>),
}

/// All rounds of one contestant.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) runs: Vec<Measured>,
}

/// All contestants of one workload.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ours: Contestant,
    pub(crate) controls: Vec<Contestant>,
    pub(crate) peers: Vec<Contestant>,
    pub(crate) goal: Option<Goal>,
    /// What else was seen, by name.
    pub(crate) more: Vec<(&'static str, Value)>,
}

impl Contestant {
    /// Before its first run.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), runs: Vec::new() }
    }

    fn middle(&self, of: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().filter_map(of).collect())
    }

    /// Median of the rates.
    pub(crate) fn per_s(&self) -> Option<f64> {
        self.middle(|run| Some(run.per_s()))
    }

    /// Median of the latencies at this rank.
    pub(crate) fn ms(&self, part: f64) -> Option<f64> {
        self.middle(|run| run.ms(part))
    }

    /// Commands refused in all runs.
    pub(crate) fn refused(&self) -> u64 {
        self.runs.iter().map(|run| run.refused).sum()
    }

    fn json(&self) -> Value {
        let rates: Vec<f64> = self.runs.iter().map(Measured::per_s).collect();
        let mut out = Map::new();
        let mut put = |name: &str, value: Option<f64>, digits: i32| {
            if let Some(value) = value {
                out.insert(name.to_owned(), json!(round(value, digits)));
            }
        };
        put("per_s", self.per_s(), 3);
        put("per_s_min", rates.iter().copied().reduce(f64::min), 3);
        put("per_s_max", rates.iter().copied().reduce(f64::max), 3);
        put("p50_ms", self.ms(0.5), 4);
        put("p99_ms", self.ms(0.99), 4);
        put("p999_ms", self.ms(0.999), 4);
        put("cpu_s_per_m", self.middle(Measured::cpu_s_per_m), 3);
        Value::Object(out)
    }
}

impl Row {
    /// The goal as it is written, and whether it is reached.
    fn judged(&self) -> (Value, Value) {
        let per_s = self.ours.per_s().unwrap_or(0.0);
        match self.goal {
            None => (Value::Null, Value::Null),
            Some(Goal::PerS(least, most_ms)) => {
                let quick =
                    most_ms.is_none_or(|most| self.ours.ms(0.99).is_some_and(|ms| ms <= most));
                let goal = most_ms.map_or_else(
                    || json!({ "per_s": least }),
                    |most| json!({ "per_s": least, "p99_ms": most }),
                );
                (goal, json!(per_s >= least && quick))
            }
            Some(Goal::PartOf(name, part, most)) => {
                let of = self.controls.iter().find(|control| control.name == name);
                let least = of.and_then(Contestant::per_s).map(|of| part * of);
                let quick = most.is_none_or(|most| self.ours.ms(0.99).is_some_and(|ms| ms <= most));
                let goal = json!({ "part_of": name, "part": part, "p99_ms": most });
                (goal, json!(quick && least.is_some_and(|least| per_s >= least)))
            }
            Some(Goal::Ms(most)) => {
                (json!({ "ms": most }), json!(self.ours.ms(0.5).is_some_and(|ms| ms <= most)))
            }
        }
    }

    /// One line of JSON.
    pub(crate) fn json(&self) -> String {
        let all = |of: &[Contestant]| -> Value {
            of.iter().map(|it| (it.name.clone(), it.json())).collect::<Map<_, _>>().into()
        };
        let ratios: Map<String, Value> = self.ratios().map(|(n, r)| (n, json!(r))).collect();
        let (goal, reached) = self.judged();
        let mut line = json!({
            "row": self.name,
            "ours": self.ours.json(),
            "controls": all(&self.controls),
            "peers": all(&self.peers),
            "ratios": ratios,
            "goal": goal,
            "reached": reached,
        });
        for (name, value) in &self.more {
            line[*name] = value.clone();
        }
        line.to_string()
    }

    /// Ours in parts of each control and peer.
    fn ratios(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        self.controls.iter().chain(&self.peers).filter_map(|other| {
            Some((other.name.clone(), round(self.ours.per_s()? / other.per_s()?, 3)))
        })
    }

    /// Lines for people.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}\n", self.name);
        let ours = std::iter::once(&self.ours);
        for one in ours.chain(&self.controls).chain(&self.peers) {
            let ms = |part| one.ms(part).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3}"));
            let cpu = one.middle(Measured::cpu_s_per_m);
            let cpu = cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.2}"));
            let _ = writeln!(
                out,
                "  {:34} {:>12.0}/s  p50 {:>8}  p99 {:>8}  p99.9 {:>8} ms  cpu {cpu:>7} s/M",
                one.name,
                one.per_s().unwrap_or(0.0),
                ms(0.5),
                ms(0.99),
                ms(0.999),
            );
        }
        let ratios: Vec<_> = self.ratios().map(|(name, it)| format!("{it:.2} of {name}")).collect();
        let (goal, reached) = self.judged();
        let _ = writeln!(out, "  ours is {}; goal {goal}, reached: {reached}", ratios.join(", "));
        for (name, value) in &self.more {
            let _ = writeln!(out, "  {name}: {value}");
        }
        out
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}
