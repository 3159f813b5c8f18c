//! Outcomes by idempotency key: what was asked under a key, and where its answer lies in the log.

use std::collections::{HashMap, VecDeque};

use domain::{CommandKey, Timestamp};

/// How long an outcome is kept, in log time: 7 days, published in the API.
pub const WINDOW_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// The keys of one lane. Bounded by the window: about 48 bytes a command of the last seven days.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    kept: HashMap<CommandKey, u64>,
    by_age: VecDeque<(Timestamp, CommandKey)>,
}

impl Keys {
    /// The offset of the frame that a key led to.
    pub(crate) fn find(&self, key: &CommandKey) -> Option<u64> {
        self.kept.get(key).copied()
    }

    /// Keeps where the frame of a key begins, and forgets what is older than the window.
    pub(crate) fn keep(&mut self, key: CommandKey, at: Timestamp, offset: u64) {
        self.kept.insert(key, offset);
        self.by_age.push_back((at, key));
        while self.by_age.front().is_some_and(|(then, _)| at.ms_since(*then) > WINDOW_MS) {
            if let Some((_, old)) = self.by_age.pop_front() {
                self.kept.remove(&old);
            }
        }
    }
}
