//! What one run came to: rate, latencies, processor time. Not how it was run.

use std::time::{Duration, Instant};

/// Ticks of processor time a second, as Linux tells them in `/proc`.
const TICKS_PER_S: f64 = 100.0;

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Commands answered.
    pub(crate) count: u64,
    /// Commands that were answered "overloaded", at once and without effect.
    pub(crate) refused: u64,
    /// How long that took.
    pub(crate) took: Duration,
    /// Processor time of this process, load generator included, in seconds; `None`: not told.
    pub(crate) cpu_s: Option<f64>,
    /// Latencies, sorted, in tenths of a microsecond; empty when they were not taken.
    pub(crate) latencies: Vec<u32>,
}

impl Measured {
    /// A run that began then; the latencies are sorted here.
    pub(crate) fn new(count: u64, took: Duration, cpu_s: f64, mut latencies: Vec<u32>) -> Self {
        latencies.sort_unstable();
        Self { count, refused: 0, took, cpu_s: Some(cpu_s), latencies }
    }

    /// Each call was so many commands; the latencies stay those of the calls.
    pub(crate) fn times(self, commands: u64) -> Self {
        Self { count: self.count * commands, refused: self.refused * commands, ..self }
    }

    /// Commands a second.
    pub(crate) fn per_s(&self) -> f64 {
        float(self.count) / self.took.as_secs_f64()
    }

    /// The latency below which this part (0 to 1) of the answers lies, in milliseconds.
    pub(crate) fn ms(&self, part: f64) -> Option<f64> {
        let last = self.latencies.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = (last as f64 * part) as usize;
        self.latencies.get(rank).map(|tenths| f64::from(*tenths) / 1e4)
    }

    /// Processor seconds for a million commands.
    pub(crate) fn cpu_s_per_m(&self) -> Option<f64> {
        self.cpu_s.filter(|_| self.count > 0).map(|cpu_s| cpu_s * 1e6 / float(self.count))
    }
}

/// Processor time of this process so far, in seconds, to a hundredth.
pub(crate) fn cpu_s() -> f64 {
    cpu_of("self").unwrap_or(0.0)
}

/// Processor time of a process so far, in seconds; `None` when it is gone.
pub(crate) fn cpu_of(process: &str) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything: state is field 3, utime and stime are 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at - 3)?.parse::<f64>().ok();
    Some((ticks(14)? + ticks(15)?) / TICKS_PER_S)
}

/// Time since then, in tenths of a microsecond.
pub(crate) fn tenths(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_nanos() / 100).unwrap_or(u32::MAX)
}

/// The middle one; of two the mean.
pub(crate) fn median(mut all: Vec<f64>) -> Option<f64> {
    all.sort_unstable_by(f64::total_cmp);
    let middle = all.len() / 2;
    if all.len() % 2 == 1 {
        return all.get(middle).copied();
    }
    let (below, above) = (all.get(middle.checked_sub(1)?)?, all.get(middle)?);
    Some(f64::midpoint(*below, *above))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_medians() {
        let run = Measured::new(4, Duration::from_secs(2), 1.0, vec![40_000, 10_000, 20_000]);
        assert_eq!((run.ms(0.0), run.ms(0.5), run.ms(1.0)), (Some(1.0), Some(2.0), Some(4.0)));
        assert_eq!(run.cpu_s_per_m(), Some(250_000.0));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn this_process_has_used_its_processor() {
        let begun = Instant::now();
        while cpu_s() < 0.02 {
            assert!(begun.elapsed() < Duration::from_mins(1), "time is not counted");
        }
    }
}
