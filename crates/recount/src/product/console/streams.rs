//! Streams as the console shows them: lately changed, and one at a point of its history.

use audit::{HistoryError, Recorded};
use console::BackendError;
use console::{
    AsOf, At, Event, EventHead, StateLine, StreamPage, StreamQuery, StreamRow, StreamView,
};
use domain::{Principal, StreamId};
use lane::AnyState;

use super::ConsoleBackend;
use crate::product::activity::Seen;

/// Names of state lines that people know an aggregate by, best first.
const HEADLINES: [&str; 4] = ["title", "handle", "name", "body"];

impl ConsoleBackend {
    pub(super) fn list_streams(&self, who: &Principal, query: &StreamQuery) -> StreamPage {
        let before =
            query.before.as_ref().and_then(|text| text.parse::<u64>().ok()).unwrap_or(u64::MAX);
        let (mut newest, as_of): (Vec<Seen>, AsOf) = {
            let recent = self.activity.recent();
            let seen = recent.streams.values().filter_map(|number| recent.numbered(*number));
            let fits = |seen: &&Seen| {
                seen.number < before
                    && Self::sees(who, &seen.meta.tenant)
                    && query.tenant.as_ref().is_none_or(|tenant| seen.meta.tenant == *tenant)
                    && query
                        .category
                        .as_deref()
                        .is_none_or(|category| seen.meta.stream.category() == category)
            };
            (seen.filter(fits).cloned().collect(), self.as_of(recent.events.back()))
        };
        newest.sort_by_key(|seen| std::cmp::Reverse(seen.number));
        let total = query.text.is_none().then_some(newest.len() as u64);
        let wanted = query.text.as_ref().map(|text| text.to_lowercase());
        let mut page = StreamPage { rows: Vec::new(), next: None, total, as_of };
        for seen in newest {
            if page.rows.len() == query.limit {
                page.next = page.rows.last().map(|_| (seen.number + 1).to_string());
                break;
            }
            let headline = self.headline(&seen.meta.stream);
            let has = |text: &str| {
                wanted.as_ref().is_none_or(|wanted| text.to_lowercase().contains(wanted))
            };
            if has(&seen.meta.stream.to_string()) || headline.as_deref().is_some_and(has) {
                page.rows.push(StreamRow {
                    id: seen.meta.stream,
                    headline,
                    tenant: seen.meta.tenant,
                    version: seen.meta.version,
                    last_type: seen.event_type,
                    last_actor: seen.meta.actor,
                    last_at: seen.meta.recorded_at,
                });
            }
        }
        page
    }

    /// How fresh what is in memory is.
    pub(super) fn as_of(&self, newest: Option<&Seen>) -> AsOf {
        let position = newest.map(|seen| {
            let at = seen.meta.position;
            format!("{}@{}", self.history.log().topics().lane_name(at.lane), at.seq)
        });
        AsOf { position, behind_ms: 0 }
    }

    fn headline(&self, stream: &StreamId) -> Option<String> {
        let events = self.history.stream(stream).ok()?;
        let state = self.fold(stream, events.iter())?;
        self.headline_of(stream, &state)
    }

    fn headline_of(&self, stream: &StreamId, state: &AnyState) -> Option<String> {
        let lines = self.deciders.of(stream.category())?.show(state);
        let named =
            |name: &&str| lines.iter().find(|(line, value)| line == name && !value.is_empty());
        let (_, value) = HEADLINES.iter().find_map(named)?;
        let mut short: String = value.chars().take(80).collect();
        if short.len() < value.len() {
            short.push('…');
        }
        Some(short)
    }

    fn fold<'a>(
        &self,
        stream: &StreamId,
        events: impl Iterator<Item = &'a Recorded>,
    ) -> Option<AnyState> {
        let handler = self.deciders.of(stream.category())?;
        let mut state = handler.fresh();
        for event in events {
            handler.replay(&mut state, &event.data, event.meta.recorded_at).ok()?;
        }
        Some(state)
    }

    /// The state after the event of version `until`, as lines.
    fn lines(&self, stream: &StreamId, events: &[Recorded], until: u64) -> Vec<StateLine> {
        let before = events.iter().filter(|event| event.meta.version <= until);
        let state = self.fold(stream, before);
        let handler = self.deciders.of(stream.category());
        let lines =
            state.zip(handler).map(|(state, handler)| handler.show(&state)).unwrap_or_default();
        let line = |(name, value): (&'static str, String)| {
            let masked = value.starts_with("sealed");
            StateLine { name: name.to_owned(), value, masked }
        };
        lines.into_iter().map(line).collect()
    }

    pub(super) fn view_stream(
        &self,
        who: &Principal,
        id: &StreamId,
        at: At,
    ) -> Result<Option<StreamView>, BackendError> {
        let mut events = self.history.stream(id).map_err(|error| unavailable(&error))?;
        events.retain(|event| Self::sees(who, &event.meta.tenant));
        let Some(last) = events.last().map(|event| &event.meta) else { return Ok(None) };
        let head = last.version;
        let shown = match at {
            At::Head => head,
            At::Version(version) => version.min(head),
            At::Time(time) => {
                let then = events.iter().rev().find(|event| event.meta.recorded_at <= time);
                then.map_or(0, |event| event.meta.version)
            }
        };
        let lane = self.history.log().topics().lane_name(last.position.lane);
        let event = events.iter().find(|event| event.meta.version == shown);
        let state = self.fold(id, events.iter());
        Ok(Some(StreamView {
            id: id.clone(),
            headline: state.and_then(|state| self.headline_of(id, &state)),
            tenant: last.tenant.clone(),
            lane: lane.clone(),
            head,
            shown,
            versions: events.iter().map(|event| head_of(event, &lane)).collect(),
            event: event.map(|event| self.whole(event, &lane)),
            state: self.lines(id, &events, shown),
            before: self.lines(id, &events, shown.saturating_sub(1)),
            latest: self.lines(id, &events, head),
            as_of: AsOf { position: Some(format!("{lane}@{}", last.position.seq)), behind_ms: 0 },
        }))
    }

    /// An event with its content.
    pub(super) fn whole(&self, event: &Recorded, lane: &str) -> Event {
        let json = self.schemas.data_to_json(&event.data);
        let schema = self.schemas.by_fingerprint(event.data.fingerprint);
        Event {
            head: head_of(event, lane),
            json: json
                .unwrap_or_else(|error| serde_json::json!({ "unreadable": error.to_string() })),
            schema: schema.map(|schema| format!("{} (id {})", schema.subject(), schema.id())),
            bytes: event.data.datum.len() as u64,
            epoch: Some(event.epoch),
            chain: event.head.map(|head| head.to_string()),
        }
    }
}

/// The history gives no answer now.
pub(super) fn unavailable(error: &HistoryError) -> BackendError {
    BackendError::Unavailable(error.to_string())
}

fn head_of(event: &Recorded, lane: &str) -> EventHead {
    let event_type = event.data.event_type.clone().into_owned();
    EventHead { meta: event.meta.clone(), lane: lane.to_owned(), event_type }
}
