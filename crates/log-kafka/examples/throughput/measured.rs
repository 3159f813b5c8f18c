//! What a run came to, as a line.

use std::time::Duration;

/// What a run came to.
pub(crate) struct Measured {
    pub(crate) records: u64,
    pub(crate) took: Duration,
    pub(crate) latencies: Vec<Duration>,
}

impl Measured {
    /// Records a second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let records = self.records as f64;
        records / self.took.as_secs_f64()
    }

    pub(crate) fn print(mut self, what: &str, open: u64) {
        self.latencies.sort_unstable();
        let at = |part: f64| {
            let last = self.latencies.len().saturating_sub(1);
            #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a rank")]
            #[expect(clippy::cast_possible_truncation, reason = "a rank")]
            let rank = (last as f64 * part) as usize;
            self.latencies.get(rank).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        let rate = self.rate();
        println!(
            "{what:18} {open:11} {rate:11.0} {:8.2} {:8.2} {:8.2}",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}
