//! Which events are asked for. Not how they are found.

use domain::{EventId, LaneId, Position, StreamId, TenantId, Timestamp};
use log::{Body, Record};

use crate::Recorded;

/// A place in the history of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum At {
    /// After its last event.
    #[default]
    Head,
    /// After the event of this version; 0 is before the first.
    Version(u64),
    /// After the last event recorded at or before this time.
    Time(Timestamp),
}

impl At {
    /// Whether an event of this version and time had happened.
    pub fn includes(self, version: u64, recorded_at: Timestamp) -> bool {
        match self {
            Self::Head => true,
            Self::Version(last) => version <= last,
            Self::Time(last) => recorded_at <= last,
        }
    }
}

/// What an event must be. The default takes every event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of these lanes; empty: of all.
    pub lanes: Vec<LaneId>,
    /// Only of this type; a trailing `*` means "begins with".
    pub event_type: Option<String>,
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only of this stream.
    pub stream: Option<StreamId>,
    /// Only this event.
    pub id: Option<EventId>,
    /// In these lanes only events at this position or behind it; other lanes from the start.
    pub from: Vec<Position>,
    /// Only recorded at this time or later.
    pub since: Option<Timestamp>,
    /// Only recorded before this time.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether an event passes.
    pub fn passes(&self, event: &Recorded) -> bool {
        let meta = &event.meta;
        let of_type = |wanted: &String| match wanted.strip_suffix('*') {
            Some(begin) => event.data.event_type.starts_with(begin),
            None => event.data.event_type == *wanted,
        };
        let at = meta.position;
        (self.lanes.is_empty() || self.lanes.contains(&at.lane))
            && self.event_type.as_ref().is_none_or(of_type)
            && self.tenant.as_ref().is_none_or(|tenant| meta.tenant == *tenant)
            && self.stream.as_ref().is_none_or(|stream| meta.stream == *stream)
            && self.id.is_none_or(|id| meta.id == id)
            && self.from.iter().all(|from| from.lane != at.lane || at.seq >= from.seq)
            && self.since.is_none_or(|since| meta.recorded_at >= since)
            && self.until.is_none_or(|until| meta.recorded_at < until)
    }
}

/// When a record was written, by its own account.
pub(crate) fn recorded_at(record: &[u8]) -> Option<Timestamp> {
    let lane = LaneId { topic: domain::TopicId(0), index: 0 };
    Some(match Record::decode(lane, record).ok()?.body {
        Body::Event { meta, .. } => meta.recorded_at,
        Body::Outcome(outcome) => outcome.recorded_at,
        Body::Claim(claim) => claim.at,
    })
}
