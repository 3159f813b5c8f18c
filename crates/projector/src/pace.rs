//! Back-off with jitter; not a retry policy: who calls decides what is tried again.

use std::time::Duration;

/// After the first error: a restarted server is back in well under a second.
const FIRST: Duration = Duration::from_millis(50);
/// Never longer, so that a database that comes back is noticed within seconds.
const LONGEST: Duration = Duration::from_secs(3);

/// Grows with every error in a row.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    errors: u32,
}

impl Pace {
    /// It worked.
    pub(crate) const fn reset(&mut self) {
        self.errors = 0;
    }

    /// How long to wait after one more error.
    pub(crate) fn next(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.errors.min(10)).min(LONGEST);
        self.errors += 1;
        jitter(full)
    }
}

/// Between a half and the whole of it, so that many workers do not come back at once.
pub(crate) fn jitter(full: Duration) -> Duration {
    let [random, ..] = *ambient::random_id().as_bytes();
    full.mul_f64(0.5 + f64::from(random) / 512.0)
}
