//! Outcomes by idempotency key: what was asked under a key, and where its answer lies in the log.

use std::collections::VecDeque;

use domain::{CommandKey, Timestamp};

use crate::maps::Map;

/// How long an outcome is kept, in log time: 7 days, published in the API.
pub const WINDOW_MS: i64 = log::KEY_WINDOW_MS;
/// A key first asked so long ago is looked for in the stream too: a day before the window ends, since
/// log times of two lanes may differ.
pub(crate) const SEARCH_AFTER_MS: i64 = WINDOW_MS - 24 * 3_600 * 1_000;

/// Where the frame of a key lies. The seq tells it from a void record that may stand between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Offset of its first record.
    pub(crate) offset: u64,
    /// Seq of its first record.
    pub(crate) seq: u64,
}

/// The keys of one lane. Bounded by the window: about 56 bytes a command of the last seven days.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    kept: Map<CommandKey, Place>,
    by_age: VecDeque<(Timestamp, CommandKey)>,
}

impl Keys {
    /// Where the frame lies that a key led to.
    pub(crate) fn find(&self, key: &CommandKey) -> Option<Place> {
        self.kept.get(key).copied()
    }

    /// Keeps where the frame of a key begins, and forgets what is older than the window.
    pub(crate) fn keep(&mut self, key: CommandKey, at: Timestamp, place: Place) {
        if self.kept.insert(key, place).is_some() {
            // No owner asks twice under a key; if one did, the newer frame counts, for its own time.
            self.by_age.retain(|(_, old)| *old != key);
        }
        self.by_age.push_back((at, key));
        while self.by_age.front().is_some_and(|(then, _)| at.ms_since(*then) > WINDOW_MS) {
            if let Some((_, old)) = self.by_age.pop_front() {
                self.kept.remove(&old);
            }
        }
    }
}
