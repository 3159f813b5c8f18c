//! What the machine takes away: the pauses of threads that do nothing but look at the clock, one a
//! processor. Every latency has them in it. Not the load.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Shorter ones are the clock's and the timer's.
const FROM: Duration = Duration::from_millis(1);

/// Pauses seen so far.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    /// `None`: nobody has looked.
    longest: Option<Duration>,
    /// The largest part that one processor was away for, of all times that were looked.
    part: f64,
}

impl Pauses {
    /// Looks for so long. Before ours begins: what that does behind its answers is not the machine's.
    pub(crate) fn look(&mut self, lasts: Duration) {
        let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let looking: Vec<_> = (0..processors).map(|_| thread::spawn(move || spin(lasts))).collect();
        for thread in looking {
            let Ok((longest, all)) = thread.join() else { continue };
            self.longest = self.longest.max(Some(longest));
            self.part = self.part.max(all.as_secs_f64() / lasts.as_secs_f64());
        }
    }

    /// As a member of a row.
    pub(crate) fn json(&self) -> Value {
        let tenths = |longest: Duration| (longest.as_secs_f64() * 1e4).round() / 10.0;
        let part = (self.part * 1e4).round() / 1e4;
        self.longest.map_or(Value::Null, |it| json!({ "longest_ms": tenths(it), "part": part }))
    }
}

/// The longest pause, and all of them.
fn spin(lasts: Duration) -> (Duration, Duration) {
    let (mut longest, mut all) = (Duration::ZERO, Duration::ZERO);
    let begun = Instant::now();
    let mut last = begun;
    while last - begun < lasts {
        let now = Instant::now();
        let pause = now - last;
        if pause >= FROM {
            all += pause;
            longest = longest.max(pause);
        }
        last = now;
    }
    (longest, all)
}
