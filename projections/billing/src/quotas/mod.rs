//! Projection `quotas`: the row of each tenant, with what is allowed, used and held. Not a history of
//! months: a month's row goes with the month.
//!
//! Owns table `billing.quotas`; nothing else writes to it, so it can be dropped and rebuilt from the
//! first position at any time.

#[cfg(test)]
mod tests;

use billing::quota::{Event, MONTHLY_DEFAULT, Month};
use domain::query::View;
use domain::{Envelope, Projection, Row, Timestamp, Uuid};

/// The quota of a tenant.
#[derive(Debug, Clone, PartialEq, Row)]
#[row(table = "billing.quotas", key = "quota_id", index = "updated_at")]
pub struct QuotaRow {
    /// The quota.
    pub quota_id: Uuid,
    /// How many publications are allowed in a month.
    pub monthly: i64,
    /// The last month (UTC) that something was held or used in, as 2026-11.
    pub month: Option<String>,
    /// How many were used in it.
    pub used: i64,
    /// How many are held for publications under way.
    pub held: i64,
    /// When something happened to it last.
    pub updated_at: Timestamp,
}

impl Projection for QuotaRow {
    const NAME: &'static str = "quotas";
    const REVISION: u32 = 1;
    type Event = Event;

    fn key(event: &Envelope<Event>) -> Option<Uuid> {
        Some(event.id())
    }

    fn fold(row: Option<Self>, event: &Envelope<Event>) -> Option<Self> {
        let updated_at = event.meta.recorded_at;
        let mut row = row.unwrap_or(Self {
            quota_id: event.id(),
            monthly: MONTHLY_DEFAULT,
            month: None,
            used: 0,
            held: 0,
            updated_at,
        });
        row.updated_at = updated_at;
        match &event.payload {
            Event::Set { monthly } => row.monthly = *monthly,
            Event::Held { month, .. } => {
                row.counts(*month);
                row.held = row.held.saturating_add(1);
            }
            Event::Used { month, .. } => {
                row.counts(*month);
                row.used = row.used.saturating_add(1);
                row.held = row.held.saturating_sub(1);
            }
            Event::Released { .. } => row.held = row.held.saturating_sub(1),
        }
        Some(row)
    }

    fn views() -> &'static [View] {
        const {
            &[View::List {
                path: "/quota",
                summary: "The tenant's quota; nothing before it was set or used first",
                filters: &[],
                sorts: &["updated_at"],
                descending: true,
            }]
        }
    }
}

impl QuotaRow {
    /// Another month begins when something of it comes; months compare as they are written.
    fn counts(&mut self, month: Month) {
        let month = month.to_string();
        if self.month.as_ref().is_none_or(|last| *last < month) {
            self.month = Some(month);
            self.used = 0;
        }
    }
}
