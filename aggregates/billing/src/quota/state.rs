//! What the rules need to know of a quota, and its bounds. Not what readers are shown: that is the
//! read model's.

use std::collections::BTreeSet;

use domain::{PublicationId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Month;

/// Publications in a month when nobody has said: more than a person plans by hand.
pub const MONTHLY_DEFAULT: i64 = 1_000;
/// Most that can be allowed: what is held at one time stays a state of some megabytes.
pub const MONTHLY_MAX: i64 = 100_000;

/// What is allowed, used and held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// How many publications in a month.
    pub monthly: i64,
    /// The month that is counted; `None` before the first.
    pub month: Option<Month>,
    /// How many were used in it.
    pub used: i64,
    /// For which one is kept; they count whatever month they are from.
    pub held: BTreeSet<PublicationId>,
}

impl Default for State {
    fn default() -> Self {
        Self { monthly: MONTHLY_DEFAULT, month: None, used: 0, held: BTreeSet::new() }
    }
}

impl State {
    /// The month that a command at this time counts for: one that is late, for the one that has begun.
    pub(super) fn month_at(&self, at: Timestamp) -> Month {
        let month = Month::of(at);
        self.month.map_or(month, |begun| begun.max(month))
    }

    /// How many were used in a month; the last that was counted, if it is an earlier one.
    pub(super) fn used_in(&self, month: Month) -> i64 {
        if Some(month) > self.month { 0 } else { self.used }
    }

    /// The state as lines, for a reader of the history.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("monthly", self.monthly.to_string())];
        if let Some(month) = self.month {
            lines.push(("month", month.to_string()));
        }
        lines.push(("used", self.used.to_string()));
        lines.push(("held", self.held.len().to_string()));
        lines
    }
}
