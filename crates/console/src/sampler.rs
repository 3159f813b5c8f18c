//! How the lag of projections moved while the console was watching: one sample every five seconds
//! for an hour, in memory. Not a store of metrics: Prometheus is.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;

use crate::system::Projection;

/// Seconds between samples: fine enough for a line of 120 pixels over an hour.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// An hour of them.
const KEPT: usize = 720;
/// Below this a lag is drawn as calm, in milliseconds: a chart never zooms into noise.
const FLOOR_MS: u64 = 2_000;
/// Samples that a rate is taken over: 30 seconds.
const RATE_OVER: usize = 6;

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Timestamp,
    folded: u64,
    lag_ms: u64,
}

/// The samples of every projection.
#[derive(Debug, Default)]
pub(crate) struct Sampler(Mutex<HashMap<String, VecDeque<Sample>>>);

/// What the samples of one projection say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trend {
    /// Events a second over the last 30 s; `None` with less than two samples.
    pub(crate) rate: Option<u64>,
    /// In words: steady, falling, growing.
    pub(crate) words: &'static str,
    /// When the first sample was taken.
    pub(crate) since: Option<Timestamp>,
    /// The line, in a box of 120 by 24.
    pub(crate) line: String,
}

/// The lag of the lane that is furthest behind, in milliseconds.
pub(crate) fn lag_ms(projection: &Projection) -> u64 {
    projection.lanes.iter().map(|lane| lane.ms).max().unwrap_or(0)
}

/// All events not folded yet.
pub(crate) fn lag_events(projection: &Projection) -> u64 {
    projection.lanes.iter().map(|lane| lane.events).sum()
}

impl Sampler {
    /// Adds one sample of each.
    pub(crate) fn add(&self, at: Timestamp, projections: &[Projection]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in projections {
            let samples = all.entry(one.name.clone()).or_default();
            samples.push_back(Sample { at, folded: one.folded, lag_ms: lag_ms(one) });
            if samples.len() > KEPT {
                samples.pop_front();
            }
        }
    }

    /// What the samples of a projection say.
    pub(crate) fn trend(&self, name: &str) -> Trend {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let samples: Vec<Sample> =
            all.get(name).map(|samples| samples.iter().copied().collect()).unwrap_or_default();
        Trend {
            rate: rate(&samples),
            words: words(&samples),
            since: samples.first().map(|first| first.at),
            line: line(&samples),
        }
    }
}

fn rate(samples: &[Sample]) -> Option<u64> {
    let last = samples.last()?;
    let first = samples.get(samples.len().saturating_sub(1 + RATE_OVER)).or(samples.first())?;
    let ms = u64::try_from(last.at.ms_since(first.at)).ok().filter(|ms| *ms >= 1_000)?;
    Some(last.folded.saturating_sub(first.folded).saturating_mul(1_000) / ms)
}

/// Compares the last minute with the minute before it, above the floor.
fn words(samples: &[Sample]) -> &'static str {
    let mean = |part: &[Sample]| {
        part.iter().map(|sample| sample.lag_ms).sum::<u64>() / part.len().max(1) as u64
    };
    let (older, newer) = samples.split_at(samples.len().saturating_sub(12));
    let (was, is) = (mean(&older[older.len().saturating_sub(12)..]), mean(newer));
    if was.max(is) < FLOOR_MS || older.is_empty() {
        "steady"
    } else if is > was + was / 5 {
        "growing"
    } else if is + was / 5 < was {
        "falling"
    } else {
        "steady"
    }
}

fn line(samples: &[Sample]) -> String {
    let top = samples.iter().map(|sample| sample.lag_ms).max().unwrap_or(0).max(FLOOR_MS);
    let mut out = String::new();
    for (at, sample) in samples.iter().enumerate() {
        // The newest sample stands at the right edge; an hour fills the box.
        let x = 1_200 - (samples.len() - 1 - at) * 1_200 / KEPT;
        let y = 220 - sample.lag_ms.saturating_mul(200) / top;
        let joint = if at == 0 { "M" } else { " " };
        let _ = write!(out, "{joint}{}.{} {}.{}", x / 10, x % 10, y / 10, y % 10);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(lags: &[u64]) -> Vec<Sample> {
        let sample = |(at, lag_ms): (i64, &u64)| Sample {
            at: Timestamp::from_millis(at * 5_000),
            folded: at.unsigned_abs() * 50,
            lag_ms: *lag_ms,
        };
        (0..).zip(lags).map(sample).collect()
    }

    #[test]
    fn noise_is_steady_and_a_rise_is_growing() {
        assert_eq!(words(&samples(&[40; 30])), "steady");
        let rise: Vec<u64> = (0..30).map(|at| at * 1_000).collect();
        assert_eq!(words(&samples(&rise)), "growing");
        assert_eq!(rate(&samples(&rise)), Some(10));
        assert_eq!(rate(&samples(&[1])), None);
    }
}
